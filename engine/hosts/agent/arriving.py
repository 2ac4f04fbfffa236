"""Files of a run that come to this host after its end: what a container without a shared folder had in it."""

import os
import stat

from .rundir import Refused
from .whole import encode

MYPY = False
if MYPY:
    from typing import Any

    from .rundir import Root

# Beside outputs: what a run directory holds of the run itself.
WHOLE = (
    b"logs/driver.log",
    b"logs/driver.streams",
    b"metrics.jsonl",
    b"status/process.json",
    b"status/exit.json",
    b"status/heartbeat",
)


def place_of(root: "Root", run_id: str, path: str) -> bytes:
    """The absolute path of something in a run directory that may arrive; its folder is there then.

    Refuses what leads out of the outputs, also by a link that arrived earlier.
    """
    name = encode(path)
    folder = root.run(run_id)
    parts = name.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts) or b"\0" in name:
        raise Refused("not a path in a run directory: %r" % path)
    if name not in WHOLE and parts[0] != b"outputs":
        raise Refused("%s is not what a run brings home" % path)
    if not os.path.isdir(os.path.join(folder, b"status")):
        raise Refused("run %s is not laid out on this host" % run_id)
    full = os.path.join(folder, name)
    parent = os.path.dirname(full)
    base = os.path.realpath(folder)
    real = os.path.realpath(parent)
    if real != base and not real.startswith(base + b"/"):
        raise Refused("%s would be written through a link that leads out of the run" % path)
    os.makedirs(parent, mode=0o755, exist_ok=True)
    return full


def arrive(root: "Root", head: "dict[str, Any]") -> None:
    """A folder or a link. What is there under its name and is something else gives way."""
    full = place_of(root, head["run"], head["path"])
    if encode(head["path"]) in WHOLE:
        raise Refused("%s is no file: the script put something else in its place" % head["path"])
    if head["kind"] == "dir":
        if os.path.islink(full) or os.path.isfile(full):
            os.unlink(full)
        os.makedirs(full, mode=0o755, exist_ok=True)
        return
    clear(full)
    os.symlink(encode(head["link"]), full)


def finish(full: bytes, head: "dict[str, Any]") -> None:
    """A file that is whole gets its mode and time."""
    os.chmod(full, 0o755 if head.get("mode", 0) & 0o111 else 0o644)
    os.utime(full, (head["mtime"], head["mtime"]))


def clear(full: bytes) -> None:
    """Make way for a file or link; a folder is refused."""
    try:
        info = os.lstat(full)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(info.st_mode):
        raise Refused("%r is a folder" % full)
    os.unlink(full)
