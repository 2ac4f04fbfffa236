"""A `.compute` file: a compute target. Keys and defaults are the Workbench's; see the README's table."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import ProjectError
from engine.project.fields import Document, document_of, read_document
from engine.project.machine import Machine, split_address
from engine.project.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ("local", "docker", "remote", "remotedocker", "cluster")
SSH_TYPES = ("remote", "remotedocker", "cluster")
SPELLINGS = {"localdocker": "docker"}
DEFAULT_IMAGE = "microsoft/mmlspark:plus-0.7.91"
DEFAULT_SLOTS = 4
# No blank, no control character, and no beginning that a program would take for an option.
_WORD = re.compile(r"(?!-)[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


@dataclass(frozen=True)
class ComputeTarget:
    """One target. `password` and `private_key` are pointers into the key store; a file made by hand may hold the text.

    `address` is without its port. `private_key_file`: absolute, on this machine. `jump_host` as OpenSSH's ProxyJump.
    `slots` is our own key: how many runs it takes at once. `extra` has keys this release does not know.
    """

    name: str
    type: str
    file: str
    base_docker_image: str = DEFAULT_IMAGE
    address: str = ""
    port: int | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    private_key_file: str = ""
    jump_host: str = ""
    shared_volumes: bool = True
    nvidia_docker: bool = False
    native_shared_directory: str | None = None
    user_managed_environment: bool = False
    python_location: str = ""
    spark_submit_location: str = "spark-submit"
    yarn_deploy_mode: str | None = None
    slots: int = DEFAULT_SLOTS
    extra: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        """Where it is: "local" for this machine, otherwise the machine's name as the engine has it."""
        return self.machine.name if self.type in SSH_TYPES else "local"

    @property
    def machine(self) -> Machine:
        """How it is reached over SSH. Raises ProjectError for a target on this machine."""
        if self.type not in SSH_TYPES:
            raise ProjectError(
                f"the target {self.name!r} is on this machine: nothing connects to it.",
                where=self.file,
                remedy=f"Name one of type {', '.join(SSH_TYPES)}.",
            )
        return Machine(
            self.address,
            self.port,
            self.username,
            self.password,
            self.private_key,
            self.private_key_file,
            self.jump_host,
        )


def read_compute(path: Path, file: str, data: bytes | None = None) -> tuple[ComputeTarget | None, list[Problem]]:
    """Read one target; None when it cannot be used, with the problems that say why.

    `data`: what is to be in the file, instead of what is.
    """
    document = read_document(path, file) if data is None else document_of(data, file)
    fields = document.fields
    if fields is None:
        return None, document.problems
    kind = fields.text("type").strip().lower()
    kind = SPELLINGS.get(kind, kind)
    if kind not in TYPES:
        line, column = fields.line("type")
        given = f"unknown type {kind!r}" if kind else "the key `type` is missing"
        document.problems.append(Problem(file, line or 1, column or 1, f"{given}.", f"Use one of: {', '.join(TYPES)}."))
        return None, document.problems
    address, port = _address(document, kind)
    target = ComputeTarget(
        name=path.name.removesuffix(".compute"),
        type=kind,
        file=file,
        base_docker_image=fields.text("baseDockerImage", DEFAULT_IMAGE),
        address=address,
        port=port,
        username=fields.text("username").strip(),
        password=fields.text("password"),
        private_key=fields.text("privateKey"),
        private_key_file=_local_file(fields.text("privateKeyFile").strip(), path),
        jump_host=fields.text("jumpHost").strip(),
        shared_volumes=fields.flag("sharedVolumes", True),
        nvidia_docker=fields.flag("nvidiaDocker", False),
        native_shared_directory=fields.maybe("nativeSharedDirectory"),
        user_managed_environment=fields.flag("userManagedEnvironment", kind == "remote"),
        python_location=fields.text("pythonLocation"),
        spark_submit_location=fields.text("sparkSubmitLocation", "spark-submit"),
        yarn_deploy_mode=fields.maybe("yarnDeployMode"),
        slots=int(fields.number("slots", fields.number("maxConcurrentRuns", DEFAULT_SLOTS, least=1), least=1) or 1),
        extra=fields.rest(),
    )
    for key, value, why in (
        ("username", target.username, wrong_username(target.username)),
        ("jumpHost", target.jump_host, wrong_jump_host(target.jump_host)),
    ):
        if value and why and kind in SSH_TYPES:
            document.problems.append(Problem(file, *fields.line(key), f"{value!r} {why}", f"Correct `{key}`."))
    usable = not any(problem.severity == "error" for problem in document.problems)
    return (target if usable else None), document.problems


def wrong_username(text: str) -> str:
    """Why this cannot be a user's name, "" when it can. Names of domains, `CORP\\ann` and `ann@corp`, can."""
    return "" if _WORD.fullmatch(text) or not text else "is no name of a user."


def wrong_jump_host(text: str) -> str:
    """Why OpenSSH's ProxyJump does not take this, "" when it does: `[user@]host[:port]`, several with commas."""
    for hop in text.split(",") if text else ():
        user, at, address = hop.strip().removeprefix("ssh://").rpartition("@")
        if (at and not user) or user.startswith("-") or wrong_username(user):
            return "is no jump host."
        try:
            split_address(address)
        except ProjectError:
            return "is no jump host."
    return ""


def head_node_of(address: str) -> str:
    """SSH reaches the head node of an HDInsight cluster; people name the cluster's web gateway, without `-ssh`.

    The head node's name for such an address; "" for any other.
    """
    cluster, dot, domain = address.partition(".")
    gateway = domain.lower() == "azurehdinsight.net" and not cluster.lower().endswith("-ssh")
    return f"{cluster}-ssh{dot}{domain}" if gateway else ""


def _address(document: Document, kind: str) -> tuple[str, int | None]:
    """Name and port; what is wrong with them is added to the problems."""
    fields = document.fields
    assert fields is not None
    text = fields.text("address").strip()
    if kind not in SSH_TYPES:
        return text, None
    if not text:
        document.problems.append(
            Problem(
                document.file,
                1,
                1,
                "the key `address` is missing.",
                "Give the machine's name or IP, as host or host:port.",
            )
        )
        return "", None
    node = fields.find("address")
    assert node is not None
    try:
        address, port = split_address(text)
    except ProjectError as error:
        fields.complain(node, error.message, error.remedy)
        return "", None
    head = head_node_of(address)
    if head:
        fields.complain(node, f"{address} takes no SSH: it is the cluster's web gateway.", f"Write {head}.", "warning")
    return address, port


def _local_file(text: str, path: Path) -> str:
    """Absolute: the engine has another working directory. A relative one is relative to the project."""
    return os.path.abspath(path.parent.parent / os.path.expanduser(text)) if text else ""
