"""`aml history`: what ran. Reads the history itself; no engine is needed, except to fetch or delete files."""

from __future__ import annotations

import gc
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def _compare(options: argparse.Namespace) -> int:
    from cli.records import records

    place = Place(options)
    with place.store as store:
        runs = place.runs(options.run)
        if len(runs) < 2:
            raise UsageError("two runs or more can be compared.", remedy="`aml history compare -r 41 42`")
        compared = dict(zip((run.name for run in runs), records(store, runs), strict=True))
    names = dict.fromkeys(name for record in compared.values() for name in record)
    data = [{"name": name, **{run: record.get(name) for run, record in compared.items()}} for name in names]
    differing = [row for row in data if len({repr(value) for key, value in row.items() if key != "name"}) > 1]
    shown = [
        {"Name": name, **{run: _short(name, record.get(name)) for run, record in compared.items()}}
        for name in (str(row["name"]) for row in differing)
    ]
    emit(options, data, shown, names=True)
    return 0


def _short(name: str, value: Any) -> Any:
    """In a table the last of many values stands for all of them, and arguments are as one types them."""
    if name == "arguments":
        from engine import masking

        return masking.command(value)
    if isinstance(value, list) and len(value) > 1 and isinstance(value[-1], (int, float)):
        return f"{value[-1]:.6g} (last of {len(value)})"
    return value


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


def _delete_options(parser: Parser) -> None:
    several_runs(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def _delete(options: argparse.Namespace) -> int:
    from cli.asking import Person
    from engine.client import call

    place = Place(options)
    with place.store:
        runs = place.runs(options.run)
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError("deleting asks first, and there is nobody to ask.", remedy="Add --yes.")
        names = ", ".join(run.name for run in runs)
        if not Person().agrees(f"Delete {names}, with their logs, metrics and outputs?", default=False):
            return 1
    refused = call("delete", {"ids": [run.id for run in runs]}, paths=place.paths)["refused"]
    from cli.refusals import tell

    return tell(runs, refused, "deleted")


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
    "compare": Command(
        "put runs side by side; the table shows what differs",
        _compare,
        options=several_runs,
        output="table",
        examples="  aml history compare -r 41 42",
    ),
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
    "delete": Command(
        "remove ended runs, with their logs, metrics and outputs",
        _delete,
        options=_delete_options,
        output=None,
        examples="  aml history delete -r iris-041 iris-042",
    ),
}
