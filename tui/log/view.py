"""What of a log, or of several as one, is on the screen: where it begins, whether it follows, what is searched,
filtered and selected. No Textual.

Every method that reads is blocking and is called in a worker thread, one at a time.
"""

from __future__ import annotations

import bisect
import dataclasses
import time
from typing import TYPE_CHECKING

from engine.runs import outages, tails
from engine.runs.apart import STDERR
from tui.log import blocks
from tui.log.file import Row
from tui.log.nearest import NearestError
from tui.log.order import Order, Place, Spot
from tui.log.page import Page
from tui.log.search import Search
from tui.log.selecting import Selecting
from tui.log.streams import BOTH
from tui.wording import size as words_of_size
from tui.wording import span

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Sequence
    from pathlib import Path


# A search goes to its first match at once if that lies within so many bytes; beyond, one asks for it.
AT_ONCE = 1 << 28
# So much of a log's end is looked through for the rows that fill a screen (bytes).
TAIL = 64 << 10


def _words(outage: outages.Outage) -> str:
    since, until = (time.strftime("%H:%M:%S", time.localtime(at)) for at in (outage.since, outage.until))
    return f"no contact with its host from {since} to {until} ({span(outage.until - outage.since)})"


def _size(path: Path) -> int:
    """-1 for a file that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def advanced(looking: Sequence[Search | NearestError]) -> bool:
    """Each a piece further. Returns whether one of them was not through."""
    went = False
    for one in looking:
        went = one.advance() or went
    return went


class LogView(Selecting):
    """One log, or several merged. Moving up stops following; reaching the end begins it again.

    `timed`: rows are given with their arrival, and with the stream they were written to.
    """

    def __init__(self, *paths: Path) -> None:
        self.order = Order(paths)
        self.following = True
        self.timed = False
        self.search: list[Search] | None = None
        self._top: Place = self.order.begin
        # The row that was gone to, until one moves: on a page that holds the whole log it is not the top one.
        self._at: Spot | None = None
        # Where the selection was begun; it goes to the row one is at.
        self._anchor: Spot | None = None
        # Where one was when a stream was first shown alone, and where the page began then: until one moves.
        self._home: tuple[Place, Place] | None = None
        self._counted: Place = self.order.begin
        self._new = 0
        self._shown: tuple[Spot, ...] = ()

    @property
    def filter(self) -> list[Search] | None:
        return self.order.only

    @property
    def path(self) -> Path | None:
        """The file, where it is one."""
        return self.order.files[0].path if len(self.order.files) == 1 else None

    @property
    def above_page(self) -> int | None:
        """Bytes above the page of one log; None while it follows."""
        return None if self.following else self._top[0]

    def close(self) -> None:
        self.order.close()

    def stamp(self) -> tuple[str | int, ...]:
        """Differs when there may be something else to be seen."""
        found: list[str | int] = []
        for file in self.order.files:
            folder = file.path.parent
            found += [str(file.path), file.size()]
            found += [_size(folder / name) for name in (outages.OUTAGES, tails.TAIL)]
        if self._knows_streams:
            found += [number for part in self.order.parts for number in part.stamp()]
        return tuple(found)

    # The page

    def page(self, height: int) -> Page:
        """The page as things stand now."""
        if self._knows_streams:
            # A piece at a time: there is another look where there is more.
            for part in self.order.parts:
                part.apart.advance()
        end = self.order.end
        if any(size < top for size, top in zip(end, self._top, strict=True)):
            # A log was cut: what one looked at is gone.
            self._top, self._at, self._anchor, self.following = self.order.begin, None, None, True
            self.order.forget()
        rows = self._rows(end, height)
        notes = self._outages(rows)
        tail = self._tail(end[0], height) if self.following and self.order.all_shown and len(end) == 1 else []
        if tail:
            rows = tail
            notes = ((0, tail[0].start, f"{words_of_size(tail[0].start - end[0])} before this are on their way"),)
        self._shown = tuple((row.source, row.start) for row in rows)
        if self._home is not None and not self._home[1]:
            self._home = (self._home[0], self._top)
        self._count(end)
        search, only = self.search or [], self.filter or []
        return Page(
            rows=tuple(self._told(rows, tail=bool(tail))),
            size=sum(end),
            end=rows[-1].end if tail else sum(self._below(rows)),
            following=self.following,
            new=self._new,
            notes=notes,
            matches=sum(map(len, self._kept(search))),
            match=self._place() if search else 0,
            kept=sum(map(len, self._kept(only))),
            full=any(one.full for one in (*search, *only)),
            searching=any(not one.done for one in (*search, *only)),
            selecting=self.selecting,
            cursor=self._shown.index(self._at) if self._at in self._shown else -1,
            chosen=self.chosen_rows() if self.selecting else (0, -1),
            taken=self.selected_words() if self.selecting else "",
            unsure=self._unsure(rows),
            apart=self._marks_streams and any(STDERR in one.apart.streams() for one in self.order.parts),
        )

    def _unsure(self, rows: list[Row]) -> bool:
        parts = self.order.parts
        return self.order.shown != BOTH and any(not parts[row.source].apart.stream(row.start) for row in rows)

    def _rows(self, end: Place, height: int) -> list[Row]:
        order = self.order
        if self.selecting and self._at is not None:
            self._reveal(self._at, height)
        elif self.following:
            self._top = order.back(end, height)
        rows = order.rows(self._top, height)
        if len(rows) < height and not self.following and order.above(order.begin, self._top):
            self._top = order.back(end, height)
            rows = order.rows(self._top, height)
        return rows

    def _reveal(self, spot: Spot, height: int) -> None:
        """Have this row on the page."""
        order, place = self.order, self.order.at(spot)
        if order.above(place, self._top):
            self._top = place
            return
        top = order.back(place, height - 1)
        if order.above(self._top, top):
            self._top = top

    def _told(self, rows: list[Row], *, tail: bool) -> Iterator[Row]:
        """The rows with what they are in a traceback and, when that is asked for, when they arrived."""
        if not rows:
            return
        order = self.order
        tracks: dict[int, blocks.Blocks] = {}
        for row in rows:
            track = tracks.get(row.source)
            if track is None:
                whole = self.filter is None and not tail
                track = blocks.before(order.files[row.source], row.start) if whole else blocks.Blocks()
                tracks[row.source] = track
            # Between rows that were left out there is no telling where a traceback ends.
            kind = track.tell(row.data) if self.filter is None else ""
            at = order.moment(row) if self.timed and not tail else None
            stream = order.parts[row.source].apart.stream(row.start) if self._marks_streams and not tail else ""
            told = kind or at is not None or stream
            yield dataclasses.replace(row, kind=kind, at=at, stream=stream) if told else row

    def _below(self, rows: list[Row]) -> Place:
        """How far each log is at the end of these rows."""
        place = list(self._top)
        for row in rows:
            place[row.source] = row.end
        return tuple(place)

    def _count(self, end: Place) -> None:
        if self.following:
            self._counted, self._new = end, 0
            return
        for file, before, now in zip(self.order.files, self._counted, end, strict=True):
            self._new += file.count_rows(before, now)
        self._counted = end

    def _tail(self, size: int, height: int) -> list[Row]:
        """The last rows of a log of which the mirror has only `size` bytes, when its end is here already."""
        found = tails.read(self.order.files[0].path.parent, TAIL)
        if found is None or found[0] <= size:
            return []
        start, data = found
        rows = []
        # The first line is most likely half of one.
        half = data.find(b"\n") + 1
        start += half
        for line in data[half:].removesuffix(b"\n").split(b"\n"):
            end = start + len(line) + 1
            rows.append(Row(start, end, line.rstrip(b"\r").rpartition(b"\r")[2]))
            start = end
        return rows[-height:]

    def _outages(self, rows: list[Row]) -> tuple[tuple[int, int, str], ...]:
        """Each before the first whole row that came after it; with a filter there is no place for them."""
        if self.filter is not None:
            return ()
        found = []
        for source, file in enumerate(self.order.files):
            own = [row for row in rows if row.source == source]
            for outage in outages.read(file.path.parent) if own else ():
                if own[0].start <= outage.offset <= own[-1].end:
                    place = next((row.start for row in own if row.start >= outage.offset), own[-1].end)
                    found.append((source, place, _words(outage)))
        return tuple(found)

    # Moving

    def move(self, rows: int, height: int) -> None:
        """Up (negative) or down by rows; while one selects, to another row."""
        order, end = self.order, self.order.end
        if self.selecting and self._at is not None:
            place = order.at(self._at)
            found = order.first(order.back(place, -rows)) if rows < 0 else order.last(order.forward(place, rows + 1))
            self._at = found or self._at
            return
        self._at = None
        if rows < 0:
            self._top, self.following = order.back(self._top, -rows), False
            return
        last = order.back(end, height)
        self._top = order.forward(self._top, rows)
        if not order.above(self._top, last):
            self._top, self.following = last, True

    def to_start(self) -> None:
        self.following, self._home = False, None
        if self.selecting:
            self._at = self.order.first(self.order.begin) or self._at
        else:
            self._top, self._at = self.order.begin, None

    def to_end(self) -> None:
        if self.selecting:
            self._at = self.order.last(self.order.end) or self._at
        else:
            self.following, self._at = True, None

    def hold(self) -> None:
        """Stay where one is while the log grows."""
        self.following = False

    def go_to(self, offset: int, source: int = 0) -> None:
        """Show the row at `offset` at the top, or where it is on a page that cannot begin with it."""
        self.following, self._home = False, None
        spot = (source, self.order.files[source].row_start(offset) if offset else 0)
        if not self.selecting:
            self._top = self.order.at(spot)
        self._at = (source, offset) if not self.selecting else spot

    # Searching

    def searches(self, pattern: str, *, regex: bool) -> list[Search]:
        """One for each log, from its beginning. Raises `re.error` for a pattern that is none."""
        return [Search(file, pattern, regex=regex) for file in self.order.files]

    def show_stream(self, stream: str) -> None:
        """Show only the rows of this one, and those of which it is not known; BOTH: all. One stays where one is, also
        where a stream has less to show than the page holds.
        """
        home = self._home[0] if self._home is not None and self._home[1] == self._top else self._top
        self._home = (home, ())
        self.order.show(stream)
        self._top = tuple(map(min, home, self.order.end))

    @property
    def _knows_streams(self) -> bool:
        return self.timed or self.order.shown != BOTH

    @property
    def _marks_streams(self) -> bool:
        return self.timed and self.order.shown == BOTH

    def begin_search(self, wanted: list[Search] | None) -> None:
        self.search = wanted

    def begin_filter(self, wanted: list[Search] | None) -> None:
        """Show only the rows that are found; None: all."""
        self.order.only = wanted
        if wanted is None:
            self._top = self.order.aligned(self._top)

    def to_first_match(self) -> None:
        """When one does not follow: the first match at or below the top, as far as one may wait for it."""
        if self.search is None or self.following:
            return
        if not self.selecting:
            self._at = None
        bounds = self._bounds(1)
        for source, (one, bound) in enumerate(zip(self.search, bounds, strict=True)):
            while self._match(source, bound, 1) is None and one.searched - bound < AT_ONCE and one.advance():
                pass
        self.step(1)

    def advance(self) -> bool:
        """Search further, a piece at a time. Returns whether anything was left to look through."""
        return advanced([*(self.search or ()), *(self.filter or ())])

    def step(self, way: int) -> bool:
        """To the next match (1) or the previous one (-1); False when there is none in what was searched so far."""
        bounds, found = self._bounds(way), []
        for source, bound in enumerate(bounds if self.search else ()):
            start = self._match(source, bound, way)
            if start is not None:
                found.append(self.order.key((source, start)))
        if not found:
            return False
        _, source, start = min(found) if way > 0 else max(found)
        self.go_to(start, source)
        return True

    def _match(self, source: int, bound: int, way: int) -> int | None:
        """A log's nearest match at or below a place, or above it, in a row that is shown; None: none so far."""
        if self.search is None:
            return None
        matches = self._kept(self.search)[source]
        number = bisect.bisect_left(matches, bound) - (way < 0)
        return matches[number] if 0 <= number < len(matches) else None

    def _kept(self, found: list[Search] | None) -> list[array[int]]:
        """What was found in the rows that are shown, in each log."""
        return [part.kept(one.matches) for one, part in zip(found or (), self.order.parts, strict=bool(found))]

    def _bounds(self, way: int) -> Place:
        """What is looked for lies at or below these offsets, or above them.

        Where one has gone to nothing yet, the top row counts as below, and while one follows the whole page as above.
        """
        if self._at is None:
            return self.order.end if way < 0 and self.following else self._top
        place = list(self.order.at(self._at))
        if way > 0:
            place[self._at[0]] = self._at[1] + 1
        return tuple(place)

    def _place(self) -> int:
        """How many matches there are down to the row one is at: the one gone to, the end while one follows, the top."""
        if self._at is None and not self.following:
            first = self.order.first(self._top)
            bounds = list(self._top)
            if first is not None:
                bounds[first[0]] = first[1] + 1
        else:
            bounds = list(self._bounds(1) if self._at is not None else self.order.end)
        return sum(map(bisect.bisect_left, self._kept(self.search), bounds))

    def errors(self, way: int) -> list[NearestError]:
        """A look for the nearest error, in each log. Below the end there is none: from there it begins at the top."""
        if way > 0 and self.following:
            bounds = self.order.begin
        else:
            bounds = self._bounds(-1)
            if way > 0 and self._at is not None:
                below = list(bounds)
                below[self._at[0]] = self.order.files[self._at[0]].row_end(self._at[1])
                bounds = tuple(below)
            elif way > 0:
                bounds = self._top
            bounds = self.order.aligned(bounds) if self.filter is not None else bounds
        return [
            NearestError(file, place, way, part.hides)
            for file, place, part in zip(self.order.files, bounds, self.order.parts, strict=True)
        ]

    def to_error(self, looked: list[NearestError]) -> bool:
        """To the nearest of what they found; False: they found nothing."""
        found = [self.order.key((i, one.found)) for i, one in enumerate(looked) if one.found is not None]
        if not found:
            return False
        _, source, start = min(found) if looked[0].way > 0 else max(found)
        self.go_to(start, source)
        return True
