"""The nearest error above or below, in a log of any size: looked for from where one is, a piece at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.log.file import LogFile

# Spark tells an executor's traceback behind words of its own; of Java's, the lines of a stack are none.
ERRORS = (
    r"\b(?:ERROR|CRITICAL|FATAL)\b|^Traceback \(most recent call last\)|PythonException: Traceback \(most recent"
    r"|^\S*(?:Error|Exception)\b"
)
_ERRORS = re.compile(ERRORS.encode(), re.MULTILINE)
# A piece without any of these has no error: looking for words is many times as quick as an expression is.
_WORDS = (b"ERROR", b"CRITICAL", b"FATAL", b"Traceback (most", b"Error", b"Exception")
_PIECE = 1 << 20


class NearestError:
    """Below the byte at `place` (`way` 1) or above it (-1). `found`: the row's offset, when `advance` is through.

    `hides` tells of rows that are not shown: what they have is none.
    """

    def __init__(self, file: LogFile, place: int, way: int, hides: Callable[[int], bool] | None = None) -> None:
        self.way = way
        self.found: int | None = None
        # Where the next piece begins (down) or ends (up).
        self.place = place
        self._file = file
        self._hides = hides

    def advance(self) -> bool:
        """Look through the next piece. Returns whether there is more to look through. Blocking, for milliseconds."""
        if self.found is not None:
            return False
        return self._down() if self.way > 0 else self._up()

    def _down(self) -> bool:
        begin, data = self.place, self._file.read(self.place, _PIECE)
        if not data:
            return False
        end = begin + len(data)
        whole = data.rfind(b"\n") + 1
        if whole and end < self._file.size():
            data, end = data[:whole], begin + whole
        for place in self._shown(_rows(data), begin):
            self.found = begin + place
            return False
        self.place = end
        return True

    def _up(self) -> bool:
        if self.place <= 0:
            return False
        begin = max(0, self.place - _PIECE)
        data = self._file.read(begin, self.place - begin)
        if begin:
            # Half a line at its beginning belongs to the piece before; a line longer than a piece is cut.
            half = data.find(b"\n") + 1
            if 0 < half < len(data):
                data, begin = data[half:], begin + half
        for place in reversed(self._shown(_rows(data), begin)):
            self.found = begin + place
            return False
        self.place = begin
        return True

    def _shown(self, rows: list[int], begin: int) -> list[int]:
        return rows if self._hides is None else [row for row in rows if not self._hides(begin + row)]


def _rows(data: bytes) -> list[int]:
    """Where the rows with an error begin."""
    if not any(word in data for word in _WORDS):
        return []
    found: list[int] = []
    at = 0
    while True:
        match = _ERRORS.search(data, at)
        if match is None:
            return found
        found.append(data.rfind(b"\n", 0, match.start()) + 1)
        line_end = data.find(b"\n", match.start())
        if line_end < 0:
            return found
        at = line_end + 1
