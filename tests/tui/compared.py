"""Runs that are worth comparing: other arguments, another package, a changed script, curves that part."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import TYPE_CHECKING

from engine.project.snapshot import Entry, Snapshot, blob_path, save
from engine.runs import points
from engine.runs.ledger import Ledger
from engine.runs.metrics import MetricRecord
from engine.runs.model import Run, State
from tests.tui.history import NOW, make_build, make_run, make_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.paths import Paths
    from tests.tui.history import History

BEFORE = b"import sys\n\nrate = 0.1\nfor epoch in range(30):\n    train(rate)\n"
AFTER = b"import sys\n\nrate = float(sys.argv[2])\nfor epoch in range(30):\n    train(rate)\n"


class Comparable:
    """Writes into a store as an engine does."""

    def __init__(self, history: History, paths: Paths) -> None:
        self.history = history
        self.paths = paths
        self._consumed: dict[str, int] = {}

    def log(self, run: Run, name: str, values: Sequence[float]) -> None:
        at = self._consumed.get(run.id, 0)
        self._consumed[run.id] = at + 1
        ledger = Ledger(self.paths.store)
        records = [
            MetricRecord(at=NOW + place, kind="scalar", name=name, value=value) for place, value in enumerate(values)
        ]
        points.add(ledger, run.id, records, at, at + 1, 0)
        ledger.close()

    def code(self, run: Run, files: dict[str, bytes]) -> None:
        entries = []
        for name, content in sorted(files.items()):
            sha = hashlib.sha256(content).hexdigest()
            file = blob_path(self.paths.blobs, sha)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            entries.append(Entry(name, "file", 0o644, len(content), sha))
        identity = hashlib.sha256(run.id.encode()).hexdigest()
        save(Snapshot(identity, tuple(entries), len(entries), 0), self.paths.snapshots)
        self.history.connection.execute("UPDATE runs SET snapshot = ? WHERE id = ?", (identity, run.id))

    def run(self, number: int, rate: float, torch: str, script: bytes, state: State = State.COMPLETED) -> Run:
        """One that trained at a rate, with a version of torch."""
        arguments = ("--rate", f"{rate:g}", "--epochs", "30", "--api-key", f"secret-{number}")
        run = make_run(number, state, config="docker", target="docker", target_type="docker", arguments=arguments)
        build = make_build(number, "ready")
        self.history.put_container(run, make_spec(f"torch=={torch}", "numpy==1.26"), build)
        self.code(run, {"train.py": script, "data/iris.csv": b"5.1,3.5\n" * 9, "model.bin": b"\0" * number})
        return run

    def curves(self, run: Run, factor: float, parts: int) -> None:
        """A loss that leaves the common curve at the value `parts`, an accuracy, and a metric that is the same."""
        loss = [math.exp(-place / 10) * (factor if place >= parts else 1) for place in range(30)]
        self.log(run, "loss", loss)
        self.log(run, "accuracy", [1 - value / 2 for value in loss])
        self.log(run, "learning rate", [0.5] * 30)


def three(history: History, paths: Paths) -> list[Run]:
    """Three runs: the second has another rate, torch and script; the third a rate of its own."""
    made = Comparable(history, paths)
    runs = [
        made.run(1, 0.1, "2.0", BEFORE),
        made.run(2, 0.2, "2.1", AFTER),
        made.run(3, 0.1, "2.0", BEFORE, State.FAILED),
    ]
    for run, factor, parts in zip(runs, (1.0, 0.8, 1.3), (30, 12, 20), strict=True):
        made.curves(run, factor, parts)
    history.connection.execute("UPDATE runs SET reason = 'KeyError: petal' WHERE id = ?", (runs[2].id,))
    return runs


def many(history: History, paths: Paths, count: int) -> list[Run]:
    """So many of them, each with a rate of its own."""
    made = Comparable(history, paths)
    runs = [made.run(number, number / 10, "2.0", BEFORE) for number in range(1, count + 1)]
    for place, run in enumerate(runs):
        made.curves(run, 1 + place / 10, 10 + place)
    return runs


def rerun(history: History, first: Run, number: int) -> Run:
    """The same once more."""
    again = make_run(number, arguments=first.arguments, config="docker", target="docker", target_type="docker")
    history.put(again)
    history.connection.execute("UPDATE runs SET rerun_of = ? WHERE id = ?", (first.id, again.id))
    return dataclasses.replace(again, rerun_of=first.id)
