"""A password written into a `.compute` file moves into the key store; the file keeps a reference to it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from engine.errors import ProjectError
from engine.project.compute import read_compute
from engine.project.edit import set_keys
from engine.secrets.references import is_reference, new_reference, standing_reference

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.compute import ComputeTarget
    from engine.project.folder import Project
    from engine.secrets.store import KeyStore


def move_password(project: Project, target: ComputeTarget, keys: KeyStore) -> tuple[ComputeTarget, str]:
    """The target with a reference for its password, and a notice for the person, "" when nothing was to do. Blocking.

    The file gets the reference and otherwise stays as it was to the character. One that cannot be written keeps the
    password, which the notice says; it is then kept under the same reference each time. Raises SecretsError.
    """
    if not target.password or is_reference(target.password):
        return target, ""
    path = project.config_folder / f"{target.name}.compute"
    reference = new_reference(target.name, target.username)
    keys.put(reference, target.password)
    # A keyring may have taken its time to be opened.
    now, _ = read_compute(path, target.file)
    if now is not None and now.password != target.password:
        # Another process has moved it, or a person has written another one. Theirs counts.
        keys.delete(reference)
        return move_password(project, dataclasses.replace(target, password=now.password), keys)
    try:
        set_keys(path, {"password": reference})
    except ProjectError as error:
        keys.delete(reference)
        return _kept_in_the_file(path, target, keys, error.message)
    notice = (
        f"{target.file}: the password was moved into {keys.where}; the file has a reference to it now."
        " If others have seen the file, or a repository has it, change the password."
    )
    return dataclasses.replace(target, password=reference), notice


def _kept_in_the_file(path: Path, target: ComputeTarget, keys: KeyStore, why: str) -> tuple[ComputeTarget, str]:
    reference = standing_reference(f"password in {path.resolve()}")
    if keys.get(reference) != target.password:
        keys.put(reference, target.password)
    notice = (
        f"{target.file}: the password still stands in the file: {why.removesuffix('.')}. It is used from {keys.where}."
        " Take it out of the file as soon as you can."
    )
    return dataclasses.replace(target, password=reference), notice
