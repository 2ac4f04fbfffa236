"""What a measurement was made on, and how much a process takes of it, from /proc."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def describe() -> str:
    """One line: processor, cores, memory, kernel, Python, Textual, day."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE / 2**30
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB,"
        f" Linux {platform.release().partition('-')[0]}, Python {platform.python_version()},"
        f" Textual {version('textual')}, {time.strftime('%Y-%m-%d')}"
    )


def load() -> float:
    """Processes that want a core, over the last minute: more than the cores means that figures are too high."""
    return os.getloadavg()[0]


def cpu_seconds(pid: int) -> float:
    """What the process has used so far, user and system, threads included, children not. Raises OSError when gone."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Used:
    """Processor time of groups of processes, from now on."""

    def __init__(self, groups: Mapping[str, Sequence[int]]) -> None:
        self._groups = groups
        self._begun = time.monotonic()
        self._before = self._seconds()

    def _seconds(self) -> dict[str, float]:
        return {name: sum(map(cpu_seconds, pids)) for name, pids in self._groups.items()}

    def shares(self) -> dict[str, float]:
        """Of one core, of each group, since the beginning."""
        passed = time.monotonic() - self._begun
        return {name: (now - self._before[name]) / passed for name, now in self._seconds().items()}


def resident(pid: int) -> int:
    """Bytes of memory the process holds for itself: pages of files that others can share do not count."""
    fields = dict(line.split(":", 1) for line in _lines(f"/proc/{pid}/status") if ":" in line)
    return int(fields["RssAnon"].split()[0]) * 1024


def children(pid: int) -> list[int]:
    """Processes whose parent this is."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_bytes().rpartition(b") ")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.append(int(entry.name))
    return found


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
