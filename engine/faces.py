"""The faces that are connected: each has a line, a bounded outbox, and events that merge when it reads slowly."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
from collections import deque
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError, UsageError
from engine.timeouts import timeout
from engine.verbs import LASTING
from engine.wire import MAX_LINE, decode, encode, peer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from engine.verbs import Verbs

log = logging.getLogger(__name__)

# Events to one face are at least this far apart (s); what happens in between is merged into one.
EVENT_EVERY = 0.1
# So many run ids in one event; beyond it the event says that there is more.
EVENT_RUNS = 1000
# Requests of one face that are at work at a time; its next ones wait in its socket.
AT_WORK = 32
# A face that takes nothing from its socket for so long is let go (s). One that was only stopped connects again.
STUCK_AFTER = 30.0
# What is still to be said when the engine leaves has this long (s).
LAST_WORDS = 1.0


class Faces:
    """Every connected face. `busy` says whether the engine has somebody to be there for."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        self._faces: set[Face] = set()
        self._lasting: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._faces)

    @property
    def busy(self) -> bool:
        return bool(self._faces or self._lasting)

    def changed(self, runs: Iterable[str], targets: bool) -> None:
        for face in self._faces:
            face.changed(runs, targets)

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends; `asyncio.start_unix_server` calls it. Other users are turned away."""
        line: socket.socket = writer.get_extra_info("socket")
        pid, uid = peer(line)
        if uid != os.getuid():
            log.warning("process %d of user %d turned away", pid, uid)
            writer.transport.abort()
            return
        face = Face(f"{next(self._numbers)}:{pid}", reader, writer, self._verbs, self._lasting)
        self._faces.add(face)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await face.serve()
        finally:
            self._faces.discard(face)
            self._serving.discard(task)
            with contextlib.suppress(Exception):
                await self._verbs.left(face)

    async def settle(self, seconds: float) -> None:
        """Let what changes something come to its end."""
        if self._lasting:
            await asyncio.wait(self._lasting, timeout=seconds)

    async def dismiss(self) -> None:
        """Say what is still to be said, then close every line."""
        for face in self._faces:
            face.hang_up()
        if self._serving:
            await asyncio.wait(self._serving, timeout=2 * LAST_WORDS)


class Face:
    """One console or command line."""

    def __init__(
        self,
        key: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        verbs: Verbs,
        lasting: set[asyncio.Task[None]],
    ) -> None:
        self.key = key
        self._reader = reader
        self._writer = writer
        self._verbs = verbs
        self._lasting = lasting
        self._passing: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_WORK)
        # Lines to be written, each with whether it answers a request that took room.
        self._outbox: deque[tuple[bytes, bool]] = deque()
        self._wake = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()
        self._listening: asyncio.Task[None] | None = None
        self._subscribed = False
        self._greeted = False
        self._runs: set[str] = set()
        self._targets = False
        self._more = False
        self._next_event = 0.0

    def subscribe(self) -> None:
        self._subscribed = True
        if self._verbs.trouble:
            # Nothing changes for as long as it lasts: it is told to who comes later too.
            self._more = True
            self._wake.set()

    def changed(self, runs: Iterable[str], targets: bool) -> None:
        if not self._subscribed:
            return
        if not self._news:
            self._wake.set()
        self._runs.update(runs)
        self._targets = self._targets or targets
        if len(self._runs) > EVENT_RUNS:
            self._runs.clear()
            self._more = True

    async def serve(self) -> None:
        """Until the face hangs up, talks nonsense, or takes nothing any more."""
        sending = asyncio.create_task(self._send(), name=f"send to face {self.key}")
        listening = self._listening = asyncio.create_task(self._listen(), name=f"listen to face {self.key}")
        try:
            await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done() and not sending.done():
                await self._last_words()
        finally:
            for task in (sending, listening, *self._passing):
                task.cancel()
            await asyncio.gather(sending, listening, *self._passing, return_exceptions=True)
            self._writer.transport.abort()

    def hang_up(self) -> None:
        """Listen no more; `serve` says what is still to be said, and ends."""
        if self._listening is not None:
            self._listening.cancel()

    async def _last_words(self) -> None:
        with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
            async with timeout(LAST_WORDS):
                await self._flushed.wait()

    async def _listen(self) -> None:
        while True:
            try:
                line = await self._reader.readline()
            except ValueError:
                self._say({"id": None, "error": UsageError(f"a request is longer than {MAX_LINE} bytes.").to_json()})
                return
            except OSError:
                return
            if not line.endswith(b"\n"):
                return
            try:
                message = decode(line)
            except ValueError as error:
                self._say({"id": None, "error": UsageError(f"a request cannot be read: {error}.").to_json()})
                # What cannot be read is answered once; a peer that goes on is not one of ours.
                return
            await self._room.acquire()
            self._begin(message)

    def _begin(self, message: dict[str, Any]) -> None:
        verb = message.get("verb")
        task = asyncio.create_task(self._answer(message), name=f"{verb} of face {self.key}")
        group = self._lasting if isinstance(verb, str) and verb in LASTING else self._passing
        group.add(task)
        task.add_done_callback(group.discard)

    async def _answer(self, message: dict[str, Any]) -> None:
        number, verb = message.get("id"), message.get("verb")
        try:
            if not self._greeted and verb != "hello":
                raise UsageError("the first request must be `hello`.")
            self._greeted = True
            answer = {"id": number, "ok": await self._verbs.answer(self, verb, message.get("args", {}))}
        except AmlError as error:
            answer = {"id": number, "error": error.to_json()}
        except asyncio.CancelledError:
            self._room.release()
            raise
        self._say(answer, took_room=True)

    def _say(self, message: dict[str, Any], *, took_room: bool = False) -> None:
        line = encode(message)
        if len(line) > MAX_LINE:
            error = UsageError(f"the answer is longer than {MAX_LINE} bytes.")
            line = encode({"id": message.get("id"), "error": error.to_json()})
        self._outbox.append((line, took_room))
        self._flushed.clear()
        self._wake.set()

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        self._writer.transport.set_write_buffer_limits(high=0)
        try:
            while True:
                wait = self._next_event - loop.time() if self._news else None
                if not self._outbox and (wait is None or wait > 0):
                    self._flushed.set()
                    self._wake.clear()
                    with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                        async with timeout(wait):
                            await self._wake.wait()
                    continue
                took_room = False
                if self._outbox:
                    line, took_room = self._outbox.popleft()
                else:
                    self._next_event = loop.time() + EVENT_EVERY
                    line = encode(self._event())
                self._writer.write(line)
                async with timeout(STUCK_AFTER):
                    await self._writer.drain()
                if took_room:
                    # Only now: whoever asks without reading the answers is not listened to for long.
                    self._room.release()
        except (asyncio.TimeoutError, TimeoutError):
            log.warning("face %s takes nothing any more; let go", self.key)
        except OSError:
            pass
        finally:
            self._flushed.set()

    @property
    def _news(self) -> bool:
        return bool(self._runs or self._targets or self._more)

    def _event(self) -> dict[str, Any]:
        event = {"event": "changed", "runs": sorted(self._runs), "targets": self._targets, "more": self._more}
        event["trouble"] = self._verbs.trouble
        self._runs.clear()
        self._targets = self._more = False
        return event
