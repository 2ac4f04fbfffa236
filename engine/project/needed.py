"""Which environments the configurations of a project need as its files are now, whatever was run with them before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import AmlError, ProjectError
from engine.project.environment import Need
from engine.project.finding import CONFIG_FOLDERS
from engine.project.folder import open_project
from engine.project.resolve import needed_environment
from engine.runs.model import is_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.project.folder import Project
    from engine.runs.model import ImageUse


def needs_on(host: str, projects: Iterable[str], uses: Sequence[ImageUse]) -> list[Need]:
    """What the configurations of these project folders, and of those of `uses`, need on a host. Blocking.

    A configuration counts on its own target, and on the one it was last used on (`-t`) as long as that is there.
    What is gone (the folder, the configuration, the target) needs nothing.
    """
    found: list[Need] = []
    for path in dict.fromkeys([*projects, *(use.project for use in uses)]):
        last = [use for use in uses if use.project == path and use.host == host and use.current]
        try:
            project = _opened(path)
        except (AmlError, OSError):
            found += [Need(path, use.project_name, use.config, None, not is_image(use.image)) for use in last]
            continue
        if project is not None:
            found += _needs(project, host, last)
    return found


def _opened(path: str) -> Project | None:
    """None when it is gone. Raises ProjectError or OSError when it may be there and cannot be read."""
    there = [os.path.join(path, name) for name in CONFIG_FOLDERS]
    if not any(_is_there(folder) for folder in there):
        return None
    project = open_project(path)
    if project.path != Path(path):
        raise ProjectError("its folder is another one now.", where=path)
    return project


def _is_there(path: str) -> bool:
    """Raises OSError when that cannot be said."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _needs(project: Project, host: str, last: Sequence[ImageUse]) -> list[Need]:
    path = str(project.path)
    found: list[Need] = []
    for config in project.configs.values():
        used = {use.target: not is_image(use.image) for use in last if use.config == config.name}
        for name in dict.fromkeys([config.target, *used]):
            target = project.targets.get(name)
            if target is None:
                if name in used and f"{name}.compute" in project.broken:
                    found.append(Need(path, project.name, config.name, None, used[name]))
                continue
            if target.host != host:
                continue
            try:
                spec = needed_environment(project, config, target)
            except (AmlError, OSError):
                found.append(Need(path, project.name, config.name, None, target.type == "cluster"))
                continue
            if spec is not None:
                found.append(Need(path, project.name, config.name, spec, target.type == "cluster"))
    broken = {name.removesuffix(".runconfig") for name in project.broken if name.endswith(".runconfig")}
    found += [
        Need(path, project.name, use.config, None, not is_image(use.image)) for use in last if use.config in broken
    ]
    return found
