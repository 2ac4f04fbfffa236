"""Where a project begins. Light: whoever only needs the folder does not load what reads its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_FOLDERS = ("aml_config", ".azureml")


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that has a configuration folder. Raises ProjectError.

    The path is the real one: links and `..` on the way would make two histories of one project.
    """
    start = start.resolve()
    if not start.is_dir():
        raise ProjectError("there is no such folder.", where=str(start), remedy="Check the path.")
    for folder in (start, *start.parents):
        if any((folder / name).is_dir() for name in CONFIG_FOLDERS):
            return folder
    raise ProjectError(
        "this is not a project: there is no `aml_config` folder here or above.",
        where=str(start),
        remedy="`aml project create -n NAME` makes a project; or go to one, or name it with -p.",
    )
