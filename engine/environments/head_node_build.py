"""One build of an environment on a head node: begun there or found there, followed by its log, through lost contact."""

from __future__ import annotations

import asyncio
import codecs
import dataclasses
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.environments.building import Build
from engine.environments.commands import Foundation, making, passed_on, pip
from engine.environments.failing import explained
from engine.environments.log import masked
from engine.errors import EnvironmentFailed, HostError, HostLost
from engine.hosts.agent_source import BUILDING_PACKAGE, building_package

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.environments.commands import Making
    from engine.environments.head_node import HeadNodeBuilder, Look
    from engine.environments.ready import Ready
    from engine.hosts.host import Follow, Host, RunExit, RunStatus
    from engine.project.environment import EnvironmentSpec

    T = TypeVar("T")

# How often a build's process is looked at, and a lost host is tried (s).
LOOK, AGAIN = 0.5, 0.2
# A build that takes longer hangs (s).
LONGEST = 6 * 3600.0
# What a build gets to clean up behind itself before it is killed, after each signal (s).
GRACE = (10.0, 10.0)
# A build that others end, or that its host ends with it, is begun again; so often.
ATTEMPTS = 3
MODULE = f"{BUILDING_PACKAGE}.building.main"
ORDER, REQUIREMENTS = "order.json", "requirements.txt"
DISK = "The head node's disk is full: `aml environment prune` removes what nothing needs."
INDEX = "A package index could not be reached from the head node: check its network, its proxy and the index's address."
# Exit codes of a build that was told to end.
TOLD_TO_END = (128 + 2, 128 + 15)
_RUN = "environment-"
_STEP = re.compile(r"Step (\d+)/(\d+) : (.+)")


def run_of(digest: str) -> str:
    """The run that builds an environment, as the head node has it."""
    return f"{_RUN}{digest}"


def digest_of(run: str) -> str:
    """The environment that a run builds."""
    return run.removeprefix(_RUN)


class HeadNodeBuild(Build):
    """A build on a head node."""

    def __init__(self, builder: HeadNodeBuilder, spec: EnvironmentSpec) -> None:
        self._builder = builder
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        # Whether the run that is there now may be our own.
        self._begun = False
        self._bytes = 0
        super().__init__(builder, spec, "looking at the head node")

    async def _size(self, ready: Ready) -> int | None:
        return self._bytes

    async def _made(self) -> Ready:
        look = await self._reached(self._builder.look)
        digest = look.fingerprint(self._spec)
        steps = self._steps(look, digest, (await self._builder.reach()).info.root)
        lock = self._builder.at_work[digest]
        self._change(
            fingerprint=digest, words="waiting for another build of it" if lock.locked() else self.record.words
        )
        async with lock:
            await self._builder.ended(digest)
            await self._reached(self._builder.sweep)
            try:
                return await self._until_ready(look, digest, steps)
            except asyncio.CancelledError:
                if self.record.id not in self._builder.staying:
                    await self._builder.end(digest)
                raise

    async def _until_ready(self, look: Look, digest: str, steps: list[Making]) -> Ready:
        ended: RunExit | None = None
        for attempt in range(ATTEMPTS + 1):
            ready = await self._reached(self._there)
            if ready is not None:
                if self._begun:
                    await self._reached(lambda host: self._builder.clear(host, digest))
                return dataclasses.replace(ready, built=bool(self._offset))
            if attempt == ATTEMPTS:
                break
            if attempt:
                self._log.note("it was ended by somebody else, or with its host, and is begun again")
            self._begin_anew()
            status = await self._reached(lambda host: self._attempt(host, look, digest, steps))
            ended = status.exit
            if ended is not None and not self._was_told(ended):
                await self._reached(lambda host: self._builder.clear(host, digest))
                if ended.code != 0:
                    raise self._failure(ended)
        raise self._failure(ended)

    async def _there(self, host: Host) -> Ready | None:
        look = await self._builder.look(host)
        ready = await self._builder.there(host, look, self._spec)
        if ready is not None:
            kept = look.ready[ready.fingerprint]
            self._bytes = kept["size"] + kept["archive_size"]
        return ready

    def _begin_anew(self) -> None:
        self._begun = False
        self._offset = 0
        self._decoder.reset()
        self._change(step=0, steps=0, words="sending what is needed")

    def _was_told(self, ended: RunExit) -> bool:
        return ended.signal is not None or ended.code in TOLD_TO_END

    def _failure(self, ended: RunExit | None) -> EnvironmentFailed:
        if ended is None or self._was_told(ended):
            error: Exception = HostError("its process was ended on the head node")
        elif ended.timed_out:
            error = HostError(f"it took longer than {LONGEST / 3600:.0f} h")
        else:
            error = HostError(ended.start_error or f"it ended with status {ended.code}")
        lines = [line for line in self._lines if not line.startswith("it ended with status")]
        return explained(
            error,
            lines,
            doing=self.record.words,
            places=self._spec.places,
            host=self._builder.host,
            build=self.record.id,
            disk=DISK,
            index=INDEX,
        )

    async def _reached(self, work: Callable[[Host], Awaitable[T]]) -> T:
        """What is done on the host, tried again after contact was lost: the build there does not notice."""
        while True:
            host = await self._builder.reach()
            try:
                return await work(host)
            except HostLost:
                self._detail = f"contact with {self._builder.host} was lost; it goes on there"
                await asyncio.sleep(AGAIN)

    # The process

    async def _attempt(self, host: Host, look: Look, digest: str, steps: list[Making]) -> RunStatus:
        """Find the build or begin it, follow it to its end; how its run stands then."""
        run = run_of(digest)
        status = (await host.inspect([run]))[run]
        if status.phase in ("exited", "vanished") and not self._begun:
            # Of an engine that died: what came of it was looked at already.
            await self._builder.clear(host, digest)
            status = dataclasses.replace(status, phase="absent")
        if status.phase in ("absent", "laid"):
            await self._start(host, run, look, digest, steps)
        elif not self._begun:
            self._log.note("it is being built there already; this is its log from the beginning")
            self._begun = True
        follow = await host.follow(run, "driver.log", self._offset, self._take)
        try:
            status = await self._at_end(host, run)
            await self._drained(follow, status)
            return status
        finally:
            await follow.stop()

    async def _drained(self, follow: Follow, status: RunStatus) -> None:
        """What was built is there or not; a log that somebody removed who waited for it too says nothing of that."""
        try:
            await follow.drained(status.log_size)
        except HostLost:
            raise
        except HostError as error:
            self._log.note(f"the end of this log is missing: {error}")

    async def _at_end(self, host: Host, run: str) -> RunStatus:
        while True:
            status = (await host.inspect([run]))[run]
            if status.phase not in ("starting", "running"):
                return status
            await asyncio.sleep(LOOK)

    async def _take(self, offset: int, data: bytes) -> None:
        self._offset = offset + len(data)
        for line in self._log.say(self._decoder.decode(data)):
            step = _STEP.fullmatch(line)
            if step and int(step[1]) == self.record.step + 1 and self.record.steps in (0, int(step[2])):
                self._step(int(step[1]), int(step[2]), step[3])
            else:
                self._said(line)

    async def _start(self, host: Host, run: str, look: Look, digest: str, steps: list[Making]) -> None:
        order = {
            "root": host.info.root,
            "fingerprint": digest,
            "mark": self._builder.mark,
            "tool": look.tool,
            "making": [{"argv": list(one.argv), "words": one.words} for one in steps],
            "environ": passed_on(lambda name: self._log.note(f"{name} is not passed on: there is a password in it")),
            "archive": self._spec.spark is not None,
        }
        folder = self._builder.folder / f"{self.record.id}.files"
        try:
            entries, files = await asyncio.to_thread(self._files, folder, order)
            missing = set(await host.missing_blobs([sha for sha, _path in files]))
            await host.put_blobs([(sha, path) for sha, path in files if sha in missing])
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        await host.lay(run, entries)
        self._begun = True
        spec = {
            "argv": [host.info.executable, "-m", MODULE],
            "cwd": "project",
            "env": {},
            "max_duration": LONGEST,
            "grace": list(GRACE),
        }
        await host.start(run, spec)

    def _files(self, folder: Path, order: dict[str, Any]) -> tuple[list[dict[str, Any]], list[tuple[str, Path]]]:
        """What the build finds beside it, as `Host.lay` has it, and where each content is here. Blocking."""
        content = {**building_package(), ORDER: json.dumps(order)}
        content[REQUIREMENTS] = "".join(f"{line}\n" for line in self._spec.pip)
        entries: list[dict[str, Any]] = []
        files: dict[str, Path] = {}
        folder.mkdir(mode=0o700, exist_ok=True)
        for number, (name, text) in enumerate(content.items()):
            path = folder / str(number)
            path.write_text(text, encoding="utf-8")
            data = path.read_bytes()
            sha = hashlib.sha256(data).hexdigest()
            entries.append(_entry(name, sha, len(data)))
            files[sha] = path
        for one in self._spec.sent:
            path = Path(one.path)
            if hashlib.sha256(path.read_bytes()).hexdigest() != one.sha256:
                raise EnvironmentFailed(f"{one.path} changed meanwhile.", remedy="Try again.")
            entries.append(_entry(one.name, one.sha256, path.stat().st_size))
            files[one.sha256] = path
        return entries, list(files.items())

    def _steps(self, look: Look, digest: str, root: str) -> list[Making]:
        """The commands that make it. Raises EnvironmentFailed, with the lines that cannot be had there."""
        prefix = f"{root}/environments/{digest}/prefix"
        on = Foundation(
            f"the head node {self._builder.host}",
            self._spec.image_place,
            "Install conda there, or list the packages under `pip:`.",
            "Install Python or conda there.",
            "Install that Python or conda there, or change the line.",
        )
        found = [making(self._spec, look.tools, prefix, on)]
        if self._spec.pip:
            found.append(pip(self._spec, look.tools, prefix, REQUIREMENTS))
        self._log.note(masked(f"{look.tool} on {self._builder.host}"))
        return found


def _entry(path: str, sha: str, size: int) -> dict[str, Any]:
    return {"path": path, "kind": "file", "mode": 0o644, "size": size, "sha256": sha, "link": ""}
