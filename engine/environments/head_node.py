"""The environments of a cluster's head node: folders there, and archives of them in the cluster's storage.

They are in the person's own folder, so that nobody's environment is another's. The build is a process of the head node,
which a lost connection does not end and the next engine finds; it has one name for one fingerprint, and so is never
there twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.environments.building import Builder
from engine.environments.head_node_build import HeadNodeBuild, digest_of, run_of
from engine.environments.needed import needed_now
from engine.environments.probing import Probe
from engine.environments.ready import ANOTHERS, Kept, Ready
from engine.environments.recipe import fingerprint
from engine.errors import HostError, HostLost
from engine.runs.model import is_image
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from engine.environments.building import Build
    from engine.hosts.host import Host
    from engine.project.environment import EnvironmentSpec, Need
    from engine.runs.model import BuildRecord, ImageUse

log = logging.getLogger(__name__)

# Counts up when the same files would be made into something else.
VERSION = 1
# What a canceled build gets before it is killed; what is waited for its death in all, and by an engine that leaves (s).
GRACE, DEATH, HASTE = 10.0, 30.0, 5.0
LOOK = 0.2


@dataclass(frozen=True)
class Look:
    """What there is on the head node: what environments are made with, those that are ready, by fingerprint.

    `tool` names what would make one now. `unfinished` are fingerprints, `builds` runs of builds.
    """

    tools: Probe
    tool: str
    platform: str
    ready: dict[str, dict[str, Any]]
    unfinished: tuple[str, ...]
    builds: tuple[str, ...]

    def fingerprint(self, spec: EnvironmentSpec) -> str:
        return fingerprint(spec, f"head node {VERSION}, {self.tool}", self.platform)


class HeadNodeBuilder(Builder):
    """`reach` gives the connected host, however long that takes."""

    def __init__(
        self, reach: Callable[[], Awaitable[Host]], host: str, folder: Path, record: Callable[[BuildRecord], None]
    ) -> None:
        super().__init__(host, folder, record)
        self.reach = reach
        # Builds that go on when this engine leaves: runs wait for them, and the next engine takes both up.
        self.staying: frozenset[str] = frozenset()
        self._patience = DEATH
        self.at_work: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ending: dict[str, asyncio.Task[None]] = {}

    def leave(self, staying: frozenset[str]) -> None:
        """The engine is about to leave; `staying`: the builds that runs wait for."""
        self.staying = staying
        self._patience = HASTE

    async def close(self) -> None:
        """What cannot be ended because its host is away is left to itself."""
        for task in self._ending.values():
            task.cancel()
        await asyncio.gather(*self._ending.values(), return_exceptions=True)

    # What is there

    async def look(self, host: Host) -> Look:
        told = await host.prepared()
        tools = told["tools"]
        version = tuple(tools["version"])
        written = ".".join(map(str, version))
        return Look(
            tools=Probe(tools["python"], version, tools["conda"], tools["uv"]),
            tool=f"conda {tools['conda']}" if tools["conda"] else f"venv {tools['python']} {written}",
            platform=tools["platform"],
            ready={one["fingerprint"]: one for one in told["environments"]},
            unfinished=tuple(told["unfinished"]),
            builds=tuple(told["builds"]),
        )

    async def find(self, spec: EnvironmentSpec) -> Ready | None:
        host = await self.reach()
        return await self.there(host, await self.look(host), spec)

    async def there(self, host: Host, look: Look, spec: EnvironmentSpec) -> Ready | None:
        """The environment if it is ready; for Spark, only with its archive where nodes find it."""
        digest = look.fingerprint(spec)
        kept = look.ready.get(digest)
        if kept is None:
            return None
        interpreter = f"{kept['prefix']}/bin/python"
        if spec.spark is None:
            return Ready(kept["prefix"], interpreter, "", digest)
        if not kept["archive"]:
            return None
        if kept["stored"] and not (await host.stored(kept["archive"], kept["archive_size"]))[0]:
            # Somebody removed it from the cluster's storage: it is packed again.
            return None
        return Ready(kept["archive"], interpreter, "", digest)

    async def keeps_something(self) -> bool:
        look = await self.look(await self.reach())
        return bool(look.ready or look.unfinished)

    async def listed(
        self, uses: Sequence[ImageUse], needs: Sequence[Need], runs: Sequence[tuple[str, str, str]]
    ) -> list[Kept]:
        look = await self.look(await self.reach())

        async def resolved(spec: EnvironmentSpec) -> str:
            return look.fingerprint(spec)

        ours = [use for use in uses if not is_image(use.image)]
        needed = await needed_now([need for need in needs if need.head_node], ours, resolved)
        building = {build.record.fingerprint for build in self.builds.values()}
        return [
            Kept(
                fingerprint=digest,
                image=one["archive"] or one["prefix"],
                size=_size(one),
                created=one["created"],
                last_used=max((use.last_used for use in ours if use.fingerprint == digest), default=None),
                configurations=tuple(needed.get(digest, ())),
                in_use=(
                    *(f"run {run}" for run, its, _image in runs if its == digest),
                    *(("a build",) if digest in building else ()),
                    *(() if one["owner"] == self.mark else (ANOTHERS,)),
                ),
            )
            for digest, one in look.ready.items()
        ]

    async def disk(self) -> int:
        return sum(map(_size, (await self.look(await self.reach())).ready.values()))

    # What goes

    async def remove(self, fingerprint: str) -> None:
        if not await (await self.reach()).unprepare(fingerprint):
            raise HostError("somebody is at work on it.", where=self.host, remedy="Try again when that has ended.")

    async def tidy(self, keep: int = 0, but: Build | None = None) -> None:
        """A build that fails or is canceled has seen to that itself, and its host may be away."""
        if but is None:
            await self.sweep(await self.reach())

    async def sweep(self, host: Host) -> None:
        """Remove what engines that died left of builds which have ended, but for those that this engine looks at."""
        look = await self.look(host)
        busy = {digest for digest, lock in self.at_work.items() if lock.locked()}
        status = await host.inspect(look.builds)
        for run, one in status.items():
            if one.phase in ("exited", "vanished") and digest_of(run) not in busy:
                await host.remove_run(run)
        alive = {digest_of(run) for run, one in status.items() if one.phase not in ("exited", "vanished")}
        for digest in set(look.unfinished) - busy - alive:
            await host.unprepare(digest, unfinished=True)

    # Building

    def _build(self, spec: EnvironmentSpec) -> HeadNodeBuild:
        return HeadNodeBuild(self, spec)

    async def end(self, digest: str) -> None:
        """End a build for which nobody waits; while its host is away, once that is back."""
        task = self._ending.get(digest)
        if task is None:
            task = self._ending[digest] = asyncio.create_task(self._end(digest), name=f"end build {digest}")
            task.add_done_callback(lambda _done: self._ending.pop(digest, None))
        await asyncio.wait({task}, timeout=self._patience)

    async def ended(self, digest: str) -> None:
        """Return once no earlier build of it is on its way out."""
        if digest in self._ending:
            await asyncio.wait({self._ending[digest]})

    async def _end(self, digest: str) -> None:
        while True:
            host = await self.reach()
            try:
                await self.clear(host, digest)
                await host.unprepare(digest, unfinished=True)
                return
            except HostLost:
                await asyncio.sleep(LOOK)
            except HostError as error:
                log.warning("%s: the build of %s stays: %s", self.host, digest, error)
                return

    async def clear(self, host: Host, digest: str) -> None:
        """End what is alive of a build and remove its run. Raises HostError."""
        run = run_of(digest)
        await host.forbid(run)
        for signal in ("TERM", "KILL"):
            await host.signal(run, signal)
            with contextlib.suppress(asyncio.TimeoutError):
                async with timeout(GRACE):
                    await self._dead(host, run)
                break
        await host.remove_run(run)

    async def _dead(self, host: Host, run: str) -> None:
        while True:
            status = (await host.inspect([run]))[run]
            if status.phase not in ("starting", "running") and not await host.processes(run):
                return
            await asyncio.sleep(LOOK)


def _size(kept: dict[str, Any]) -> int:
    """Bytes of the folder and its archive."""
    return int(kept["size"]) + int(kept["archive_size"])
