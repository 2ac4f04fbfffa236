"""Finding text in a whole log, while it grows: each matching row's offset, in order, found piece by piece."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.log.file import LogFile

# Looked through at once. Small enough that a regular expression, which keeps Python to itself, does not hold up a key.
_PLAIN_PIECE, _REGEX_PIECE = 1 << 22, 1 << 18
# More matches than this are counted no further: nobody steps through a million rows. 8 bytes each.
MOST = 1_000_000


class Search:
    """One pattern over one file. `advance` looks further; `matches` are offsets of rows, in order.

    Plain text unless `regex`; case counts only when the pattern has an upper-case letter. Raises `re.error`.
    """

    def __init__(self, file: LogFile, pattern: str, *, regex: bool = False, start: int = 0) -> None:
        self.pattern = pattern
        self.regex = regex
        self.matches: array[int] = array("Q")
        self.searched = start
        self.full = False
        self._looked = -1
        self._file = file
        self._folded = pattern == pattern.lower()
        flags = re.IGNORECASE if self._folded else 0
        source = pattern if regex else re.escape(pattern)
        self.shown = re.compile(source, flags)
        self._expression = re.compile(source.encode("utf-8", "surrogateescape"), flags | re.MULTILINE)
        needle = pattern.encode("utf-8", "surrogateescape")
        # Folding bytes folds ASCII only; anything else takes the way of the expression.
        self._needle = None if regex or not needle.isascii() else needle

    @property
    def done(self) -> bool:
        """Everything there is has been looked through."""
        size = self._file.size()
        return self.full or self.searched >= size or self._looked == size

    def advance(self) -> bool:
        """Look through the next piece. Returns whether there was one. Blocking, for tens of milliseconds at most.

        A last line without its end is looked at too, and again when it has grown.
        """
        size = self._file.size()
        if self.full or self.searched >= size or self._looked == size:
            return False
        length = _PLAIN_PIECE if self._needle is not None else _REGEX_PIECE
        data = self._file.read(self.searched, length)
        if not data:
            return False
        end = data.rfind(b"\n") + 1
        base = self.searched
        last = base + len(data) >= size
        if end == 0:
            # One line longer than a piece: matches across the piece's border are not found; rows are cut there too.
            end = len(data)
        found = (
            self._plain(data, end if not last else len(data))
            if self._needle is not None
            else self._regex(data, end if not last else len(data))
        )
        for offset in found:
            at = base + offset
            if not self.matches or self.matches[-1] < at:
                self.matches.append(at)
        if len(self.matches) >= MOST:
            self.full = True
        self.searched = base + (len(data) if last else end)
        if last and not data.endswith(b"\n"):
            # The last line goes on: it is looked at again when there is more of it.
            self.searched = base + (data.rfind(b"\n") + 1)
            self._looked = size
            return False
        return True

    def _plain(self, data: bytes, end: int) -> list[int]:
        assert self._needle is not None
        text = data.lower() if self._folded else data
        found: list[int] = []
        at = text.find(self._needle, 0, end)
        while at >= 0:
            found.append(text.rfind(b"\n", 0, at) + 1)
            line_end = text.find(b"\n", at)
            if line_end < 0:
                break
            at = text.find(self._needle, line_end, end)
        return found

    def _regex(self, data: bytes, end: int) -> list[int]:
        found: list[int] = []
        at = 0
        while True:
            match = self._expression.search(data, at, end)
            if match is None:
                return found
            found.append(data.rfind(b"\n", 0, match.start()) + 1)
            line_end = data.find(b"\n", match.start())
            if line_end < 0 or line_end + 1 >= end:
                return found
            at = line_end + 1
