"""A followed file on this side: bytes to its sink in order, credit back to the agent, word when a size is reached."""

from __future__ import annotations

import asyncio
import collections
import logging
import time
from typing import TYPE_CHECKING, Any

from engine.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.hosts.host import Sink

log = logging.getLogger(__name__)

# How far an agent may be ahead of a sink: by what arrives in so long (s), within these bounds (bytes). More would keep
# answers waiting behind it on a slow line, less would leave a fast one idle.
AHEAD = 0.25
LEAST, MOST = 256 << 10, 4 << 20


class _Allowance:
    """How many bytes of one follow may be on their way, and what of it is to be given back."""

    def __init__(self) -> None:
        self._size = LEAST
        self._owed = 0
        self._since = time.monotonic()

    def take(self, size: int) -> bool:
        """So many bytes are through; whether it is time to give credit back."""
        self._owed += size
        return self._owed >= self._size // 4

    def give(self, waiting: int) -> int:
        """The credit to give now. `waiting`: what the host has and this side not yet, bytes."""
        now = time.monotonic()
        size = self._size
        if waiting > size:
            # More than is on its way: what came was as much as the line and the sink could take.
            size = int(self._owed / max(now - self._since, 1e-3) * AHEAD)
            size = min(max(size, LEAST), MOST, self._size * 2)
        credit = max(0, self._owed + size - self._size)
        self._size += credit - self._owed
        self._owed, self._since = 0, now
        return credit


class FollowedFile:
    """See `engine.hosts.host.Follow`. The sink runs in a task of this follow's own.

    After a loss of contact `stop` still waits for the sink at work, so that the next follow does not meet it.
    """

    def __init__(
        self,
        name: str,
        offset: int,
        sink: Sink,
        tell: Callable[[str, Mapping[str, Any]], None],
        on_cut: Callable[[int], None] | None,
    ) -> None:
        self._name = name
        self._size = offset
        self._position = offset
        self._sink = sink
        self._tell = tell
        self._on_cut = on_cut
        self._arrived: collections.deque[tuple[int, bytes]] = collections.deque()
        self._more = asyncio.Event()
        self._moved = asyncio.Event()
        self._allowance = _Allowance()
        self._looks = 0
        self._absent_at = 0
        self._over = False
        self._error: Exception | None = None
        self._task = asyncio.create_task(self._hand_over(), name=f"follow {name}")

    @property
    def size(self) -> int:
        return self._size

    @property
    def position(self) -> int:
        return self._position

    def arrived(self, header: Mapping[str, Any], body: bytes) -> None:
        """A frame of this follow came."""
        if "cut" in header:
            self._size = header["cut"]
            log.warning("%s: the file was cut to %d bytes", self._name, self._size)
            self._fail(HostError(f"the file was cut to {self._size} bytes after {self._position} were read"))
            if self._on_cut:
                self._on_cut(self._size)
            return
        if "absent" in header:
            # It comes behind all that was read of the file, and may be there again one day.
            self._absent_at = header["absent"]
            self._moved.set()
            return
        self._size = header["size"]
        if body:
            self._arrived.append((header["at"], body))
            self._more.set()

    async def _hand_over(self) -> None:
        while not self._over:
            await self._more.wait()
            self._more.clear()
            while self._arrived and not self._over:
                offset, data = self._arrived[0]
                if offset == self._position and self._error is None:
                    try:
                        await self._sink(offset, data)
                    except Exception as error:
                        # A full disk on this side: the bytes are on the host still, `restart` asks for them again.
                        log.exception("%s: the sink failed at %d", self._name, offset)
                        self._fail(error)
                if self._error is None and offset == self._position:
                    self._position += len(data)
                self._arrived.popleft()
                self._moved.set()
                if self._allowance.take(len(data)) and self._error is None:
                    self._give_back()

    def _give_back(self) -> None:
        credit = self._allowance.give(self._size - self._position)
        if credit:
            self._tell("credit", {"credit": credit})

    def _fail(self, error: Exception) -> None:
        self._error = error
        self._moved.set()

    def fail(self, error: Exception) -> None:
        """The channel is gone: nothing more will come."""
        self._end(error)

    def _end(self, error: Exception) -> None:
        # The sink is never interrupted: it may be writing in a thread.
        self._over = True
        self._more.set()
        self._fail(error)

    def set_interval(self, seconds: float) -> None:
        self._tell("pace", {"interval": seconds})

    def restart(self, offset: int) -> None:
        self._error = None
        self._position = offset
        self._tell("seek", {"offset": offset})
        self._give_back()

    async def drained(self, size: int) -> None:
        if self._position < size:
            self._looks += 1
            self._tell("pace", {"look": self._looks})
        look = self._looks
        while self._position < size:
            if self._error:
                raise self._error
            if self._absent_at >= look and not self._arrived:
                raise HostError(f"{self._name} is not there any more, and {size - self._position} bytes were not read")
            self._moved.clear()
            await self._moved.wait()

    async def stop(self) -> None:
        if not self._over:
            self._tell("unfollow", {})
            self._end(HostError("this file is not followed any more"))
        if asyncio.current_task() is not self._task:
            await asyncio.shield(self._task)
