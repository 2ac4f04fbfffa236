"""Hands on a run: a shell where it is, in its directory or in its container; its ports, on this machine."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.drivers import HERE, Place, SparkWay, application_of
from engine.errors import HostError, HostLost, NotNow, UsageError
from engine.forwards import Forwards
from engine.hosts.docker.finding import Endpoint
from engine.hosts.terminal import Surroundings
from engine.launchers.container_config import RUN as CONTAINER_RUN
from engine.launchers.process import run_environment
from engine.launchers.yarn import Yarn
from engine.machines import LOCAL
from engine.plain import plain
from engine.project.spark_submit import in_cluster_mode
from engine.runs.model import State
from engine.terminals import Terminals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.forwards import Forward
    from engine.hosts.docker.api import DockerApi
    from engine.hosts.host import Host
    from engine.hosts.terminal import Terminal, Window
    from engine.paths import Paths
    from engine.runs.ledger import Ledger
    from engine.runs.model import Run, RunPlan

log = logging.getLogger(__name__)

# In a container: bash where there is one, in the run's folder.
_SHELL = 'cd "$1" && if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi'
# What is done by hand is no part of the run: it is neither signalled with it nor waited for.
ROLE = {"AML_TUI_ROLE": "shell"}
# What is logged by hand must not come among the run's own metrics.
NOT_BY_HAND = "AML_METRICS_FILE"


class Hands:
    """`host` gives the connected host of a plan, soon, or says why not."""

    def __init__(
        self,
        paths: Paths,
        ledger: Ledger,
        host: Callable[[RunPlan], Awaitable[Host]],
        holder: Callable[[str, RunPlan], Awaitable[Host]],
    ) -> None:
        self._paths = paths
        self._ledger = ledger
        self._host = host
        self._holder = holder
        self._terminals = Terminals(paths.runtime)
        self._forwards = Forwards()

    async def close(self) -> None:
        await self._forwards.close()
        await self._terminals.close()

    def over(self, run_id: str) -> None:
        """A run has ended."""
        self._forwards.over(run_id)

    async def read_output(self, run_id: str, path: str, most: int) -> bytes:
        """The beginning of a file of the run's outputs. Raises HostError."""
        plan = await self._ledger.do(self._ledger.plan, run_id)
        return await (await self._holder(run_id, plan)).read_file(run_id, path, 0, most)

    # Ports

    def forwards(self) -> list[Forward]:
        """What is forwarded now, of all runs."""
        return self._forwards.listed()

    async def forward(self, run_id: str, port: int, local: int | None) -> dict[str, Any]:
        """Have a port of a run at an address of this machine: {"address", "forward": `Forward` or None}.

        None where the run is on this machine itself, in its network. Raises NotNow when it does not run, UsageError,
        HostError, HostLost.
        """
        if not 0 < port < 65536 or not (local is None or 0 < local < 65536):
            raise UsageError("a port is a number from 1 to 65535.")
        run = await self._ledger.do(self._ledger.run, run_id)
        plan = await self._ledger.do(self._ledger.plan, run_id)
        if run.state is not State.RUNNING:
            raise NotNow(f"{run.name} does not run ({run.state}): it has no ports.")
        if plan.launcher == "spark":
            way = SparkWay(run, plan, port, partial(self._host, plan), self._paths.driver_log(run.id))
            begun = await self._forwards.begin(run, port, local, way.dial, await way.place())
        else:
            address = await self._address(plan, run_id)
            if plan.host == LOCAL and address == HERE and local in (None, port):
                return {"address": f"http://127.0.0.1:{port}", "forward": None}

            async def dial() -> Any:
                return await (await self._host(plan)).dial(await self._address(plan, run_id), port)

            begun = await self._forwards.begin(run, port, local, dial, Place(address, port))
        # It may have ended meanwhile, and nobody would end the forward any more.
        now = await self._ledger.do(self._ledger.run, run_id)
        if now.state.ended:
            self._forwards.over(run_id)
            raise NotNow(f"{run.name} does not run ({now.state}): it has no ports.")
        return {"address": begun.address, "forward": begun.to_json()}

    def end_forward(self, forward_id: str) -> None:
        self._forwards.end(forward_id)

    async def _address(self, plan: RunPlan, run_id: str) -> str:
        """Where the run's ports are, as its host sees it."""
        if plan.launcher != "container":
            return HERE
        run = await self._ledger.do(self._ledger.run, run_id)
        contained = await _container(await self._host(plan), run)
        if contained is None:
            raise NotNow(f"the container of {run.name} does not run.")
        return await contained[0].address(contained[1]) or HERE

    # A shell

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
        where = f"in the directory of {run.name} on {plan.target}"
        if in_cluster_mode(plan) and not run.state.ended:
            where += await _driver(host, run)
        terminal = await host.terminal(found, window)
        return await self._offered(where, terminal)

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
    if there is not None and there.running:
        return docker, str(name)
    log.info("%s is %s, and its container %s", run.name, run.state, there.state if there else "is not there")
    return None


async def _driver(host: Host, run: Run) -> str:
    """Where what one looks for on the head node is, in words."""
    try:
        application = await application_of(Yarn(host), run)
    except HostLost:
        raise
    except HostError:
        application = None
    node = f"on {plain(application.node)}, " if application and application.node else ""
    return f"; its driver and its outputs are {node}in a container of YARN's"


def _surroundings(run: Run, plan: RunPlan, host: Host) -> Surroundings:
    """What a run's script finds, in its folder."""
    folder = host.info.run_folder(run.id)
    env = {**run_environment(run, plan, folder, host.info), **ROLE}
    env.pop(NOT_BY_HAND, None)
    made = dict((run.handle or {}).get("environment") or {})
    interpreter = str(made.get("interpreter") or host.info.absolute(plan.interpreter))
    python = interpreter.rpartition("/")[0] if plan.launcher != "container" else ""
    before = {"PATH": [python] if python else []}
    return Surroundings(f"{folder}/project", env, before, {"PYTHONPATH": [host.info.runtime]})
