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
    """Whether a process was started with a file of this folder or has one open."""

    def look(entry: Path) -> bool:
        return os.fsencode(folder) in (entry / "cmdline").read_bytes() or has_open(entry, folder)

    return look


def has_open(entry: Path, path: Path) -> bool:
    """Whether the process of this `/proc/PID` has the file, or one below the folder, open."""
    for one in (entry / "fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(one)
            if target == str(path) or target.startswith(f"{path}/"):
                return True
    return False


def remove_folder(folder: Path) -> None:
    """End what uses it, then remove it."""
    end(uses(folder))
    shutil.rmtree(folder, ignore_errors=True)


def sweep_folders() -> None:
    """Remove what killed test processes left in the folder of all folders."""
    for folder in FOLDERS.glob("aml-t*-*"):
        if is_left(folder.name):
            remove_folder(folder)
