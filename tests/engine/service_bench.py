"""A service inside the test's own process, around an engine that only notes what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.errors import NotFound
from engine.service import Service
from tests.tui.history import make_run
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from engine.hosts.host import Output
    from engine.paths import Paths
    from engine.runs.model import Run
    from engine.runs.request import RunRequest


class NotingCore:
    """The engine's surface. `hold` stops submissions on their way, `big` makes answers large."""

    def __init__(self) -> None:
        self.on_change: Callable[[set[str], bool], None] = lambda _runs, _targets: None
        self.submitted: list[str] = []
        self.watched: dict[str, tuple[str, ...]] = {}
        self.hold = asyncio.Event()
        self.hold.set()
        self.begun = 0
        self.asked = 0
        self.big = ""
        self.at_hand = 0
        self.trouble = ""
        self.at_work = 0
        self.stopped = False
        self.before_submit: Callable[[], None] = lambda: None

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped = True

    async def submit(self, request: RunRequest) -> Run:
        self.begun += 1
        self.before_submit()
        await self.hold.wait()
        if request.token not in self.submitted:
            self.submitted.append(request.token)
        return dataclasses.replace(make_run(len(self.submitted)), config=request.config)

    async def cancel(self, run_ids: Iterable[str]) -> dict[str, str]:
        return dict.fromkeys(run_ids, "no")

    async def delete(self, run_ids: Iterable[str], *, now: bool = False) -> dict[str, str]:
        return dict.fromkeys(run_ids, "not now" if now else "no")

    async def restore(self, run_ids: Iterable[str]) -> dict[str, str]:
        return dict.fromkeys(run_ids, "no way back")

    async def update(self, run_id: str, changes: dict[str, Any]) -> Run:
        raise NotFound(f"there is no run {run_id!r}.", remedy="Look.", where="here")

    def watch(self, face: str, run_ids: Iterable[str]) -> None:
        self.watched[face] = tuple(run_ids)

    async def sample(self, face: str, hosts: Iterable[str], docker: Iterable[str] = ()) -> None: ...

    async def connect(self, host: str) -> None:
        await asyncio.Event().wait()

    async def outputs(self, run_id: str) -> list[Output]:
        raise ZeroDivisionError("a mistake of ours")

    async def fetch(self, run_id: str, path: str, dest: Path) -> dict[str, Any]:
        return {"files": 1, "bytes": 2, "skipped": []}

    async def prepare(self, request: RunRequest) -> dict[str, Any]:
        return {"state": "nothing", "config": request.config}

    async def environments(self, host: str | None) -> dict[str, Any]:
        return {"environments": [], "host": host}

    async def prune(self, host: str | None, ids: Iterable[str] | None, everything: bool, force: bool) -> dict[str, Any]:
        return {"removed": None if ids is None else list(ids), "host": host, "all": everything, "force": force}

    async def stop_builds(self, ids: Iterable[str]) -> dict[str, str]:
        return dict.fromkeys(ids, "no")

    def status(self) -> dict[str, Any]:
        self.asked += 1
        return {"pid": 0, "big": self.big}

    def unfinished(self) -> int:
        return self.at_hand

    def building(self) -> int:
        return self.at_work


class Line:
    """A face that speaks the wire by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.number = 0

    def say(self, verb: str, **args: Any) -> int:
        self.number += 1
        self.writer.write(json.dumps({"id": self.number, "verb": verb, "args": args}).encode() + b"\n")
        return self.number

    async def hear(self) -> dict[str, Any]:
        """The next message; an empty one when the other end closed."""
        line = await asyncio.wait_for(self.reader.readline(), 30)
        return dict(json.loads(line)) if line else {}

    async def ask(self, verb: str, **args: Any) -> dict[str, Any]:
        number = self.say(verb, **args)
        while True:
            message = await self.hear()
            if not message or message.get("id") == number:
                return message

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Bench:
    """A running service and what connects to it."""

    def __init__(self, paths: Paths, idle_exit: float = 600.0) -> None:
        self.paths = paths
        self.core = NotingCore()
        self.service = Service(paths, lambda _: self.core, idle_exit)
        self.ready = asyncio.Event()
        self.lines: list[Line] = []

    async def start(self) -> None:
        self.task = asyncio.create_task(self.service.run(self.ready.set))
        await until_async(lambda: self.ready.is_set() or self.task.done())
        if self.task.done():
            self.task.result()

    async def stop(self) -> None:
        for line in self.lines:
            await line.close()
        self.core.hold.set()
        self.service.leave("the test is over")
        await self.task

    async def line(self, *, greet: bool = True) -> Line:
        line = Line(*await asyncio.open_unix_connection(str(self.paths.socket), limit=1 << 24))
        self.lines.append(line)
        if greet:
            assert (await line.ask("hello", version=__version__))["ok"]["version"] == __version__
        return line
