"""The options of `aml computetarget attach`: those of the original, and more; and what they come to."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.follow import say
from engine.errors import NotFound, UsageError
from engine.project.compute import SPELLINGS, SSH_TYPES

if TYPE_CHECKING:
    from cli.asking import Person
    from cli.command import Parser
    from engine.project.attaching import Attachment
    from engine.project.machine import Machine

KINDS = (*SSH_TYPES, "docker")
# An option with a value that may be left out: then it is asked for.
ASKED = object()
STDIN = {"password": "--password-stdin", "passphrase": "--private-key-passphrase-stdin"}


def options(parser: Parser) -> None:
    """Those of the original, and more. The type comes first, before them: `split`."""
    parser.usage = f"%(prog)s {{{','.join(KINDS)}}} -n NAME [-a HOST[:PORT]] [options]"
    add = parser.add_argument
    add("-n", "--name", required=True, help="the target's name, which its two files get")
    add("--type", metavar="TYPE", help="the type, where it does not come first")
    _machine_options(parser)
    _run_options(parser)
    add("--no-test", action="store_true", help="write the files without connecting first")


def _machine_options(parser: Parser) -> None:
    add = parser.add_argument_group("the machine").add_argument
    add("-a", "--address", metavar="HOST[:PORT]", help="its name, IP address, or alias in ~/.ssh/config")
    add("-u", "--username", metavar="USER", help="who to log in as (default: as ssh does)")
    add(
        "-w",
        "--password",
        metavar="PASSWORD",
        nargs="?",
        const=ASKED,
        help="without a value it is asked for; a value here can be read by everybody on this machine",
    )
    add("--password-stdin", action="store_true", help="read the password from one line of standard input")
    add("--hide-password", action="store_true", help="as it is anyway: a password that is asked for is not shown")
    add("-k", "--use-azureml-ssh-key", action="store_true", help="make a key, print it, and install it if possible")
    add("--key-type", choices=("ed25519", "rsa"), default="ed25519", help="of the key to make (default: %(default)s)")
    add("--ssh-port", metavar="PORT", type=int, help="the same as a port in the address")
    add(
        "--private-key-file",
        metavar="FILE",
        help="a key to log in with; together with -k one to log in with once, to install the other",
    )
    add(
        "--private-key-passphrase",
        metavar="TEXT",
        nargs="?",
        const=ASKED,
        help="its passphrase, as with -w; where one is needed it is asked for",
    )
    add(
        "--private-key-passphrase-stdin",
        action="store_true",
        help="read it from a line of standard input, after that of the password",
    )
    add("--jump-host", metavar="[USER@]HOST[:PORT]", help="log in by way of this machine; several with commas")


def _run_options(parser: Parser) -> None:
    add = parser.add_argument_group("what runs there").add_argument
    add("--python-location", metavar="PROGRAM", help="the Python there (remote, cluster)")
    add("--base-docker-image", metavar="IMAGE", help="what containers start from (docker, remotedocker)")
    add(
        "--shared-volumes",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="mount the run directory into the container, or copy it in and out (docker, remotedocker)",
    )
    add("--nvidia-docker", action="store_true", help="GPUs in the container (docker, remotedocker)")
    add("--native-shared-directory", metavar="FOLDER", help="base of a folder that all runs there share")
    add("--slots", metavar="N", type=int, help="how many runs it takes at once (default: 4)")


def split(parser: Parser, arguments: list[str]) -> tuple[list[str], list[str]]:
    """The type is a word of its own before the options, as in the original's `attach remotedocker`."""
    if arguments and not arguments[0].startswith("-"):
        return arguments[1:], arguments[:1]
    return arguments, []


def _kind(options: argparse.Namespace) -> str:
    given = dict.fromkeys([*options.rest, *([options.type] if options.type else [])])
    words: set[str] = {SPELLINGS.get(word.lower(), word.lower()) for word in given}
    if len(words) != 1 or not words <= set(KINDS):
        raise UsageError(
            f"{', '.join(map(repr, given))} is no type of target." if given else "the type of the target is missing.",
            remedy=f"Write it after `attach`: {', '.join(KINDS)}.",
        )
    return words.pop()


def attachment_of(options: argparse.Namespace) -> Attachment:
    """What is asked for. Raises UsageError for options that say nothing about its type, NotFound for no key file."""
    from engine.project.attaching import CONTAINERS, Attachment

    kind = _kind(options)
    contained = kind in CONTAINERS
    strays = {
        "--address": kind == "docker" and options.address,
        "--username": kind == "docker" and options.username,
        "--password": kind == "docker" and (options.password or options.password_stdin),
        "--use-azureml-ssh-key": kind == "docker" and options.use_azureml_ssh_key,
        "--ssh-port": kind == "docker" and options.ssh_port,
        "--private-key-file": kind == "docker" and options.private_key_file,
        "--jump-host": kind == "docker" and options.jump_host,
        "--python-location": contained and options.python_location,
        "--base-docker-image": not contained and options.base_docker_image,
        "--shared-volumes": not contained and options.shared_volumes is not None,
        "--nvidia-docker": not contained and options.nvidia_docker,
    }
    for name, stray in strays.items():
        if stray:
            raise UsageError(f"a target of type {kind} has no {name}.", remedy=f"`{options.program} -h` explains it.")
    return Attachment(
        name=options.name.removesuffix(".compute"),
        kind=kind,
        machine=None if kind == "docker" else _machine(options),
        python_location=options.python_location or "",
        base_image=options.base_docker_image or "",
        shared_volumes=options.shared_volumes is not False,
        nvidia_docker=options.nvidia_docker,
        native_shared_directory=options.native_shared_directory or "",
        slots=options.slots,
    )


def _machine(options: argparse.Namespace) -> Machine:
    from engine.project.machine import Machine, split_address

    if not options.address:
        raise UsageError("the machine's address is missing.", remedy="Give it with -a, as host or host:port.")
    user, _, address = options.address.rpartition("@")
    host, port = split_address(address)
    if (user and options.username and user != options.username) or (
        options.ssh_port is not None and port is not None and port != options.ssh_port
    ):
        raise UsageError("the address says otherwise than -u or --ssh-port.", remedy="Give each of them once.")
    file = options.private_key_file
    if file is not None and not Path(file).expanduser().is_file():
        raise NotFound(
            "there is no such private key.", where=file, remedy="Check the path given to --private-key-file."
        )
    return Machine(
        host,
        port if options.ssh_port is None else options.ssh_port,
        options.username or user,
        private_key_file=str(Path(file).expanduser().absolute()) if file is not None else "",
        jump_host=options.jump_host or "",
    )


def secrets_of(options: argparse.Namespace, kind: str, person: Person) -> dict[str, str]:
    """Password and passphrase as far as they are given, or asked for now. Raises UsageError."""
    if kind == "docker":
        return {}
    given: dict[str, Any] = {"password": options.password, "passphrase": options.private_key_passphrase}
    stdin = {"password": options.password_stdin, "passphrase": options.private_key_passphrase_stdin}
    _check_secrets(options, given, stdin)
    if any(isinstance(value, str) for value in given.values()):
        say(
            "notice: a password on a command line can be read by everybody on this machine;"
            " without it there it is asked for, and --password-stdin takes it from a script"
        )
    may_be_none = options.no_test and not options.use_azureml_ssh_key and not options.private_key_file
    if may_be_none and person.there and given["password"] is None and not stdin["password"]:
        # Without a test nothing will ask for it later.
        given["password"] = ASKED
    found: dict[str, str] = {}
    for what, value in given.items():
        secret = value
        if stdin[what]:
            secret = sys.stdin.readline().rstrip("\r\n")
        elif value is ASKED:
            if not person.there:
                raise UsageError(f"the {what} is asked for, and there is nobody to ask.", remedy=f"Use {STDIN[what]}.")
            secret = person.secret(f"{what.capitalize()} (empty for none)" if may_be_none else what.capitalize()) or ""
            if not secret and may_be_none:
                continue
        if secret == "":
            raise UsageError(f"the {what} is empty.", remedy="Leave it out where none is needed.")
        if secret is not None:
            found[what] = secret
    return found


def _check_secrets(options: argparse.Namespace, given: dict[str, Any], stdin: dict[str, bool]) -> None:
    for what, value in given.items():
        if stdin[what] and value is not None:
            raise UsageError(f"the {what} is given twice.", remedy=f"Leave out one of them, or {STDIN[what]}.")
    if (given["passphrase"] or stdin["passphrase"]) and not options.private_key_file:
        raise UsageError("a passphrase is for a key, and none is named.", remedy="Name it with --private-key-file.")
    if options.no_test and (given["passphrase"] or stdin["passphrase"]):
        raise UsageError("with --no-test nothing needs the passphrase yet.", remedy="It is asked for once one does.")
    if options.no_test and options.use_azureml_ssh_key and (given["password"] or stdin["password"]):
        raise UsageError("with --no-test nothing connects, and the made key is not installed.", remedy="Leave one out.")
