"""A project of many files on its way to a host, beside rsync over an open connection: the first time, and unchanged."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.far import FarHosts
from bench.installation import Installation
from bench.report import median, megabytes, progress, seconds, show
from engine.runs.store import StoreReader

if TYPE_CHECKING:
    from pathlib import Path


FOLDERS = 40
OLD = 3.0
# The moments of a run that are told apart, by the names of what happened.
STAGES = ("captured", "prepared", "started", "finalized")


def fill(project: Path, files: int, size: int) -> None:
    """So many files of together `size` bytes, no two alike."""
    for number in range(files):
        folder = project / f"package{number % FOLDERS}" / "data"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number}.bin").write_bytes(os.urandom(size // files))


def submission(files: int, size: int, times: int) -> None:
    """Each turn begins with nothing anywhere, then does it again."""
    first: list[dict[str, float]] = []
    again: list[dict[str, float]] = []
    hand: dict[str, list[float]] = {"first": [], "again": [], "copy": []}
    wire: dict[str, list[int]] = {"first": [], "again": [], "rsync first": [], "rsync again": []}
    with FarHosts() as hosts, Installation() as place, contextlib.ExitStack() as stack:
        hosts.serve(place)
        host = hosts.all[0]
        place.script("pass.py", "pass\n")
        fill(place.project, files, size)
        # A file that changed a moment ago is read again each time; what people submit is older.
        time.sleep(OLD)
        place.run("engine", "start")
        master = stack.enter_context(hosts.master(host))
        for turn in range(times + 1):
            progress(f"a project of {files} files, turn {turn} of {times}")
            # Put aside and not deleted: ext4 does not give out an inode again for a while, and looks at each in vain.
            for stale in (place.paths.blobs, place.paths.cache, host.root / "blobs"):
                if stale.exists():
                    stale.rename(stale.with_name(f"{stale.name} of turn {turn}"))
            there = f"{host.person.home}/copy{turn}"
            before = [host.carried()[0]]
            one = _stages(place)
            before.append(host.carried()[0])
            two = _stages(place)
            before.append(host.carried()[0])
            by_hand = [place.took(master.rsync(place.project, there))]
            before.append(host.carried()[0])
            by_hand.append(place.took(master.rsync(place.project, there)))
            before.append(host.carried()[0])
            by_hand.append(place.took(master.rsync(place.project, f"{there}-new", f"--copy-dest={there}")))
            if turn:  # the first connects the host
                first.append(one)
                again.append(two)
                for name, took in zip(hand, by_hand, strict=True):
                    hand[name].append(took)
                for number, name in enumerate(wire):
                    wire[name].append(before[number + 1] - before[number])
    rows = []
    for what, ours, theirs, carried in (
        ("the first submission", first, "first", wire["first"]),
        ("the second, nothing changed", again, "again", wire["again"]),
    ):
        laid = median([one["prepared"] for one in ours])
        beside = median(hand[theirs])
        rows.append(
            [
                what,
                seconds(beside),
                seconds(laid),
                f"{laid / beside:.2f} times",
                seconds(median([one["captured"] for one in ours])),
                seconds(median([one["finalized"] for one in ours])),
                megabytes(median(wire[f"rsync {theirs}"])),
                megabytes(median(carried)),
            ]
        )
    laid = median([one["prepared"] for one in again])
    fresh = median(hand["copy"])
    rows.append(
        [
            "the second beside rsync into a new folder",
            seconds(fresh),
            seconds(laid),
            f"{laid / fresh:.2f} times",
            "",
            "",
            "",
            "",
        ]
    )
    show(
        f"A project of {files:,} files, {megabytes(size)}: until it is laid out on the host",
        ["", "rsync -a", "laid", "against it", "of it snapshot", "whole run of `pass`", "rsync, wire", "wire"],
        rows,
        [
            f"{times} times each, turn by turn, medians, asked of the engine; rsync over an open connection.",
            "A new folder is what a run gets: `rsync --copy-dest` makes one from what is there."
            f" Load {machine.load():.1f}.",
        ],
    )


def _stages(place: Installation) -> dict[str, float]:
    """Seconds from asking the engine to each moment of a run of `pass`."""
    begun = time.time()
    run_id = place.ask("pass.py")
    place.until_ended([run_id], 120)
    with StoreReader(place.paths.store) as store:
        moments = {one.event: one.at - begun for one in store.transitions(run_id)}
    return {name: moments[name] for name in STAGES}
