"""Runs beside each other: what they were, in what they ran, their code, what they logged, and where they part.

Reads the store, the snapshots and the content store; no engine is needed. Blocking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import AmlError, NotNow
from engine.project import differing
from engine.project.snapshot import load
from engine.runs import sides
from engine.runs.figures import Metric, metrics_of
from engine.runs.store import StoreReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.paths import Paths
    from engine.project.differing import Diff
    from engine.project.snapshot import Entry, Snapshot
    from engine.runs.figures import Compared, Parting
    from engine.runs.model import Run
    from engine.runs.sides import Fact

# As many as there are curves that can be told from one another.
MOST = 8
# Values that differ by less than this part of the larger one are the same.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Row:
    """One thing of every run, the baseline's first. A cell is "" where a run has no such thing; secrets are stars."""

    name: str
    cells: tuple[str, ...]
    differs: bool


@dataclass(frozen=True)
class FileRow:
    """A file or link as each run took it along; None where it did not."""

    path: str
    entries: tuple[Entry | None, ...]
    differs: bool


@dataclass(frozen=True)
class First:
    """The first step at which a run (by its place) parts from the baseline, in any metric."""

    place: int
    metric: str
    parting: Parting


@dataclass(frozen=True)
class Comparison:
    """The runs, the baseline first, and what is told of them; in each list what differs comes first.

    `labels` are their names, or ids where two have one name. `no_code` says of each run why there is no code of it.
    """

    runs: tuple[Run, ...]
    labels: tuple[str, ...]
    summary: tuple[Row, ...] = ()
    environment: tuple[Row, ...] = ()
    files: tuple[FileRow, ...] = ()
    no_code: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    tolerance: float = TOLERANCE

    @property
    def firsts(self) -> tuple[First | None, ...]:
        """Where each run parts from the baseline first; None for the baseline, and where none is known."""
        return tuple(self._first(place) for place in range(len(self.runs)))

    def _first(self, place: int) -> First | None:
        found = [
            (First(place, metric.name, compared.parting), compared.count)
            for metric in self.metrics
            if (compared := metric.partings[place]) is not None and compared.parting is not None
        ]
        # What is logged once is a setting or a result, of which nobody asks when it became another.
        curves = [one for one in found if one[1] > 1] or found
        first = min(curves, key=lambda one: (one[0].parting.step, one[0].parting.position, -one[1]), default=None)
        return None if first is None else first[0]


class Comparer:
    """Compares again and again while runs go on: what cannot change is read once."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._snapshots: dict[str, Snapshot] = {}
        self._compared: dict[tuple[str, str, str, float], Compared] = {}

    def read(self, ids: Sequence[str], tolerance: float = TOLERANCE) -> Comparison:
        """The runs of these ids, the first of them the baseline.

        Raises NotFound, NotNow for less than two or too many.
        """
        wanted = list(dict.fromkeys(ids))
        if not 2 <= len(wanted) <= MOST:
            raise NotNow(f"{len(wanted)} runs cannot be compared: two are needed, and at most {MOST}.")
        with StoreReader(self._paths.store) as store:
            runs = tuple(store.run(one) for one in wanted)
            known = [sides.facts_of(store, run) for run in runs]
            metrics = metrics_of(store, wanted, tolerance, self._compared)
        snapshots, no_code = zip(*map(self._snapshot, runs), strict=True)
        files = tuple(
            FileRow(path, entries, not all(differing.same(entries[0], one) for one in entries[1:]))
            for path, entries in differing.paths_of(snapshots)
        )
        return Comparison(
            runs,
            labels_of(runs),
            rows_of([one.summary for one in known]),
            rows_of([one.environment for one in known]),
            tuple(sorted(files, key=lambda one: not one.differs)),
            no_code,
            metrics,
            tolerance,
        )

    def diff(self, comparison: Comparison, file: FileRow, place: int) -> Diff:
        """What became of a file between the baseline and the run at this place."""
        names = (comparison.labels[0], comparison.labels[place])
        return differing.diff(self._paths.blobs, file.entries[0], file.entries[place], names)

    def diffs(self, comparison: Comparison) -> dict[tuple[str, int], Diff]:
        """Those of all files that differ: (path, place of the run) -> what became of it."""
        return {
            (file.path, place): self.diff(comparison, file, place)
            for file in comparison.files
            if file.differs
            for place in range(1, len(comparison.runs))
            if not comparison.no_code[0] and not comparison.no_code[place]
            if not differing.same(file.entries[0], file.entries[place])
        }

    def _snapshot(self, run: Run) -> tuple[Snapshot | None, str]:
        """What a run took along, or why that is not known."""
        if run.snapshot is None:
            return None, "it took no code along" if run.state.ended else "it has not taken its code along yet"
        if run.snapshot not in self._snapshots:
            try:
                self._snapshots[run.snapshot] = load(self._paths.snapshots, run.snapshot)
            except AmlError as error:
                return None, error.message
        return self._snapshots[run.snapshot], ""


def labels_of(runs: Sequence[Run]) -> tuple[str, ...]:
    """Names that tell the runs from one another."""
    names = [run.name for run in runs]
    return tuple(run.name if names.count(run.name) == 1 else run.id for run in runs)


def rows_of(columns: Sequence[Mapping[str, Fact]]) -> tuple[Row, ...]:
    """A row for each thing that any of the runs has, what differs first."""
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [_row(name, [column.get(name) for column in columns]) for name in names]
    return tuple(sorted(rows, key=lambda row: not row.differs))


def _row(name: str, facts: Sequence[Fact | None]) -> Row:
    values = [fact.value if fact is not None else None for fact in facts]
    differs = any(value != values[0] for value in values[1:])
    cells = tuple(
        "" if fact is None else f"{fact.shown} (another)" if fact.secret and fact.value != values[0] else fact.shown
        for fact in facts
    )
    return Row(name, cells, differs)
