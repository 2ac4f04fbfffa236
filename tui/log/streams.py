"""The rows of a log that are shown with one stream: those of the other are stepped over, a stretch at a time.

No Textual; blocking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.runs.apart import STDERR, STDOUT, Apart, Settling

if TYPE_CHECKING:
    from tui.log.file import LogFile

BOTH = ""
WAYS = (BOTH, STDOUT, STDERR)


class Parted:
    """One log. `shown`: the stream, or both."""

    def __init__(self, file: LogFile) -> None:
        self.shown = BOTH
        self.apart = Apart(file.path)
        self._file = file
        self._settling = Settling(file.path)

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
