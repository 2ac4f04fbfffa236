"""A log file read by offset. Nothing of it is held but the rows one asked for, so 5 GB open as quickly as 5 kB.

A row begins after each line feed, and, in a line that goes on for longer, at each multiple of `LONGEST` that has no
line feed in the `LONGEST` bytes before it. That rule needs no reading from the start, so rows are the same whether one
comes from above or from below.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.wording import size as words_of_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The longest row, and how much of one is read to be drawn (bytes).
LONGEST = 1 << 20
DRAWN = 1 << 16
_STEP = 1 << 16
_PIECE = 1 << 22


@dataclass(frozen=True)
class Row:
    """One row: offsets of its first byte and of the next row, and the bytes to draw (without the line end).

    `cut` tells that the row has more bytes than `data`. `at`: when it arrived (epoch seconds), where that was asked
    for and noted. `kind`: what it is in a traceback ("" outside of one). `source`: which log it is of, of several.
    `stream`: which it was written to, where that was asked for and is known.
    """

    start: int
    end: int
    data: bytes
    cut: bool = False
    at: float | None = None
    kind: str = ""
    source: int = 0
    stream: str = ""


class LogFile:
    """Blocking; called from worker threads, one call at a time. A file that is not there yet is empty.

    `close` may come from another thread at any moment and does not wait: who reads then closes it afterwards.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1
        self._closed = False
        self._in_use = threading.Lock()

    def close(self) -> None:
        self._closed = True
        self._let_go()

    def size(self) -> int:
        """Bytes now; 0 while the file is not there."""
        with self._opened() as file:
            return os.fstat(file).st_size if file >= 0 else 0

    def read(self, offset: int, length: int) -> bytes:
        """As many of these bytes as there are."""
        with self._opened() as file, contextlib.suppress(OSError):
            return os.pread(file, length, offset) if file >= 0 else b""
        return b""

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """The file's descriptor, -1 while there is none."""
        try:
            with self._in_use:
                if self._file < 0 and not self._closed:
                    with contextlib.suppress(OSError):
                        self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                yield self._file
        finally:
            if self._closed:
                self._let_go()

    def _let_go(self) -> None:
        if self._in_use.acquire(blocking=False):
            opened, self._file = self._file, -1
            self._in_use.release()
            if opened >= 0:
                os.close(opened)

    def row_start(self, offset: int) -> int:
        """Where the row that holds the byte at `offset` begins."""
        floor = max(0, offset - LONGEST)
        position = offset
        while position > floor:
            length = min(_STEP, position - floor)
            found = self.read(position - length, length).rfind(b"\n")
            if found >= 0:
                return self._split(position - length + found + 1, offset)
            position -= length
        if floor == 0:
            return self._split(0, offset)
        # No line feed in the last LONGEST bytes: the row begins at a multiple of LONGEST, if that one has none before.
        border = offset - offset % LONGEST
        return border if self._is_border(border) else self.row_start(border - 1) if border else 0

    def _split(self, line: int, offset: int) -> int:
        """The last row start of the line that begins at `line`, at or before `offset`."""
        border = offset - offset % LONGEST
        return border if border >= line + LONGEST else line

    def _is_border(self, border: int) -> bool:
        return border >= LONGEST and b"\n" not in self.read(border - LONGEST, LONGEST)

    def row_end(self, start: int) -> int:
        """Where the row that begins at `start` ends: after its line feed, at a border, or at the end of the file."""
        size = self.size()
        first = start + LONGEST
        limit = min(size, first + (-first % LONGEST))
        position = start
        while position < limit:
            piece = self.read(position, min(_STEP, limit - position))
            if not piece:
                return position
            found = piece.find(b"\n")
            if found >= 0:
                return position + found + 1
            position += len(piece)
        return limit

    def row(self, start: int) -> Row:
        """The row at `start`, with what of it is drawn: its beginning, or its end where `\\r` overwrote it."""
        end = self.row_end(start)
        data = self.read(start, min(DRAWN, end - start))
        cut = end - start > len(data)
        if cut:
            tail = self.read(max(start, end - DRAWN), min(DRAWN, end - start))
            if b"\r" in tail.rstrip(b"\r\n"):
                data, cut = tail, False
        return Row(start, end, data.rstrip(b"\n"), cut)

    def overwritten(self, start: int, end: int) -> bool:
        """Whether this row is a part of a progress bar that went on: of such a line the last part is what is shown."""
        if end - start < LONGEST or end >= self.size():
            return False
        tail = self.read(max(start, end - DRAWN), min(DRAWN, end - start))
        return not tail.endswith(b"\n") and b"\r" in tail

    def count_rows(self, start: int, end: int) -> int:
        """Line feeds between two offsets."""
        count = 0
        while start < end:
            piece = self.read(start, min(_PIECE, end - start))
            if not piece:
                break
            count += piece.count(b"\n")
            start += len(piece)
        return count


def save_here(path: Path, name: str, stream: str = "") -> str:
    """Copy a log, or the lines of one stream, into the folder one is in; where it is now, and its size.

    One that was saved there before stays, and this one gets a number. Raises OSError.
    """
    import shutil
    from pathlib import Path

    from engine.runs.apart import Apart, lines_of

    target = _free(Path.cwd() / name)
    with path.open("rb") as source, target.open("xb") as out:
        if stream:
            apart = Apart(path)
            apart.read_all()
            out.writelines(lines_of(source, apart, stream))
        else:
            shutil.copyfileobj(source, out, 1 << 20)
        return f"{target} ({words_of_size(out.tell())})"


def _free(wanted: Path) -> Path:
    """The path, or another with a number where something is."""
    found, number = wanted, 1
    while os.path.lexists(found):
        number += 1
        found = wanted.with_stem(f"{wanted.stem}-{number}")
    return found
