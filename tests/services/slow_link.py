"""A slow or bad line: a TCP relay on loopback, since not every kernel can delay packets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 65536
# How much may be under way in each direction, in chunks.
UNDER_WAY = 1024


class SlowLink:
    """Leads to `target` (address, port). `delay`: seconds each way, for what comes in from now on.

    `carried`: bytes to and from the target so far.
    """

    address = "127.0.0.1"

    def __init__(self, target: tuple[str, int], delay: float = 0.0) -> None:
        self.target = target
        self.delay = delay
        self.port = 0
        self.to_target = 0
        self.from_target = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="slow link")
        self._listens = threading.Event()
        self._passing: asyncio.Event
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def carried(self) -> int:
        return self.to_target + self.from_target

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._writers) // 2

    def start(self) -> None:
        self._thread.start()
        if not self._listens.wait(10):
            raise RuntimeError("the slow link does not listen")

    def stall(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self._call(lambda: self._passing.clear())

    def resume(self) -> None:
        """After `stall`: what waited goes on its way."""
        self._call(lambda: self._passing.set())

    def reset(self) -> None:
        """Every connection ends with a reset, at both ends."""
        self._call(self._reset)

    def close(self) -> None:
        """End every connection and the relay itself."""
        self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join()
        self._loop.close()

    def _call(self, function: Callable[[], None]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(function)
        self._loop.call_soon_threadsafe(done.set)
        done.wait(10)

    def _reset(self) -> None:
        for writer in self._writers:
            one = writer.get_extra_info("socket")
            # An end without lingering is a reset.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()

    def _run(self) -> None:
        self._main = self._loop.create_task(self._serve())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._main)

    async def _serve(self) -> None:
        self._passing = asyncio.Event()
        self._passing.set()
        server = await asyncio.start_server(self._relay, self.address, 0, limit=CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        self._listens.set()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            relays = asyncio.all_tasks() - {asyncio.current_task()}
            for relay in relays:
                relay.cancel()
            await asyncio.gather(*relays, return_exceptions=True)

    async def _relay(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        writers = [near_out]
        self._writers.add(near_out)
        try:
            far_in, far_out = await asyncio.open_connection(*self.target, limit=CHUNK)
            writers.append(far_out)
            self._writers.add(far_out)
            await asyncio.gather(self._one_way(near_in, far_out, True), self._one_way(far_in, near_out, False))
        except (OSError, asyncio.CancelledError):
            # Whoever is at the other end learns of it by the end of the connection.
            pass
        finally:
            for writer in writers:
                self._writers.discard(writer)
                writer.close()
            for writer in writers:
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _one_way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, to_target: bool) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(UNDER_WAY)

        async def take_in() -> None:
            data = b"-"
            while data:
                try:
                    data = await source.read(CHUNK)
                except OSError:
                    # Ended by a reset; the other end is told of an end.
                    data = b""
                await under_way.put((time.monotonic() + self.delay, data))

        async def hand_on() -> None:
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._passing.wait()
                if not data:
                    sink.write_eof()
                    return
                sink.write(data)
                if to_target:
                    self.to_target += len(data)
                else:
                    self.from_target += len(data)
                await sink.drain()

        takes = asyncio.ensure_future(take_in())
        try:
            await hand_on()
        finally:
            takes.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await takes
