"""The metrics of several runs side by side, and the first value at which two runs part."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.runs.model import RESOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.model import Series
    from engine.runs.store import StoreReader


@dataclass(frozen=True)
class Parting:
    """The first value, counted from 0, that differs; with the step and value of the baseline and of the other run."""

    position: int
    step: int
    value: float
    other_step: int
    other: float


@dataclass(frozen=True)
class Compared:
    """How far two series were looked at (values), and where they part; None: nowhere so far."""

    count: int
    parting: Parting | None = None


@dataclass(frozen=True)
class Metric:
    """A metric by name, as each run has it; None where it has none of it.

    `difference` is the largest relative difference between the last value of the baseline and another's: 0 for equal,
    at most 2 for two numbers, infinite where one of them has none. `partings` are of the runs in order, None for the
    baseline and where there is nothing to compare.
    """

    name: str
    kind: str
    series: tuple[Series | None, ...]
    difference: float
    partings: tuple[Compared | None, ...]
    differs: bool

    def change(self, place: int) -> float | None:
        """How much the last value of the run at this place is above the baseline's, as a part of it; None: no word."""
        first, other = self.series[0], self.series[place]
        if not place or first is None or other is None or first.last is None or other.last is None:
            return None
        change = (other.last - first.last) / abs(first.last) if first.last else math.nan
        return change if math.isfinite(change) else None


def metrics_of(
    store: StoreReader, ids: Sequence[str], tolerance: float, known: dict[tuple[str, str, str, float], Compared]
) -> tuple[Metric, ...]:
    """The metrics of these runs, the numbers that differ most first, then what a run has none of. Blocking.

    `known` is what was looked at before, by baseline, run, name and tolerance: only what came since is looked at.
    """
    found = store.series_of_runs(ids)
    columns = [{one.name: one for one in found.get(run, ())} for run in ids]
    names = dict.fromkeys(name for column in columns for name in column)
    metrics = [_metric(store, ids, name, [column.get(name) for column in columns], tolerance, known) for name in names]
    return tuple(sorted(metrics, key=_rank))


def _rank(one: Metric) -> tuple[bool, int, bool, float, str]:
    kinds = {"scalar": 0, RESOURCE: 2}
    return (not one.differs, kinds.get(one.kind, 1), None in one.series, -one.difference, one.name)


def _metric(
    store: StoreReader,
    ids: Sequence[str],
    name: str,
    series: Sequence[Series | None],
    tolerance: float,
    known: dict[tuple[str, str, str, float], Compared],
) -> Metric:
    first = series[0]
    partings: list[Compared | None] = [None]
    for run, other in zip(ids[1:], series[1:], strict=True):
        if first is None or other is None or first.kind != "scalar" or other.kind != "scalar":
            partings.append(None)
            continue
        key = (ids[0], run, name, tolerance)
        partings.append(_compared(store, key, min(first.count, other.count), known))
    kind = next(one.kind for one in series if one is not None)
    differs = any(_differ(first, other, tolerance) for other in series[1:]) or any(
        one is not None and one.parting is not None for one in partings
    )
    difference = max(_distance(first, other) for other in series[1:])
    return Metric(name, kind, tuple(series), difference, tuple(partings), differs)


def _compared(
    store: StoreReader, key: tuple[str, str, str, float], count: int, known: dict[tuple[str, str, str, float], Compared]
) -> Compared:
    before = known.get(key, Compared(0))
    if before.parting is None and before.count < count:
        baseline, run, name, tolerance = key
        found = store.parting(baseline, run, name, before.count, count, tolerance)
        before = known[key] = Compared(count, None if found is None else Parting(*found))
    return before


def _differ(one: Series | None, other: Series | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is not other
    if (one.kind, one.count) != (other.kind, other.count):
        return True
    if not one.numeric:
        return json.dumps(one.value, sort_keys=True) != json.dumps(other.value, sort_keys=True)
    return _distance(one, other) > tolerance


def _distance(one: Series | None, other: Series | None) -> float:
    """Between the last values, as a part of the larger one."""
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    if one.last is None or other.last is None:
        return 0.0 if one.value == other.value else 1.0
    return distance(one.last, other.last)


def distance(one: float, other: float) -> float:
    """The difference of two numbers as a part of the larger; infinite between a number and what is none."""
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    if not (math.isfinite(one) and math.isfinite(other)):
        return math.inf
    # Halves: the difference of the two largest numbers is none.
    return 2 * (abs(one / 2 - other / 2) / max(abs(one), abs(other)))
