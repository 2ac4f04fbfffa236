"""Contents that no run needs any more: gone with the last run that took them along."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)


def sweep(blobs: Path, snapshots: Path, needed: set[str]) -> int:
    """Remove the snapshots that are not among `needed` (ids), then what no snapshot left names. Returns bytes freed.

    Blocking. No snapshot may be taken meanwhile: it would count on contents that are here. A snapshot that cannot be
    read keeps everything.
    """
    kept: set[str] = set()
    for manifest in snapshots.glob("*.json"):
        if manifest.stem not in needed:
            manifest.unlink(missing_ok=True)
            continue
        try:
            kept.update(_contents(json.loads(manifest.read_bytes())))
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("no contents are removed: %s cannot be read (%s)", manifest, error)
            return 0
    freed = 0
    for folder in blobs.glob("??"):
        for blob in list(folder.iterdir()):
            if len(blob.name) == 62 and folder.name + blob.name not in kept:
                freed += blob.stat().st_size
                blob.unlink(missing_ok=True)
    return freed


def _contents(manifest: dict[str, object]) -> Iterator[str]:
    """The hashes that a snapshot names: its files', and that of the changes to what git has."""
    entries, git = manifest["entries"], manifest["git"]
    assert isinstance(entries, list)
    for entry in entries:
        if entry.get("sha256"):
            yield entry["sha256"]
    if isinstance(git, dict) and git.get("diff_sha256"):
        yield git["diff_sha256"]
