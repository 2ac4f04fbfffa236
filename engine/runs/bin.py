"""The bin: runs that were deleted and can be brought back for a while.

Deleting writes `deleted_at` beside a run; its log, metrics, outputs and snapshot stay where they are, and its number
stays taken. What was deleted at one time has one `deleted_at`, and is brought back as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.paths import Paths
    from engine.runs.model import Run

# After so many days what is in the bin is removed for good.
KEPT_DAYS = 7
KEPT = KEPT_DAYS * 86_400.0
# In the place of `deleted_at` while a run is removed for good: a removal that was cut off is gone on with.
REMOVING = 0.0
IN_BIN = "r.deleted_at > 0"


@dataclass(frozen=True)
class Binned:
    """A run in the bin. `at`: when it was deleted, epoch seconds."""

    at: float
    run: Run

    @property
    def until(self) -> float:
        """When it is removed for good, epoch seconds."""
        return self.at + KEPT


@dataclass(frozen=True)
class Batch:
    """So many runs were deleted at one time (epoch seconds)."""

    at: float
    runs: int


def disk_used(paths: Paths, ids: Iterable[str]) -> int:
    """Bytes that these runs take on this machine: their run directories, logs and metrics. Blocking.

    What is linked from the content store is no run's own: it takes no room, and none is won by removing it.
    """
    total = 0
    for run_id in ids:
        for folder in (paths.mirror(run_id), paths.host_run(run_id)):
            total += _used(str(folder))
    return total


def _used(folder: str) -> int:
    import os

    total = 0
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                if item.is_dir(follow_symlinks=False):
                    total += _used(item.path)
                    continue
                info = item.stat(follow_symlinks=False)
                if info.st_nlink == 1:
                    total += info.st_size
    except OSError:
        # Gone meanwhile, or another user's: it is a figure for a person, not a promise.
        return total
    return total
