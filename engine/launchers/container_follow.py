"""A growing file inside a container, followed by a command run beside the script.

Docker's own log is not what is followed: it holds what the runner says, and is not byte-exact.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost
from engine.plain import plain

if TYPE_CHECKING:
    from engine.hosts.docker.api import DockerApi
    from engine.hosts.host import Sink

log = logging.getLogger(__name__)

# A follower ends by itself after this long, so that those of dead engines do not pile up; seconds.
LIFE = 60
# Between two looks at the file, seconds.
INTERVAL = 0.1
# Before another try when Docker refuses to run the command, seconds.
RETRY = 1.0
# Before each piece of the file: this and its length. Docker puts words of its own into the same stream when the
# container ends at the wrong moment, and they must not be taken for the file's.
MARK = b"\0aml\1"
HEAD = struct.Struct(f">{len(MARK)}sI")
FOLLOWER = f"""\
import os,struct,sys,time
f=os.open(sys.argv[1],os.O_RDONLY)
os.lseek(f,int(sys.argv[2]),0)
end=time.monotonic()+float(sys.argv[3])
while True:
    d=os.read(f,65536)
    if d:
        d=struct.pack({HEAD.format!r},{MARK!r},len(d))+d
    elif time.monotonic()>end:
        break
    else:
        time.sleep(float(sys.argv[4]))
    while d:
        d=d[os.write(1,d):]
"""


class ContainerFollow:
    """Implements `engine.hosts.host.Follow` until the container ends; the rest is in the run directory after that."""

    def __init__(self, docker: DockerApi, container: str, interpreter: str, path: str, offset: int, sink: Sink) -> None:
        self._docker = docker
        self._container = container
        self._command = [interpreter, "-I", "-S", "-c", FOLLOWER, path]
        self._sink = sink
        self._position = offset
        self._grew = asyncio.Condition()
        self._trouble: BaseException | None = None
        self._task = self._begin()

    @property
    def size(self) -> int:
        return self._position

    @property
    def position(self) -> int:
        return self._position

    def set_interval(self, seconds: float) -> None:
        """It is looked at as often as it was; the command is not started again for this."""

    def restart(self, offset: int) -> None:
        self._task.cancel()
        self._position = offset
        self._trouble = None
        self._task = self._begin()

    async def drained(self, size: int) -> None:
        async with self._grew:
            await self._grew.wait_for(lambda: self._position >= size or self._trouble is not None)
        if self._position < size and self._trouble is not None:
            raise self._trouble

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._follow(), name=f"{self._container}: follows {self._command[-1]}")

    async def _follow(self) -> None:
        """Until the container has ended; what goes wrong meanwhile is tried again from where one is."""
        while True:
            try:
                said = await self._run_follower()
            except (HostLost, HostError, OSError) as error:
                said = str(error)
            except Exception as error:
                await self._end(error)
                raise
            try:
                there = await self._docker.inspect(self._container)
                if there is None or not there.running:
                    await self._end(HostError("the container has ended; the rest of the file comes with its outputs"))
                    return
            except HostError as error:
                said = said or str(error)
            if said:
                log.warning("%s cannot be followed, trying again: %s", self._container, said)
                await asyncio.sleep(RETRY)

    async def _end(self, trouble: Exception) -> None:
        async with self._grew:
            self._trouble = trouble
            self._grew.notify_all()

    async def _run_follower(self) -> str:
        """One life of the command. Returns what was said instead of the file's content."""
        argv = [*self._command, str(self._position), str(LIFE), str(INTERVAL)]
        async with contextlib.aclosing(self._docker.execute(self._container, argv)) as pieces:
            arriving = b""
            async for stream, data in pieces:
                arriving = await self._take(arriving + data) if stream == 1 else data
                if stream != 1 or not MARK.startswith(arriving[: len(MARK)]):
                    return plain(arriving.decode("utf-8", "replace")).strip()
        return ""

    async def _take(self, arrived: bytes) -> bytes:
        """Hand over the whole pieces of this; returns what follows them."""
        while len(arrived) >= HEAD.size:
            mark, length = HEAD.unpack_from(arrived)
            end = HEAD.size + length
            if mark != MARK or len(arrived) < end:
                break
            await self._sink(self._position, arrived[HEAD.size : end])
            async with self._grew:
                self._position += length
                self._grew.notify_all()
            arrived = arrived[end:]
        return arrived
