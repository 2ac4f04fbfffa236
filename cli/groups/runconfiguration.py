"""`aml runconfiguration`: how scripts run."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

from cli.command import Command
from cli.output import emit
from cli.places import Place
from cli.problems import warn
from engine.project.folder import open_project

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser


def _list(options: argparse.Namespace) -> int:
    project = open_project(Place(options).the_project())
    warn(project, ".runconfig")
    rows = [
        {
            "name": config.name,
            "target": config.target,
            "framework": config.framework,
            "script": config.script,
            "arguments": list(config.arguments),
            "file": config.file,
        }
        for config in project.configs.values()
    ]
    emit(options, rows, [{**row, "arguments": " ".join(map(str, row["arguments"]))} for row in rows])
    return 0


def _name(parser: Parser) -> None:
    parser.add_argument("-n", "--name", required=True, help="the configuration's name, with or without .runconfig")


def _show(options: argparse.Namespace) -> int:
    project = open_project(Place(options).the_project())
    config = project.config(options.name)
    data = dataclasses.asdict(config)
    for internal in ("target_place", "script_place"):
        del data[internal]
    sections, extra = data.pop("sections"), data.pop("extra")
    if config.generation == 2:
        del data["data_preparation"]
        docker = sections["docker"]
        docker["shared_volumes"], docker["gpu_support"] = config.sections.docker.on(project.targets.get(config.target))
        registry = docker["base_image_registry"]
        registry["password"] = "(set)" if registry["password"] else ""
        data |= sections
    emit(options, _lists({**data, "extra": extra}))
    return 0


def _lists(data: object) -> object:
    if isinstance(data, dict):
        return {key: _lists(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_lists(value) for value in data]
    return data


def _create_options(parser: Parser) -> None:
    _name(parser)
    parser.add_argument("-t", "--target", required=True, metavar="NAME", help="the compute target to run on")
    parser.add_argument("--framework", choices=("Python", "PySpark"), default="Python", help="default: %(default)s")


def _create(options: argparse.Namespace) -> int:
    from engine.project.create import create_runconfiguration

    project = open_project(Place(options).the_project())
    name = options.name.removesuffix(".runconfig")
    path = create_runconfiguration(project, name, options.target.removesuffix(".compute"), options.framework)
    emit(options, {"name": name, "file": str(path)})
    return 0


def _delete(options: argparse.Namespace) -> int:
    from engine.project.create import delete_runconfiguration

    project = open_project(Place(options).the_project())
    delete_runconfiguration(project, options.name)
    sys.stderr.write(f"deleted {options.name}\n")
    return 0


COMMANDS = {
    "list": Command("list the run configurations of the project", _list, output="table"),
    "show": Command(
        "everything about one configuration", _show, options=_name, examples="  aml runconfiguration show -n local"
    ),
    "create": Command(
        "make a configuration for a target",
        _create,
        options=_create_options,
        examples="  aml runconfiguration create -n quick -t local",
    ),
    "delete": Command("delete a configuration's file", _delete, options=_name, output=None),
}
