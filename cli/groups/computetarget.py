"""`aml computetarget`: the targets of a project."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from cli.command import Command
from cli.output import emit
from cli.places import Place
from cli.problems import warn
from engine.project.folder import open_project

if TYPE_CHECKING:
    import argparse

    from cli.command import Parser
    from engine.project.compute import ComputeTarget


def _list(options: argparse.Namespace) -> int:
    place = Place(options)
    project = open_project(place.the_project())
    warn(project, ".compute")
    with place.store as store:
        known = store.targets()
    rows = []
    for target in project.targets.values():
        state = known.get(target.host)
        rows.append(
            {
                "name": target.name,
                "type": target.type,
                "address": target.host,
                "slots": target.slots,
                "state": state.state if state else "",
                "file": target.file,
            }
        )
    emit(options, rows)
    return 0


def _name(parser: Parser) -> None:
    parser.add_argument("-n", "--name", required=True, help="the target's name, with or without .compute")


def _show(options: argparse.Namespace) -> int:
    project = open_project(Place(options).the_project())
    emit(options, _shown(project.target(options.name.removesuffix(".compute"))))
    return 0


def _shown(target: ComputeTarget) -> dict[str, Any]:
    data = dataclasses.asdict(target)
    extra = data.pop("extra")
    for secret in ("password", "private_key"):
        # A pointer into the key store, or what somebody typed into the file: neither is for a screen.
        data[secret] = "(set)" if data[secret] else ""
    return {**data, **{key: value for key, value in extra.items() if key not in data}}


LATER = dict.fromkeys(("attach", "detach"), "Targets other than `local` come with the releases that bring their types.")

COMMANDS = {
    "list": Command(
        "list the compute targets of the project", _list, output="table", examples="  aml computetarget list"
    ),
    "show": Command("everything about one target", _show, options=_name, examples="  aml computetarget show -n local"),
}
