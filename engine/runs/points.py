"""Metric records into the store: exactly once, whatever dies in between.

How far a run's `metrics.jsonl` has been read is written in the same transaction as what was read from it.
Blocking; runs on the ledger's thread.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.runs import schema
from engine.runs.model import RESOURCE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from engine.runs.ledger import Ledger
    from engine.runs.metrics import MetricRecord

# A sparkline is at most this many values: wider than any pane's column.
SPARK = 64


@dataclass
class _Growing:
    """A series being written: its row, and what this batch adds to it."""

    id: int
    kind: str
    count: int
    last: float | None
    low: float | None
    high: float | None
    last_step: int | None
    last_at: float
    value: str | None
    spark: list[float]
    stride: int = 1
    rows: list[tuple[int, int, int, float, str | None, float | None]] = field(default_factory=list)
    buckets: dict[int, tuple[int, float, float | None, float | None]] = field(default_factory=dict)

    def add_scalar(self, record: MetricRecord) -> None:
        number = float(record.value)
        step = self._step(record)
        finite = math.isfinite(number)
        bucket = self.count // schema.BUCKET
        first_step, first_at, low, high = self.buckets.get(bucket, (step, record.at, None, None))
        if finite:
            self.low = number if self.low is None else min(self.low, number)
            self.high = number if self.high is None else max(self.high, number)
            low = number if low is None else min(low, number)
            high = number if high is None else max(high, number)
        # What is not finite is in it too, and is seen as a gap.
        if self.count % self.stride == 0:
            self.spark.append(number)
        if len(self.spark) > SPARK:
            self.spark = self.spark[::2]
            self.stride *= 2
        self.buckets[bucket] = (first_step, first_at, low, high)
        word = _integer(record.value, number) if finite else _word(number)
        self.rows.append((self.id, self.count, step, record.at, word, number if finite else None))
        self.last = number
        self._count(record, step)

    def add_value(self, record: MetricRecord) -> None:
        step = self._step(record)
        self.value = json.dumps(record.value)
        self.rows.append((self.id, self.count, step, record.at, self.value, None))
        self._count(record, step)

    def _step(self, record: MetricRecord) -> int:
        if record.step is not None:
            return record.step
        return 0 if self.last_step is None else self.last_step + 1

    def _count(self, record: MetricRecord, step: int) -> None:
        self.count += 1
        self.last_step = step
        self.last_at = record.at


def _word(number: float) -> str:
    """SQLite has no NaN: what is not finite is kept as the text that `float` reads back."""
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")


def _integer(value: float, number: float) -> str | None:
    """What marks an integer beside its number: its digits where the number has lost some, else nothing but ""."""
    if type(value) is not int:
        return None
    return "" if int(number) == value else str(value)


def _stride(count: int) -> int:
    stride = 1
    while math.ceil(count / stride) > SPARK:
        stride *= 2
    return stride


def add(ledger: Ledger, run_id: str, records: Iterable[MetricRecord], before: int, after: int, bad_lines: int) -> bool:
    """Enter the records found between the bytes `before` and `after` of the run's metrics stream.

    Returns False, and changes nothing, when the store has got further already or the run is gone.
    """
    with ledger.writing() as db:
        row = db.execute(
            "SELECT consumed FROM streams WHERE run_id = ? AND name = 'metrics.jsonl'", (run_id,)
        ).fetchone()
        if (row[0] if row else 0) != before:
            return False
        if db.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone() is None:
            return False
        growing: dict[str, _Growing] = {}
        notes: dict[str, dict[str, str]] = {"tag": {}, "property": {}}
        for record in records:
            if record.kind in notes:
                notes[record.kind][record.name] = str(record.value)
            elif record.kind == RESOURCE:
                for name, used in record.value.items():
                    measured = replace(record, name=f"resources/{name}", value=used)
                    _series(db, run_id, measured, growing).add_scalar(measured)
            elif record.kind in ("scalar", "list", "row", "table", "image", "text"):
                one = _series(db, run_id, record, growing)
                if record.kind == "scalar":
                    one.add_scalar(record)
                else:
                    one.add_value(record)
        for one in growing.values():
            _save(db, one)
        for column, found in (("tags", notes["tag"]), ("properties", notes["property"])):
            if found:
                known = db.execute(f"SELECT {column} FROM runs WHERE id = ?", (run_id,)).fetchone()[0]  # noqa: S608
                merged = json.dumps({**json.loads(known), **found})
                db.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (merged, run_id))  # noqa: S608
        db.execute(
            "INSERT INTO streams (run_id, name, consumed, bad_lines) VALUES (?, 'metrics.jsonl', ?, ?)"
            " ON CONFLICT (run_id, name) DO UPDATE"
            " SET consumed = excluded.consumed, bad_lines = bad_lines + excluded.bad_lines",
            (run_id, after, bad_lines),
        )
    return True


def _series(db: sqlite3.Connection, run_id: str, record: MetricRecord, growing: dict[str, _Growing]) -> _Growing:
    """The series a record belongs to. A name used for two kinds of value becomes two series, the later one marked."""
    one = _named(db, run_id, record.name, record, growing)
    if one.kind == record.kind:
        return one
    return _named(db, run_id, f"{record.name} ({record.kind})", record, growing)


def _named(
    db: sqlite3.Connection, run_id: str, name: str, record: MetricRecord, growing: dict[str, _Growing]
) -> _Growing:
    if name not in growing:
        growing[name] = _load(db, run_id, name, record)
    return growing[name]


def _load(db: sqlite3.Connection, run_id: str, name: str, record: MetricRecord) -> _Growing:
    row = db.execute("SELECT * FROM series WHERE run_id = ? AND name = ?", (run_id, name)).fetchone()
    if row is None:
        made = db.execute(
            "INSERT INTO series (run_id, name, kind, count, last_at) VALUES (?, ?, ?, 0, ?)",
            (run_id, name, record.kind, record.at),
        )
        assert made.lastrowid is not None
        return _Growing(made.lastrowid, record.kind, 0, None, None, None, None, record.at, None, [])
    one = _Growing(
        row["id"],
        row["kind"],
        row["count"],
        None if row["last"] is None else float(row["last"]),
        row["low"],
        row["high"],
        row["last_step"],
        row["last_at"],
        row["value"],
        json.loads(row["spark"]),
        _stride(row["count"]),
    )
    bucket: Any = db.execute(
        "SELECT bucket, step, at, low, high FROM buckets WHERE series_id = ? ORDER BY bucket DESC LIMIT 1", (one.id,)
    ).fetchone()
    if bucket is not None:
        one.buckets[bucket[0]] = (bucket[1], bucket[2], bucket[3], bucket[4])
    return one


def _save(db: sqlite3.Connection, one: _Growing) -> None:
    last: float | str | None = one.last
    if one.last is not None and not math.isfinite(one.last):
        last = _word(one.last)
    db.execute(
        "UPDATE series SET count = ?, last = ?, low = ?, high = ?, last_step = ?, last_at = ?, value = ?, spark = ?"
        " WHERE id = ?",
        (one.count, last, one.low, one.high, one.last_step, one.last_at, one.value, json.dumps(one.spark), one.id),
    )
    db.executemany("INSERT INTO points VALUES (?, ?, ?, ?, ?, ?)", one.rows)
    db.executemany(
        "INSERT INTO buckets VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (series_id, bucket) DO UPDATE"
        " SET low = excluded.low, high = excluded.high",
        [(one.id, bucket, *values) for bucket, values in one.buckets.items()],
    )
