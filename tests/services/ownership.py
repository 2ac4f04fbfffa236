"""What tests make on the machine itself bears the name of their process: folders, system users, networks.

Whoever comes later can tell what belongs to a test process that was killed, and removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # Says of the `/proc/PID` of a process whether it is meant.
    Which = Callable[[Path], bool]

# Sockets lie in these folders, and the address of a socket is short; other users must get through.
FOLDERS = Path("/tmp")
_MARK = re.compile(r"aml-t(\d+)-(\d+)")


@functools.cache
def mark() -> str:
    """`aml-t<pid>-<start time>` of this process."""
    return f"aml-t{os.getpid()}-{_started(os.getpid())}"


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def is_left(text: str) -> bool:
    """Whether this bears the mark of a process that is no more."""
    found = _MARK.search(text)
    return found is not None and _started(int(found[1])) != found[2]


def new_folder(label: str) -> Path:
    """An empty folder that everyone may pass through; `remove_folder` ends what runs in it."""
    folder = Path(tempfile.mkdtemp(prefix=f"{mark()}-{label}-", dir=FOLDERS))
    folder.chmod(0o755)
    return folder


@contextlib.contextmanager
def alone(what: str = "tests") -> Iterator[None]:
    """One test process at a time: for what is looked up and then made."""
    with (FOLDERS / f"aml-{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def processes(which: Which) -> list[int]:
    """Pids of the processes of whose `/proc/PID` this holds, without those that have ended."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            running = entry.name.isdigit() and int(entry.name) != os.getpid() and which(entry)
            if running and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(int(entry.name))
    return found


def end(which: Which) -> None:
    """Kill processes until none is left of which this holds."""

    def none_left() -> bool:
        left = processes(which)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    until(none_left, 30, "processes that were killed are gone")


def uses(folder: Path) -> Which:
    """Whether a process was started with a file of this folder, has one open, or runs in a container kept there."""
    name = os.fsencode(folder)

    def look(entry: Path) -> bool:
        return name in (entry / "cmdline").read_bytes() or has_open(entry, folder) or name in _root_mount(entry)

    return look


def _root_mount(entry: Path) -> bytes:
    """What the process of this `/proc/PID` has for a root, with the folders that an overlay is made of."""
    lines = (entry / "mountinfo").read_bytes().splitlines()
    return next((line for line in lines if line.split()[4] == b"/"), b"")


def has_open(entry: Path, path: Path) -> bool:
    """Whether the process of this `/proc/PID` has the file, or one below the folder, open."""
    for one in (entry / "fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(one)
            if target == str(path) or target.startswith(f"{path}/"):
                return True
    return False


def remove_folder(folder: Path) -> None:
    """End what uses it, unmount what is mounted below it, then remove it."""
    end(uses(folder))
    until(lambda: _nothing_is_mounted(folder), 30, f"nothing is mounted below {folder}")
    shutil.rmtree(folder, ignore_errors=True)


def _nothing_is_mounted(folder: Path) -> bool:
    """What was killed may hold a mount for a moment longer than it can be seen."""
    mounts = _mounts(folder)
    for mount in mounts:
        subprocess.run(["umount", mount], capture_output=True)
    return not mounts or not _mounts(folder)


def _mounts(folder: Path) -> list[str]:
    """The innermost first."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((one for one in mounts if one.startswith(f"{folder}/")), reverse=True)


def sweep_folders() -> None:
    """Remove what killed test processes left in the folder of all folders."""
    for folder in FOLDERS.glob("aml-t*-*"):
        if is_left(folder.name):
            remove_folder(folder)
