"""A script as a process on a host, in the Python the person named: `local` now, `remote` over the same agent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from engine.launchers.launcher import Home
from engine.launchers.prepared import prepared
from engine.runs.model import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.hosts.host import Follow, Host, HostInfo, Proc, RunStatus, Sink
    from engine.launchers.launcher import Say
    from engine.launchers.prepared import Environments
    from engine.project.snapshot import Snapshot
    from engine.runs.model import Run, RunPlan

# What a cancelled or timed-out script gets before the next, harder signal: after SIGINT and after SIGTERM, seconds.
GRACE = (10.0, 5.0)


def run_environment(run: Run, plan: RunPlan, folder: str, info: HostInfo) -> dict[str, str]:
    """The variables a script finds, beyond those of its host: the original's AZUREML_* and the configuration's own.

    `folder` is the run directory as the script sees it. AZUREML_NATIVE_SHARE_DIRECTORY ends with a slash because
    scripts append a file name to it.
    """
    found = dict(plan.environ)
    found.update(plan.environment_variables)
    found.update(
        {
            "AZUREML_RUN_ID": run.id,
            "AZUREML_TARGET_TYPE": plan.target_type,
            "AZUREML_OUTPUT_DIRECTORY": f"{folder}/outputs",
            "AML_METRICS_FILE": f"{folder}/metrics.jsonl",
            "AML_RUN_NUMBER": str(run.number),
            "AML_PROJECT_NAME": plan.project_name,
        }
    )
    if plan.native_shared_directory:
        found["AZUREML_NATIVE_SHARE_DIRECTORY"] = info.absolute(plan.native_shared_directory).rstrip("/") + "/"
    return found


class ProcessRun:
    """A script that the host's agent and runner started; it depends on neither."""

    def __init__(self, host: Host, run: Run, plan: RunPlan, environments: Environments) -> None:
        self.host = host
        self.run = run
        self.plan = plan
        self.environments = environments

    async def prepare(self, say: Say) -> dict[str, Any]:
        """Its environment, where it has one: {"environment": {"interpreter", "archive", "fingerprint"}}."""
        if "environment" not in self.plan.options:
            return {}
        ready = await prepared(self.environments, self.run, self.plan, say)
        told = {"interpreter": ready.interpreter, "archive": ready.image, "fingerprint": ready.fingerprint}
        return {"environment": told}

    @property
    def environment(self) -> dict[str, str]:
        """What `prepare` told of the environment; empty where it has none."""
        return dict((self.run.handle or {}).get("environment") or {})

    async def lay(self, snapshot: Snapshot) -> None:
        await self.host.lay(self.run.id, [entry.to_json() for entry in snapshot.entries])

    def command(self) -> Command:
        folder = self.host.info.run_folder(self.run.id)
        return Command(time.time(), self.host.name, self._argv(), f"{folder}/project")

    async def launch(self) -> dict[str, Any]:
        handle = await self.host.start(self.run.id, self._spec(self._argv()))
        return {**handle, "environment": self.environment} if self.environment else handle

    def _argv(self) -> tuple[str, ...]:
        """The whole command: interpreter (or spark-submit with its options), script, arguments."""
        info = self.host.info
        before = tuple(str(item) for item in self.plan.options.get("spark_submit", ()))
        if before:
            return (info.absolute(before[0]), *before[1:], *self.plan.argv)
        # A plan without an interpreter leaves it to its host.
        interpreter = self.environment.get("interpreter") or info.absolute(self.plan.interpreter)
        return (interpreter or info.executable, *self.plan.argv)

    def _spec(self, argv: tuple[str, ...]) -> dict[str, Any]:
        """What the agent starts (`Host.start`)."""
        return {
            "argv": list(argv),
            "cwd": "project",
            "env": run_environment(self.run, self.plan, self.host.info.run_folder(self.run.id), self.host.info),
            "max_duration": self.plan.max_duration,
            "grace": list(GRACE),
            # What a run uses is of its history, as its metrics are.
            "measure": self.plan.tracked,
        }

    async def inspect(self) -> RunStatus:
        return (await self.host.inspect([self.run.id]))[self.run.id]

    async def take_up(self, status: RunStatus) -> bool:
        """It is the script itself that is looked at."""
        return False

    async def watch(self, nudge: Callable[[], None]) -> None:
        await self.host.watch_runs([self.run.id])

    async def unwatch(self) -> None:
        await self.host.unwatch_runs([self.run.id])

    async def follow(
        self, name: str, offset: int, sink: Sink, interval: float, on_cut: Callable[[int], None]
    ) -> Follow:
        return await self.host.follow(self.run.id, name, offset, sink, interval, on_cut)

    async def forbid(self) -> bool:
        return await self.host.forbid(self.run.id)

    async def signal(self, name: str) -> None:
        await self.host.signal(self.run.id, name)

    async def processes(self) -> list[Proc]:
        return await self.host.processes(self.run.id)

    async def bring_home(self) -> Home:
        """Everything is written where it stays."""
        return Home()

    async def reach(self) -> None:
        """The agent is all it needs, and that is there."""


class ProcessLauncher:
    """Starts the script through the host's agent and runner; on a cluster's head node in its environment."""

    def __init__(self, environments: Environments) -> None:
        self._environments = environments

    def place(self, host: Host, run: Run, plan: RunPlan) -> ProcessRun:
        return ProcessRun(host, run, plan, self._environments)

    def look(self, run_id: str, seen: bool) -> None:
        """There is nothing more to be known."""

    async def close(self) -> None:
        """Nothing is held."""
