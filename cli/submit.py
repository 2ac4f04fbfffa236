"""`aml experiment submit`: ask for a run, then follow it. Everything after the script belongs to the script."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import TYPE_CHECKING

from cli.failing import BROKEN_PIPE, INTERRUPTED, drop_output
from cli.places import Place
from engine.client import ContactLost, open_connection
from engine.errors import UsageError
from engine.runs import tags
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser
    from engine.client import Connection
    from engine.runs.model import Run


def what_options(parser: Parser) -> None:
    """What is run, and where: what a plan has in common with a submission."""
    parser.add_argument("-c", "--run-configuration", metavar="NAME", required=True, help="with or without .runconfig")
    parser.add_argument("-t", "--target", metavar="NAME", help="another compute target than the configuration's")
    parser.add_argument("-d", "--conda-dependencies", metavar="FILE", help="another conda environment file")
    parser.add_argument("-s", "--spark-dependencies", metavar="FILE", help="another Spark dependencies file")
    parser.add_argument("--prepare", action="store_true", default=None, help="prepare the environment first")
    parser.add_argument("--priority", type=int, default=0, metavar="N", help="runs with more come first (default: 0)")
    parser.usage = "%(prog)s -c NAME [options] [script [arguments of the script]]"


def options(parser: Parser) -> None:
    what_options(parser)
    parser.add_argument("-u", "--untracked", action="store_true", help="keep no outputs and metrics of this run")
    parser.add_argument(
        "-a", "--async", "--no-wait", dest="no_wait", action="store_true", help="print the run id and return at once"
    )
    parser.add_argument("--wait", action="store_true", help="follow the run until it ends (as it does anyway)")
    parser.add_argument("--tag", metavar="NAME[=TEXT]", action="append", default=[], help="a tag; may be repeated")
    parser.add_argument("--description", metavar="TEXT", default="", help="what this run is for")


def split(parser: Parser, arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own options, and from the script on what is the script's, `-o` and `--` and all."""
    takes = {word: action.nargs != 0 for action in parser._actions for word in action.option_strings}
    place = 0
    while place < len(arguments):
        word = arguments[place]
        if word == "--":
            return arguments[:place], arguments[place + 1 :]
        if not word.startswith("-") or word == "-":
            break
        place += 1
        if word.startswith("--"):
            place += takes.get(word, False)
            continue
        # `-uc local`: the first letter that takes a value takes the rest of the word, or the next word.
        for index, letter in enumerate(word[1:], start=1):
            if takes.get(f"-{letter}", False):
                place += index == len(word) - 1
                break
    return arguments[:place], arguments[place:]


def submit(options: argparse.Namespace) -> int:
    """Submit and follow; the run's exit code. With --async its id on stdout, and 0."""
    if options.wait and options.no_wait:
        raise UsageError("--wait and --async exclude each other.")
    if (options.output or options.query) and not options.no_wait:
        raise UsageError(
            "a run that is followed has its output on stdout; there is no room for -o and --query.",
            remedy="Add --async, or put them after the script if they belong to it.",
        )
    place = Place(options)
    request = _request(options, place.the_project())
    try:
        line, answer = _ask(place, request)
    except KeyboardInterrupt:
        from cli.follow import say

        say("\ninterrupted before the engine answered: `aml history list` shows whether there is a run")
        return INTERRUPTED
    # Read while the engine is at work on the run, not before it.
    from cli.follow import Follower, exit_code, outcome, say

    with place.store as store:
        run = store.run(str(answer["run_id"]))
        say(f"{run.name} ({run.id}) submitted to {run.target}")
        _notices(place, run)
        try:
            if options.no_wait:
                line.close()
                _print(options, run)
                return 0
            run = Follower(place.paths, store, run, line=line).follow()
        except KeyboardInterrupt:
            return detached(run)
        except OSError as error:
            # A full disk, or a reader who has seen enough: of the output here, not of the run.
            why = "" if isinstance(error, BrokenPipeError) else f"stdout takes no more ({error.strerror}); "
            drop_output()
            say(f"{why}{_goes_on(run)}")
            return 1 if why else BROKEN_PIPE
        say(outcome(run))
        return exit_code(run)


def _print(options: argparse.Namespace, run: Run) -> None:
    """What there is to know of a run that is not followed."""
    if options.output or options.query:
        from cli.output import emit

        emit(options, {"run_id": run.id, "run_number": run.number, "name": run.name, "status": run.state.value})
    else:
        sys.stdout.write(f"{run.id}\n")
    sys.stdout.flush()


def _goes_on(run: Run) -> str:
    name = run.name
    return f"{name} goes on. Come back: aml experiment logs -f -r {name}   cancel: aml experiment cancel -r {name}"


def detached(run: Run) -> int:
    """Somebody stopped following; the exit code."""
    from cli.follow import say

    say(f"\n{_goes_on(run)}")
    return INTERRUPTED


def _ask(place: Place, request: RunRequest) -> tuple[Connection, dict[str, object]]:
    """The answer to `submit`, and the line it came over. Asked again if the engine goes away: the token is the same."""
    for _ in range(3):
        line = open_connection(place.paths)
        try:
            return line, line.ask("submit", {"request": request.to_json()})
        except ContactLost:
            line.close()
        except BaseException:
            line.close()
            raise
    raise ContactLost(
        "the engine went away while it was asked.", remedy="`aml history list` shows whether there is a run."
    )


def what_request(options: argparse.Namespace, project: str) -> RunRequest:
    """What `what_options` and the words after them ask for."""
    from engine.project.shell import shell_environ

    script, *arguments = options.rest or [None]
    return RunRequest(
        project=project,
        config=options.run_configuration,
        token=os.urandom(16).hex(),
        script=script,
        # None leaves the configuration's own arguments as they are.
        arguments=tuple(arguments) or None,
        target=options.target,
        conda_file=options.conda_dependencies,
        spark_file=options.spark_dependencies,
        prepare=options.prepare,
        priority=options.priority,
        environ=shell_environ(),
    )


def _request(options: argparse.Namespace, project: str) -> RunRequest:
    return dataclasses.replace(
        what_request(options, project),
        tracked=False if options.untracked else None,
        tags=dict(map(tags.parse, options.tag)),
        description=options.description,
        parent_run_id=os.environ.get("AZUREML_RUN_ID"),
        user_id=_user(),
    )


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _notices(place: Place, run: Run) -> None:
    from cli.follow import say

    plan = place.store.plan(run.id)
    notices = list(plan.notices) if plan else []
    idle = plan.options.get("dataPreparation") if plan else None
    if idle and all(one.config != run.config or one.id == run.id for one in place.store.runs(run.project)):
        from engine.project.runconfig import data_notice

        notices.append(data_notice(idle))
    for notice in (*notices, *run.properties.get("SnapshotWarnings", "").splitlines()):
        say(f"notice: {notice}")
