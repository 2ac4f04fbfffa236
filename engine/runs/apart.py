"""Which bytes of a driver log were stdout and which stderr, as the run's host noted it in `driver.streams` beside it.

What is in the file: see engine/hosts/agent/streams.py. A line of the log is of the stream of its first byte, and of
either where that is not known. No Textual; blocking.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import re
import time
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

STREAMS = "driver.streams"
STDOUT, STDERR = "stdout", "stderr"
_KINDS = {b"o": STDOUT, b"e": STDERR, b"c": ""}
_CODES = {STDOUT: 1, STDERR: 2, "": 0}
_NAMES = {code: name for name, code in _CODES.items()}
_LINE = re.compile(rb"^([oec]) (\d{1,18}) (\d{1,18})$", re.MULTILINE)
_PIECE = 1 << 18
# What arrives is shown without knowing its stream after so long, seconds.
WAIT = 1.5


class Apart:
    """The stretches of one log of which the stream is known, in order: 17 bytes each. `advance` reads on."""

    def __init__(self, log: Path) -> None:
        self._path = log.with_name(STREAMS)
        self._starts: array[int] = array("Q")
        self._ends: array[int] = array("Q")
        self._codes: array[int] = array("B")
        self._met: set[int] = set()
        # Grows when something that was told is taken back.
        self.revision = 0
        self._read = 0

    @property
    def consumed(self) -> int:
        """Bytes of it that were read."""
        return self._read

    @property
    def covered(self) -> int:
        """Where the last stretch ends."""
        return self._ends[-1] if self._ends else 0

    def __len__(self) -> int:
        return len(self._starts)

    def streams(self) -> set[str]:
        """Those that something is known of."""
        return {_NAMES[code] for code in self._met}

    def size(self) -> int:
        """Bytes noted by now; 0 where there is nothing."""
        with contextlib.suppress(OSError):
            return self._path.stat().st_size
        return 0

    def advance(self) -> bool:
        """Read the next piece. Returns whether there may be more of them."""
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._read:
                    # It was cut, and is what it is now.
                    del self._starts[:], self._ends[:], self._codes[:]
                    self._met.clear()
                    self.revision += 1
                    self._read = 0
                file.seek(self._read)
                data = file.read(_PIECE)
        except OSError:
            return False
        # A line that is not whole yet, or that a death left so, is none.
        whole = data.rfind(b"\n") + 1
        for kind, start, end in _LINE.findall(data, 0, whole):
            self._add(_CODES[_KINDS[kind]], int(start), int(end))
        self._read += whole
        return whole > 0 and len(data) == _PIECE

    def read_all(self) -> None:
        """All there is by now."""
        while self.advance():
            pass

    def _add(self, code: int, start: int, end: int) -> None:
        if self._ends and self._ends[-1] > start:
            self.revision += 1
        while self._starts and self._starts[-1] >= start:
            self._starts.pop(), self._ends.pop(), self._codes.pop()
        if self._ends and self._ends[-1] > start:
            self._ends[-1] = start
        if end <= start or not code:
            return
        self._met.add(code)
        if self._ends and self._ends[-1] == start and self._codes[-1] == code:
            self._ends[-1] = end
            return
        self._starts.append(start)
        self._ends.append(end)
        self._codes.append(code)

    def stretch(self, offset: int) -> tuple[str, int, int]:
        """The stream of a byte ("" for either) with the ends of the stretch it is in; the last one has none."""
        place = bisect.bisect_right(self._starts, offset)
        if place and offset < self._ends[place - 1]:
            return _NAMES[self._codes[place - 1]], self._starts[place - 1], self._ends[place - 1]
        before = self._ends[place - 1] if place else 0
        return "", before, self._starts[place] if place < len(self._starts) else 1 << 62

    def stream(self, offset: int) -> str:
        """The stream of the line that begins here; "" where that is not known."""
        return self.stretch(offset)[0]

    def hides(self, offset: int, shown: str) -> tuple[int, int] | None:
        """The stretch of the other stream that a line beginning here is in; None: the line is shown with this one."""
        name, start, end = self.stretch(offset)
        return (start, end) if shown and name and name != shown else None


class Settling:
    """How much of a growing log one may show by stream: what came just now waits until it is told which it was."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._sizes: list[tuple[float, int]] = []
        self._end = 0

    def end(self, size: int, covered: int) -> int:
        """Of `size` bytes, those that are known up to `covered`, or have waited for it long enough."""
        now = time.monotonic()
        if not self._sizes or size < self._end:
            # When one comes, or of a log that was cut: one that is at rest is told of as far as it ever will be.
            self._sizes, self._end = [(now, size)], size if self._rests() else 0
        if size > self._sizes[-1][1]:
            self._sizes.append((now, size))
        while self._sizes[0][0] <= now - WAIT and len(self._sizes) > 1:
            self._end = max(self._end, self._sizes.pop(0)[1])
        if self._sizes[0][0] <= now - WAIT:
            self._end = max(self._end, self._sizes[0][1])
        self._end = min(size, max(self._end, covered))
        return self._end

    def _rests(self) -> bool:
        try:
            return time.time() - self._log.stat().st_mtime > WAIT
        except OSError:
            return False


class Sieve:
    """Lets through the lines of one stream, and those of either, of a log handed to it in pieces from its beginning.

    When the log was cut, `begin` says where the next piece is.
    """

    def __init__(self, apart: Apart, shown: str) -> None:
        self._apart = apart
        self._shown = shown
        self._at = 0
        # The lines that begin before this are dealt with alike; and whether one that does not begins now.
        self._until = 0
        self._new = True
        self._passes = True

    def begin(self, offset: int) -> None:
        """The next piece is from there; a line begins with it unless it follows the last one."""
        if offset != self._at:
            self._at, self._until, self._new = offset, 0, True

    def take(self, data: bytes) -> bytes:
        """What of the next bytes is to be shown."""
        found, place = [], 0
        while place < len(data):
            if self._new:
                name, _, until = self._apart.stretch(self._at + place)
                self._passes = name in ("", self._shown)
                # More may be known of what comes next by then.
                self._until = min(until, self._at + len(data))
            line_end = data.find(b"\n", max(place, self._until - 1 - self._at))
            self._new = line_end >= 0
            end = line_end + 1 if self._new else len(data)
            if self._passes:
                found.append(data[place:end])
            place = end
        self._at += len(data)
        return b"".join(found)


def lines_of(file: BinaryIO, apart: Apart, shown: str) -> Iterator[bytes]:
    """The lines of one stream, and those of either, of a whole log, in pieces; `apart` has been read."""
    sieve = Sieve(apart, shown)
    while piece := file.read(_PIECE):
        yield sieve.take(piece)
