"""`aml experiment`: submit scripts, watch their runs, cancel them."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from cli import submit
from cli.command import Command
from cli.failing import INTERRUPTED
from cli.places import Place, one_run, several_runs
from engine.errors import EngineUnavailable

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser
    from engine.paths import Paths
    from engine.runs.model import Run

# A plain `logs` of a run that goes on shows what has come; a mirror that lags is given this long to catch up (s).
CATCH_UP, QUIET = 2.0, 0.15


def _prepare_options(parser: Parser) -> None:
    from cli import prepare

    prepare.options(parser)


def _prepare(options: argparse.Namespace) -> int:
    from cli import prepare

    return prepare.prepare(options)


def _plan_options(parser: Parser) -> None:
    from cli import planning

    planning.options(parser)


def _plan(options: argparse.Namespace) -> int:
    from cli import planning

    return planning.plan(options)


def _logs_options(parser: Parser) -> None:
    one_run(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run ends")
    parser.add_argument(
        "--stream", choices=("stdout", "stderr"), help="only what it wrote there, and what may have been either"
    )


def _logs(options: argparse.Namespace) -> int:
    from cli.artifacts import copy
    from cli.follow import Follower, exit_code, outcome, say

    place = Place(options)
    with place.store as store:
        run = place.run(options.run)
        if run.state.ended or not options.follow:
            if not run.state.ended:
                try:
                    _catch_up(place, run, options.stream)
                except EngineUnavailable as error:
                    say(f"what has come so far: {error.message}")
            if options.stream:
                from cli.streams import copy as copy_stream

                copy_stream(run, place.paths.driver_log(run.id), options.stream)
            else:
                copy(place.paths.driver_log(run.id))
            return 0
        tail = None
        if options.stream:
            from cli.streams import StreamTail

            tail = StreamTail(place.paths.driver_log(run.id), options.stream)
        try:
            run = Follower(place.paths, store, run, tail=tail, line=None).follow()
        except KeyboardInterrupt:
            return submit.detached(run)
        say(outcome(run))
        return exit_code(run)


def _catch_up(place: Place, run: Run, stream: str | None) -> None:
    """A log nobody looks at is mirrored at leisure: look at it, and wait until it stands still or long enough."""
    from cli.streams import all_known
    from engine.client import open_connection

    log = place.paths.driver_log(run.id)
    end = time.monotonic() + CATCH_UP
    with open_connection(place.paths) as line:
        line.ask("watch", {"ids": [run.id]})
        size = -1
        while time.monotonic() < end:
            time.sleep(QUIET)
            now = log.stat().st_size if log.exists() else 0
            if now == size and (not stream or all_known(log, size)):
                return
            size = now


def _shell_options(parser: Parser) -> None:
    from cli import terminal

    terminal.options(parser)


def _shell(options: argparse.Namespace) -> int:
    from cli import terminal

    return terminal.shell(options)


def _forward_options(parser: Parser) -> None:
    from cli import forwarding

    forwarding.options(parser)


def _forward(options: argparse.Namespace) -> int:
    from cli import forwarding

    return forwarding.forward(options)


def _cancel_options(parser: Parser) -> None:
    several_runs(parser)
    parser.add_argument("--no-wait", action="store_true", help="ask for it and return; do not wait for the end")


def _cancel(options: argparse.Namespace) -> int:
    from cli.follow import Follower, outcome, say
    from cli.refusals import tell
    from engine.client import call

    place = Place(options)
    with place.store as store:
        runs = place.runs(options.run)
        refused = call("cancel", {"ids": [run.id for run in runs]}, paths=place.paths)["refused"]
        code = tell(runs, refused, "is being canceled")
        if options.no_wait:
            return code
        try:
            for run in runs:
                if run.id not in refused:
                    say(outcome(Follower(place.paths, store, run, log=False, line=None).follow()))
        except KeyboardInterrupt:
            say("\ncanceling goes on; `aml experiment status` shows it")
            return INTERRUPTED
    return code


def _status_options(parser: Parser) -> None:
    parser.add_argument("-r", "--run", metavar="RUN", help="the run (default: all of the project that have not ended)")


def _status(options: argparse.Namespace) -> int:
    from cli.output import emit

    place = Place(options)
    with place.store as store:
        if options.run:
            run = place.run(options.run)
            emit(options, _state(run))
            unfinished = not run.state.ended
        else:
            runs = [_state(run) for run in store.runs(place.the_project(), unfinished=True)]
            unfinished = bool(runs)
            keys = ("name", "status", "target", "script", "duration", "reason")
            emit(options, runs, [{key: run[key] for key in keys} for run in runs])
            if not runs and options.output == "table":
                sys.stderr.write("no run of this project is unfinished\n")
    if unfinished:
        _tell_without_engine(place.paths)
    return 0


def _tell_without_engine(paths: Paths) -> None:
    """Without an engine the history stands still, whatever the runs do meanwhile."""
    from cli.records import utc
    from engine.lock import is_held

    if is_held(paths.engine_lock):
        return
    wal = paths.store.with_name(f"{paths.store.name}-wal")
    written = max(file.stat().st_mtime for file in (paths.store, wal, paths.engine_log) if file.exists())
    last = (utc(written) or "")[:19].replace("T", " ")
    sys.stderr.write(
        f"no engine is running; the last one wrote something at {last} UTC, and runs are shown as they stood then. "
        "`aml engine start` starts one\n"
    )


def _state(run: Run) -> dict[str, Any]:
    from cli.records import duration, utc

    return {
        "run_id": run.id,
        "name": run.name,
        "status": run.state.value,
        "reason": run.reason or run.progress,
        "since_utc": utc(run.state_since),
        "target": run.target,
        "run_configuration": run.config,
        "script": run.script,
        "arguments": list(run.arguments),
        "created_utc": utc(run.created),
        "start_time_utc": utc(run.started),
        "end_time_utc": utc(run.ended),
        "duration": duration(run.started, run.ended),
        "exit_code": run.exit_code,
        "exit_signal": run.exit_signal,
        "unreachable_since_utc": utc(run.unreachable_since),
        "priority": run.priority,
        "tags": run.tags,
    }


# Commands of the original that come with the targets they are for.
LATER = {
    "clean": "`aml history delete` removes ended runs with everything of theirs.",
    "diagnostics": "`aml history info -r RUN -a control_log` tells what was done for a run.",
    "monitor": "`aml-tui` shows metrics as they come.",
}

COMMANDS = {
    "submit": Command(
        "run a script, and follow it",
        submit.submit,
        options=submit.options,
        split=submit.split,
        output="",
        about=(
            "Run a script as a run configuration says, and follow it: its output goes to stdout as it is,\n"
            "everything else to stderr. The exit code is the script's, 128 + n when signal n ended it,\n"
            "130 when it was canceled. Ctrl-C leaves the run going.\n\n"
            "Everything after the script belongs to the script."
        ),
        examples=(
            "  aml experiment submit -c local train.py --epochs 3\n"
            "  RUN=$(aml experiment submit -c local --async train.py)"
        ),
    ),
    "plan": Command(
        "show what a submission would meet, without making it",
        _plan,
        options=_plan_options,
        split=submit.split,
        output="table",
        about=(
            "What `aml experiment submit` with the same options would do: files and bytes to ship and the largest,\n"
            "what stays behind, the environment, the place in the queue, the disk left, and the earlier run that was\n"
            "the same. Nothing is kept of it, and no machine is connected for it."
        ),
        examples="  aml experiment plan -c local train.py --epochs 3",
    ),
    "prepare": Command(
        "have the environment of a configuration built, and follow it",
        _prepare,
        options=_prepare_options,
        output="",
        about=(
            "Build what a configuration's scripts run in on a Docker target, unless it is there already.\n"
            "The build's log goes to stdout, how far it is to stderr. Ctrl-C leaves the build going."
        ),
        examples="  aml experiment prepare -c docker",
    ),
    "logs": Command(
        "print a run's driver log, byte for byte",
        _logs,
        options=_logs_options,
        output=None,
        about=(
            "A run's stdout and stderr are one log, in the order in which they were written. With --stream only the\n"
            "lines of one are printed; lines of which it is not known what they were come with either."
        ),
        examples=(
            "  aml experiment logs -r iris-042\n  aml experiment logs -f\n"
            "  aml experiment logs -r iris-042 --stream stderr"
        ),
    ),
    "shell": Command(
        "open a shell where a run is",
        _shell,
        options=_shell_options,
        output=None,
        about=(
            "A shell in the directory of a run, on whatever machine that is, or in its container while it runs: with\n"
            "the variables and the Python of its script. The engine has the connection, so nothing is asked again.\n"
            "What is done in it is no part of the run. The exit code is the shell's."
        ),
        examples="  aml experiment shell -r iris-042",
    ),
    "forward": Command(
        "reach a port of a run from this machine",
        _forward,
        options=_forward_options,
        output="",
        about=(
            "Bring a port of a run, of its TensorBoard or Jupyter, to this machine's loopback, and print the address.\n"
            "The engine keeps it until the run ends, over its own connection. Without --port: what is forwarded now."
        ),
        examples="  aml experiment forward -r iris-042 --port 6006\n  aml experiment forward --stop 6006",
    ),
    "status": Command(
        "how runs stand",
        _status,
        options=_status_options,
        output="table",
        examples="  aml experiment status\n  aml experiment status -r 42 --query status -o tsv",
    ),
    "cancel": Command(
        "end runs, and wait until they are dead",
        _cancel,
        options=_cancel_options,
        output=None,
        examples="  aml experiment cancel -r iris-041 iris-042",
    ),
}
