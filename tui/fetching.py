"""Outputs of runs copied to a folder here, each with the run's driver log."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui import wording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tui.app import ConsoleApp

# As `aml history download` calls it.
LOG = "driver_log"


@dataclass(frozen=True)
class Fetched:
    """What came of one run. `skipped`: what did not, with why, a line each."""

    run: Run
    files: int
    bytes: int
    skipped: tuple[str, ...] = ()


async def fetch_run(app: ConsoleApp, run: Run, folder: Path) -> Fetched:
    """A run's outputs and its log into `folder`. Raises AmlError, OSError."""
    from engine.project.outputs import not_kept
    from engine.runs.store import StoreReader

    paths = app.model.paths

    def begin() -> str:
        folder.mkdir(parents=True, exist_ok=True)
        with StoreReader(paths.store) as store:
            return not_kept(store.plan(run.id))

    why = await app.model.ask(begin)
    files, size, skipped = 0, 0, []
    if why:
        skipped.append(why)
    else:
        answer = await app.link.fetch(run.id, "", folder)
        files, size = int(answer["files"]), int(answer["bytes"])
        skipped += [str(one) for one in answer.get("skipped", ())]
    more = await app.model.ask(_log, paths, run, folder)
    return Fetched(run, files + (more is not None), size + (more or 0), tuple(skipped))


def _log(paths: Paths, run: Run, folder: Path) -> int | None:
    """Copy the driver log; its bytes, or None when there is none."""
    log = paths.driver_log(run.id)
    if not log.exists():
        return None
    shutil.copyfile(log, folder / LOG)
    return log.stat().st_size


def summary(done: Sequence[Fetched], folder: Path) -> str:
    """What came, in words."""
    files, size = sum(one.files for one in done), sum(one.bytes for one in done)
    runs = f" of {wording.count_of(len(done), 'run')}" if len(done) > 1 else ""
    text = f"{wording.count_of(files, 'file')}{runs} ({wording.size(size)}) in {folder}"
    left = [f"{one.run.name}: {line}" for one in done for line in one.skipped]
    if left:
        some = "; ".join(left[:3])
        text += f"; not there: {some}" + (f"; and {len(left) - 3} more" if len(left) > 3 else "")
    return text
