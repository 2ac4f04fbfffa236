"""How a run in a container stands: what its runner wrote down, and what the Docker Engine knows of the container."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost
from engine.hosts.host import RunExit, exit_of
from engine.launchers.container_config import RUN
from engine.plain import plain

if TYPE_CHECKING:
    from engine.hosts.docker.api import Container, DockerApi
    from engine.hosts.host import Host, RunStatus
    from engine.runs.model import RunPlan

# Of what the runner or the interpreter said when nothing could be started, so much is told.
_MOST_SAID = 500
_KILLED = 9
# Signals that people end a program with: INT, QUIT, KILL, TERM.
_ENDING = frozenset({2, 3, _KILLED, 15})
_STOPPED = "its container was stopped from outside"
# A container whose runner has written down the end is over within this, seconds.
_TO_END = 20.0
# What Docker gives a container whose end it did not see: the machine went down.
_UNSEEN = 255


async def merged(
    status: RunStatus, there: Container | None, docker: DockerApi, plan: RunPlan, *, shared: bool, launched: bool
) -> RunStatus:
    """`status` is what the host's files say; `there` the container, None when there is none.

    `launched`: there was one that was started. Without a shared folder, its host's files know nothing of that.
    """
    if there is None:
        gone = status.phase == "vanished" and not status.rebooted
        if gone or (launched and status.phase == "laid"):
            lost = "" if shared else ", and its outputs were lost with it"
            return dataclasses.replace(status, phase="vanished", why=f"its container was removed from outside{lost}")
        return status
    if there.state == "created":
        return status
    if status.phase != "exited" and there.running:
        return dataclasses.replace(status, phase="running", supervised=True, started=status.started or there.started)
    if status.phase != "exited" and not shared:
        status = await _from_inside(status, there, docker)
    if status.phase == "exited":
        return dataclasses.replace(status, why=await _cause(status.exit, there, docker, plan) or status.why)
    return await _without_record(status, there, docker, plan, shared)


async def forgotten(
    status: RunStatus, there: Container, docker: DockerApi, host: Host, run_id: str, *, shared: bool
) -> RunStatus:
    """How a run stands whose script has begun in a container that Docker says it never started.

    A daemon that is killed at that moment wakes up like this; the script goes on, or has ended meanwhile.
    """
    alive = bool(await host.processes(run_id))
    if not shared:
        # Looked for after the processes: what ended in between has left its record.
        status = await _from_inside(status, there, docker)
    elif not alive:
        status = (await host.inspect([run_id]))[run_id]
    if status.phase == "exited":
        return status
    if alive:
        return dataclasses.replace(status, phase="running", supervised=True)
    return dataclasses.replace(status, phase="vanished", why="its container was lost with the Docker Engine")


async def _cause(exit_: RunExit | None, there: Container, docker: DockerApi, plan: RunPlan) -> str:
    """What a script's end was due to, in words; "" where its own record of it says all.

    Docker knows once the container has ended, which is a moment after the runner wrote down the script's end.
    """
    if exit_ is None or exit_.code == 0 or exit_.timed_out or exit_.start_error:
        return ""
    if there.running:
        with contextlib.suppress(HostLost):
            # That it takes longer is told in the same way as that contact is lost, which the next question shows.
            await docker.wait(there.id, _TO_END)
        there = await docker.inspect(there.id) or there
    if exit_.signal == _KILLED and there.oom_killed:
        return _out_of_memory(plan)
    return _STOPPED if await _was_stopped(there, docker, exit_.ended) else ""


async def _was_stopped(there: Container, docker: DockerApi, ended: float) -> bool:
    """Whether somebody ended it through Docker. Our own signals do so only to runs that are being canceled."""
    try:
        sent = await docker.signals_sent(there.id, there.started or 0.0, there.ended or ended)
    except HostLost:
        raise
    except HostError:
        return False
    return bool(sent & _ENDING)


async def _from_inside(status: RunStatus, there: Container, docker: DockerApi) -> RunStatus:
    """The record of the end that is still in the ended container."""
    try:
        found = await docker.read_file(there.id, f"{RUN}/status/exit.json")
        if found is None:
            return status
        return dataclasses.replace(status, phase="exited", exit=exit_of(json.loads(found)))
    except HostLost:
        raise
    except (HostError, ValueError, KeyError):
        return status


async def _without_record(
    status: RunStatus, there: Container, docker: DockerApi, plan: RunPlan, shared: bool
) -> RunStatus:
    """The container has ended, its runner wrote nothing down: it was killed, or could not begin."""
    if status.rebooted or there.exit_code == _UNSEEN:
        return dataclasses.replace(status, phase="vanished", rebooted=True)
    started = there.started or there.ended or 0.0
    begun = status.started is not None
    if not begun and not shared:
        begun = await _has(docker, there, "status/process.json")
    code: int | None = there.exit_code
    number = there.exit_code - 128 if there.exit_code > 128 else None
    why, trouble = "", None
    if there.oom_killed:
        why = _out_of_memory(plan)
    elif begun or number is not None:
        why = "its container was killed from outside, or ended with the Docker Engine"
    else:
        try:
            said = plain((await docker.output(there.id)).decode("utf-8", "replace")).strip()[-_MOST_SAID:]
        except HostLost:
            raise
        except HostError:
            said = ""
        trouble = there.error or said or f"the container ended with exit status {there.exit_code}"
    exit_ = RunExit(
        code=None if number is not None or trouble else code,
        signal=number,
        started=started,
        ended=there.ended or started,
        start_error=trouble,
    )
    return dataclasses.replace(status, phase="exited", exit=exit_, why=why)


async def _has(docker: DockerApi, there: Container, path: str) -> bool:
    try:
        return await docker.read_file(there.id, f"{RUN}/{path}") is not None
    except HostLost:
        raise
    except HostError:
        return False


def _out_of_memory(plan: RunPlan) -> str:
    limit = plan.options["container"].get("memory")
    if limit:
        return f"out of memory: it needed more than the {limit / (1 << 20):,.0f} MiB its container may have"
    return "out of memory: the machine had no more for its container"
