"""The end of a log whose middle is still on its way: shown at once after a long outage, while the gap is filled.

`driver.log.tail` beside the mirror: the offset where it begins in the log (8 bytes, little endian), then the bytes.
It is there only while the mirror has not come that far, and nothing of the log depends on it.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from engine.runs.logs import DRIVER_LOG

if TYPE_CHECKING:
    from pathlib import Path

TAIL = f"{DRIVER_LOG}.tail"
_OFFSET = struct.Struct("<Q")


class Tail:
    """One being written. Blocking."""

    def __init__(self, folder: Path, offset: int) -> None:
        self.offset = offset
        self._path = folder / TAIL
        self._path.write_bytes(_OFFSET.pack(offset))

    def write(self, offset: int, data: bytes) -> None:
        """The bytes at `offset` of the log, which is where those before ended."""
        with self._path.open("ab") as file:
            file.write(data)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """What an engine that died has left."""
    (folder / TAIL).unlink(missing_ok=True)


def read(folder: Path, most: int) -> tuple[int, bytes] | None:
    """The last bytes of the log's tail, at most `most`, and where they begin in the log; None when there is none."""
    try:
        with (folder / TAIL).open("rb") as file:
            head = file.read(_OFFSET.size)
            size = os.fstat(file.fileno()).st_size - _OFFSET.size
            if len(head) < _OFFSET.size or size <= 0:
                return None
            skipped = max(0, size - most)
            file.seek(_OFFSET.size + skipped)
            return int(_OFFSET.unpack(head)[0]) + skipped, file.read(most)
    except OSError:
        return None
