"""Attaching a compute target: its `.compute` and `.runconfig` as the original wrote them; and taking it away again."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import AmlError, NotNow, ProjectError
from engine.project.compute import (
    DEFAULT_IMAGE,
    SSH_TYPES,
    head_node_of,
    wrong_jump_host,
    wrong_username,
)
from engine.project.create import RUNCONFIG, SPARK, check_name
from engine.project.dependencies import CONDA_FILE, SPARK_FILE
from engine.project.edit import quoted, remove_file, scalar, write_text
from engine.project.fields import read_document
from engine.project.finding import CONFIG_FOLDERS
from engine.project.machine import join_address, split_address

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.folder import Project
    from engine.project.machine import Machine
    from engine.secrets import KeyStore

# What can be attached, and what its file says first. A project has `local` from its beginning.
KINDS = {
    "docker": "a container on this machine's Docker engine",
    "remote": "a machine over SSH, in a Python that is there",
    "remotedocker": "a container on a machine over SSH",
    "cluster": "Spark on an HDInsight cluster, over SSH to its head node",
}
CONTAINERS = ("docker", "remotedocker")


@dataclass(frozen=True)
class Attachment:
    """What a form or a command line gathers. `machine` is None for `docker` alone.

    Each type takes what it has a use for: `python_location` and the rest of another type are not written.
    """

    name: str
    kind: str
    machine: Machine | None
    python_location: str = ""
    base_image: str = ""
    shared_volumes: bool = True
    nvidia_docker: bool = False
    native_shared_directory: str = ""
    slots: int | None = None


def check_attachment(project: Project, attachment: Attachment) -> None:
    """Raises ProjectError for a name, an address or an option that cannot be, NotNow when the name is taken."""
    check_name(attachment.name, "compute target")
    if attachment.kind not in KINDS:
        raise ProjectError(
            f"a target of type {attachment.kind!r} cannot be attached.", remedy=f"Use one of: {', '.join(KINDS)}."
        )
    _check_machine(attachment)
    _check_options(attachment)
    for path in _files(project, attachment.name):
        if os.path.lexists(path):
            raise NotNow(
                f"the name {attachment.name!r} is taken.",
                where=str(path),
                remedy=f"Choose another name, or `aml computetarget detach -n {attachment.name}` first.",
            )


def attach(project: Project, attachment: Attachment) -> tuple[Path, ...]:
    """Write `<name>.compute` and `<name>.runconfig`, for a cluster also the project's Spark settings where it has none.

    All of them or none; their paths in this order. Blocking. Raises what `check_attachment` does, and ProjectError when
    they cannot be written.
    """
    check_attachment(project, attachment)
    compute, config = _files(project, attachment.name)
    spark = project.config_folder / SPARK_FILE
    cluster = attachment.kind == "cluster"
    written: list[Path] = []

    def write(path: Path, text: str) -> None:
        write_text(path, text)
        written.append(path)

    try:
        write(compute, _compute(attachment))
        if cluster and not os.path.lexists(spark):
            # Before the configuration, which names it when it is there.
            write(spark, SPARK)
        write(config, _configuration(project, attachment.name, "PySpark" if cluster else "Python"))
    except BaseException:
        for path in written:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return (compute, config, *written[1:-1])


def detach(project: Project, name: str, keys: KeyStore | None) -> list[Path]:
    """Remove a target's file, and the configuration of its name if that is still for it; what was removed. Blocking.

    A file with errors can be removed as well. With `keys` its password and made key go too, unless another target of
    the project has the same. Raises NotFound, ProjectError; SecretsError when the files are gone and the key store
    cannot be changed.
    """
    compute, config = _files(project, name)
    if f"{name}.compute" not in project.broken:
        project.target(name)
    mine = secrets_of(project, name)
    known = project.configs.get(name)
    going = [config] if known is not None and known.target == name and config.exists() else []
    # The target last: what is cut off in between can be done again.
    for path in (*going, compute):
        remove_file(path)
    if keys is not None:
        for reference in mine:
            keys.delete(reference)
    return [compute, *going]


def secrets_of(project: Project, name: str) -> list[str]:
    """References into the key store that a target's file has, and no other target of the project. Blocking."""
    from engine.secrets import is_reference

    path = _files(project, name)[0]
    found = [one for one in _pointers(path) if is_reference(one)]
    if not found:
        return []
    others = [one for one in project.config_folder.glob("*.compute") if one != path]
    # The bare text too: a file that cannot be read as YAML today still has its secret tomorrow.
    texts = [one.read_bytes().decode("utf-8", "replace") for one in others if one.is_file()]
    kept = {pointer for one in others for pointer in _pointers(one)}
    return [one for one in dict.fromkeys(found) if one not in kept and not any(one in text for text in texts)]


def _pointers(path: Path) -> list[str]:
    fields = read_document(path, path.name).fields
    return [fields.text(key) for key in ("password", "privateKey") if fields.has(key)] if fields is not None else []


def _files(project: Project, name: str) -> tuple[Path, Path]:
    return project.config_folder / f"{name}.compute", project.config_folder / f"{name}.runconfig"


def _check_machine(attachment: Attachment) -> None:
    machine = attachment.machine
    if attachment.kind not in SSH_TYPES:
        if machine is not None:
            raise ProjectError(f"a target of type {attachment.kind!r} has no address: it is on this machine.")
        return
    if machine is None or not machine.address:
        raise ProjectError(
            f"a target of type {attachment.kind!r} needs the address of its machine.",
            remedy="Give a name or an IP address, as host or host:port.",
        )
    try:
        read_back = split_address(join_address(machine.address, machine.port))
    except AmlError as error:
        raise ProjectError(f"the address: {error.message}", remedy=error.remedy) from error
    if read_back != (machine.address, machine.port):
        raise ProjectError(
            f"{machine.address!r} is no address of a machine.", remedy="Give its port, if it has one, as the port."
        )
    head = head_node_of(machine.address)
    if head:
        raise ProjectError(
            f"{machine.address} takes no SSH: it is the cluster's web gateway.", remedy=f"Use {head}, its head node."
        )
    wrong = {"user": wrong_username(machine.username), "jump host": wrong_jump_host(machine.jump_host)}
    for what, why in wrong.items():
        if why:
            value = machine.username if what == "user" else machine.jump_host
            raise ProjectError(f"{value!r} {why}", remedy=f"Correct the {what}.")
    _check_secrets(machine)


def _check_secrets(machine: Machine) -> None:
    from engine.secrets import is_reference

    for text in (machine.password, machine.private_key):
        if text and not is_reference(text):
            # Never shown: it may be the secret itself.
            raise ProjectError("a secret belongs into the key store, and a file has its reference alone.")


def _check_options(attachment: Attachment) -> None:
    machine = attachment.machine
    texts = {
        "the Python location": attachment.python_location,
        "the base image": attachment.base_image,
        "the shared directory": attachment.native_shared_directory,
        "the private key file": machine.private_key_file if machine else "",
    }
    for what, text in texts.items():
        if not _survives(text):
            raise ProjectError(
                f"{what}, {text!r}, has characters that no file keeps.", remedy="Use a name that is UTF-8 text."
            )
    if attachment.slots is not None and attachment.slots < 1:
        raise ProjectError("a target takes at least one run at once.", remedy="Give 1 or more slots.")
    if attachment.native_shared_directory and attachment.kind == "cluster":
        raise ProjectError("clusters have no shared directory.", remedy="Leave it out.")
    if attachment.native_shared_directory and attachment.kind in CONTAINERS and not attachment.shared_volumes:
        raise ProjectError(
            "a shared directory needs shared volumes: it is mounted into the container.", remedy="Leave one of them."
        )


def _survives(text: str) -> bool:
    """Whether a YAML file gives it back; bytes that were no UTF-8 do not come through every parser."""
    return not any("\ud800" <= char <= "\udfff" for char in text) and "\0" not in text


def _compute(attachment: Attachment) -> str:
    """The text of the `.compute` file. Every text is in quotes, as the original had it."""
    kind, machine = attachment.kind, attachment.machine
    lines = [f"# A compute target: {KINDS[kind]}.", f"type: {quoted('localdocker' if kind == 'docker' else kind)}"]
    if machine is not None:
        lines.append(f"address: {quoted(join_address(machine.address, machine.port))}")
        keys = {
            "username": machine.username,
            "password": machine.password,
            "privateKey": machine.private_key,
            "privateKeyFile": machine.private_key_file,
            "jumpHost": machine.jump_host,
        }
        lines += [f"{key}: {quoted(value)}" for key, value in keys.items() if value]
    if kind in CONTAINERS:
        lines.append(f"baseDockerImage: {quoted(attachment.base_image or DEFAULT_IMAGE)}")
        lines.append(f"sharedVolumes: {scalar(attachment.shared_volumes)}")
        lines.append(f"nvidiaDocker: {scalar(attachment.nvidia_docker)}")
    elif attachment.python_location:
        lines.append(f"pythonLocation: {quoted(attachment.python_location)}")
    if kind == "remote":
        lines.append("userManagedEnvironment: true")
    if attachment.native_shared_directory:
        lines.append(f"nativeSharedDirectory: {quoted(attachment.native_shared_directory)}")
    if attachment.slots is not None:
        lines.append(f"slots: {attachment.slots}")
    return "".join(f"{line}\n" for line in lines)


def _configuration(project: Project, name: str, framework: str) -> str:
    text = RUNCONFIG.format(target=name, framework=framework, prepare="false")
    for file in (CONDA_FILE, SPARK_FILE):
        named = f"{CONFIG_FOLDERS[0]}/{file}"
        if not (project.path / named).is_file():
            # A file that is named must be there; with none named, the project's own is used once there is one.
            text = text.replace(f'"{named}"', "null")
    return text
