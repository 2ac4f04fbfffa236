"""A project folder: what its `aml_config/` holds. One bad file never hides the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import NotFound, ProjectError
from engine.project.compute import ComputeTarget, read_compute
from engine.project.finding import CONFIG_FOLDERS, find_project
from engine.project.runconfig import RunConfiguration, read_runconfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.project.problems import Problem


@dataclass(frozen=True)
class Project:
    """`targets` and `configs` by name. `broken` has the first error of each file that cannot be used."""

    path: Path
    name: str
    config_folder: Path
    targets: dict[str, ComputeTarget] = field(default_factory=dict)
    configs: dict[str, RunConfiguration] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: dict[str, Problem] = field(default_factory=dict)

    def target(self, name: str, where: str = "") -> ComputeTarget:
        """The target of this name. Raises ProjectError for a broken file, NotFound otherwise."""
        found = self.targets.get(name)
        if found is not None:
            return found
        if f"{name}.compute" in self.broken:
            raise self.broken[f"{name}.compute"].error()
        raise NotFound(
            f"there is no compute target {name!r}.", where=where, remedy=_known("targets", self.targets, "attach one")
        )

    def config(self, name: str) -> RunConfiguration:
        """The configuration of this name, with or without `.runconfig`. Raises ProjectError or NotFound."""
        name = name.removesuffix(".runconfig")
        found = self.configs.get(name)
        if found is not None:
            return found
        if f"{name}.runconfig" in self.broken:
            raise self.broken[f"{name}.runconfig"].error()
        raise NotFound(
            f"there is no run configuration {name!r}.",
            where=str(self.config_folder),
            remedy=_known("configurations", self.configs, "make one with `aml runconfiguration create`"),
        )


def _known(what: str, names: Iterable[str], otherwise: str) -> str:
    listed = ", ".join(sorted(names))
    return f"The {what} here: {listed}." if listed else f"There are no {what} here: {otherwise}."


def open_project(path: Path | str) -> Project:
    """Read every .compute and .runconfig of the project at or above `path`. Blocking, some milliseconds.

    Raises ProjectError only when there is no project; bad files are in `problems` and `broken`.
    """
    folder = find_project(Path(path))
    where = next(folder / name for name in CONFIG_FOLDERS if (folder / name).is_dir())
    project = Project(folder, folder.resolve().name or "project", where)
    try:
        files = sorted(item for item in where.iterdir() if item.suffix in (".compute", ".runconfig"))
    except OSError as error:
        raise ProjectError(f"the folder cannot be read: {error.strerror}.", where=str(where)) from error
    for file in files:
        shown = f"{where.name}/{file.name}"
        if file.suffix == ".compute":
            target, problems = read_compute(file, shown)
            if target is not None:
                project.targets[target.name] = target
        else:
            config, problems = read_runconfig(file, shown)
            if config is not None:
                project.configs[config.name] = config
        project.problems.extend(problems)
        error_ = next((problem for problem in problems if problem.severity == "error"), None)
        if error_ is not None:
            project.broken[file.name] = error_
    return project
