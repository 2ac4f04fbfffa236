"""`aml history delete`, `bin`, `restore`: runs into the bin, what is in it, and back."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from cli.command import Command
from cli.output import emit
from cli.places import Place, several_runs
from engine.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from cli.command import Parser
    from engine.runs.model import Run


def _delete_options(parser: Parser) -> None:
    several_runs(parser)
    parser.add_argument(
        "--now", action="store_true", help="for good, without the bin; those in the bin can be named too"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def _delete(options: argparse.Namespace) -> int:
    from engine.client import call

    place = Place(options)
    with place.store:
        runs = place.runs(options.run, binned=options.now)
    if not options.yes and not _agreed(place, runs, options.now):
        return 1
    ids = [run.id for run in runs]
    answer = call("delete", {"ids": ids} if options.now else {"op": "put", "runs": ids}, paths=place.paths)
    from cli.refusals import tell

    return tell(runs, answer["refused"], "deleted for good" if options.now else "deleted")


def _agreed(place: Place, runs: Sequence[Run], now: bool) -> bool:
    """Whether the person at the terminal agrees. Raises UsageError where there is none."""
    from cli.asking import Person
    from cli.wording import size
    from engine.runs.bin import KEPT_DAYS, disk_used

    if not sys.stdin.isatty():
        raise UsageError("deleting asks first, and there is nobody to ask.", remedy="Add --yes.")
    names = ", ".join(run.name for run in runs)
    room = size(disk_used(place.paths, [run.id for run in runs]))
    if now:
        question = f"Delete {names} for good, with logs, metrics and outputs ({room})?"
    else:
        question = f"Delete {names}? Kept for {KEPT_DAYS} days, {room}; `aml history restore` brings back."
    return Person().agrees(question, default=False)


def _bin_options(parser: Parser) -> None:
    parser.add_argument("--all-projects", action="store_true", help="what was deleted of every project")


def _bin(options: argparse.Namespace) -> int:
    from cli.records import utc
    from cli.wording import size
    from engine.runs.bin import disk_used
    from engine.spans import span

    place = Place(options)
    with place.store as store:
        found = store.bin(None if options.all_projects else place.the_project())
    data = [
        {
            "name": one.run.name,
            "run_id": one.run.id,
            "status": one.run.state.value,
            "deleted_utc": utc(one.at),
            "kept_until_utc": utc(one.until),
            "bytes": disk_used(place.paths, [one.run.id]),
        }
        for one in found
    ]
    now = time.time()
    rows = [
        {
            "run": one.run.name,
            "status": one.run.state.value,
            "script": one.run.script,
            "deleted": f"{span(now - one.at)} ago",
            "kept for": _days(one.until - now),
            "size": size(row["bytes"]),  # type: ignore[arg-type]
        }
        for one, row in zip(found, data, strict=True)
    ]
    emit(options, data, rows)
    if not data:
        sys.stderr.write("the bin is empty\n")
    return 0


def _days(seconds: float) -> str:
    """6 d 4 h, 3 h 10 min: how long is left."""
    from engine.spans import span

    days, rest = divmod(max(0, int(seconds)), 86_400)
    return f"{days} d {rest // 3600} h" if days else span(rest)


def _restore(options: argparse.Namespace) -> int:
    from cli.refusals import tell
    from engine.client import call

    place = Place(options)
    with place.store:
        runs = place.runs(options.run, binned=True)
    answer = call("delete", {"op": "restore", "runs": [run.id for run in runs]}, paths=place.paths)
    return tell(runs, answer["refused"], "is back")


COMMANDS = {
    "delete": Command(
        "put ended runs into the bin, from where they come back for a while",
        _delete,
        options=_delete_options,
        output=None,
        about="Put ended runs into the bin. They can be brought back for 7 days, then log, metrics and outputs go.",
        examples="  aml history delete -r iris-041 iris-042\n  aml history delete -r iris-041 --now",
    ),
    "bin": Command("what was deleted and can be brought back", _bin, options=_bin_options, output="table"),
    "restore": Command(
        "bring runs back from the bin",
        _restore,
        options=several_runs,
        output=None,
        examples="  aml history restore -r iris-041 iris-042",
    ),
}
