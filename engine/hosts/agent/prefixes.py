"""Environments that are kept on this host: `environments/<fingerprint>/` with `prefix/` and `ready.json`.

`ready.json` is written last, when all that it tells of is there; what has none was cut off. Who changes such a folder
holds a lock on it.
"""

import errno
import fcntl
import os
import platform
import shutil
import sys

from . import condas, status, storage
from .rundir import Refused, remove_tree
from .whole import decode, encode

MYPY = False
if MYPY:
    from typing import Any, Optional

    from .rundir import Root

READY = "ready.json"
# Their build is a run of this name, with the fingerprint behind it.
BUILD = "environment-"


def look(root: "Root") -> "dict[str, Any]":
    """What environments can be made with here, those that are ready, and what there is of builds.

    {"tools": {conda, uv, python, version, platform}, "environments": [...], "unfinished": [fingerprints],
    "builds": [run ids]}; tools are paths, "" for what is not there.
    """
    tools = {
        "conda": condas.conda(),
        "uv": shutil.which("uv") or "",
        "python": sys.executable,
        "version": list(sys.version_info[:3]),
        "platform": "%s-%s" % (platform.system().lower(), platform.machine()),
    }
    found = []
    unfinished = []
    for name in names(os.path.join(root.path, b"environments")):
        told = status.read(place(root, name), READY) if name.isalnum() else None
        if told is None:
            unfinished.append(name)
            continue
        if not told["stored"] and not os.path.exists(encode(told["archive"])):
            told["archive"] = ""
        found.append(told)
    builds = [name for name in names(os.path.join(root.path, b"runs")) if name.startswith(BUILD)]
    return {"tools": tools, "environments": found, "unfinished": unfinished, "builds": builds}


def names(folder: bytes) -> "list[str]":
    try:
        return sorted(decode(name) for name in os.listdir(folder) if not name.startswith(b"."))
    except OSError:
        return []


def place(root: "Root", fingerprint: str) -> bytes:
    name = encode(fingerprint)
    if not name.isalnum():
        raise Refused("not a fingerprint: %r" % fingerprint)
    return os.path.join(root.path, b"environments", name)


def stored(where: str, size: int) -> "dict[str, Any]":
    """Whether the archive at an address of the cluster's storage is there as it was put there: {"there", "trouble"}.

    `trouble` is why that cannot be said; `there` is true then.
    """
    try:
        return {"there": storage.size(where) == size, "trouble": ""}
    except storage.Trouble as error:
        return {"there": True, "trouble": str(error)}


def remove(root: "Root", fingerprint: str, unfinished: bool = False) -> bool:
    """Remove an environment and its archive; with `unfinished`, only if it never got ready.

    False when somebody is at work on it, or with `unfinished` when it is ready.
    """
    folder = place(root, fingerprint)
    if not os.path.isdir(folder):
        return True
    lock = hold(folder, wait=False)
    if lock is None:
        return False
    try:
        ready = status.read(folder, READY)
        if ready and unfinished:
            return False
        if ready and ready["stored"]:
            try:
                storage.remove(ready["archive"])
            except storage.Trouble as error:
                raise Refused("its archive %s cannot be removed: %s" % (ready["archive"], error), "Try again.")
        status.remove(folder, READY)
        remove_tree(folder)
        return True
    finally:
        os.close(lock)


def hold(folder: bytes, wait: bool) -> "Optional[int]":
    """Make the folder and lock it; None when somebody else has it.

    The lock ends when what is returned is closed, or with this process.
    """
    while True:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
                os.close(handle)
                return None
            # Some network file systems have no locks; the run of a build has one name, which is begun once.
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                os.close(handle)
                raise
        # It may have been removed, and made anew, while it was waited for.
        try:
            if os.path.samestat(os.fstat(handle), os.stat(folder)):
                return handle
        except FileNotFoundError:
            pass
        os.close(handle)
