"""What is wrong with a file of the project while somebody changes it: what a submission would say of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import AmlError
from engine.project.check import missing_target, problems_of
from engine.project.compute import read_compute
from engine.project.dependencies import read_conda, read_spark
from engine.project.folder import open_project
from engine.project.package_specs import wrong_requirement, wrong_spec
from engine.project.problems import Problem
from engine.project.requirements import read_requirements, refuse_passwords
from engine.project.resolve import resolve
from engine.project.runconfig import read_runconfig
from engine.project.shell import shell_environ
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.folder import Project

CONFIGURATION, TARGET, CONDA, SPARK = "runconfig", "compute", "conda", "spark"
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?::(?P<column>\d+))?")
# So many configurations of a target are tried on it.
_TRIED = 5


def kind_of_file(name: str) -> str:
    """What a file of the configuration folder is by its name: a dependency file that no suffix tells is conda's."""
    for kind in (CONFIGURATION, TARGET):
        if name.endswith(f".{kind}"):
            return kind
    return SPARK if "spark" in name.rpartition("/")[2].lower() else CONDA


def check_text(folder: Path, file: str, kind: str, data: bytes) -> list[Problem]:
    """Problems of `file` (relative to the project folder) with these bytes in it, by line. Blocking.

    What another file has to do with it is among them, under that file's name. Raises ProjectError without a project.
    """
    project = open_project(folder)
    if kind == CONFIGURATION:
        found = _configuration(project, file, data)
    elif kind == TARGET:
        found = _target(project, file, data)
    elif kind == SPARK:
        found = read_spark(project.path / file, file, data)[1]
    else:
        found = _conda(project, file, data)
    return sorted(dict.fromkeys(found), key=lambda problem: (problem.file != file, problem.line, problem.column))


def _configuration(project: Project, file: str, data: bytes) -> list[Problem]:
    path = project.path / file
    config, found = read_runconfig(path, file, data)
    if config is None:
        return found
    project.problems.clear()
    project.configs.clear()
    project.configs[config.name] = config
    project.broken.pop(path.name, None)
    found += [one for one in problems_of(project) if one.file == file]
    if not any(one.severity == "error" for one in found):
        found += _refused(project, config.name)
    return found


def _target(project: Project, file: str, data: bytes) -> list[Problem]:
    path = project.path / file
    target, found = read_compute(path, file, data)
    if target is None:
        return found
    project.broken.pop(path.name, None)
    project.targets[target.name] = target
    named = [config.name for config in project.configs.values() if config.target == target.name]
    for name in named[:_TRIED]:
        if missing_target(project, project.configs[name]) is None:
            found += [one for one in _refused(project, name) if one.file == file and one not in found]
    return found


def _refused(project: Project, config: str) -> list[Problem]:
    """Why a submission would be refused."""
    scripted = project.configs[config].script != "$file"
    request = RunRequest(str(project.path), config, "", environ=shell_environ())
    try:
        resolve(request, scripted=scripted, project=project)
    except AmlError as error:
        return [problem_of(error, project.configs[config].file)]
    return []


def _conda(project: Project, file: str, data: bytes) -> list[Problem]:
    read, found = read_conda(project.path / file, file, data)
    if read is None:
        return found
    for spec, place in zip(read.specs, read.spec_places, strict=True):
        why = wrong_spec(spec)
        if why:
            found.append(_at(place, f"{spec!r} {why}", "Write name, name=1.2 or name>=1.2,<2."))
    for channel in (*read.channels, *read.specs):
        try:
            refuse_passwords(channel, file)
        except AmlError as error:
            found.append(problem_of(error, file))
    for line, place in zip(read.pip, read.pip_places, strict=True):
        why = wrong_requirement(line)
        if why:
            found.append(_at(place, f"{line!r} {why}", "Write name, name==1.2 or name>=1.2,<2."))
            continue
        try:
            read_requirements(project.path, file, ((line, place),))
        except AmlError as error:
            found.append(problem_of(error, file))
    return found


def problem_of(error: AmlError, file: str) -> Problem:
    """An error with the place it names; `file` where it names none."""
    place = _PLACE.fullmatch(error.where)
    if place is not None:
        return Problem(place["file"], int(place["line"]), int(place["column"] or 1), error.message, error.remedy)
    known = error.where and not error.where.startswith("/")
    return Problem(error.where if known else file, 0, 0, error.message, error.remedy)


def _at(place: str, message: str, remedy: str) -> Problem:
    file, line, column = place.rsplit(":", 2)
    return Problem(file, int(line), int(column), message, remedy)
