"""Where a command works: the project it was given, the history, the run that was named."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from engine import paths
from engine.errors import ProjectError
from engine.project.finding import find_project

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser
    from engine.runs.model import Run
    from engine.runs.store import StoreReader


class Place:
    """`project` is the project's folder as the history has it; "" outside of any: a run is still found by its id."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.paths = paths.current()
        start = Path(options.project).expanduser()
        try:
            self.project = str(find_project(start))
        except ProjectError:
            # A folder that is gone keeps its history under its name.
            self.project = "" if options.project == "." or start.is_dir() else str(start.absolute())

    @functools.cached_property
    def store(self) -> StoreReader:
        """The history. Read when it is asked for: what only asks the engine need not wait for it."""
        from engine.runs.store import StoreReader

        return StoreReader(self.paths.store)

    def the_project(self) -> str:
        """The project's folder. Raises ProjectError outside of any."""
        return self.project or str(find_project(Path.cwd()))

    def run(self, name: str | None, *, binned: bool = False) -> Run:
        """The run that was named; without a name the project's newest. `binned`: in the bin, too.

        Raises NotFound, ProjectError.
        """
        if name is None:
            return self.store.last_run(self.the_project())
        return self.store.run(name, self.project or None, binned=binned)

    def runs(self, names: list[str], *, binned: bool = False) -> list[Run]:
        """The runs that were named, each once, in order."""
        return list({run.id: run for run in (self.run(name, binned=binned) for name in names)}.values())


RUN_HELP = "its id, short name (iris-042), number in the project, the beginning of its id, or `last`"


def one_run(parser: Parser, *, required: bool = False) -> None:
    """The option `-r RUN`."""
    otherwise = "" if required else " (default: the newest)"
    parser.add_argument("-r", "--run", metavar="RUN", required=required, help=f"the run: {RUN_HELP}{otherwise}")


def several_runs(parser: Parser) -> None:
    """The option `-r RUN [RUN ...]`, at least one."""
    parser.add_argument(
        "-r", "--run", metavar="RUN", nargs="+", action="extend", required=True, help=f"the runs, each by {RUN_HELP}"
    )
