"""The rows of one log, or of several merged by when they arrived, stepped through from anywhere; nothing is held.

A place is how far one is in each log: the offset of its first row that is not above. Rows are in the order of their
arrival (that of their last byte), those of the same moment in the order of their logs, and in one log as they are. What
arrived in the others by then is found by halves in their arrival times, so no log is read from its beginning.
"""

from __future__ import annotations

import bisect
import dataclasses
from itertools import islice
from typing import TYPE_CHECKING

from tui.log.file import LogFile, Row
from tui.log.streams import BOTH, Parted
from tui.log.times import Times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tui.log.search import Search

Place = tuple[int, ...]
# A row by its log and its offset.
Spot = tuple[int, int]
Key = tuple[float, int, int]
# So many arrivals are remembered.
_REMEMBERED = 4096


class Order:
    """Blocking. `only`: a search for each log, and rows it did not find are passed over; so are those of a stream that
    is not shown.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files = [LogFile(path) for path in paths]
        self.times = [Times(path) for path in paths]
        self.only: list[Search] | None = None
        self.parts = [Parted(one) for one in self.files]
        self._moments: dict[Spot, float] = {}

    def close(self) -> None:
        for one in self.files:
            one.close()
        for times in self.times:
            times.close()

    def forget(self) -> None:
        """A log was cut: what was known of its rows is nothing now."""
        self._moments.clear()

    @property
    def begin(self) -> Place:
        return (0,) * len(self.files)

    @property
    def end(self) -> Place:
        return tuple(one.size() for one in self.parts)

    @property
    def shown(self) -> str:
        """The stream whose rows are shown, or both."""
        return self.parts[0].shown if self.parts else BOTH

    @property
    def all_shown(self) -> bool:
        """Whether no row is passed over."""
        return self.only is None and self.shown == BOTH

    def show(self, stream: str) -> None:
        for one in self.parts:
            one.shown = stream

    def at(self, spot: Spot) -> Place:
        """The place whose first row this is."""
        source, offset = spot
        if len(self.files) == 1:
            return (offset,)
        moment = self.key(spot)[0]
        place = []
        for other, file in enumerate(self.files):
            if other == source:
                place.append(offset)
                continue
            size = self.parts[other].size()
            first = self.times[other].first_after(moment, same=other > source)
            place.append(size if first is None or first >= size else file.row_start(first))
        return tuple(place)

    def key(self, spot: Spot) -> Key:
        """What rows are in the order of."""
        source, start = spot
        if len(self.files) == 1:
            return (0.0, 0, start)
        moment = self._moments.get(spot)
        if moment is None:
            file = self.files[source]
            end = file.row_end(start)
            moment = self.times[source].at(end - 1) or 0.0
            if end < file.size():
                # The last row may go on, and arrive once more.
                if len(self._moments) >= _REMEMBERED:
                    self._moments.clear()
                self._moments[spot] = moment
        return (moment, source, start)

    def settled(self, place: Place) -> Place:
        """The same place by the rows that are there: between two of them may be those that are passed over."""
        if self.all_shown:
            return place
        found = [self._next(source, place) for source in range(len(place))]
        return tuple(one if one >= 0 else self.files[source].size() for source, one in enumerate(found))

    def above(self, one: Place, other: Place) -> bool:
        """Whether the one lies above the other: no log is further, and one is less far."""
        return sum(self.settled(one)) < sum(self.settled(other))

    def aligned(self, place: Place) -> Place:
        """The same place with each offset where a row begins."""
        return tuple(file.row_start(offset) if offset else 0 for file, offset in zip(self.files, place, strict=True))

    def first(self, place: Place) -> Spot | None:
        """The row at a place; None at the end."""
        keys = [self.key((source, start)) for source in range(len(place)) if (start := self._next(source, place)) >= 0]
        return min(keys)[1:] if keys else None

    def last(self, place: Place) -> Spot | None:
        """The row above a place; None at the beginning."""
        keys = [self.key((source, start)) for source in range(len(place)) if (start := self._back(source, place)) >= 0]
        return max(keys)[1:] if keys else None

    def _next(self, source: int, place: Place) -> int:
        """Where this log's first row from there on begins; -1: there is none."""
        offset, file, part = place[source], self.files[source], self.parts[source]
        size = part.size()
        if self.only is None:
            while offset < size:
                if part.hides(offset):
                    offset = part.below(offset)
                elif file.overwritten(offset, end := file.row_end(offset)):
                    offset = end
                else:
                    break
            return offset if offset < size else -1
        matches = part.kept(self.only[source].matches)
        number = bisect.bisect_left(matches, offset)
        return matches[number] if number < len(matches) and matches[number] < size else -1

    def _back(self, source: int, place: Place) -> int:
        """Where this log's last row before it begins; -1: there is none."""
        offset, file, part = place[source], self.files[source], self.parts[source]
        if self.only is None:
            while offset > 0:
                start = file.row_start(offset - 1)
                if part.hides(start):
                    offset = part.above(start)
                    continue
                if not file.overwritten(start, offset):
                    return start
                offset = start
            return -1
        matches = part.kept(self.only[source].matches)
        number = bisect.bisect_left(matches, offset)
        return matches[number - 1] if number else -1

    def back(self, place: Place, count: int) -> Place:
        """The place so many rows above, or the beginning."""
        now = list(place)
        heads: dict[int, Key] = {}
        for source in range(len(now)):
            self._look_back(source, now, heads)
        while count > 0 and heads:
            _, source, start = max(heads.values())
            now[source] = start
            self._look_back(source, now, heads)
            count -= 1
        return tuple(now)

    def _look_back(self, source: int, now: list[int], heads: dict[int, Key]) -> None:
        start = self._back(source, tuple(now))
        heads.pop(source, None)
        if start >= 0:
            heads[source] = self.key((source, start))

    def forward(self, place: Place, count: int) -> Place:
        """The place so many rows below, or the end."""
        now = list(place)
        for (source, _), after in islice(self.walk(place), count):
            now[source] = after
        return tuple(now)

    def rows(self, place: Place, count: int) -> list[Row]:
        """Up to so many rows from a place on."""
        found = []
        for (source, start), _ in islice(self.walk(place), count):
            row = self.files[source].row(start)
            if row.end <= start:
                break
            found.append(dataclasses.replace(row, source=source) if source else row)
        return found

    def walk(self, place: Place) -> Iterator[tuple[Spot, int]]:
        """The rows from a place on, each with the offset that has it above."""
        now = list(place)
        heads: dict[int, Key] = {}
        for source in range(len(now)):
            self._look_on(source, now, heads)
        while heads:
            _, source, start = min(heads.values())
            now[source] = self.after((source, start))
            yield (source, start), now[source]
            self._look_on(source, now, heads)

    def _look_on(self, source: int, now: list[int], heads: dict[int, Key]) -> None:
        start = self._next(source, tuple(now))
        heads.pop(source, None)
        if start >= 0:
            heads[source] = self.key((source, start))

    def after(self, spot: Spot) -> int:
        """The offset that has this row above it."""
        source, start = spot
        return self.files[source].row_end(start) if self.only is None else start + 1

    def moment(self, row: Row) -> float | None:
        """When what is shown of a row had arrived."""
        return self.times[row.source].at(max(row.start, row.end - 1))
