"""Curves for tests of charts: in a store as the engine writes it, or made of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.runs import points
from engine.runs.ledger import Ledger
from engine.runs.metrics import MetricRecord
from engine.runs.schema import BUCKET
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


def put_many(history: History, run: Run, count: int) -> None:
    """Make the run's only series one of so many values, three of them NaN, as the engine would have written it."""
    run_sql = history.connection.execute
    (series,) = run_sql("SELECT id FROM series WHERE run_id = ?", (run.id,)).fetchone()
    run_sql("BEGIN")
    run_sql("DELETE FROM points WHERE series_id = ?", (series,))
    run_sql("DELETE FROM buckets WHERE series_id = ?", (series,))
    run_sql(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) INSERT INTO points"
        " SELECT ?, i, i, ? + i,"
        " iif(i IN (7, 8, 500000), 'NaN', NULL), iif(i IN (7, 8, 500000), NULL, (i % 977) / 977.0)"
        " FROM n",
        (count, series, NOW - count),
    )
    run_sql(
        "INSERT INTO buckets SELECT series_id, position / ?, min(step), min(at), min(number), max(number) FROM points"
        " WHERE series_id = ? GROUP BY position / ?",
        (BUCKET, series, BUCKET),
    )
    run_sql(
        "UPDATE series SET count = ?, last_step = ?, last_at = ?, last = ? WHERE id = ?",
        (count, count - 1, NOW - 1, (count - 1) % 977 / 977, series),
    )
    run_sql("COMMIT")
