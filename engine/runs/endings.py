"""How a run ends: what the host saw as an event, the end in words, and the ladder from interrupt to kill."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

from engine.launchers.process import GRACE
from engine.runs import lifecycle, spark_words
from engine.runs.logs import last_word

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from engine.hosts.host import Proc, RunExit, RunStatus
    from engine.launchers.launcher import PlacedRun
    from engine.runs.model import Run

# After SIGKILL a process is gone within moments, unless the kernel waits for a device: seconds until it is told.
_AFTER_KILL = 5.0
# Between two looks at the process table of a host while a run is being ended, seconds.
_LOOK = 0.1


def event_of(status: RunStatus) -> lifecycle.Event:
    """The lifecycle event for a run that its host shows as ended."""
    if status.phase == "exited" and status.exit is not None:
        exit_ = status.exit
        return lifecycle.Exited(
            exit_.code,
            exit_.signal,
            exit_.started,
            exit_.ended,
            exit_.timed_out,
            f"could not be started: {exit_.start_error}" if exit_.start_error else status.why,
        )
    return lifecycle.Vanished(status.heartbeat or time.time(), status.rebooted, status.why)


def death_of(status: RunStatus) -> lifecycle.Event:
    """The lifecycle event for a run of which nothing lives any more."""
    exit_ = status.exit
    return lifecycle.Dead(exit_.ended, exit_.code, exit_.signal) if exit_ else lifecycle.Dead(time.time())


def reason(run: Run, log: Path) -> str:
    """Why a run did not complete, in words; "" when it did. Blocking: reads the end of the log."""
    if run.cancel_requested is not None:
        return "canceled"
    if run.reason:
        return run.reason
    if run.exit_signal is not None:
        return f"killed by {signal_name(run.exit_signal)}"
    if run.exit_code:
        return spark_words.why(log) or last_word(log) or f"exit code {run.exit_code}"
    return "" if run.exit_code == 0 else "its exit status is not known"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def properties(status: RunStatus) -> dict[str, str]:
    """What is worth keeping of a run's end: what its host and launcher tell, and what the script used."""
    found = {**(resources(status.exit) if status.exit else {}), **status.properties}
    return {name: value for name, value in found.items() if value}


def resources(exit_: RunExit) -> dict[str, str]:
    """What the script used, as properties of the run: CPU seconds, peak memory in bytes, processes left behind."""
    found = {
        "CpuSeconds": f"{exit_.cpu_user + exit_.cpu_system:.3f}",
        "PeakMemoryBytes": str(exit_.max_rss),
    }
    if exit_.leftover:
        found["LeftBehind"] = ", ".join(f"{proc.pid} {proc.command}" for proc in exit_.leftover)
    return found


async def end_processes(placed: PlacedRun, asked: float, say: Callable[[str], Awaitable[None]]) -> RunStatus:
    """Signal every process of the run, harder each time, until none is left; returns the run's last status.

    `asked` is when the cancel was asked for (epoch seconds): a new engine goes on with the ladder where it stands.
    """
    steps: Sequence[tuple[str, float, str]] = (
        ("INT", GRACE[0], "interrupted, waiting for it to end"),
        ("TERM", GRACE[1], "terminated, waiting for it to end"),
    )
    spent = max(0.0, time.time() - asked)
    for name, grace, words in steps:
        if spent >= grace:
            spent -= grace
            continue
        await placed.signal(name)
        await say(words)
        if not await _gone(placed, grace - spent):
            return await _settled(placed)
        spent = 0.0
    while True:
        await placed.signal("KILL")
        left = await _gone(placed, _AFTER_KILL)
        if not left:
            return await _settled(placed)
        await say("killed, but still there: " + ", ".join(f"{proc.pid} {proc.command}" for proc in left))


async def _gone(placed: PlacedRun, patience: float) -> list[Proc]:
    """What is left of the run's processes after at most `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        left = await placed.processes()
        if not left or time.monotonic() > end:
            return left
        await asyncio.sleep(_LOOK)


async def _settled(placed: PlacedRun) -> RunStatus:
    """The status once the runner has written the end down too, which takes it a moment after the last process died."""
    while True:
        status = await placed.inspect()
        if status.phase not in ("running", "starting"):
            return status
        await asyncio.sleep(_LOOK)
