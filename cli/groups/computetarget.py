"""`aml computetarget`: the targets of a project, and what becomes of them. What connects is in modules of its own."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import TYPE_CHECKING, Any

from cli.asking import Person
from cli.command import Command
from cli.output import emit
from cli.places import Place
from cli.problems import warn
from engine.errors import UsageError
from engine.plain import plain
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
                "reason": state.reason if state else "",
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


def _type_first(parser: Parser, arguments: list[str]) -> tuple[list[str], list[str]]:
    from cli import attach_options

    return attach_options.split(parser, arguments)


def _attach_options(parser: Parser) -> None:
    from cli import attach_options

    attach_options.options(parser)


def _attach(options: argparse.Namespace) -> int:
    from cli import attach

    return attach.attach(options)


def _test(options: argparse.Namespace) -> int:
    from cli import doctor

    return doctor.test(options)


def _shell(options: argparse.Namespace) -> int:
    from cli import shell

    return shell.shell(options)


def _public_key(options: argparse.Namespace) -> int:
    from cli import shell

    return shell.public_key(options)


def _detach_options(parser: Parser) -> None:
    _name(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def _detach(options: argparse.Namespace) -> int:
    from engine.project.attaching import detach, secrets_of
    from engine.secrets import KeyStore

    place = Place(options)
    project = open_project(place.the_project())
    name = options.name.removesuffix(".compute")
    if f"{name}.compute" not in project.broken:
        project.target(name)
    with place.store as store:
        unfinished = [one.name for one in store.runs(str(project.path), unfinished=True) if one.target == name]
    if unfinished:
        some = ", ".join(unfinished[:3]) + (", ..." if len(unfinished) > 3 else "")
        sys.stderr.write(f"not ended, and not to be followed without {plain(name)}: {plain(some)}\n")
    if not options.yes:
        person = Person()
        if not person.there:
            raise UsageError("detaching asks first, and there is nobody to ask.", remedy="Add --yes.")
        with_secrets = ", its password and made key" if secrets_of(project, name) else ""
        if not person.agrees(f"Remove the target {name}, its configuration{with_secrets}?", default=False):
            return 1
    for path in detach(project, name, KeyStore(place.paths)):
        sys.stderr.write(f"removed {plain(os.path.relpath(path, project.path))}\n")
    return 0


ATTACH_EXAMPLES = """\
  aml computetarget attach remote -n gpu-box -a 10.0.0.5 -u ann
  aml computetarget attach remotedocker -n gpu-box -a gpu-box:2222 -u ann -w -k
  pass show gpu-box | aml computetarget attach remote -n gpu-box -a gpu-box -u ann --password-stdin
  aml computetarget attach cluster -n hdi -a mine-ssh.azurehdinsight.net -u sshuser
  aml computetarget attach docker -n gpus --nvidia-docker"""

COMMANDS = {
    "attach": Command(
        "make a machine, or containers, a target of the project: tested first, then written down",
        _attach,
        options=_attach_options,
        output="",
        split=_type_first,
        examples=ATTACH_EXAMPLES,
    ),
    "list": Command(
        "list the compute targets of the project", _list, output="table", examples="  aml computetarget list"
    ),
    "show": Command("everything about one target", _show, options=_name, examples="  aml computetarget show -n local"),
    "test": Command(
        "go the way to a target step by step, and say what to do about what is wrong; exit code 1 when it fails",
        _test,
        options=_name,
        output="",
        examples="  aml computetarget test -n gpu-box\n  aml computetarget test -n gpu-box -o json",
    ),
    "shell": Command(
        "log in to a target's machine with ssh",
        _shell,
        options=_name,
        output=None,
        examples="  aml computetarget shell -n gpu-box",
    ),
    "public-key": Command(
        "print the public key of a target, for ~/.ssh/authorized_keys on its machine",
        _public_key,
        options=_name,
        output=None,
    ),
    "detach": Command(
        "remove a target: its file, its configuration if that is still for it, its secrets",
        _detach,
        options=_detach_options,
        output=None,
    ),
}
