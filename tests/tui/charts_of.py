"""Curves for tests of charts: in a store as the engine writes it, or made of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.runs import points
from engine.runs.ledger import Ledger
from engine.runs.metrics import MetricRecord
from tests.tui.history import NOW, make_run
from tui.charts.curves import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.tui.history import History


def part(value: Callable[[int], float], count: int, odd: tuple[tuple[float, str], ...] = ()) -> Part:
    """`count` points, a step and a second apart."""
    return Part([(float(n), value(n), n, NOW + n) for n in range(count)], odd, exact=True)


def put_run(home: Paths, history: History, number: int, records: Iterable[MetricRecord]) -> Run:
    """A completed run of the project that has logged these; its id, and so its colour, is always the same."""
    run = make_run(number, created=NOW - 31, started=NOW - 30, ended=NOW - 9)
    history.put(run)
    ledger = Ledger(home.store)
    points.add(ledger, run.id, records, 0, 10, 0)
    ledger.close()
    return run


def scalars(name: str, value: Callable[[int], float], count: int) -> list[MetricRecord]:
    """One value a second."""
    return [MetricRecord(NOW - 30 + n, "scalar", name, value(n)) for n in range(count)]
