"""`aml project`: make, check and list projects."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.command import Command
from cli.output import emit

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser


def _create_options(parser: Parser) -> None:
    parser.add_argument("-n", "--name", required=True, help="the project's name")
    parser.add_argument("--path", metavar="FOLDER", help="the folder to make it in (default: one of its name, here)")


def _create(options: argparse.Namespace) -> int:
    from engine.project.create import create_project

    folder = create_project(Path(options.path or options.name).expanduser().absolute(), options.name)
    emit(options, {"name": options.name, "path": str(folder)})
    sys.stderr.write(f"next: cd {folder} && aml experiment submit -c local train.py\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    from engine.project.check import check

    problems = check(Path(options.project).expanduser())
    data = [
        {
            "severity": problem.severity,
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "message": problem.message,
            "remedy": problem.remedy,
        }
        for problem in problems
    ]
    if options.output == "table" and not options.query:
        from engine.plain import plain

        for problem in problems:
            sys.stdout.write(plain(f"{problem.severity}: {problem}") + "\n")
        if not problems:
            sys.stderr.write("nothing is wrong\n")
    else:
        emit(options, data)
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _list(options: argparse.Namespace) -> int:
    from cli.records import utc
    from engine import paths
    from engine.runs.store import StoreReader

    with StoreReader(paths.current().store) as store:
        data = [
            {"name": name, "runs": count, "newest_run_utc": utc(newest), "path": path}
            for path, name, count, newest in store.projects()
        ]
    emit(options, data)
    return 0


LATER = {"restore": "`aml history info -r RUN` has the commit, and `git checkout` brings it back."}

COMMANDS = {
    "create": Command(
        "make a project with configurations for `local` and `docker`",
        _create,
        options=_create_options,
        project=False,
        examples="  aml project create -n iris\n  aml project create -n iris --path .",
    ),
    "check": Command(
        "print everything wrong in the project's files; exit code 1 when there are errors",
        _check,
        output="table",
        examples="  aml project check\n  aml project check -p iris -o json",
    ),
    "list": Command("list the projects that have runs", _list, output="table", project=False),
}
