"""The attach form: its fields, what is wrong with them as one types, and what comes of them. No widgets, no disk."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ProjectError
from engine.project.compute import head_node_of, wrong_jump_host, wrong_username
from engine.project.create import check_name
from engine.project.machine import Machine, join_address, split_address
from tui.attempts import Wanted
from tui.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from engine.project.attaching import Attachment

AGENT, PASSWORD, KEY_FILE, NEW_KEY = "agent or SSH configuration", "password", "key file", "new key"


@dataclass(frozen=True)
class Kind:
    """What can be attached: a type of target, and what a person calls it."""

    type: str
    title: str
    text: str


KINDS = (
    Kind("docker", "Local Docker", "containers on this machine"),
    Kind("remote", "Remote VM", "a Python of yours on a machine over SSH"),
    Kind("remotedocker", "Remote Docker", "containers on a machine over SSH"),
    Kind("cluster", "HDInsight", "Spark on YARN, over SSH to the head node"),
)


@dataclass(frozen=True)
class Spec:
    """A field: how it is filled in, what stands for an empty one, what is said of it while one is in it."""

    name: str
    label: str
    kind: str = "text"
    empty: str = ""
    hint: str = ""
    choices: tuple[str, ...] = ()


SPECS = {
    spec.name: spec
    for spec in (
        Spec("name", "Name", hint="Of the target: its files are <name>.compute and <name>.runconfig."),
        Spec(
            "address",
            "Address",
            empty="gpu-box, 10.0.0.5:2222, or a Host of ~/.ssh/config",
            hint="Name, IP or Host of ~/.ssh/config; :port if it is not 22. The right arrow takes what is suggested.",
        ),
        Spec("user", "User", empty="as SSH has it", hint="Empty: the user of ~/.ssh/config, else your own name."),
        Spec(
            "authentication",
            "Authentication",
            "choice",
            hint="Left and right change it. What else is asked for, the test asks you.",
            choices=(AGENT, PASSWORD, KEY_FILE, NEW_KEY),
        ),
        Spec("password", "Password", "secret"),
        Spec(
            "key_file",
            "Key file",
            empty="~/.ssh/id_ed25519",
            hint="A private key on this machine; it stays where it is. The test asks for its passphrase.",
        ),
        Spec(
            "key_kind",
            "Kind of key",
            "choice",
            hint="A pair is made here, its private half kept in {where}. rsa is for old servers.",
            choices=("ed25519", "rsa"),
        ),
        Spec(
            "jump_host",
            "Jump host",
            empty="none",
            hint="[user@]host[:port] to go through; several with commas. Empty: as ~/.ssh/config has it.",
        ),
        Spec(
            "python", "Python", empty="the python3 on its path", hint="The interpreter there, as /opt/conda/bin/python."
        ),
        Spec("base_image", "Base image", empty="the default one", hint="What containers start from."),
        Spec("shared_volumes", "Shared volumes", "tick", hint="Otherwise files are copied into the container and out."),
        Spec("gpu", "GPU", "tick", hint="Needs NVIDIA's container runtime there."),
        Spec("shared_directory", "Shared folder", empty="none", hint="There, for all runs: a path from its root on."),
        Spec("slots", "Slots", empty="4", hint="How many runs it takes at once; more wait."),
    )
}
TICKS = {"shared_volumes": "mount the run directory", "gpu": "give containers the GPUs"}
# What stands for an empty password, and what is said of it, by what it is for.
PASSWORDS = {
    PASSWORD: ("asked for by the test", "Kept in {where}, never in the project."),
    NEW_KEY: ("none: you install the key yourself", "Puts the key there once, and is forgotten then."),
}
_WAY = ("address", "user", "authentication", "password", "key_file", "key_kind", "jump_host")
_CONTAINER = ("base_image", "shared_volumes", "gpu", "shared_directory")
_FIELDS = {
    "docker": ("name", *_CONTAINER, "slots"),
    "remote": ("name", *_WAY, "python", "shared_directory", "slots"),
    "remotedocker": ("name", *_WAY, *_CONTAINER, "slots"),
    "cluster": ("name", *_WAY, "python", "slots"),
}
# Which way of authenticating has which fields.
_OF_AUTHENTICATION = {"password": (PASSWORD, NEW_KEY), "key_file": (KEY_FILE,), "key_kind": (NEW_KEY,)}


@dataclass(frozen=True)
class Form:
    """What is in the fields, as it was typed."""

    kind: str
    name: str = ""
    address: str = ""
    user: str = ""
    authentication: str = AGENT
    password: Secret = field(default_factory=Secret)
    key_file: str = ""
    key_kind: str = "ed25519"
    jump_host: str = ""
    python: str = ""
    base_image: str = ""
    shared_volumes: bool = True
    gpu: bool = False
    shared_directory: str = ""
    slots: str = ""

    def having(self, name: str, value: str | bool | Secret) -> Form:
        """The same with something else in this field."""
        change: dict[str, Any] = {name: value}
        return dataclasses.replace(self, **change)

    @property
    def remote(self) -> bool:
        return self.kind != "docker"

    def fields(self) -> tuple[str, ...]:
        """Every field of this kind, in order."""
        return _FIELDS[self.kind]

    def shown(self) -> tuple[str, ...]:
        """Those that count now."""
        return tuple(
            name
            for name in self.fields()
            if self.authentication in _OF_AUTHENTICATION.get(name, (self.authentication,))
        )

    def tidy(self) -> Form:
        """With the user in its own field who was typed before the address: `alice@gpu-box`."""
        user, at, address = self.address.strip().rpartition("@")
        return dataclasses.replace(self, user=user, address=address) if at and not self.user.strip() else self

    def head_node(self) -> str:
        """The address, with its port, of the head node whose web gateway was typed; "" where that is not so."""
        try:
            host, port = split_address(self.address.strip())
        except ProjectError:
            return ""
        head = head_node_of(host)
        return join_address(head, port) if head else ""

    def text(self, name: str) -> str:
        """A typed field; "" when it does not count."""
        return str(getattr(self, name)).strip() if name in self.shown() else ""

    def machine(self, password: str = "", key: str = "") -> Machine:
        """How it is reached, with references into the key store. Raises ProjectError for a wrong address."""
        address, port = split_address(self.text("address"))
        file = self.text("key_file")
        return Machine(
            address,
            port,
            self.text("user"),
            password,
            key,
            str(Path(file).expanduser().absolute()) if file else "",
            self.text("jump_host").replace(" ", ""),
        )

    def wanted(self, key: str = "") -> Wanted:
        """What the test tries. `key`: the reference of the key that was made. Raises ProjectError."""
        made = key if self.authentication == NEW_KEY else ""
        typed = self.password if "password" in self.shown() else Secret()
        return Wanted(
            self.machine(key=made),
            self.kind,
            self.text("python"),
            password=typed,
            install=made if made and typed else "",
        )

    def attachment(self, password: str = "", key: str = "") -> Attachment:
        """What is written, with references into the key store. Raises ProjectError."""
        from engine.project.attaching import Attachment

        shown = self.shown()
        return Attachment(
            name=self.name.strip(),
            kind=self.kind,
            machine=self.machine(password, key) if self.remote else None,
            python_location=self.text("python"),
            base_image=self.text("base_image"),
            shared_volumes=self.shared_volumes or "shared_volumes" not in shown,
            nvidia_docker=self.gpu and "gpu" in shown,
            native_shared_directory=self.text("shared_directory"),
            slots=int(self.slots) if self.slots.strip() else None,
        )


@dataclass(frozen=True)
class Known:
    """What the fields are held against: names in the project, hosts of the SSH configuration, what key files are.

    `where` is what the key store is called; `key_files` has what is wrong with each that was looked at, or "".
    """

    names: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    where: str = "the key store"
    key_files: Mapping[str, str] = field(default_factory=dict)


def stands_for(name: str, form: Form) -> str:
    """What an empty field means."""
    return SPECS[name].empty if name != "password" else PASSWORDS.get(form.authentication, ("", ""))[0]


def hint(name: str, form: Form, known: Known) -> str:
    """What is said of a field while one is in it."""
    text = SPECS[name].hint if name != "password" else PASSWORDS.get(form.authentication, ("", ""))[1]
    return text.replace("{where}", known.where)


def problems(form: Form, known: Known) -> dict[str, str]:
    """What is wrong, by field; empty when it can be tested and saved."""
    form = form.tidy()
    found = {name: _CHECKS[name](form, known) for name in form.shown() if name in _CHECKS}
    return {name: reason for name, reason in found.items() if reason}


def suggested_name(kind: str, address: str, taken: Collection[str]) -> str:
    """A free name for a target at this address; "" while there is none to make one of."""
    host = address.strip().rpartition("@")[2]
    try:
        host = split_address(host)[0]
    except ProjectError:
        host = host.partition(":")[0]
    if not re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", host):
        host = host.partition(".")[0]
    if kind == "docker":
        host = host or "docker"
    elif kind == "cluster":
        host = host.removesuffix("-ssh")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", host).strip("-_.")[:56]
    if not name or name not in taken:
        return name
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)


def _name(form: Form, known: Known) -> str:
    name = form.name.strip()
    if not name:
        return "Give it a name."
    if name in known.names:
        return "The project has a target or a run configuration of this name."
    try:
        check_name(name, "compute target")
    except ProjectError as error:
        return f"{error.message} {error.remedy}"
    return ""


def _address(form: Form, _: Known) -> str:
    address = form.address.strip()
    if not address:
        return "Give the machine's name or IP address."
    if "@" in address:
        return "The user has a field of its own."
    try:
        host = split_address(address)[0]
    except ProjectError as error:
        return error.message
    head = head_node_of(host)
    return f"That is the cluster's web gateway; SSH reaches {head}: ctrl+t takes it." if head else ""


def _user(form: Form, _: Known) -> str:
    why = wrong_username(form.user.strip())
    return f"{form.user.strip()!r} {why}" if why else ""


def _key_file(form: Form, known: Known) -> str:
    file = form.key_file.strip()
    return known.key_files.get(file, "") if file else "Name the private key's file."


def _jump_host(form: Form, _: Known) -> str:
    hops = form.text("jump_host").replace(" ", "")
    why = wrong_jump_host(hops)
    return f"{hops!r} {why} Write [user@]host[:port]." if why else ""


def _python(form: Form, _: Known) -> str:
    return "That is an option, not an interpreter." if form.python.strip().startswith("-") else ""


def _base_image(form: Form, _: Known) -> str:
    image = form.base_image.strip()
    return f"{image!r} is no name of an image." if image.startswith("-") or re.search(r"\s", image) else ""


def _shared_directory(form: Form, _: Known) -> str:
    folder = form.shared_directory.strip()
    if folder and "shared_volumes" in form.shown() and not form.shared_volumes:
        return "It needs shared volumes: it is mounted into the container."
    return "" if not folder or folder.startswith(("/", "~")) else "Write the whole path, from / on."


def _slots(form: Form, _: Known) -> str:
    slots = form.slots.strip()
    return "" if not slots or re.fullmatch(r"[1-9][0-9]{0,3}", slots) else "Write a number from 1 on."


_CHECKS: dict[str, Callable[[Form, Known], str]] = {
    "name": _name,
    "address": _address,
    "user": _user,
    "key_file": _key_file,
    "jump_host": _jump_host,
    "python": _python,
    "base_image": _base_image,
    "shared_directory": _shared_directory,
    "slots": _slots,
}
