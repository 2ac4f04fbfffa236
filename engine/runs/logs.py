"""The mirror of a run's files on this machine: appended at byte offsets, never anything but what the host's file has.

`driver.log.times` beside the log keeps when each stretch arrived: records of `TIMES` (offset where it starts,
epoch seconds), their offsets in order. It is a convenience: losing its last record loses nothing of the log.
"""

from __future__ import annotations

import os
import re
import struct
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TIMES = struct.Struct("<Qd")

# Arrival is noted at most this often: 16 bytes each, so an hour of steady output costs 288 kB at the most.
_NOTE_EVERY = 0.2

DRIVER_LOG = "driver.log"
METRICS = "metrics.jsonl"


class Mirror:
    """One file of a run, as far as it has arrived. Blocking; called from worker threads."""

    def __init__(self, folder: Path, name: str, *, times: bool = False) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / name
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._times = -1
        if times:
            self._times = os.open(
                folder / (name + ".times"), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
        self._noted = 0.0
        self.size = os.fstat(self._file).st_size

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`, which must not lie beyond the end: a gap would be bytes nobody sent.

        Raises ValueError for a gap, OSError when the disk refuses; then the size is what was written.
        """
        if offset > self.size:
            raise ValueError(f"{self.path.name} has {self.size} bytes, next came at {offset}")
        now = time.time()
        view = memoryview(data)
        with self._lock:
            if self._times >= 0 and now - self._noted >= _NOTE_EVERY:
                self._noted = now
                os.write(self._times, TIMES.pack(offset, now))
            while view:
                done = os.pwrite(self._file, view, offset)
                offset += done
                view = view[done:]
                self.size = max(self.size, offset)

    def cut(self, size: int) -> None:
        """The host's file was cut to `size` bytes behind our back: so is the mirror."""
        with self._lock:
            if size < self.size:
                os.ftruncate(self._file, size)
                self.size = size
                self._forget_times(size)

    def _forget_times(self, size: int) -> None:
        """When what is gone now had arrived: offsets never go back, so that one can look for them by halves."""
        if self._times < 0:
            return
        kept = os.fstat(self._times).st_size // TIMES.size
        while kept and TIMES.unpack(os.pread(self._times, TIMES.size, (kept - 1) * TIMES.size))[0] >= size:
            kept -= 1
        os.ftruncate(self._times, kept * TIMES.size)
        self._noted = 0.0

    def read(self, offset: int, length: int) -> bytes:
        with self._lock:
            return os.pread(self._file, length, offset)

    def close(self) -> None:
        """Close the files; waits for a write or read that is at work. Later ones raise OSError."""
        with self._lock:
            for number in (self._file, self._times):
                if number >= 0:
                    os.close(number)
            self._file = self._times = -1


_LAST_WORD = re.compile(
    rb"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning|Timeout|NotFound|Killed)\b.*$"
)
_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f]")


def last_word(path: Path, *, tail: int = 16384, width: int = 200) -> str:
    """The exception a script died of, as Python prints it last ("KeyError: 'petal'"), or "" when there is none.

    Reads the last `tail` bytes only. At most `width` characters, control sequences removed.
    """
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - tail))
            lines = file.read().splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        if _LAST_WORD.match(line):
            return _CONTROLS.sub("", line.decode("utf-8", "replace"))[:width]
    return ""
