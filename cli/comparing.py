"""`aml history compare`: runs beside each other, on the terminal or into a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.command import Command
from cli.output import emit
from cli.places import Place, several_runs
from engine.errors import NotNow, UsageError

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser


def _options(parser: Parser) -> None:
    several_runs(parser)
    parser.add_argument("--all", action="store_true", help="in the table what is the same as well")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="PART",
        help="values of a metric are the same when they differ by less than this part of the larger (default: 1e-9)",
    )
    parser.add_argument(
        "--export", metavar="FILE", help="write the whole comparison there: Markdown, CSV or JSON by its ending"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="write over a file that is there")


def _compare(options: argparse.Namespace) -> int:
    from engine.runs import comparing
    from engine.runs.comparison_files import document, format_of, rows, written

    tolerance = comparing.TOLERANCE if options.tolerance is None else options.tolerance
    if not 0 <= tolerance < 1:
        raise UsageError("--tolerance is a part of a value: from 0 to less than 1.")
    kind = format_of(options.export) if options.export else ""
    if options.export and not kind:
        raise UsageError(f"{options.export!r} does not say what to write.", remedy="End it with .md, .csv or .json.")
    place = Place(options)
    with place.store:
        ids = [run.id for run in place.runs(options.run)]
    comparer = comparing.Comparer(place.paths)
    try:
        compared = comparer.read(ids, tolerance)
    except NotNow as error:
        raise UsageError(error.message, remedy="`aml history compare -r 41 42`") from error
    table = options.output == "table" and not options.query
    diffs = {} if table and not kind else comparer.diffs(compared)
    if kind:
        return _write(Path(options.export).expanduser(), written(compared, diffs, kind), options.yes)
    shown = [
        {"Name": name, **dict(zip(compared.labels, cells, strict=True))}
        for _, name, differs, cells in rows(compared)
        if differs or options.all
    ]
    emit(options, None if table else document(compared, diffs), shown, names=True)
    if table and not shown:
        sys.stderr.write("nothing differs\n")
    return 0


def _write(file: Path, text: str, yes: bool) -> int:
    """A file that is there is written over only when somebody agrees."""
    from cli.asking import Person

    try:
        with file.open("w" if yes else "x", encoding="utf-8", newline="") as out:
            out.write(text)
    except FileExistsError:
        person = Person()
        if not person.there:
            raise UsageError(
                "the file is there already.", where=str(file), remedy="Add --yes, or name another."
            ) from None
        if not person.agrees(f"Write over {file}?", default=False):
            return 1
        return _write(file, text, True)
    sys.stderr.write(f"written to {file}\n")
    return 0


COMMANDS = {
    "compare": Command(
        "put runs side by side; the table shows what differs",
        _compare,
        options=_options,
        output="table",
        about=(
            "Put runs side by side: arguments, environment, code, metrics, and the first step at which each parts\n"
            "from the first run. The table shows what differs; the other formats have all of it, with diffs."
        ),
        examples="  aml history compare -r 41 42\n  aml history compare -r 41 42 --export compare.md",
    ),
}
