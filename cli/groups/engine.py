"""`aml engine`: the process that keeps runs in hand. Commands that need it start it; runs do not depend on it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from cli.command import Command
from cli.output import emit
from engine import paths
from engine.client import HELLO_WITHIN, LEAVE_WITHIN, Connection, open_connection
from engine.errors import EngineUnavailable
from engine.lock import holder, is_held

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser
    from engine.paths import Paths


# With --force, an engine that says nothing for so long is ended (s).
FORCED_AFTER = 2.0


def _start_options(parser: Parser) -> None:
    parser.add_argument("--foreground", action="store_true", help="stay here, and log to this terminal too")


def _start(options: argparse.Namespace) -> int:
    if options.foreground:
        os.environ["AML_TUI_ROLE"] = "engine"
        from engine.service import main

        return main(["--foreground"])
    with open_connection(paths.current()) as line:
        sys.stderr.write(f"the engine runs, process {line.pid}\n")
    return 0


def _status(options: argparse.Namespace) -> int:
    where = paths.current()
    try:
        with open_connection(where, start=False, any_version=True) as line:
            emit(options, {"running": True, **line.ask("status", within=HELLO_WITHIN)})
    except EngineUnavailable:
        if is_held(where.engine_lock):
            raise
        emit(options, {"running": False, "store": str(where.store), "log": str(where.engine_log)})
        return EngineUnavailable.exit_code
    return 0


def _stop_options(parser: Parser) -> None:
    parser.add_argument("--force", action="store_true", help="end it even when it does not answer")


def _stop(options: argparse.Namespace) -> int:
    told = _end(paths.current(), options.force)
    sys.stderr.write(f"{told}\n")
    return 0


def _restart(options: argparse.Namespace) -> int:
    where = paths.current()
    _end(where, options.force)
    with open_connection(where) as line:
        sys.stderr.write(f"the engine runs, process {line.pid}\n")
    return 0


def _end(where: Paths, force: bool) -> str:
    """End the engine, whatever its version. Raises EngineUnavailable when it does not go."""
    if not is_held(where.engine_lock):
        return "no engine is running"
    try:
        patience = FORCED_AFTER if force else None
        with open_connection(where, start=False, any_version=True, patience=patience) as line:
            return _ask_to_leave(line)
    except (EngineUnavailable, TimeoutError) as error:
        if not is_held(where.engine_lock):
            return "the engine has ended"
        if not force:
            raise EngineUnavailable(
                "the engine does not answer.", where=str(where.socket), remedy="Add --force; runs go on."
            ) from error
    return _kill(where)


def _ask_to_leave(line: Connection) -> str:
    answer: dict[str, Any] = line.ask("stop", within=HELLO_WITHIN)
    if not line.until_closed(LEAVE_WITHIN):
        raise TimeoutError
    runs = answer.get("runs", 0)
    goes_on = {0: "", 1: "; one run goes on, and the next engine finds it"}
    told = "the engine has ended" + goes_on.get(runs, f"; {runs} runs go on, and the next engine finds them")
    return told + ("; the builds it had at work were cut off, prepare again" if answer.get("builds") else "")


def _kill(where: Paths) -> str:
    """The process that holds the lock. Its number comes from the lock file, which only the holder writes."""
    told = holder(where.engine_lock)
    pid = told.get("pid")
    if not isinstance(pid, int) or told.get("host") != os.uname().nodename:
        raise EngineUnavailable("which process holds the history is not known.", where=str(where.engine_lock))
    for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, number)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if not is_held(where.engine_lock):
                return f"the engine, process {pid}, was ended by {number.name}; runs go on"
            time.sleep(0.02)
    raise EngineUnavailable(f"process {pid} does not end.", where=str(where.engine_lock))


COMMANDS = {
    "start": Command(
        "start the engine, if it does not run", _start, options=_start_options, output=None, project=False
    ),
    "status": Command(
        "whether it runs, since when, with how many runs",
        _status,
        output="table",
        project=False,
        examples="  aml engine status -o json",
    ),
    "stop": Command("end the engine; runs go on", _stop, options=_stop_options, output=None, project=False),
    "restart": Command("end it, and start it again", _restart, options=_stop_options, output=None, project=False),
}
