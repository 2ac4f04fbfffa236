"""Hands on a run: a shell where it is, in its directory or in its container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import NotNow
from engine.hosts.docker.finding import Endpoint
from engine.hosts.terminal import Surroundings
from engine.launchers.container_config import RUN as CONTAINER_RUN
from engine.launchers.process import run_environment
from engine.machines import LOCAL
from engine.terminals import Terminals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.hosts.docker.api import DockerApi
    from engine.hosts.host import Host
    from engine.hosts.terminal import Terminal, Window
    from engine.paths import Paths
    from engine.runs.ledger import Ledger
    from engine.runs.model import Run, RunPlan

# In a container: bash where there is one, in the run's folder.
_SHELL = 'cd "$1" && if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi'
# What is done by hand is no part of the run: it is neither signalled with it nor waited for.
ROLE = {"AML_TUI_ROLE": "shell"}
# What is logged by hand must not come among the run's own metrics.
NOT_BY_HAND = "AML_METRICS_FILE"


class Hands:
    """`host` gives the connected host of a plan, soon, or says why not."""

    def __init__(self, paths: Paths, ledger: Ledger, host: Callable[[RunPlan], Awaitable[Host]]) -> None:
        self._ledger = ledger
        self._host = host
        self._terminals = Terminals(paths.runtime)

    async def close(self) -> None:
        await self._terminals.close()

    async def shell(self, run_id: str, window: Window) -> dict[str, Any]:
        """A shell of a run: where it is in words, and how one gets it.

        {"where", "here": `Surroundings`} for a folder of this machine, whose shell the face begins itself; {"where",
        "socket"} for one that is typed into over that socket (`engine.terminals`). Raises NotNow where there is no
        directory, HostError, HostLost.
        """
        run = await self._ledger.do(self._ledger.run, run_id)
        plan = await self._ledger.do(self._ledger.plan, run_id)
        host = await self._host(plan)
        if plan.launcher == "container":
            contained = await _container(host, run)
            if contained is not None:
                docker, name = contained
                argv = ["sh", "-c", _SHELL, "sh", f"{CONTAINER_RUN}/project"]
                terminal: Terminal = await docker.terminal(name, argv, {**ROLE, NOT_BY_HAND: ""}, window)
                return await self._offered(f"in the container of {run.name}", terminal)
        status = (await host.inspect([run_id]))[run_id]
        if status.phase == "absent":
            raise NotNow(
                f"{run.name} has no directory on {plan.target} yet."
                if not run.state.ended
                else f"{run.name} left no directory on {plan.target}.",
                where=host.name,
            )
        found = _surroundings(run, plan, host)
        if host.name == LOCAL:
            return {"where": f"in the directory of {run.name}", "here": found.to_json()}
        terminal = await host.terminal(found, window)
        return await self._offered(f"in the directory of {run.name} on {plan.target}", terminal)

    async def _offered(self, where: str, terminal: Terminal) -> dict[str, Any]:
        return {"where": where, "socket": await self._terminals.offer(terminal)}


async def _container(host: Host, run: Run) -> tuple[DockerApi, str] | None:
    """The run's container and the Docker Engine that has it, while it runs."""
    handle: Mapping[str, Any] = run.handle or {}
    name = handle.get("container")
    if not name or run.state.ended:
        return None
    at = handle.get("docker")
    docker = await host.docker(Endpoint.from_json(at) if at else None)
    there = await docker.inspect(str(name))
    return (docker, str(name)) if there is not None and there.running else None


def _surroundings(run: Run, plan: RunPlan, host: Host) -> Surroundings:
    """What a run's script finds, in its folder."""
    folder = host.info.run_folder(run.id)
    env = {**run_environment(run, plan, folder, host.info), **ROLE}
    env.pop(NOT_BY_HAND, None)
    made = dict((run.handle or {}).get("environment") or {})
    interpreter = str(made.get("interpreter") or host.info.absolute(plan.interpreter))
    python = interpreter.rpartition("/")[0] if plan.launcher == "process" else ""
    before = {"PATH": [python] if python else []}
    return Surroundings(f"{folder}/project", env, before, {"PYTHONPATH": [host.info.runtime]})
