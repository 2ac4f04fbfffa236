"""`aml history`: what ran. Reads the history itself; no engine is needed, except to fetch or delete files."""

from __future__ import annotations

import gc
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import comparing, deleting
from cli.command import Command
from cli.output import emit
from cli.places import Place, one_run, several_runs
from engine.errors import UsageError
from engine.plain import plain

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser


def _list_options(parser: Parser) -> None:
    parser.add_argument("--all-projects", action="store_true", help="the runs of every project")
    parser.add_argument("--top", type=int, metavar="N", help="only the newest N")


def _list(options: argparse.Namespace) -> int:
    if options.top is not None and options.top < 1:
        raise UsageError("--top must be at least 1.")
    place = Place(options)
    project = None if options.all_projects else place.the_project()
    if options.output == "table" and not options.query:
        from cli.listing import history_table
        from engine.runs.history import History

        # Hundreds of thousands of values and none in a circle: looking for circles takes a tenth of the time.
        gc.disable()
        with History(place.paths.store) as history:
            table, note = history_table(history, project, options.top)
        sys.stdout.write(table)
        sys.stdout.flush()
        if not table:
            note = "no runs yet; `aml experiment submit -c local train.py` makes one"
        sys.stderr.write(f"{note}\n" if note else "")
        return 0
    from cli.records import records

    with place.store as store:
        emit(options, records(store, store.runs(project, limit=options.top)))
    return 0


def _info_options(parser: Parser) -> None:
    one_run(parser)
    parser.add_argument(
        "-a",
        "--artifact",
        metavar="NAME",
        help="print this instead, byte for byte: driver_log, control_log, or a file of its outputs",
    )


def _info(options: argparse.Namespace) -> int:
    place = Place(options)
    with place.store as store:
        run = place.run(options.run)
        if options.artifact:
            from cli.artifacts import write_artifact

            write_artifact(place, run, options.artifact)
            return 0
        from cli.records import records

        emit(options, records(store, [run])[0])
    return 0


def _last(options: argparse.Namespace) -> int:
    options.run = options.artifact = None
    return _info(options)


def _download_options(parser: Parser) -> None:
    one_run(parser)
    parser.add_argument("-d", "--destination", metavar="DIR", required=True, help="the folder to put it in")
    parser.add_argument("--path", metavar="PATH", default="", help="only this file or folder of the outputs")


def _download(options: argparse.Namespace) -> int:
    from cli.artifacts import in_outputs
    from cli.follow import say
    from engine.client import call
    from engine.project.outputs import not_kept

    place = Place(options)
    with place.store as store:
        run = place.run(options.run)
        why = not_kept(store.plan(run.id))
        path = in_outputs(place, run, options.path) if options.path else ""
    folder = Path(options.destination).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if why:
        say(f"only the driver log: {why}")
        answer: dict[str, Any] = {"files": 0, "bytes": 0, "skipped": []}
    else:
        answer = call("fetch", {"id": run.id, "path": path, "dest": str(folder)}, paths=place.paths)
    if not options.path:
        log = place.paths.driver_log(run.id)
        if log.exists():
            shutil.copyfile(log, folder / "driver_log")
            answer["files"] += 1
            answer["bytes"] += log.stat().st_size
    emit(options, {"run_id": run.id, "destination": str(folder), **answer})
    return 0


def _reproduce_options(parser: Parser) -> None:
    one_run(parser)
    parser.add_argument(
        "-f", "--file", metavar="FILE", default="reproduce.sh", help="where to write it (default: ./reproduce.sh)"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="replace a file that is there, without asking")


def _reproduce(options: argparse.Namespace) -> int:
    from engine.runs.reproducing import refused, write_script

    place = Place(options)
    with place.store:
        run = place.run(options.run)
    file = Path(options.file).expanduser()
    try:
        try:
            write_script(place.paths, run.id, file, replace=options.yes)
        except FileExistsError:
            from cli.asking import Person

            person = Person()
            if not person.there:
                raise
            if not person.agrees(f"{file} is there already. Replace it?", default=False):
                return 1
            write_script(place.paths, run.id, file, replace=True)
    except FileExistsError as error:
        raise UsageError(f"{file} is there already.", remedy="Add --yes to replace it, or -f another name.") from error
    except OSError as error:
        raise refused(error) from error
    sys.stdout.write(f"{plain(file)}\n")
    return 0


def _tag_options(parser: Parser) -> None:
    several_runs(parser)
    parser.add_argument("--add", metavar="TAG", nargs="+", action="extend", default=[], help="NAME or NAME=TEXT")
    parser.add_argument("--remove", metavar="NAME", nargs="+", action="extend", default=[], help="a tag's name")


def _tag(options: argparse.Namespace) -> int:
    from cli.refusals import tell
    from engine.client import call
    from engine.errors import AmlError
    from engine.runs import tags

    changes: dict[str, str | None] = dict.fromkeys(options.remove)
    changes.update(map(tags.parse, options.add))
    if not changes:
        raise UsageError("there is nothing to change.", remedy="Give --add TAG or --remove NAME.")
    place = Place(options)
    with place.store:
        runs = place.runs(options.run)
    refused: dict[str, str] = {}
    for run in runs:
        try:
            call("update", {"id": run.id, "changes": {"retag": changes}}, paths=place.paths)
        except AmlError as error:
            refused[run.id] = str(error)
    return tell(runs, refused, "tagged")


LATER = {"promote": "`aml history download -r RUN -d DIR` copies the outputs of a run."}

COMMANDS = {
    "list": Command(
        "list the runs of the project, newest first",
        _list,
        options=_list_options,
        output="table",
        examples=(
            "  aml history list\n"
            "  aml history list -o json --query \"[?status=='Completed'] | sort_by(@, &Accuracy)[-1].run_id\""
        ),
    ),
    "info": Command(
        "everything recorded of a run",
        _info,
        options=_info_options,
        examples="  aml history info -r iris-042\n  aml history info -r 42 -a outputs/confusion.csv",
    ),
    "last": Command("everything recorded of the newest run", _last, examples="  aml history last --query Accuracy"),
    **comparing.COMMANDS,
    "download": Command(
        "copy a run's outputs and its driver log into a folder",
        _download,
        options=_download_options,
        examples="  aml history download -r iris-042 -d results",
    ),
    "reproduce": Command(
        "write a script that runs a run again, from the files it had",
        _reproduce,
        options=_reproduce_options,
        output=None,
        about=(
            "Write a shell script that puts the exact files of a run into a folder and runs them as they were run.\n"
            "Its head names the git commit, the environment, the arguments and the variables. What is secret is not\n"
            "in it: it asks for that by variables which must be set."
        ),
        examples="  aml history reproduce -r iris-042\n  sh reproduce.sh again",
    ),
    "tag": Command(
        "put tags on runs, or take them away",
        _tag,
        options=_tag_options,
        output=None,
        examples="  aml history tag -r 41 42 --add best stage=prod --remove old",
    ),
    **deleting.COMMANDS,
}
