"""When each row of a log arrived here, as the engine noted it beside the log: looked up on disk, never read whole."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from engine.runs.logs import TIMES

if TYPE_CHECKING:
    from pathlib import Path

# What stands before each row: nothing, the time of day, or the time since the run began.
OFF, CLOCK, SINCE = "", "clock", "since"
WAYS = (OFF, CLOCK, SINCE)


class Times:
    """The records of one log, in the order of their offsets and, but for a clock that was set back, of their times.

    Blocking. The engine notes at most every 0.2 s, and what comes within is as old as what came first.
    """

    def __init__(self, log: Path) -> None:
        self._path = log.with_name(f"{log.name}.times")
        self._file = -1

    def close(self) -> None:
        opened, self._file = self._file, -1
        if opened >= 0:
            os.close(opened)

    def count(self) -> int:
        """How many records there are by now."""
        if self._file < 0:
            with contextlib.suppress(OSError):
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return os.fstat(self._file).st_size // TIMES.size if self._file >= 0 else 0

    def _record(self, number: int) -> tuple[int, float]:
        data = os.pread(self._file, TIMES.size, number * TIMES.size)
        # A log that was cut meanwhile has lost its last records.
        return TIMES.unpack(data) if len(data) == TIMES.size else (1 << 62, 0.0)

    def at(self, offset: int) -> float | None:
        """When the byte at `offset` arrived, epoch seconds; None where nothing was noted."""
        low, high = 0, self.count()
        while low < high:
            middle = (low + high) // 2
            if self._record(middle)[0] <= offset:
                low = middle + 1
            else:
                high = middle
        return self._record(low - 1)[1] if low else None

    def first_after(self, moment: float, *, same: bool) -> int | None:
        """The offset of the first byte that arrived after this moment (or, with `same`, in it); None: none did."""
        low, count = 0, self.count()
        high = count
        while low < high:
            middle = (low + high) // 2
            at = self._record(middle)[1]
            if at < moment or (at == moment and not same):
                low = middle + 1
            else:
                high = middle
        return self._record(low)[0] if low < count else None


def shown(moments: list[float | None], way: str, began: float | None) -> list[str]:
    """Each moment in words of one width. `began`: when the run did, without which there is only the time of day."""
    if way == SINCE and began is not None:
        words = ["" if at is None else _since(at - began) for at in moments]
    else:
        local = [None if at is None else time.localtime(at) for at in moments]
        days = {(one.tm_year, one.tm_yday) for one in local if one is not None}
        if began is not None:
            first = time.localtime(began)
            days.add((first.tm_year, first.tm_yday))
        # The day is told where it is not one and the same.
        form = "%H:%M:%S" if len(days) <= 1 else "%m-%d %H:%M:%S"
        words = ["" if one is None else time.strftime(form, one) for one in local]
    width = max(map(len, words), default=0)
    return [word.rjust(width) for word in words]


def _since(seconds: float) -> str:
    sign = "-" if seconds < 0 else "+"
    whole, tenth = divmod(round(abs(seconds) * 10), 10)
    hours, rest = divmod(whole, 3600)
    return f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}.{tenth}"
