"""What names a process for good: pid, start time (field 22 of /proc/PID/stat) and boot id. A zombie is dead.

Imports next to nothing: in a container the script waits for it.
"""

import os

MYPY = False
if MYPY:
    from typing import Any, Optional

DEAD = (b"Z", b"X", b"x")
BOOT = []  # type: list[str]


class Process(object):
    """One line of /proc/PID/stat. `start` is in clock ticks since boot."""

    __slots__ = ("group", "parent", "pid", "session", "start", "state")

    def __init__(self, pid: int, fields: "list[bytes]") -> None:
        self.pid = pid
        self.state = fields[0]
        self.parent = int(fields[1])
        self.group = int(fields[2])
        self.session = int(fields[3])
        self.start = int(fields[19])


def read(path: str) -> bytes:
    """A file of /proc, which is short."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, 4096)
    finally:
        os.close(handle)


def boot_id() -> str:
    """What tells this boot from every other."""
    if not BOOT:
        BOOT.append(read("/proc/sys/kernel/random/boot_id").decode().strip())
    return BOOT[0]


def look(pid: int) -> "Optional[Process]":
    """The process with this pid, dead or alive, or None."""
    try:
        data = read("/proc/%d/stat" % pid)
        # The command, field 2, may hold spaces and parentheses: what counts comes after the last one.
        return Process(pid, data[data.rindex(b")") + 2 :].split())
    except (OSError, ValueError, IndexError):
        return None


def identity(pid: int) -> "dict[str, Any]":
    """What names this process: pid, start and boot_id. It must exist."""
    process = look(pid)
    if process is None:
        raise ProcessLookupError("no process %d" % pid)
    return {"pid": pid, "start": process.start, "boot_id": boot_id()}


def exists(known: "Optional[dict[str, Any]]") -> bool:
    """The process of this identity is in the table, perhaps as a zombie, so its pid is not reused."""
    if not known or known.get("boot_id") != boot_id():
        return False
    process = look(known["pid"])
    return process is not None and process.start == known["start"]


def alive(known: "Optional[dict[str, Any]]") -> bool:
    """The process of this identity runs."""
    if not known or known.get("boot_id") != boot_id():
        return False
    process = look(known["pid"])
    return process is not None and process.start == known["start"] and process.state not in DEAD
