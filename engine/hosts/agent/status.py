"""Status files of a run: whole or not there. Written by temporary file, fsync, rename (or link), fsync of the folder.

In `<run>/status/`: `laid.json`, `spec.json`, `claim` (the agent that is starting the run), `runner.json`,
`process.json` (made once and never replaced: only its maker may let the script begin), `heartbeat` (its modification
time), `exit.json` (`exit.json.reserved` until then).
"""

import json
import os
import threading

MYPY = False
if MYPY:
    from typing import Any, Optional


# Enough for a record of the end with some tens of processes left behind (bytes).
RESERVED = 8192


def encode(text: str) -> bytes:
    """A name from the wire as this host's bytes."""
    return text.encode("utf-8", "surrogateescape")


def decode(name: bytes) -> str:
    """A name of this host for the wire."""
    return name.decode("utf-8", "surrogateescape")


def sync_folder(folder: bytes) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(folder: bytes, name: str, content: "Any", exclusive: bool = False) -> bool:
    """Write one status file. With `exclusive`, False when it is there already, and then it stays as it is."""
    target = os.path.join(folder, name.encode())
    part = os.path.join(folder, (".%s.%d.%d" % (name, os.getpid(), threading.get_ident())).encode())
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(content, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            # link() refuses an existing name in one step, and the name never shows half of the content.
            try:
                os.link(part, target)
            except FileExistsError:
                return False
        else:
            os.rename(part, target)
    finally:
        try:
            os.unlink(part)
        except FileNotFoundError:
            pass
    sync_folder(folder)
    return True


def reserve(folder: bytes, name: str) -> None:
    """Take the disk space for a status file that must be written even when the disk is full."""
    handle = os.open(os.path.join(folder, (name + ".reserved").encode()), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, b" " * RESERVED, 0)
        os.fsync(handle)
    finally:
        os.close(handle)


def write_reserved(folder: bytes, name: str, content: "Any") -> None:
    """Write a status file into the space taken for it; raises OSError when that is gone and there is no other."""
    reserved = os.path.join(folder, (name + ".reserved").encode())
    try:
        handle = os.open(reserved, os.O_WRONLY)
    except FileNotFoundError:
        write(folder, name, content)
        return
    try:
        data = json.dumps(content, sort_keys=True).encode() + b"\n"
        os.pwrite(handle, data.ljust(RESERVED), 0)
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(reserved, os.path.join(folder, name.encode()))
    sync_folder(folder)


def read(folder: bytes, name: str) -> "Optional[dict[str, Any]]":
    """The content of a status file; None when it is not there."""
    try:
        with open(os.path.join(folder, name.encode()), "rb") as file:
            content = json.loads(file.read().decode())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def remove(folder: bytes, name: str) -> None:
    try:
        os.unlink(os.path.join(folder, name.encode()))
    except FileNotFoundError:
        return
    sync_folder(folder)
