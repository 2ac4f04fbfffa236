"""What a test leaves behind fails it: threads, processes, file descriptors."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# Threads and children end a moment after they were told to; nothing is left that needs longer.
PATIENCE = 5.0


@dataclass(frozen=True)
class Belongings:
    """threads: by identity; processes: children of this process and those whose environment names the test's folder;
    descriptors: number -> what it is open on."""

    threads: dict[int, str]
    processes: dict[int, str]
    descriptors: dict[int, str]

    def left_since(self, before: Belongings) -> list[str]:
        """What is here now and was not before, in words."""
        return [
            *(f"thread {name}" for ident, name in self.threads.items() if ident not in before.threads),
            *(f"process {pid}: {line}" for pid, line in self.processes.items() if pid not in before.processes),
            *(
                f"descriptor {number}: {target}"
                for number, target in self.descriptors.items()
                if before.descriptors.get(number) != target
            ),
        ]


def belongings(folder: Path | None) -> Belongings:
    """`folder`: the test's own; processes that have it in their environment are the test's."""
    return Belongings(
        {thread.ident or 0: thread.name for thread in threading.enumerate()},
        _processes(os.fsencode(folder) if folder else None),
        _descriptors(),
    )


def check(before: Belongings, folder: Path | None) -> list[str]:
    """Wait for what is on its way out; then what is left, in words. Processes that are left are killed."""
    end = time.monotonic() + PATIENCE
    left = belongings(folder).left_since(before)
    while left and time.monotonic() < end:
        gc.collect()
        time.sleep(0.02)
        left = belongings(folder).left_since(before)
    if left:
        for pid in _processes(os.fsencode(folder) if folder else None).keys() - before.processes.keys():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    return left


def _processes(mark: bytes | None) -> dict[int, str]:
    found: dict[int, str] = {}
    me = os.getpid()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == me:
            continue
        try:
            stat = Path("/proc", entry, "stat").read_bytes().rpartition(b") ")[2].split()
            child = int(stat[1]) == me
            if not child and mark is not None and mark not in Path("/proc", entry, "environ").read_bytes():
                continue
            if child or mark is not None:
                line = Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(entry)] = f"{line[:200].strip() or 'ended, not waited for'} ({stat[0].decode()})"
        except OSError:
            continue
    return found


def _descriptors() -> dict[int, str]:
    found: dict[int, str] = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            found[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:
            continue
    return found
