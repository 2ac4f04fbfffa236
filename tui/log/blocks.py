"""Tracebacks as blocks: which rows of a log belong to one, from its head to the error it ends with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.runs.tracebacks import LOGGED
from tui.log.ansi import folded

if TYPE_CHECKING:
    from tui.log.file import LogFile

HEAD = b"Traceback (most recent call last):"
# A page may begin in the middle of a traceback: its head is looked for in so many bytes before (bytes).
BEFORE = 1 << 16
# What a row is: the head of a traceback, in the middle of one, or its error.
FIRST, INSIDE, LAST = "first", "inside", "last"
_SGR = re.compile(rb"(?:\x1b\[|\x9b)[0-9;:]*m")


class Blocks:
    """Told rows in their order, says of each what it is in a traceback, "" outside of one."""

    def __init__(self) -> None:
        self._prefix: bytes | None = None

    def tell(self, data: bytes) -> str:
        text = _SGR.sub(b"", folded(data))
        place = text.find(HEAD)
        if place >= 0:
            before = text[:place]
            # "[rank0]: " stands before each row of a traceback; what a logger says of one only before its head.
            self._prefix = before if len(before.split()) == 1 else before[: len(before) - len(before.lstrip())]
            return FIRST
        if self._prefix is None:
            return ""
        if not text.startswith(self._prefix):
            return self._left(text)
        rest = text[len(self._prefix) :]
        if rest[:1] in (b" ", b"\t", b"|"):
            return INSIDE
        return self._left(rest)

    def _left(self, text: bytes) -> str:
        if LOGGED.match(text[:80].decode("utf-8", "replace")):
            # Another program's line may come between any two of Python's.
            return ""
        self._prefix = None
        return LAST if text.strip() else ""


def before(file: LogFile, top: int) -> Blocks:
    """As the rows before the one at `top` have left it. Blocking."""
    blocks = Blocks()
    begin = max(0, top - BEFORE)
    data = file.read(begin, top - begin)
    head = data.rfind(HEAD)
    if head >= 0:
        for line in data[data.rfind(b"\n", 0, head) + 1 :].removesuffix(b"\n").split(b"\n"):
            blocks.tell(line)
    return blocks
