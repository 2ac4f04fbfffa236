"""What a face can ask, as functions from checked arguments to JSON. The names are those of `engine.wire.VERBS`."""

from __future__ import annotations

import base64
import dataclasses
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine import __version__
from engine.errors import AmlError, UsageError
from engine.hosts.terminal import Window
from engine.plain import plain
from engine.project.machine import Machine
from engine.runs.request import RunRequest, check_priority
from engine.runs.tags import tag_problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from engine.hands import Hands
    from engine.hosts.host import Output
    from engine.paths import Paths
    from engine.runs.forecast import Forecast
    from engine.runs.model import Run

log = logging.getLogger(__name__)

# These go on when the face that asked has left: it may have been a command line that was interrupted.
LASTING = frozenset({"submit", "cancel", "delete", "update", "prepare", "environments"})


# The most of a file that is told in one answer, bytes.
MAX_READ = 2 << 20


class Core(Protocol):
    """The engine as its service needs it: `engine.engine.Engine`."""

    on_change: Callable[[set[str], bool], None]
    hands: Hands

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def plan(self, request: RunRequest) -> Forecast: ...
    async def submit(self, request: RunRequest) -> Run: ...
    async def cancel(self, run_ids: Iterable[str]) -> dict[str, str]: ...
    async def delete(self, run_ids: Iterable[str], *, now: bool = ...) -> dict[str, str]: ...
    async def restore(self, run_ids: Iterable[str]) -> dict[str, str]: ...
    async def update(self, run_id: str, changes: dict[str, Any]) -> Run: ...
    def watch(self, face: str, run_ids: Iterable[str]) -> None: ...
    async def sample(self, face: str, hosts: Iterable[str], **looks: Iterable[str]) -> None: ...
    async def connect(self, host: str) -> None: ...
    def attempt(self, machine: Machine, args: dict[str, Any]) -> str: ...
    async def look(self, attempt: str, seen: int) -> dict[str, Any]: ...
    def answer(self, attempt: str, question: int, text: str | None, keep: bool) -> None: ...
    async def stop_attempt(self, attempt: str) -> None: ...
    async def outputs(self, run_id: str) -> list[Output]: ...
    async def fetch(self, run_id: str, path: str, dest: Path) -> dict[str, Any]: ...
    async def prepare(self, request: RunRequest) -> dict[str, Any]: ...
    async def environments(self, host: str | None) -> dict[str, Any]: ...
    async def prune(
        self, host: str | None, ids: Iterable[str] | None, everything: bool, force: bool
    ) -> dict[str, Any]: ...
    async def stop_builds(self, ids: Iterable[str]) -> dict[str, str]: ...
    @property
    def trouble(self) -> str: ...
    def status(self) -> dict[str, Any]: ...
    def unfinished(self) -> int: ...
    def building(self) -> int: ...


class Asker(Protocol):
    """The face that asks, as verbs see it."""

    key: str

    def subscribe(self) -> None: ...


class Verbs:
    """Answers to requests. `leave` is called with a reason when the engine is asked to stop."""

    def __init__(self, core: Core, paths: Paths, leave: Callable[[str], None]) -> None:
        self._core = core
        self._paths = paths
        self._leave = leave
        self._known: dict[str, Callable[[Asker, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "hello": self._hello,
            "plan": self._plan,
            "submit": self._submit,
            "cancel": self._cancel,
            "delete": self._delete,
            "update": self._update,
            "watch": self._watch,
            "subscribe": self._subscribe,
            "outputs": self._outputs,
            "fetch": self._fetch,
            "prepare": self._prepare,
            "environments": self._environments,
            "connect": self._connect,
            "sample": self._sample,
            "status": self._status,
            "stop": self._stop,
        }

    @property
    def trouble(self) -> str:
        """What stands in every event."""
        return self._core.trouble

    async def answer(self, face: Asker, verb: object, args: object) -> dict[str, Any]:
        """The answer to one request. Raises AmlError, whatever goes wrong."""
        do = self._known.get(verb) if isinstance(verb, str) else None
        if do is None:
            raise UsageError(f"the engine does not know {verb!r}.", remedy=f"It knows: {', '.join(self._known)}.")
        if not isinstance(args, dict):
            raise UsageError(f"{verb}: `args` must be an object.")
        try:
            return await do(face, args)
        except AmlError:
            raise
        except Exception as error:
            log.exception("%s failed", verb)
            raise AmlError(
                f"the engine failed at {verb}: {type(error).__name__}: {error}",
                where=str(self._paths.engine_log),
                remedy="The log has the details. Runs are not affected.",
            ) from error

    async def _hello(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        log.info("face %s: version %s, process %s", face.key, args.get("version"), args.get("pid"))
        return {"version": __version__, "pid": os.getpid()}

    async def _plan(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        """What a submission would meet; nothing is kept of it, and no machine is connected for it."""
        return {"plan": (await self._core.plan(_request("plan", args))).to_json()}

    async def _submit(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        request = _request("submit", args)
        run = await self._core.submit(request)
        log.info("face %s submitted run %s: %s on %s", face.key, run.id, run.script, run.target)
        return {"run_id": run.id, "number": run.number, "name": run.name, "state": run.state.value}

    async def _cancel(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        ids = _texts(args, "ids")
        log.info("face %s cancels %s", face.key, ", ".join(ids))
        return {"refused": await self._core.cancel(ids)}

    async def _delete(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        """For good, of `ids`; with `op` "put" of `runs` into the bin, with "restore" from there.

        An engine from before there was a bin looks at `ids` alone: it must find none where it is not for good.
        """
        operation = args.get("op")
        if operation not in (None, "put", "restore"):
            raise UsageError("delete: `op` must be put or restore, or none for deleting for good.")
        ids = _texts(args, "runs" if operation else "ids")
        log.info("face %s deletes (%s) %s", face.key, operation or "for good", ", ".join(ids))
        if operation == "restore":
            return {"refused": await self._core.restore(ids)}
        return {"refused": await self._core.delete(ids, now=operation is None)}

    async def _update(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        changes = args.get("changes")
        if not isinstance(changes, dict):
            raise UsageError("update: `changes` must be an object.")
        for name, kind in (("tags", dict), ("description", str), ("priority", int), ("hidden", bool), ("retag", dict)):
            if name in changes and not isinstance(changes[name], kind):
                raise UsageError(f"update: `{name}` must be of type {kind.__name__}.")
        for name, value in changes.get("retag", {}).items():
            if value is not None and (not isinstance(value, str) or tag_problem(name, value)):
                raise UsageError(f"update: {plain(name)!r} is no tag of a run.")
        if not all(isinstance(one, str) for tag in changes.get("tags", {}).items() for one in tag):
            raise UsageError("update: `tags` must be texts.")
        try:
            check_priority(changes.get("priority", 0))
        except ValueError as error:
            raise UsageError(f"update: {error}.") from error
        run = await self._core.update(_text(args, "id"), changes)
        return {"run_id": run.id}

    async def _watch(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        self._core.watch(face.key, _texts(args, "ids"))
        return {}

    async def _subscribe(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        face.subscribe()
        return {}

    async def _outputs(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        """All that is there; with `path` the first `most` bytes of that file."""
        if "path" in args:
            most = min(_number(args, "most"), MAX_READ)
            data = await self._core.hands.read_output(_text(args, "id"), _text(args, "path"), most)
            return {"data": base64.b64encode(data).decode("ascii"), "length": len(data)}
        return {"outputs": [dataclasses.asdict(one) for one in await self._core.outputs(_text(args, "id"))]}

    async def _fetch(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        dest = _text(args, "dest")
        if not dest.startswith("/"):
            raise UsageError("fetch: `dest` must be an absolute path: the engine has another working directory.")
        return await self._core.fetch(_text(args, "id"), str(args.get("path") or ""), Path(dest))

    async def _prepare(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        request = _request("prepare", args)
        log.info("face %s prepares %s of %s", face.key, request.config, request.project)
        return await self._core.prepare(request)

    async def _environments(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        """`op`: "list"; "prune" those of `ids`, or what nothing needs (`all`: nothing uses now); "cancel" builds.

        `force` prunes those of `ids` that another installation built, too.
        """
        operation = args.get("op", "list")
        host = _text(args, "host") if args.get("host") is not None else None
        if operation == "list":
            return await self._core.environments(host)
        if operation == "prune":
            ids = _texts(args, "ids") if args.get("ids") is not None else None
            log.info("face %s prunes environments: %s", face.key, "what is not needed" if ids is None else ids)
            return await self._core.prune(host, ids, bool(args.get("all")), bool(args.get("force")))
        if operation == "cancel":
            ids = _texts(args, "ids")
            log.info("face %s cancels builds: %s", face.key, ", ".join(ids))
            return {"refused": await self._core.stop_builds(ids)}
        raise UsageError("environments: `op` must be list, prune or cancel.")

    async def _connect(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        """`op`: "now" (the host `target`); an attempt that a person looks at: begin, look, answer, stop; of the run
        `id` "shell" or "forward" its `port` (`Hands`); "forwards" lists those there are, "unforward" ends one.
        """
        operation = args.get("op", "now")
        if operation == "now":
            await self._core.connect(_text(args, "target"))
        elif operation == "begin":
            try:
                machine = Machine.from_json(dict(args.get("machine") or {}))
            except (TypeError, ValueError) as error:
                raise UsageError(f"connect: {error}.") from error
            log.info("face %s tries to reach %s", face.key, machine.name)
            return {"attempt": self._core.attempt(machine, args)}
        elif operation == "look":
            return await self._core.look(_text(args, "attempt"), _number(args, "seen"))
        elif operation == "answer":
            text = args.get("answer")
            if text is not None and not isinstance(text, str):
                raise UsageError("`answer` must be a text.")
            self._core.answer(_text(args, "attempt"), _number(args, "question"), text, bool(args.get("keep")))
        elif operation == "stop":
            await self._core.stop_attempt(_text(args, "attempt"))
        elif operation == "shell":
            log.info("face %s opens a shell of %s", face.key, args.get("id"))
            window = Window(str(args.get("term") or "dumb"), _number(args, "rows"), _number(args, "columns"))
            return await self._core.hands.shell(_text(args, "id"), window)
        elif operation == "forward":
            local = _number(args, "local") if args.get("local") is not None else None
            log.info("face %s forwards port %s of %s", face.key, args.get("port"), args.get("id"))
            return await self._core.hands.forward(_text(args, "id"), _number(args, "port"), local)
        elif operation == "forwards":
            return {"forwards": [one.to_json() for one in self._core.hands.forwards()]}
        elif operation == "unforward":
            self._core.hands.end_forward(_text(args, "forward"))
        else:
            words = "now, begin, look, answer, stop, shell, forward, forwards or unforward"
            raise UsageError(f"connect: `op` must be {words}.")
        return {}

    async def _sample(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        looks = {what: _texts(args, what) for what in ("docker", "yarn") if what in args}
        await self._core.sample(face.key, _texts(args, "hosts"), **looks)
        return {}

    async def _status(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        return self._core.status()

    async def _stop(self, face: Asker, args: dict[str, Any]) -> dict[str, Any]:
        self._leave("another version takes over" if args.get("handover") else "asked to stop")
        return {"pid": os.getpid(), "runs": self._core.unfinished(), "builds": self._core.building()}

    def left(self, face: Asker) -> Awaitable[None]:
        """A face has gone: nothing is watched or sampled for it any more."""
        self._core.watch(face.key, ())
        return self._core.sample(face.key, ())


def _request(verb: str, args: dict[str, Any]) -> RunRequest:
    asked = args.get("request")
    try:
        if not isinstance(asked, dict):
            raise TypeError("`request` must be an object")
        return RunRequest.from_json(asked)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{verb}: {error}.") from error


def _text(args: dict[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"`{name}` must be a text.")
    return value


def _number(args: dict[str, Any], name: str) -> int:
    value = args.get(name)
    if not isinstance(value, int):
        raise UsageError(f"`{name}` must be a number.")
    return value


def _texts(args: dict[str, Any], name: str) -> list[str]:
    value = args.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UsageError(f"`{name}` must be a list of texts.")
    return value
