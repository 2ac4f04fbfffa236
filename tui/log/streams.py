"""The rows of a log that are shown with one stream: those of the other are stepped over, a stretch at a time.

No Textual; blocking.
"""

from __future__ import annotations

import bisect
from array import array
from typing import TYPE_CHECKING

from engine.runs.apart import STDERR, STDOUT, Apart, Settling

if TYPE_CHECKING:
    from tui.log.file import LogFile

BOTH = ""
WAYS = (BOTH, STDOUT, STDERR)


class Kept:
    """Of rows that are being found, those that are not of the other stream."""

    def __init__(self, apart: Apart, shown: str, rows: array[int]) -> None:
        self.shown = shown
        self.rows = rows
        self._apart = apart
        self._found: array[int] = array("Q")
        # So many of the rows are settled, and make so many of those found; by what was told then.
        self._settled = self._made = 0
        self._state = (-1, 0, 0)

    def now(self) -> array[int]:
        state = (self._apart.revision, self._apart.covered, len(self.rows))
        if state == self._state:
            return self._found
        if state[0] != self._state[0] or state[2] < self._settled:
            self._settled = self._made = 0
        self._state = state
        del self._found[self._made :]
        until = bisect.bisect_left(self.rows, self._apart.covered)
        while self._settled < until:
            name, _, end = self._apart.stretch(self.rows[self._settled])
            after = bisect.bisect_left(self.rows, end, self._settled + 1, until)
            if name in ("", self.shown):
                self._found.extend(self.rows[self._settled : after])
            self._settled = after
        self._made = len(self._found)
        # Of what comes after it nothing is known.
        self._found.extend(self.rows[until:])
        return self._found


class Parted:
    """One log. `shown`: the stream, or both."""

    def __init__(self, file: LogFile) -> None:
        self.shown = BOTH
        self.apart = Apart(file.path)
        self._file = file
        self._settling = Settling(file.path)
        self._kept: list[Kept] = []

    def kept(self, rows: array[int]) -> array[int]:
        """Of rows that were found, those that are shown; asked for again, only what is new is looked at."""
        if not self.shown:
            return rows
        for one in self._kept:
            if one.rows is rows and one.shown == self.shown:
                return one.now()
        # A filter and a search.
        self._kept = [*self._kept[-1:], Kept(self.apart, self.shown, rows)]
        return self._kept[-1].now()

    def stamp(self) -> tuple[int, ...]:
        """Differs when more is known."""
        return (self.apart.size(), self.apart.consumed, self.size() if self.shown else 0)

    def size(self) -> int:
        """How much of the log may be shown: of what came just now it is not known yet which stream it is of."""
        size = self._file.size()
        return self._settling.end(size, self.apart.covered) if self.shown else size

    def hides(self, offset: int) -> bool:
        """Whether the row that begins here is of the other stream."""
        return self.shown != BOTH and self.apart.hides(offset, self.shown) is not None

    def below(self, offset: int) -> int:
        """Where the first row at or below the one that begins here may begin that is not hidden."""
        hidden = self.apart.hides(offset, self.shown)
        return offset if hidden is None else self._row_from(hidden[1])

    def above(self, offset: int) -> int:
        """Of the row that begins here, and those of its stretch above it, the first: what is shown lies above that."""
        hidden = self.apart.hides(offset, self.shown)
        return offset if hidden is None else self._row_from(hidden[0])

    def _row_from(self, offset: int) -> int:
        """The first row that begins there or later."""
        size = self._file.size()
        if not 0 < offset < size:
            return min(offset, size)
        start = self._file.row_start(offset)
        return start if start == offset else self._file.row_end(start)

    def count(self, start: int, end: int) -> int:
        """Rows that are shown between two offsets where rows begin."""
        if not self.shown:
            return self._file.count_rows(start, end)
        count = 0
        while start < end:
            name, _, until = self.apart.stretch(start)
            after = min(end, self._row_from(until))
            if after <= start:
                # It was cut meanwhile.
                break
            if name in ("", self.shown):
                count += self._file.count_rows(start, after)
            start = after
        return count
