"""A script by spark-submit on a cluster's head node, its executors on YARN.

The driver is a process of the head node (client mode), so log, metrics, outputs and the exit code are those of a run
there. What YARN has of it carries a tag that is written down before anything is started; so it is found, and ended,
whatever died meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from engine.errors import HostError, HostLost
from engine.hosts.host import Proc
from engine.launchers.launcher import Home
from engine.launchers.process import ProcessRun
from engine.launchers.spark_python import python_arguments
from engine.launchers.yarn import Yarn
from engine.project import snapshot as snapshots

if TYPE_CHECKING:
    from engine.hosts.host import Host
    from engine.launchers.launcher import Say
    from engine.launchers.prepared import Environments
    from engine.launchers.yarn import Application
    from engine.paths import Paths
    from engine.runs.model import Run, RunPlan

# An application may end by itself once its driver has: so long it is waited for, then it is killed (s).
ENDS_WITHIN = 10.0
LOOK = 0.5
# Files of the project's root that executors get beside the script.
MODULES = (".py", ".zip", ".egg")


class SparkRun(ProcessRun):
    """One run: its driver's process on the head node, and its applications."""

    def __init__(self, launcher: SparkLauncher, host: Host, run: Run, plan: RunPlan) -> None:
        super().__init__(host, run, plan, launcher.environments)
        self._launcher = launcher
        self._yarn = launcher.yarn(host)

    async def prepare(self, say: Say) -> dict[str, Any]:
        """The tag, lower case as YARN wants it, before there is anything that could carry it."""
        return {"tag": f"aml-{self.run.id.lower()}", **await super().prepare(say)}

    @property
    def _tag(self) -> str:
        return str((self.run.handle or {}).get("tag") or "")

    def _argv(self, modules: tuple[str, ...] = ()) -> tuple[str, ...]:
        submit, *settings = (str(item) for item in self.plan.options["spark_submit"])
        given = {word.partition("=")[0] for word in settings}
        ours = [] if "spark.master" in given else ["--master", "yarn"]
        ours += ["--deploy-mode", "client", "--conf", f"spark.yarn.tags={self._tag}"]
        if "spark.app.name" not in given:
            ours += ["--name", self.run.name]
        ours += python_arguments(settings, self.environment, self.host.info.absolute(self.plan.interpreter))
        if modules:
            ours += ["--py-files", ",".join(modules)]
        return (self.host.info.absolute(submit), *settings, *ours, *self.plan.argv)

    async def launch(self) -> dict[str, Any]:
        modules = await asyncio.to_thread(self._modules)
        handle = await self.host.start(self.run.id, self._spec(self._argv(modules)))
        return {**(self.run.handle or {}), **handle}

    def _modules(self) -> tuple[str, ...]:
        """What lies beside the script and is code: executors on other machines do not see the run directory."""
        assert self.run.snapshot is not None
        taken = snapshots.load(self._launcher.paths.snapshots, self.run.snapshot)
        script = self.plan.script.removeprefix("./")
        return tuple(
            entry.path
            for entry in taken.entries
            if entry.kind == "file" and "/" not in entry.path and entry.path.endswith(MODULES) and entry.path != script
        )

    async def processes(self) -> list[Proc]:
        """Those of the driver; when there are none any more, what YARN still has of the run."""
        left = await super().processes()
        return left or [Proc(0, 0, f"{one.id} on YARN, {one.state}") for one in await self._unfinished()]

    async def signal(self, name: str) -> None:
        """The driver is told first; from "TERM" on its applications are killed as well."""
        await super().signal(name)
        if name != "INT":
            for one in await self._unfinished():
                await self._yarn.kill(one)

    async def _unfinished(self) -> list[Application]:
        if not self._tag:
            return []
        return [one for one in await self._yarn.applications(self._tag) if not one.over]

    async def bring_home(self) -> Home:
        """No application outlives its driver: one that does not end by itself is killed."""
        try:
            await self._end_applications()
        except HostLost:
            raise
        except HostError as error:
            return Home(left=(f"what YARN has of it could not be ended: {error.message}",))
        return Home()

    async def _end_applications(self) -> None:
        deadline = time.monotonic() + ENDS_WITHIN
        while left := await self._unfinished():
            if time.monotonic() > deadline:
                for one in left:
                    with contextlib.suppress(HostError):
                        await self._yarn.kill(one)
                deadline = time.monotonic() + ENDS_WITHIN
            await asyncio.sleep(LOOK)


class SparkLauncher:
    """Starts PySpark scripts on clusters."""

    def __init__(self, paths: Paths, environments: Environments) -> None:
        self.paths = paths
        self.environments = environments
        self._yarns: dict[str, tuple[Host, Yarn]] = {}

    def place(self, host: Host, run: Run, plan: RunPlan) -> SparkRun:
        return SparkRun(self, host, run, plan)

    def yarn(self, host: Host) -> Yarn:
        """One for each connection to a head node: which ResourceManager answers is asked once."""
        known = self._yarns.get(host.name)
        if known is None or known[0] is not host:
            known = self._yarns[host.name] = (host, Yarn(host))
        return known[1]

    async def close(self) -> None:
        self._yarns.clear()
