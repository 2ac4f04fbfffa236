"""What is done with a project's compute targets. Blocking (files, the key store): called in a thread."""

from __future__ import annotations

import glob
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import NotFound
from engine.project.folder import open_project
from engine.project.machine import SSH_CONFIG
from tui.attaching import PASSWORD
from tui.attempts import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.paths import Paths
    from engine.project.folder import Project
    from tui.attaching import Form

# An SSH configuration that includes itself ends somewhere.
DEEPEST = 8


@dataclass(frozen=True)
class Saved:
    """What was written: the files, relative to the project, and where the password is ("": there was none)."""

    files: tuple[str, ...]
    password_in: str = ""


def where_kept(paths: Paths) -> str:
    """What the key store is called."""
    from engine.secrets import KeyStore

    return KeyStore(paths).where


def new_key(paths: Paths, comment: str, kind: str) -> tuple[str, str]:
    """A pair of keys: its reference, and the public key as one line. Raises SecretsError."""
    from engine.secrets import KeyStore

    keys = KeyStore(paths)
    reference = keys.make_key(comment, kind)
    return reference, keys.public_key(reference)


def forget(paths: Paths, reference: str) -> None:
    """Remove a key that nobody needs. Raises SecretsError."""
    from engine.secrets import KeyStore

    KeyStore(paths).delete(reference)


def save(paths: Paths, folder: Path, form: Form, key: str = "") -> Saved:
    """Write the target's files and keep its password; all or nothing. `key`: the reference of the key that was made.

    Raises ProjectError, NotNow for a name that is taken, SecretsError.
    """
    from engine.project.attaching import attach, check_attachment
    from engine.secrets import KeyStore, new_reference

    project = open_project(folder)
    check_attachment(project, form.attachment(key=key))
    keys = KeyStore(paths)
    reference = ""
    if form.remote and form.authentication == PASSWORD and form.password:
        reference = new_reference(form.name.strip(), form.user.strip())
        keys.put(reference, form.password.reveal())
    try:
        files = attach(project, form.attachment(reference, key))
    except BaseException:
        if reference:
            keys.delete(reference)
        raise
    return Saved(tuple(_shown(project, file) for file in files), keys.where if reference else "")


def to_reach(paths: Paths, folder: Path, name: str) -> tuple[Wanted, str]:
    """What a test of an attached target tries, and a notice when its password was moved to the key store.

    Raises NotFound, ProjectError, SecretsError.
    """
    from engine.project.passwords import move_password
    from engine.project.queues import queues_for
    from engine.secrets import KeyStore

    project = open_project(folder)
    target, notice = move_password(project, project.target(name), KeyStore(paths))
    python = target.python_location if target.type != "remotedocker" else ""
    queues = tuple(queues_for(project, name)) if target.type == "cluster" else ()
    return Wanted(target.machine, target.type, python, target.spark_submit_location, queues=queues), notice


def queues(folder: Path, name: str) -> tuple[str, ...]:
    """The queues of a cluster that the project's settings name for this target. Raises ProjectError."""
    from engine.project.queues import queues_for

    return tuple(queues_for(open_project(folder), name))


def public_key(paths: Paths, folder: Path, name: str) -> str:
    """The public half of the key that a target is reached with, a line.

    Raises NotFound, ProjectError, SecretsError.
    """
    from engine.secrets import KeyStore

    target = open_project(folder).target(name)
    if target.private_key:
        return KeyStore(paths).public_key(target.private_key)
    file = Path(f"{target.private_key_file}.pub").expanduser()
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise NotFound(
            f"the public key cannot be read: {error.strerror}.",
            where=str(file),
            remedy="`ssh-keygen -y -f FILE` prints it from the private one.",
        ) from error


def goes_with(paths: Paths, folder: Path, name: str) -> tuple[list[str], list[str]]:
    """What detaching a target removes, a line each, and the other configurations that name it. Raises ProjectError."""
    from engine.project.attaching import secrets_of

    project = open_project(folder)
    file = f"{project.config_folder.name}/{name}"
    hit = [f"{file}.compute"]
    own = project.configs.get(name)
    if own is not None and own.target == name:
        hit.append(f"{file}.runconfig")
    secrets = secrets_of(project, name)
    if secrets:
        target = project.targets.get(name)
        made = target is not None and target.private_key in secrets
        hit.append(f"its {'key' if made else 'password'} in {where_kept(paths)}")
    others = [config.name for config in project.configs.values() if config.target == name and config is not own]
    return hit, sorted(others)


def detach(paths: Paths, folder: Path, name: str) -> list[str]:
    """Remove the target; the files that are gone. Raises NotFound, ProjectError, SecretsError."""
    from engine.project.attaching import detach as remove
    from engine.secrets import KeyStore

    project = open_project(folder)
    return [_shown(project, file) for file in remove(project, name, KeyStore(paths))]


def ssh_hosts(file: Path | None = None) -> tuple[str, ...]:
    """The hosts that a person's SSH configuration names, in its order, without its patterns."""
    named = file or Path(os.environ.get(SSH_CONFIG) or Path.home() / ".ssh" / "config")
    return tuple(dict.fromkeys(_hosts(named, 0)))


def key_file_problem(text: str) -> str:
    """Why this file cannot be the private key, in words; "" when it looks like one."""
    try:
        file = Path(text).expanduser()
        if not file.exists():
            return "There is no such file."
        if not file.is_file():
            return "That is no file."
        with file.open("rb") as opened:
            head = opened.read(4096)
        mode = file.stat().st_mode
    except (OSError, RuntimeError) as error:
        return f"It cannot be read: {getattr(error, 'strerror', None) or error}."
    if head.startswith(b"PuTTY-User-Key-File"):
        return "That is a key of PuTTY; `puttygen FILE -O private-openssh -o NEW` makes one of it that can be used."
    if b"PRIVATE KEY" not in head:
        public = head.startswith((b"ssh-", b"ecdsa-", b"sk-")) or b"PUBLIC KEY" in head
        return "That is the public key; name the private one." if public else "There is no private key in it."
    return f"Others may read it, so SSH refuses it: `chmod 600 {text}`." if mode & 0o077 else ""


def _shown(project: Project, file: Path) -> str:
    with suppress(ValueError):
        return str(file.relative_to(project.path))
    return str(file)


def _hosts(file: Path, depth: int) -> Iterator[str]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        words = line.partition("#")[0].replace("=", " ", 1).replace('"', " ").split()
        if len(words) < 2:
            continue
        if words[0].lower() == "host":
            yield from (word for word in words[1:] if not set(word) & set("*?!"))
        elif words[0].lower() == "include" and depth < DEEPEST:
            for pattern in words[1:]:
                # As OpenSSH has it: relative to the person's own folder.
                whole = str(Path.home() / ".ssh" / Path(pattern).expanduser())
                for found in sorted(glob.glob(whole)):  # noqa: PTH207 - a pattern of whole paths
                    yield from _hosts(Path(found), depth + 1)
