"""A script in a container: `docker` on this machine, `remotedocker` on another. It knows nothing of where that is.

The run's own runner is the first program of the container, so its record of the run is the same as without one, and
what is left to the Docker Engine is to keep the container. With `sharedVolumes` the run directory is the host's, seen
from inside; without, files are copied in before the start and out after the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError, HostError, HostLost, LaunchError
from engine.launchers import container_config as config
from engine.launchers.container_ends import forgotten, merged
from engine.launchers.launcher import Home
from engine.launchers.prepared import prepared
from engine.runs.model import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.hosts.docker.api import Container, DockerApi
    from engine.hosts.host import Follow, Host, Proc, RunStatus, Sink
    from engine.launchers.container_news import ContainerNews
    from engine.launchers.launcher import Say
    from engine.launchers.prepared import Environments, Ready
    from engine.paths import Paths
    from engine.project.snapshot import Snapshot
    from engine.runs.model import Run, RunPlan

log = logging.getLogger(__name__)

# What a container that has done its work gets before it is killed, seconds.
STOP = 5
# How long a run that has not begun waits for a Docker Engine that may just be restarting, seconds.
PATIENCE = 20.0
# Waits between two tries to reach a Docker Engine, seconds.
REACH_FIRST, REACH_LONGEST = 0.2, 5.0
# Containers whose files are copied out at once: each holds two threads.
COPIES = 2


class ContainerLauncher:
    """Starts scripts in containers, in the images that `environments` has."""

    def __init__(self, environments: Environments, paths: Paths) -> None:
        self.environments = environments
        self.paths = paths
        self.copying = asyncio.Semaphore(COPIES)
        self._news: dict[tuple[str, str], ContainerNews] = {}

    def place(self, host: Host, run: Run, plan: RunPlan) -> ContainerRun:
        return ContainerRun(self, host, run, plan)

    async def news(self, docker: DockerApi) -> ContainerNews:
        """What this Docker Engine says; a new connection to the same one takes the place of the old."""
        from engine.launchers.container_news import ContainerNews

        key = (docker.name, docker.endpoint.url)
        known = self._news.get(key)
        if known is None or known.docker is not docker:
            self._news[key] = ContainerNews(docker)
            if known is not None:
                await known.close()
        return self._news[key]

    def look(self, run_id: str, seen: bool) -> None:
        """There is nothing more to be known."""

    async def close(self) -> None:
        for news in self._news.values():
            await news.close()
        self._news.clear()


class ContainerRun:
    """One run and its container, found by its name and label whatever died meanwhile."""

    def __init__(self, launcher: ContainerLauncher, host: Host, run: Run, plan: RunPlan) -> None:
        self.launcher = launcher
        self.host = host
        self.run = run
        self.plan = plan
        self.name = config.container_name(run.id)
        self.shared = bool(plan.options["container"].get("shared_volumes", True))

    async def prepare(self, say: Say) -> dict[str, Any]:
        """The image, built if need be and allowed."""
        docker = await self._docker_engine(say)
        ready = await prepared(self.launcher.environments, self.run, self.plan, say)
        return await self._handle(docker, ready)

    async def _docker_engine(self, say: Say) -> DockerApi:
        from engine.hosts.docker.api import DockerDenied

        patience = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.host.docker()
            except HostLost as error:
                if not self.host.connected:
                    raise
                if isinstance(error, DockerDenied) or time.monotonic() > patience:
                    raise LaunchError(error.message, where=error.where, remedy=error.remedy) from error
                await say(f"waiting: {error.message}")
            await asyncio.sleep(REACH_FIRST)

    async def _handle(self, docker: DockerApi, ready: Ready) -> dict[str, Any]:
        image = await docker.image(ready.image)
        return {
            "container": self.name,
            "docker": docker.endpoint.to_json(),
            "image": ready.image,
            "image_env": image.env if image else {},
            "fingerprint": ready.fingerprint,
            "interpreter": ready.interpreter,
            "spark_submit": self._spark_submit(ready),
            "passwd": config.passwd_with(ready.passwd, self.host.info, docker.info),
        }

    def _spark_submit(self, ready: Ready) -> list[str]:
        if self.plan.framework != "PySpark":
            return []
        from engine.project.environment import EnvironmentSpec

        spark = EnvironmentSpec.from_json(self.plan.options["environment"]).spark
        return [ready.spark_submit, *(spark.arguments() if spark else ())]

    @property
    def _prepared(self) -> dict[str, Any]:
        assert self.run.handle is not None
        return self.run.handle

    async def _docker(self) -> DockerApi:
        """The Docker Engine that has its container, whichever is the usual one now."""
        at = (self.run.handle or {}).get("docker")
        if at is None:
            return await self.host.docker()
        from engine.hosts.docker.finding import Endpoint

        return await self.host.docker(Endpoint.from_json(at))

    @property
    def _may_have_one(self) -> bool:
        """Whether a container can have been made: before its name is in the store none is."""
        return "container" in (self.run.handle or {})

    def _argv(self) -> tuple[str, ...]:
        prepared = self._prepared
        return config.argv_in(self.plan, prepared["interpreter"], tuple(prepared["spark_submit"]))

    async def lay(self, snapshot: Snapshot) -> None:
        await self.host.lay(self.run.id, [entry.to_json() for entry in snapshot.entries])

    def command(self) -> Command:
        return Command(time.time(), self.host.name, self._argv(), f"{config.RUN}/project")

    async def launch(self) -> dict[str, Any]:
        docker = await self._docker()
        there = await docker.inspect(self.name)
        if there is None or there.state == "created" or there.gone:
            if await self._has_begun(docker):
                # Its container was removed behind our back, or Docker has forgotten that it was started.
                return {**self._prepared, "container_id": there.id if there else ""}
            try:
                await self._make_anew(docker, there)
            except HostLost:
                raise
            except HostError as error:
                await docker.remove(self.name, force=True)
                raise LaunchError(error.message, where=error.where, remedy=error.remedy) from error
            there = await docker.inspect(self.name)
        return {**self._prepared, "container_id": there.id if there else ""}

    async def _has_begun(self, docker: DockerApi) -> bool:
        """Whether its script has begun, by the record that lets it begin once."""
        if self.shared:
            status = (await self.host.inspect([self.run.id]))[self.run.id]
            return status.phase in ("exited", "vanished", "running")
        there = await docker.inspect(self.name)
        if there is None or there.gone:
            return False
        return await docker.has(self.name, f"{config.RUN}/status/process.json")

    async def _make_anew(self, docker: DockerApi, there: Container | None) -> None:
        """Create and start, in place of one that was not started or whose start was cut off."""
        if there is not None and not await self._discard(docker):
            return
        try:
            await self._create_and_start(docker)
        except HostLost:
            raise
        except HostError as error:
            if "already exists" not in error.message:
                raise
            # A daemon that died while it started this one knows nothing any more of the task it had begun.
            if await self._discard(docker):
                await self._create_and_start(docker)

    async def _discard(self, docker: DockerApi) -> bool:
        """Remove its container and what may run of it unknown to Docker; False when its script began after all."""
        await self.host.contain(self.run.id, None)
        if await self._has_begun(docker):
            return False
        await docker.remove(self.name, force=True)
        return True

    async def _create_and_start(self, docker: DockerApi) -> None:
        spec = config.spec_of(self.run, self.plan, self.host.info, self._prepared["passwd"])
        if self.shared:
            await self.host.contain(self.run.id, spec)
        await docker.create(self.name, self._config(docker, init=True))
        await self._fill(docker, spec)
        try:
            await docker.start(self.name)
        except HostLost:
            raise
        except HostError as error:
            if "docker-init" not in error.message:
                raise
            # This Docker Engine came without its init; the runner reaps what is left to it as well.
            await docker.remove(self.name, force=True)
            await docker.create(self.name, self._config(docker, init=False))
            await self._fill(docker, spec)
            await docker.start(self.name)

    def _config(self, docker: DockerApi, *, init: bool) -> dict[str, Any]:
        prepared = self._prepared
        return config.container_config(
            self.run,
            self.plan,
            host=self.host.info,
            docker=docker.info,
            image=prepared["image"],
            image_env=prepared["image_env"],
            interpreter=prepared["interpreter"],
            argv=self._argv(),
            passwd=bool(prepared["passwd"]),
            init=init,
        )

    async def _fill(self, docker: DockerApi, spec: dict[str, Any]) -> None:
        """Without a shared folder, the run directory and what a script finds beside it are copied in."""
        if self.shared:
            return
        from engine.launchers import container_copies as copies
        from engine.project import snapshot as snapshots

        info = self.host.info
        owner = copies.Owner(0, 0) if docker.info.rootless else copies.Owner(info.uid, info.gid)

        assert self.run.snapshot is not None
        paths = self.launcher.paths
        taken = await asyncio.to_thread(snapshots.load, paths.snapshots, self.run.snapshot)
        described = json.dumps({**spec, "passwd": ""}).encode("ascii")
        file = await asyncio.to_thread(
            copies.run_archive, owner, taken, paths.blobs, described, self._prepared["passwd"]
        )
        with contextlib.closing(file):
            await docker.put_archive(self.name, "/", copies.pieces_of(file))

    async def inspect(self) -> RunStatus:
        status = (await self.host.inspect([self.run.id]))[self.run.id]
        if status.phase == "absent" or not self._may_have_one:
            return status
        try:
            docker = await self._docker()
            there = await docker.inspect(self.name)
        except HostError:
            if status.phase == "exited":
                return status
            raise
        if there is not None and there.gone:
            there = None
        if there is None and status.phase == "running":
            await self.host.contain(self.run.id, None)
            status = (await self.host.inspect([self.run.id]))[self.run.id]
        elif there is not None and not there.running and status.phase != "exited":
            # It may have ended between the two looks, and then there is a record by now.
            status = (await self.host.inspect([self.run.id]))[self.run.id]
        if there is not None and there.state == "created" and await self._has_begun(docker):
            return await forgotten(status, there, docker, self.host, self.run.id, shared=self.shared)
        launched = "container_id" in (self.run.handle or {})
        return await merged(status, there, docker, self.plan, shared=self.shared, launched=launched)

    async def take_up(self, status: RunStatus) -> bool:
        return False

    async def watch(self, nudge: Callable[[], None]) -> None:
        if not self._may_have_one:
            return
        docker = await self._docker()
        (await self.launcher.news(docker)).listen(self.run.id, nudge)
        if self.shared:
            await self.host.watch_runs([self.run.id])

    async def unwatch(self) -> None:
        await self.host.unwatch_runs([self.run.id])
        if self._may_have_one:
            with contextlib.suppress(AmlError):
                (await self.launcher.news(await self._docker())).unlisten(self.run.id)

    async def follow(
        self, name: str, offset: int, sink: Sink, interval: float, on_cut: Callable[[int], None]
    ) -> Follow:
        # What tells stdout from stderr is worth no program of its own beside the script: it comes at the end.
        if not self.shared and name != "driver.streams":
            docker = await self._docker()
            there = await docker.inspect(self.name)
            if there is not None and there.running:
                from engine.launchers.container_follow import ContainerFollow

                path = f"{config.RUN}/{'logs/' if name == 'driver.log' else ''}{name}"
                return ContainerFollow(docker, self.name, self._prepared["interpreter"], path, offset, sink)
        return await self.host.follow(self.run.id, name, offset, sink, interval, on_cut)

    async def forbid(self) -> bool:
        if self._may_have_one:
            docker = await self._docker()
            there = await docker.inspect(self.name)
            if there is not None and (not (there.state == "created" or there.gone) or not await self._discard(docker)):
                return False
        return await self.host.forbid(self.run.id)

    async def signal(self, name: str) -> None:
        docker = await self._docker()
        if not await docker.kill(self.name, f"SIG{name}"):
            await self.host.signal(self.run.id, name)

    async def processes(self) -> list[Proc]:
        from engine.hosts.host import Proc

        docker = await self._docker()
        there = await docker.inspect(self.name)
        if there is None or not there.running:
            # There is nothing, unless Docker has forgotten what it started.
            return await self.host.processes(self.run.id)
        # Between the two questions it may have ended; then there are none.
        return [Proc(one.pid, 0, one.command) for one in await docker.top(self.name)]

    async def bring_home(self) -> Home:
        if not self._may_have_one:
            return Home()
        docker = await self._docker()
        there = await docker.inspect(self.name)
        left: list[str] = []
        if there is not None:
            if there.running:
                await docker.stop(self.name, STOP)
            if not self.shared and not there.gone and (there.state != "created" or await self._has_begun(docker)):
                from engine.launchers.container_copies import bring_home

                async with self.launcher.copying:
                    left = await bring_home(docker, self.name, self.host, self.run.id)
            try:
                await docker.remove(self.name, force=True)
            except HostLost:
                raise
            except HostError as error:
                # Everything is home: the run is not held by what Docker cannot let go of.
                left.append(f"the container {self.name} could not be removed: {error.message}")
        await self.host.contain(self.run.id, None)
        return Home(not self.shared, tuple(left))

    async def reach(self) -> None:
        wait = REACH_FIRST
        while True:
            try:
                return await (await self._docker()).ping()
            except HostError as error:
                if not self.host.connected:
                    raise HostLost(f"contact with {self.host.name} was lost.", where=self.host.name) from error
            await asyncio.sleep(wait)
            wait = min(wait * 2, REACH_LONGEST)
