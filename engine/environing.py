"""Environments as the engine has them: who builds on which host, who waits for what, what nothing needs any more.

One object for all hosts: the runs' own preparing and the verb `prepare` go through the same builder of a host, so two
submissions and a `prepare` build once. A host has one for the images of its Docker, or as a cluster's head node one for
folders and their archives, or both. What is built, and who needs it, is written into the store.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError, HostError, HostLost, NotFound, NotNow
from engine.runs.builds import CUT_OFF
from engine.runs.model import ImageUse, is_image

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from engine.environments.builder import ImageBuilder
    from engine.environments.building import Builder
    from engine.environments.head_node import HeadNodeBuilder
    from engine.environments.ready import Kept, Ready
    from engine.hosts.docker.api import DockerApi
    from engine.hosts.host import Host
    from engine.paths import Paths
    from engine.project.environment import EnvironmentSpec
    from engine.runs.ledger import Ledger
    from engine.runs.model import BuildRecord, RunPlan

log = logging.getLogger(__name__)

# This machine, as hosts are named.
LOCAL = "local"
# So many builds are kept in the store, with their logs; they are megabytes each.
KEPT = 200


class Environments:
    """`host` gives a connected host by its name, however long that takes; `asked` soon, or says why not.

    `changed` is called after each change of the store.
    """

    def __init__(
        self,
        paths: Paths,
        ledger: Ledger,
        host: Callable[[str], Awaitable[Host]],
        asked: Callable[[str], Awaitable[Host]],
        changed: Callable[[], None],
    ) -> None:
        self._paths = paths
        self._ledger = ledger
        self._host = host
        self._asked = asked
        self._changed = changed
        # By host: what builds images there, and the connection to its Docker; what builds on a head node.
        self._images: dict[str, tuple[DockerApi, ImageBuilder]] = {}
        self._head_nodes: dict[str, HeadNodeBuilder] = {}
        # One lock a host: a host that does not answer holds up nobody else's.
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Builds that `prepare` began or joined, each with the tasks that wait for it.
        self._waiting: dict[str, set[asyncio.Task[Ready]]] = {}
        # Runs that wait for a build, by the build.
        self._runs: dict[str, set[str]] = {}
        self._writes: set[asyncio.Future[None]] = set()
        # Taken for noting a use and for pruning: an image is not taken away from whom it was just promised to.
        self._noting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pruned: dict[str, int] = {}
        self._closing = False

    async def start(self) -> None:
        """What the last engine left unfinished was cut off with it. The oldest builds and their logs are let go."""
        await self._ledger.do(self._ledger.abandon_builds)
        old = await self._ledger.do(self._ledger.forget_builds, KEPT)
        await asyncio.to_thread(_remove, old)

    def leave(self) -> None:
        """The engine is about to leave: what builds on a head node for a run goes on, and the next engine finds it."""
        self._closing = True
        for builder in self._head_nodes.values():
            builder.leave(frozenset(self._runs))

    async def close(self) -> None:
        """End the builds that only `prepare` waits for, and write what is to be written."""
        self._closing = True
        tasks = [task for tasks in self._waiting.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for builder in self._head_nodes.values():
            await builder.close()
        await asyncio.gather(*self._writes, return_exceptions=True)

    def building(self) -> int:
        """Builds that `prepare` waits for; those of runs are counted as runs."""
        return len(self._waiting)

    async def builder(self, plan: RunPlan) -> Builder:
        """What builds the environment of a plan. Raises HostError."""
        if plan.target_type == "cluster":
            return await self._head_node(plan.host)
        return await self._image_builder(plan.host)

    async def _image_builder(self, host: str) -> ImageBuilder:
        """What builds images on a host; a new one after contact with its Docker was lost. Raises HostError."""
        from engine.environments.builder import ImageBuilder

        async with self._opening[host]:
            docker = await (await self._host(host)).docker()
            known = self._images.get(host)
            if known is not None and known[0] is docker:
                return known[1]
            builder = ImageBuilder(docker, host, self._paths.state / "builds", self._record)
            await builder.begin()
            self._images[host] = (docker, builder)
            return builder

    async def _head_node(self, host: str) -> HeadNodeBuilder:
        from engine.environments.head_node import HeadNodeBuilder

        builder = self._head_nodes.get(host)
        if builder is None:
            folder = self._paths.state / "builds"
            builder = self._head_nodes[host] = HeadNodeBuilder(lambda: self._host(host), host, folder, self._record)
        return builder

    async def find(self, plan: RunPlan) -> Ready | None:
        """The environment of a plan if it is there already; nothing is pulled or built."""
        return await (await self.builder(plan)).find(_spec(plan))

    async def ensure(
        self,
        plan: RunPlan,
        say: Callable[[str], Awaitable[None]],
        run_id: str = "",
        began: Callable[[BuildRecord], None] | None = None,
    ) -> Ready:
        """Have the environment of a plan there, building it if need be; noted as needed by its configuration and run.

        `say` hears what is at work, in words; `began` hears once of the build that is waited for, also of one that
        others began. Raises EnvironmentFailed, HostError, HostLost.
        """

        def note(record: BuildRecord) -> None:
            self._write(self._ledger.note_asker, record.id, plan.project, plan.config)
            if run_id:
                self._runs.setdefault(record.id, set()).add(run_id)
            if began is not None:
                began(record)

        try:
            while True:
                pruned = self._pruned.get(plan.host)
                ready = await (await self.builder(plan)).ensure(_spec(plan), say, began=note)
                async with self._noting[plan.host]:
                    await self._note_use(plan, ready, run_id)
                    if pruned == self._pruned.get(plan.host):
                        return ready
        finally:
            self._runs = {build: runs - {run_id} for build, runs in self._runs.items() if runs - {run_id}}

    async def prepare(self, plan: RunPlan) -> dict[str, Any]:
        """Begin to prepare, or see that it is done: {"state", "build", "fingerprint", "image", "notices"}.

        `state` is "ready", "building" (then `build` is the id of the build in the store, which goes on without the
        asker) or "nothing": this target runs scripts in what is there. Raises as `ensure` does what comes up before a
        build begins.
        """
        if "environment" not in plan.options:
            return {"state": "nothing", "build": None, "fingerprint": "", "image": "", "notices": list(plan.notices)}
        await self._asked(plan.host)
        begun: asyncio.Future[BuildRecord] = asyncio.get_running_loop().create_future()

        def began(record: BuildRecord) -> None:
            if not begun.done():
                begun.set_result(record)
                self._waiting.setdefault(record.id, set()).add(task)

        task = asyncio.create_task(self.ensure(plan, _quiet, began=began), name=f"prepare {plan.config}")
        task.add_done_callback(self._waited)
        try:
            await asyncio.wait((task, begun), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if begun.done():
            # What is said of it from now on is in the store, so it must be there when this is answered.
            await asyncio.gather(*self._writes)
            record = begun.result()
            state, build, fingerprint, image = "building", record.id, record.fingerprint, ""
        else:
            ready = task.result()
            state, build, fingerprint, image = "ready", None, ready.fingerprint, ready.image
        return {
            "state": state,
            "build": build,
            "fingerprint": fingerprint,
            "image": image,
            "notices": list(plan.notices),
        }

    def _waited(self, task: asyncio.Task[Ready]) -> None:
        for build, tasks in list(self._waiting.items()):
            tasks.discard(task)
            if not tasks:
                del self._waiting[build]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, AmlError):
            log.error("%s failed", task.get_name(), exc_info=error)

    async def stop_builds(self, ids: Iterable[str]) -> dict[str, str]:
        """Let go of builds that `prepare` began. Returns what could not be done: build id -> why."""
        ids = list(ids)
        refused: dict[str, str] = {}
        ending: set[asyncio.Task[Ready]] = set()
        for build in ids:
            tasks = self._waiting.get(build, set())
            for task in tasks:
                task.cancel()
            ending |= tasks
            if not tasks:
                refused[build] = str(NotNow("no `prepare` waits for it.", remedy="Cancel the run that does."))
        if ending:
            await asyncio.wait(ending)
            await asyncio.gather(*self._writes)
        for build in set(ids) - refused.keys():
            if runs := self._runs.get(build):
                refused[build] = str(
                    NotNow(f"it goes on: {', '.join(sorted(runs))} waits for it too.", remedy="Cancel that as well.")
                )
        return refused

    async def listed(self, host: str | None) -> dict[str, Any]:
        """What is prepared: {"environments": [...], "unreachable": {host: why}}.

        Each: fingerprint, host, image, size (bytes), created and last_used (epoch seconds), configurations that need it
        now ("project/configuration"), in_use (what uses it at this moment, in words). Without `host`, of all hosts
        that were used. Raises AmlError when the only host that is asked does not answer.
        """
        used = {use.host for use in await self._ledger.do(self._ledger.image_uses)}
        hosts = [host] if host else sorted(used | {LOCAL})
        found: list[dict[str, Any]] = []
        unreachable: dict[str, str] = {}
        for name in hosts:
            try:
                found += await self._listed_on(name)
            except AmlError as error:
                if len(hosts) == 1:
                    raise
                # Whoever has only clusters needs no Docker here.
                if name in used:
                    unreachable[name] = str(error)
        found.sort(key=lambda one: one["last_used"] or one["created"], reverse=True)
        return {"environments": found, "unreachable": unreachable}

    async def prune(self, host: str | None, ids: list[str] | None, everything: bool, force: bool) -> dict[str, Any]:
        """Remove environments: {"removed": [fingerprints], "freed": bytes, "refused": {fingerprint: why}}.

        Those of `ids`, or without it what no configuration needs any more, with `everything` what nothing uses now.
        What a container, an unfinished run or a build uses stays in any case; with `force`, what is in `ids` goes
        though another installation may need it. The layers of builds that failed go too.
        """
        from engine.environments.ready import ANOTHERS

        removed: list[str] = []
        refused: dict[str, str] = {}
        freed = 0
        for name in [host] if host else await self._hosts():
            async with self._noting[name]:
                self._pruned[name] = self._pruned.get(name, 0) + 1
                for builder in await self._builders_on(name):
                    before = await builder.disk()
                    for one in await self._kept(builder):
                        named = ids is not None and one.fingerprint in ids
                        if not (named or (ids is None and (everything or not one.configurations))):
                            continue
                        in_use = [why for why in one.in_use if not (named and force and why == ANOTHERS)]
                        if in_use:
                            if named:
                                more = " `--force` removes it all the same." if in_use == [ANOTHERS] else ""
                                refused[one.fingerprint] = f"it is in use: {', '.join(in_use)}.{more}"
                            continue
                        try:
                            await builder.remove(one.fingerprint)
                            removed.append(one.fingerprint)
                        except HostLost:
                            raise
                        except HostError as error:
                            refused[one.fingerprint] = str(error)
                    # What failed builds left is needed by nobody either.
                    await builder.tidy(0)
                    freed += max(0, before - await builder.disk())
        for unknown in set(ids or ()) - set(removed) - set(refused):
            refused[unknown] = str(NotFound("there is no such environment."))
        self._changed()
        return {"removed": removed, "freed": freed, "refused": refused}

    async def _builders_on(self, host: str) -> list[Builder]:
        """What may have built something on a host. Raises HostError when it, or the Docker that is used there, is away.

        What nobody knows of is asked for as well: the store may be younger than what is kept there.
        """
        there = await self._asked(host)
        if host == LOCAL:
            await there.docker()
            return [await self._image_builder(host)]
        head_node = await self._head_node(host)
        found: list[Builder] = [head_node]
        images = [is_image(use.image) for use in await self._ledger.do(self._ledger.image_uses, host)]
        if any(images) or (not images and not await head_node.keeps_something()):
            try:
                await there.docker()
                found.append(await self._image_builder(host))
            except HostLost:
                raise
            except HostError:
                # A head node has none, and needs none.
                if images:
                    raise
        return found

    async def _listed_on(self, host: str) -> list[dict[str, Any]]:
        return [
            {**dataclasses.asdict(one), "host": host, "configurations": [*one.configurations], "in_use": [*one.in_use]}
            for builder in await self._builders_on(host)
            for one in await self._kept(builder)
        ]

    async def _kept(self, builder: Builder) -> list[Kept]:
        from engine.project.needed import needs_on

        uses = await self._ledger.do(self._ledger.image_uses, builder.host)
        projects = await self._ledger.do(self._ledger.projects)
        needs = await asyncio.to_thread(needs_on, builder.host, projects, uses)
        runs = await self._ledger.do(self._ledger.needed_by_runs, builder.host)
        return await builder.listed(uses, needs, runs)

    async def _hosts(self) -> list[str]:
        uses = await self._ledger.do(self._ledger.image_uses)
        return sorted({use.host for use in uses} | {LOCAL})

    async def _note_use(self, plan: RunPlan, ready: Ready, run_id: str) -> None:
        use = ImageUse(
            host=plan.host,
            fingerprint=ready.fingerprint,
            image=ready.image,
            project=plan.project,
            project_name=plan.project_name,
            config=plan.config,
            target=plan.target,
            last_used=time.time(),
            spec=plan.options["environment"],
        )
        await self._ledger.do(self._ledger.note_use, use, run_id)

    # Writing

    def _record(self, record: BuildRecord) -> None:
        if self._closing and record.state == "canceled":
            record = dataclasses.replace(record, error=CUT_OFF)
        self._write(self._ledger.save_build, record)

    def _write(self, work: Callable[..., None], *arguments: Any) -> None:
        """In order, behind whoever tells; what cannot be written is in the log, and the build goes on."""
        write = asyncio.ensure_future(self._ledger.do(work, *arguments))
        self._writes.add(write)
        write.add_done_callback(self._written)

    def _written(self, write: asyncio.Future[None]) -> None:
        self._writes.discard(write)
        if not write.cancelled() and (error := write.exception()) is not None:
            log.warning("%s", error)
        self._changed()


def _remove(logs: list[str]) -> None:
    for name in logs:
        try:
            Path(name).unlink(missing_ok=True)
        except OSError as error:
            log.warning("an old build's log stays: %s", error)


def _spec(plan: RunPlan) -> EnvironmentSpec:
    from engine.project.environment import EnvironmentSpec

    return EnvironmentSpec.from_json(plan.options["environment"])


async def _quiet(_words: str) -> None:
    """Nobody listens: what is at work is in the store."""
