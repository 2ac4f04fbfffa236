"""Processes as /proc tells them: who belongs to a run, and how to signal them."""

import os
import signal
import time

from . import status
from .identities import DEAD, Process, alive, exists, look

MYPY = False
if MYPY:
    from typing import Any, Iterable, Iterator, Optional

# A part of aml-tui (engine, agent, runner) carries this variable: started from inside a run, it is not of that run.
ROLE = b"AML_TUI_ROLE="
CONTAINED = b"AML_CONTAINED_"
RUN_ID = b"AZUREML_RUN_ID="
OUTPUTS = b"AZUREML_OUTPUT_DIRECTORY="
# Where a container has its run's outputs.
CONTAINED_OUTPUTS = OUTPUTS + b"/azureml-run/outputs"


def describe(process: Process) -> "dict[str, Any]":
    """A process for the wire."""
    return {"pid": process.pid, "start": process.start, "command": command_of(process.pid)}


def command_of(pid: int) -> str:
    """The command line for people, at most 300 characters."""
    for name in ("cmdline", "comm"):
        try:
            with open("/proc/%d/%s" % (pid, name), "rb") as file:
                data = file.read(4096)
        except OSError:
            continue
        if data.strip(b"\0\n"):
            return data.strip(b"\0\n").replace(b"\0", b" ").decode("utf-8", "surrogateescape")[:300]
    return ""


def environ_of(pid: int) -> "list[bytes]":
    """The variables a process was started with, as NAME=value; empty for processes of others."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def table() -> "Iterator[Process]":
    """Every process that is not a zombie."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = look(int(name))
            if process is not None and process.state not in DEAD:
                yield process


def outputs_of(folder: bytes) -> bytes:
    """What tells the run in this folder from one of another installation with the same id: where its outputs are.

    Ids are made of a project's name and the millisecond, and so may be made twice.
    """
    started = status.read(os.path.join(folder, b"status"), "spec.json")
    # Nothing is written here of a container that shares no folder with its host.
    contained = started is None or "contained" in started
    return CONTAINED_OUTPUTS if contained else OUTPUTS + folder + b"/outputs"


def is_marked(variables: "list[bytes]", run_id: bytes, outputs: bytes) -> bool:
    """Whether these are the variables of a run. A script may give itself other outputs, but none of another run."""
    if RUN_ID + run_id not in variables:
        return False
    theirs = b"/runs/" + run_id + b"/outputs"
    return outputs in variables or not any(
        item == CONTAINED_OUTPUTS or (item.startswith(OUTPUTS) and item.endswith(theirs)) for item in variables
    )


def of_run(
    run_id: bytes,
    folder: bytes,
    script: "Optional[dict[str, Any]]",
    runner: "Optional[dict[str, Any]]",
    known: "Iterable[Any]" = (),
) -> "list[Process]":
    """The living processes of the run in this folder, without its runner.

    Those are: every process with the run id in its environment; the script's session and group, as long as the script's
    pid is surely its own; every descendant of those and of the runner (orphans are reparented to it); and `known`
    identities. A process of another run, or a part of aml-tui, started from inside this run does not belong to it.
    """
    everyone = dict((process.pid, process) for process in table())
    away = {os.getpid()}
    outputs = outputs_of(folder)
    found = set()
    for pid in everyone:
        variables = environ_of(pid)
        if any(item.startswith(ROLE) for item in variables):
            away.add(pid)
        elif is_marked(variables, run_id, outputs):
            found.add(pid)
        elif any(item.startswith(RUN_ID) for item in variables):
            away.add(pid)
    parents = set()
    if exists(runner) and runner:
        away.add(runner["pid"])
        parents.add(runner["pid"])
    if exists(script) and script:
        leader = script["pid"]
        found.update(pid for pid, process in everyone.items() if leader in (pid, process.session, process.group))
    found.update(item["pid"] for item in known if alive(item))
    found &= set(everyone)
    found -= away
    parents |= found
    grown = True
    while grown:
        more = [
            pid
            for pid, process in everyone.items()
            if process.parent in parents and pid not in parents and pid not in away
        ]
        grown = bool(more)
        parents.update(more)
        found.update(more)
    return [everyone[pid] for pid in sorted(found)]


def end_contained(run_id: bytes) -> None:
    """Kill what still runs of a container that is no more, whatever its role in it: as far as this host sees it."""
    for _ in range(20):
        found = [process for process in table() if is_contained(process.pid, run_id)]
        if not found:
            return
        for process in found:
            send(process, signal.SIGKILL)
        time.sleep(0.05)


def is_contained(pid: int, run_id: bytes) -> bool:
    variables = environ_of(pid)
    if not is_marked(variables, run_id, CONTAINED_OUTPUTS):
        return False
    own = [item for item in variables if item.startswith((ROLE, CONTAINED))]
    # The runner and what is beside it have both; the script and what it starts have neither.
    return not own or any(item.startswith(CONTAINED) for item in own)


def send(process: Process, number: int) -> bool:
    """Signal exactly this process, never one that got its pid later. False when it is gone or another user's."""
    handle = -1
    opener = getattr(os, "pidfd_open", None)
    sender = getattr(signal, "pidfd_send_signal", None)
    try:
        if opener and sender:
            try:
                handle = opener(process.pid)
            except ProcessLookupError:
                return False
            except OSError:
                handle = -1
        now = look(process.pid)
        if now is None or now.start != process.start:
            return False
        if handle >= 0 and sender:
            sender(handle, number)
        else:
            os.kill(process.pid, number)
        return True
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if handle >= 0:
            os.close(handle)


def signal_run(
    run_id: bytes,
    folder: bytes,
    number: int,
    script: "Optional[dict[str, Any]]",
    runner: "Optional[dict[str, Any]]",
    known: "Iterable[Any]" = (),
) -> "list[dict[str, Any]]":
    """Signal every process of the run in this folder; returns those that were there, as pid, start, command.

    A kill is repeated until a look finds nobody new, since a process may fork while it is looked for.
    """
    known = list(known)
    told = {}  # type: dict[tuple[int, int], dict[str, Any]]
    for _ in range(20 if number == signal.SIGKILL else 1):
        fresh = [p for p in of_run(run_id, folder, script, runner, known) if (p.pid, p.start) not in told]
        if not fresh:
            break
        for process in fresh:
            told[process.pid, process.start] = describe(process)
        for process in fresh:
            send(process, number)
            if process.state in (b"T", b"t"):
                # A stopped process takes no other signal before it goes on.
                send(process, signal.SIGCONT)
    return list(told.values())
