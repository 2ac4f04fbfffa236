"""Everything wrong in a project's files, in one list: what `aml project check` prints."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.errors import ProjectError
from engine.project.container_options import container_options, in_container
from engine.project.dependencies import CONDA_FILE, SPARK_FILE, read_conda, read_spark
from engine.project.folder import open_project
from engine.project.ignore import left_out
from engine.project.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.folder import Project
    from engine.project.runconfig import RunConfiguration


def check(path: Path | str) -> list[Problem]:
    """All problems, in order of file and line. Raises ProjectError when there is no project."""
    return problems_of(open_project(path))


def problems_of(project: Project) -> list[Problem]:
    """The same of a project that is open. Blocking: reads the dependency files."""
    found = list(project.problems)
    found += _references(project)
    conda = {config.conda_file for config in project.configs.values() if config.conda_file}
    spark = {config.spark_file for config in project.configs.values() if config.spark_file}
    folder = project.config_folder.name
    for named, default, read in (
        (conda, f"{folder}/{CONDA_FILE}", read_conda),
        (spark, f"{folder}/{SPARK_FILE}", read_spark),
    ):
        for file in sorted(named | {default}):
            if os.path.lexists(project.path / file):
                found += read(project.path / file, file)[1]
    return sorted(found, key=lambda problem: (problem.file, problem.line, problem.column))


def _references(project: Project) -> list[Problem]:
    found: list[Problem] = []
    for config in project.configs.values():
        target = missing_target(project, config)
        if target is not None:
            found.append(target)
        found += _script(project, config)
        found += [one for one in _container(project, config) if one not in found]
        for key, file in (("CondaDependenciesFile", config.conda_file), ("SparkDependenciesFile", config.spark_file)):
            if file and not ((project.path / file).is_file() or (project.config_folder / file).is_file()):
                found.append(Problem(config.file, 0, 0, f"{key} names {file!r}, which does not exist.", "Correct it."))
    return found


def _script(project: Project, config: RunConfiguration) -> list[Problem]:
    if config.script == "$file":
        return []
    if not (project.path / config.script).is_file():
        message = f"there is no script {config.script!r} in the project."
        remedy = "Correct the name, or write `$file` and name the script at submission."
    else:
        reason = left_out(project.path, config.script)
        if reason is None:
            return []
        place = f" ({reason.where})" if reason.where else ""
        message = f"no run takes the script {config.script!r} along: {reason.words}{place}."
        remedy = "Change the rule, or move the script." if place else "Move the script."
    return [Problem(config.file, *config.script_place, message, remedy)]


def _container(project: Project, config: RunConfiguration) -> list[Problem]:
    """What keeps its runs out of a container."""
    target = project.targets.get(config.target)
    if target is None or not in_container(config, target):
        return []
    try:
        container_options(config, target)
    except ProjectError as error:
        return [Problem(error.where, 0, 0, error.message, error.remedy)]
    return []


def missing_target(project: Project, config: RunConfiguration) -> Problem | None:
    """What is wrong when a configuration names a target that nobody has."""
    if config.target in project.targets or f"{config.target}.compute" in project.broken:
        return None
    line, column = config.target_place
    names = ", ".join(sorted(project.targets)) or "none"
    return Problem(
        config.file, line, column, f"there is no compute target {config.target!r}.", f"The targets here: {names}."
    )
