"""Status files of a run: whole or not there.

In `<run>/status/`: `laid.json`, `spec.json`, `claim` (the agent that is starting the run), `runner.json`,
`process.json` (made once and never replaced: only its maker may let the script begin), `heartbeat` (its modification
time), `exit.json` (`exit.json.reserved` until then).
"""

import json
import os
import threading

from .whole import RESERVED, put, sync_folder

MYPY = False
if MYPY:
    from typing import Any, Optional


def write(folder: bytes, name: str, content: "Any", exclusive: bool = False) -> bool:
    """Write one status file. With `exclusive`, False when it is there already, and then it stays as it is."""
    part = ".%s.%d.%d" % (name, os.getpid(), threading.get_ident())
    return put(folder, name, json.dumps(content, sort_keys=True).encode() + b"\n", part, exclusive)


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
