"""This side of the channel to an agent, over any pair of asyncio streams.

Requests are pipelined: each has a number and a waiter. What arrives is only sorted here; sinks run elsewhere, so a slow
one delays nothing but itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import struct
import time
from typing import TYPE_CHECKING, Any

from engine.errors import HostError, HostLost
from engine.hosts.following import LEAST, FollowedFile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

    from engine.hosts.host import Sink

log = logging.getLogger(__name__)

VERSION = 1
MARK = b"aml-agent-"
# A login shell may print a banner before the agent speaks (bytes).
MOST_NOISE = 1 << 20
PIECE = 256 * 1024
# How far either side may be ahead in a transfer of files (bytes).
WINDOW = 1 << 20
MOST_HEADER = 64 << 20
LENGTHS = struct.Struct(">II")
# After so long without a word the agent is asked for one (s); so many in vain, and it counts as gone.
PING_AFTER = 12.0
MISSES = 3
# An agent that only talks is told now and then that somebody listens (s).
SPEAK_EVERY = 120.0


class Stream:
    """The parts of an answer that comes in several frames."""

    def __init__(self) -> None:
        self.parts: asyncio.Queue[tuple[dict[str, Any], bytes] | None] = asyncio.Queue()


class AgentClient:
    """One channel to one agent. It is used once: after `lost` a new one is made."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        name: str,
        on_event: Callable[[dict[str, Any]], None],
        on_lost: Callable[[HostLost], None],
        ping_after: float = PING_AFTER,
    ) -> None:
        self.name = name
        self.lost: HostLost | None = None
        self._reader = reader
        self._writer = writer
        self._on_event = on_event
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._waiters: dict[int, asyncio.Future[tuple[Any, bytes]]] = {}
        self._streams: dict[int, Stream] = {}
        self._puts: dict[int, _Window] = {}
        self._follows: dict[int, FollowedFile] = {}
        self._ping_after = ping_after
        self._heard = self._spoke = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []
        self._room = asyncio.Lock()

    async def open(self, bundle: bytes) -> dict[str, Any]:
        """Send the agent's source and exchange versions; returns the agent's hello."""
        self._writer.write(bundle)
        await self._skip_noise()
        self._tasks = [
            asyncio.create_task(self._read(), name=f"{self.name}: read"),
            asyncio.create_task(self._keep_alive(), name=f"{self.name}: keep alive"),
        ]
        hello: dict[str, Any] = await self.request("hello", version=VERSION)
        return hello

    async def _skip_noise(self) -> None:
        noise = 0
        line = b""
        try:
            while not line.startswith(MARK):
                line = await self._reader.readuntil(b"\n")
                noise += len(line)
                if noise > MOST_NOISE:
                    raise asyncio.LimitOverrunError("no agent in all this", noise)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
            raise HostLost(
                f"the agent on {self.name} did not start",
                where=self.name,
                remedy="The engine's log has what it said (`aml engine status` names the file).",
            ) from error
        version = line[len(MARK) :].strip()
        if version != b"%d" % VERSION:
            raise HostError(
                f"the agent says version {version.decode(errors='replace')}, not {VERSION}", where=self.name
            )

    def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        """Hand one frame to the channel, without waiting for room."""
        if self.lost:
            raise self.lost
        self._spoke = time.monotonic()
        head = json.dumps(header).encode("ascii")
        self._writer.write(LENGTHS.pack(len(head), len(body)) + head)
        if body:
            self._writer.write(body)

    async def request(self, op: str, body: bytes = b"", **arguments: Any) -> Any:
        """Ask and wait for the answer."""
        return (await self.request_bytes(op, body, **arguments))[0]

    async def request_bytes(self, op: str, body: bytes = b"", **arguments: Any) -> tuple[Any, bytes]:
        """Ask and wait for the answer and the bytes with it."""
        number = next(self._numbers)
        waiter = self._expect(number)
        try:
            self.send({"id": number, "op": op, **arguments}, body)
            await self._drain()
            return await waiter
        finally:
            del self._waiters[number]

    def _expect(self, number: int) -> asyncio.Future[tuple[Any, bytes]]:
        waiter: asyncio.Future[tuple[Any, bytes]] = asyncio.get_running_loop().create_future()
        self._waiters[number] = waiter
        return waiter

    async def _drain(self) -> None:
        async with self._room:
            try:
                await self._writer.drain()
            except OSError as error:
                self._lose(f"the channel to {self.name} broke: {error}")
                raise self._gone() from error

    async def stream(self, op: str, **arguments: Any) -> AsyncGenerator[tuple[dict[str, Any], bytes], None]:
        """Ask, and yield the parts of the answer as they come; bytes are acknowledged as they are taken."""
        number = next(self._numbers)
        waiter = self._expect(number)
        stream = self._streams[number] = Stream()
        done = False
        try:
            self.send({"id": number, "op": op, "credit": WINDOW, **arguments})
            await self._drain()
            while True:
                part = await stream.parts.get()
                if part is None:
                    done = True
                    await waiter
                    return
                yield part
                if part[1]:
                    self.send({"op": "credit", "id": number, "credit": len(part[1])})
        finally:
            del self._waiters[number], self._streams[number]
            if waiter.done() and not waiter.cancelled():
                waiter.exception()
            if not done and not self.lost:
                self.send({"op": "forget", "id": number})

    async def put(self, op: str, size: int, pieces: AsyncIterator[bytes], **arguments: Any) -> None:
        """Ask with a payload of `size` bytes that may be large: sent in pieces, at most a window ahead of the agent."""
        number = next(self._numbers)
        waiter = self._expect(number)
        window = self._puts[number] = _Window()
        try:
            self.send({"id": number, "op": op, "size": size, **arguments})
            async for piece in pieces:
                await window.take(len(piece), waiter)
                if waiter.done():
                    break
                self.send({"id": number, "op": "data"}, piece)
                await self._drain()
            await waiter
        finally:
            del self._waiters[number], self._puts[number]
            if not waiter.done() and not self.lost:
                self.send({"op": "forget", "id": number})

    async def follow(
        self,
        run_id: str,
        name: str,
        offset: int,
        sink: Sink,
        interval: float,
        on_cut: Callable[[int], None] | None,
    ) -> FollowedFile:
        """Follow a file of a run from an offset."""
        number = next(self._numbers)

        def tell(op: str, values: Mapping[str, Any]) -> None:
            if not self.lost:
                self.send({"op": op, "follow": number, **values})
            if op == "unfollow":
                self._follows.pop(number, None)

        follow = FollowedFile(f"{self.name}: {run_id} {name}", offset, sink, tell, on_cut)
        self._follows[number] = follow
        try:
            await self.request(
                "follow", follow=number, run=run_id, name=name, offset=offset, interval=interval, credit=LEAST
            )
        except BaseException:
            await follow.stop()
            raise
        return follow

    async def close(self) -> None:
        """Close the channel; the agent leaves. Waiters get HostLost."""
        self._lose(f"the connection to {self.name} was closed", tell=False)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            while True:
                head_size, body_size = LENGTHS.unpack(await self._reader.readexactly(LENGTHS.size))
                if head_size > MOST_HEADER or body_size > MOST_HEADER:
                    raise ValueError("a frame too large to be one")
                header = json.loads(await self._reader.readexactly(head_size))
                body = await self._reader.readexactly(body_size) if body_size else b""
                self._heard = time.monotonic()
                self._sort(header, body)
        except (asyncio.IncompleteReadError, OSError):
            self._lose(f"contact with {self.name} was lost")
        except (ValueError, KeyError, TypeError) as error:
            log.exception("%s: not a frame", self.name)
            self._lose(f"the agent on {self.name} sent what cannot be read: {error}")

    def _sort(self, header: dict[str, Any], body: bytes) -> None:
        if "follow" in header:
            follow = self._follows.get(header["follow"])
            if follow:
                follow.arrived(header, body)
        elif "id" in header:
            self._sort_answer(header, body)
        elif "fatal" in header:
            self._lose(f"the agent on {self.name} cannot work: {header['fatal']}")
        else:
            self._on_event(header)

    def _sort_answer(self, header: dict[str, Any], body: bytes) -> None:
        number = header["id"]
        stream = self._streams.get(number)
        if "part" in header or "bytes" in header:
            if stream:
                stream.parts.put_nowait((header, body))
            return
        if "credit" in header:
            if number in self._puts:
                self._puts[number].give(header["credit"])
            return
        waiter = self._waiters.get(number)
        if waiter and not waiter.done():
            trouble = header.get("error")
            if trouble:
                refused = HostError(trouble["message"], remedy=trouble.get("remedy", ""), where=self.name)
                refused.errno = trouble.get("errno")
                waiter.set_exception(refused)
            else:
                waiter.set_result((header["ok"], body))
        if stream:
            stream.parts.put_nowait(None)

    async def _keep_alive(self) -> None:
        # Misses are counted in turns of this loop, so that a machine that slept blames nobody.
        missed = 0
        while not self.lost:
            heard = self._heard
            await asyncio.sleep(self._ping_after)
            missed = missed + 1 if heard == self._heard else 0
            if missed > MISSES:
                self._lose(f"{self.name} has not answered for {time.monotonic() - heard:.0f} s")
            elif not self.lost and (missed or time.monotonic() - self._spoke > SPEAK_EVERY):
                self.send({"op": "ping", "id": 0})

    def _gone(self) -> HostLost:
        return HostLost(self.lost.message if self.lost else f"{self.name} is not connected", where=self.name)

    def _lose(self, message: str, tell: bool = True) -> None:
        if self.lost:
            return
        self.lost = HostLost(message, where=self.name)
        if not self._writer.is_closing():
            # Not `close`: that would first write what an agent that hangs does not read, and keep who waits for room.
            self._writer.transport.abort()
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(self._gone())
        for stream in self._streams.values():
            stream.parts.put_nowait(None)
        for follow in list(self._follows.values()):
            follow.fail(self._gone())
        self._follows.clear()
        if tell:
            self._on_lost(self.lost)


class _Window:
    """How many bytes may still be on their way."""

    def __init__(self) -> None:
        self.left = WINDOW
        self.more = asyncio.Event()

    def give(self, size: int) -> None:
        self.left += size
        self.more.set()

    async def take(self, size: int, until: asyncio.Future[Any]) -> None:
        """Wait for room, or until the answer is there already."""
        while self.left <= 0 and not until.done():
            self.more.clear()
            more = asyncio.ensure_future(self.more.wait())
            await asyncio.wait({more, until}, return_when=asyncio.FIRST_COMPLETED)
            more.cancel()
        self.left -= size
