"""The console's line to the engine, on an event loop. `engine.client.Client` is its public name."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.client import REPEATABLE, ContactLost, open_connection
from engine.errors import AmlError, EngineUnavailable
from engine.wire import MAX_LINE, decode, encode

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.forecast import Forecast
    from engine.runs.request import RunRequest

# Waits between attempts to get back to a lost engine, seconds.
FIRST_WAIT, LONGEST_WAIT = 0.05, 1.0
ATTEMPTS = 6

# These tell the engine what a face looks at; without an engine there is nothing to tell.
_HINTS = frozenset({"watch", "subscribe", "sample", "status"})


class Client:
    """Requests and events. A request that finds the engine gone connects again, and starts it if that is what it takes.

    Not for several loops. Every request raises AmlError as the engine told it, EngineUnavailable when none can be had,
    ContactLost when it went away in the middle of something that cannot simply be asked twice.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._numbers = itertools.count(1)
        self._opening = asyncio.Lock()
        self._line: _Line | None = None
        self._subscribed = False
        self._watched: list[str] = []
        self._sampled: dict[str, list[str]] = {}

    @classmethod
    async def connect(cls, paths: Paths, start: bool = True) -> Client:
        """A connected client. Raises EngineUnavailable, also when there is no engine and `start` is False."""
        client = cls(paths)
        await client._connected(start)
        return client

    async def plan(self, request: RunRequest) -> Forecast:
        """What a submission would meet now; nothing is kept of it, and no machine is connected for it."""
        from engine.runs.forecast import Forecast

        return Forecast.from_json((await self._ask("plan", {"request": request.to_json()}))["plan"])

    async def submit(self, request: RunRequest) -> dict[str, Any]:
        """Ask for a run: {"run_id", "number", "name", "state"}. Repeated with one token, it is one run."""
        return await self._ask("submit", {"request": request.to_json()})

    async def cancel(self, ids: Iterable[str]) -> dict[str, str]:
        """Begin to end these runs; what could not be done: run id -> why."""
        return dict((await self._ask("cancel", {"ids": list(ids)}))["refused"])

    async def delete(self, ids: Iterable[str], *, now: bool = False) -> dict[str, str]:
        """Put ended runs into the bin, or remove them for good `now`; what could not be done: run id -> why."""
        asked = {"ids": list(ids)} if now else {"op": "put", "runs": list(ids)}
        return dict((await self._ask("delete", asked))["refused"])

    async def restore(self, ids: Iterable[str]) -> dict[str, str]:
        """Bring runs back from the bin; what could not be done: run id -> why."""
        return dict((await self._ask("delete", {"op": "restore", "runs": list(ids)}))["refused"])

    async def update(self, run_id: str, **changes: Any) -> None:
        """Change `tags`, `description`, `priority` or `hidden` of a run.

        `retag`: tags to set, name -> text, and with None to remove; the others stay.
        """
        await self._ask("update", {"id": run_id, "changes": changes})

    async def watch(self, ids: Iterable[str]) -> None:
        """Which runs are looked at now: their logs are followed closely."""
        self._watched = list(ids)
        await self._ask("watch", {"ids": self._watched})

    async def sample(self, hosts: Iterable[str], docker: Iterable[str] = (), yarn: Iterable[str] = ()) -> None:
        """Which hosts are looked at now: their use is sampled into the store.

        Of `docker` and `yarn`, hosts too, also what their Docker Engine and the YARN behind them say of themselves.
        """
        self._sampled = {"hosts": list(hosts), "docker": list(docker), "yarn": list(yarn)}
        await self._ask("sample", self._sampled)

    async def attempt(self, op: str, **args: Any) -> dict[str, Any]:
        """An attempt to reach a machine that a person looks at: `op` begin, look, answer or stop (`engine.verbs`)."""
        return await self._ask("connect", {"op": op, **args})

    async def outputs(self, run_id: str) -> list[dict[str, Any]]:
        """What is in the run's outputs: path, size, mtime, kind."""
        return list((await self._ask("outputs", {"id": run_id}))["outputs"])

    async def read_output(self, run_id: str, path: str, most: int) -> dict[str, Any]:
        """The beginning of a file of the outputs, where it is: {"data" in base64, "length" of it in bytes}."""
        return await self._ask("outputs", {"id": run_id, "path": path, "most": most})

    async def fetch(self, run_id: str, path: str, dest: str | Path) -> dict[str, Any]:
        """Copy outputs (all with path "") into `dest`, an absolute folder: {"files", "bytes", "skipped"}."""
        return await self._ask("fetch", {"id": run_id, "path": path, "dest": str(dest)})

    async def prepare(self, request: RunRequest) -> dict[str, Any]:
        """Have the environment of a configuration there: {"state", "build", "fingerprint", "image", "notices"}.

        Answers at once; `state` is "ready", "building" (then `build` is its id, for `StoreReader.build`), or "nothing"
        where nothing needs to be prepared.
        """
        return await self._ask("prepare", {"request": request.to_json()})

    async def environments(self, host: str | None = None) -> dict[str, Any]:
        """What is prepared, on a host or on all: {"environments": [...], "unreachable": {host: why}}."""
        return await self._ask("environments", {"op": "list", "host": host})

    async def stop_builds(self, ids: Iterable[str]) -> dict[str, str]:
        """End builds that `prepare` began; what could not be done: build id -> why."""
        return dict((await self._ask("environments", {"op": "cancel", "ids": list(ids)}))["refused"])

    async def status(self) -> dict[str, Any]:
        """pid, version, uptime, runs in hand."""
        return await self._ask("status", {})

    async def stop(self) -> None:
        """End the engine; runs go on."""
        await self._ask("stop", {})

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What changed, merged while nobody listens: {"event", "runs", "targets", "more", "trouble"}.

        `trouble` is what the engine's machine refuses, in words. The first comes at once and says that anything may
        have changed. Ends when contact is lost; calling it again, or asking anything, connects again. Raises
        EngineUnavailable when there is no engine; does not start one.
        """
        line = await self._connected(start=False)
        if not self._subscribed:
            self._subscribed = True
            await line.ask(next(self._numbers), "subscribe", {})
        yield {"event": "changed", "runs": [], "targets": True, "more": True}
        while True:
            event = await line.event()
            if event is None:
                return
            yield event

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()
            self._line = None

    async def _ask(self, verb: str, args: dict[str, Any]) -> dict[str, Any]:
        wait = FIRST_WAIT
        for attempt in range(ATTEMPTS):
            line = await self._connected(start=verb not in _HINTS)
            try:
                return await line.ask(next(self._numbers), verb, args)
            except ContactLost:
                if verb not in REPEATABLE or attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        raise EngineUnavailable("the engine starts and leaves again.", where=str(self._paths.engine_log))

    async def _connected(self, start: bool) -> _Line:
        async with self._opening:
            if self._line is not None and not self._line.lost:
                return self._line
            again = self._line is not None
            await self.close()
            call = _Call(partial(self._dial, start))
            try:
                await asyncio.to_thread(call.make)
                self._line = await _Line.open(call.line)
            except BaseException:
                call.give_up()
                raise
            if again:
                await self._tell_again(self._line)
            return self._line

    async def _tell_again(self, line: _Line) -> None:
        """A new engine, or a new connection, knows nothing of what this face looks at."""
        with contextlib.suppress(AmlError):
            if self._subscribed:
                await line.ask(next(self._numbers), "subscribe", {})
            if self._watched:
                await line.ask(next(self._numbers), "watch", {"ids": self._watched})
            if any(self._sampled.values()):
                await line.ask(next(self._numbers), "sample", self._sampled)

    def _dial(self, start: bool) -> socket.socket:
        return open_connection(self._paths, start=start).detach()


class _Call:
    """A connection that a thread makes: it is closed if whoever wanted it has gone meanwhile."""

    def __init__(self, dial: Callable[[], socket.socket]) -> None:
        self._dial = dial
        self._lock = threading.Lock()
        self._over = False
        self._line: socket.socket | None = None

    def make(self) -> None:
        """Blocking, in a thread."""
        line = self._dial()
        with self._lock:
            self._line = line
            if self._over:
                line.close()

    @property
    def line(self) -> socket.socket:
        assert self._line is not None
        return self._line

    def give_up(self) -> None:
        with self._lock:
            self._over = True
            if self._line is not None:
                self._line.close()


class _Line:
    """One connection: answers go to who asked, events merge into one until somebody takes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lost = False
        self._reader = reader
        self._writer = writer
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._event: dict[str, Any] | None = None
        self._came = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(), name="listen to the engine")

    @classmethod
    async def open(cls, line: socket.socket) -> _Line:
        line.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=line, limit=MAX_LINE)
        return cls(reader, writer)

    async def ask(self, number: int, verb: str, args: dict[str, Any]) -> dict[str, Any]:
        message = encode({"id": number, "verb": verb, "args": args})
        if len(message) > MAX_LINE:
            raise AmlError(
                f"the request is too large ({len(message) >> 20} MiB; at most {MAX_LINE >> 20}).",
                remedy="Pass long lists to the script in a file.",
            )
        if self.lost:
            raise _contact_lost()
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self._writer.write(message)
            await self._writer.drain()
            return await answer
        except OSError as error:
            raise _contact_lost() from error
        finally:
            del self._asked[number]
            if answer.done() and not answer.cancelled():
                answer.exception()

    async def event(self) -> dict[str, Any] | None:
        """The next event; None when contact is lost."""
        await self._came.wait()
        event, self._event = self._event, None
        if not self.lost:
            self._came.clear()
        return event

    async def close(self) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _listen(self) -> None:
        try:
            while True:
                line = await self._reader.readline()
                if not line.endswith(b"\n"):
                    return
                self._take(decode(line))
        except (OSError, ValueError):
            return
        finally:
            self.lost = True
            self._came.set()
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(_contact_lost())

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            if self._event is not None:
                message["runs"] = sorted({*self._event["runs"], *message["runs"]})
                message["targets"] = message["targets"] or self._event["targets"]
                message["more"] = message["more"] or self._event["more"]
            self._event = message
            self._came.set()
            return
        answer = self._asked.get(message.get("id") or 0)
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(AmlError.from_json(message["error"]))
        else:
            answer.set_result(dict(message.get("ok") or {}))


def _contact_lost() -> ContactLost:
    return ContactLost("contact with the engine was lost.", remedy="Ask again; runs go on without it.")
