"""A snapshot on its way to a host: only what the host lacks, then the run directory made from it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.project import snapshot as snapshots

if TYPE_CHECKING:
    from engine.hosts.host import Host
    from engine.launchers.launcher import PlacedRun, Say
    from engine.paths import Paths

# Files on their way between two words of progress.
AT_ONCE = 1000


async def ship(host: Host, placed: PlacedRun, snapshot: str, paths: Paths, say: Say) -> None:
    """Have the run directory of this snapshot (its id) on the host. Doing it again sends nothing twice."""
    taken = await asyncio.to_thread(snapshots.load, paths.snapshots, snapshot)
    wanted = {entry.sha256 for entry in taken.entries if entry.sha256}
    missing = await host.missing_blobs(sorted(wanted))
    for start in range(0, len(missing), AT_ONCE):
        await say(f"shipping files, {start + 1} of {len(missing)}")
        part = missing[start : start + AT_ONCE]
        await host.put_blobs([(sha, snapshots.blob_path(paths.blobs, sha)) for sha in part])
    await placed.lay(taken)
