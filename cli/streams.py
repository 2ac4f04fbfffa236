"""A driver log's stdout or stderr alone. Lines of which it is not known which they were come with either."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.artifacts import PIECE, write_all
from cli.follow import Tail, say
from engine.runs.apart import Apart, Settling, Sieve, lines_of

if TYPE_CHECKING:
    from pathlib import Path

    from engine.runs.model import Run


def copy(run: Run, log: Path, shown: str) -> None:
    """The lines of one stream to stdout, byte for byte. A log that does not exist yet is an empty one."""
    apart = Apart(log)
    apart.read_all()
    tell_unknown(run, log, apart)
    try:
        with log.open("rb") as file:
            for piece in lines_of(file, apart, shown):
                write_all(piece)
    except FileNotFoundError:
        return


def all_known(log: Path, size: int) -> bool:
    """Whether it is known of so many bytes of a log what they were."""
    apart = Apart(log)
    apart.read_all()
    return apart.covered >= size


def tell_unknown(run: Run, log: Path, apart: Apart) -> None:
    if not len(apart) and log.exists() and log.stat().st_size:
        say(f"which lines of {run.name} were stdout and which stderr was not noted: all of them are shown")


class StreamTail(Tail):
    """A growing log of which one stream is written to stdout. What has just come waits until its stream is known."""

    def __init__(self, log: Path, shown: str) -> None:
        super().__init__(log)
        self._apart = Apart(log)
        self._sieve = Sieve(self._apart, shown)
        self._settling = Settling(log)
        self._whole = False

    def room(self) -> int:
        """How much may be passed on."""
        self._apart.read_all()
        if self._whole:
            return PIECE
        size = os.fstat(self._file).st_size
        return min(PIECE, max(0, self._settling.end(size, self._apart.covered) - self._offset))

    def write(self, data: bytes) -> None:
        self._sieve.begin(self._offset)
        write_all(self._sieve.take(data))

    def end(self) -> None:
        """Nothing more will be known."""
        self._whole = True
