"""The bin in the store, and stores from before there was one."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from engine.runs import schema
from engine.runs.ledger import Ledger
from engine.runs.store import StoreReader
from tests.tui import history as written
from tests.tui.history import PROJECT, make_run

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = 2


def old_store(path: Path) -> None:
    """As the release before wrote it, with a run that has a metric."""
    connection = schema.connect(str(path), read_only=False)
    for script in schema.MIGRATIONS[:BEFORE]:
        connection.executescript(script)
    connection.execute(f"PRAGMA user_version = {BEFORE}")
    run = make_run(1)
    connection.execute(written._PUT, written._row(run))
    connection.execute(
        "INSERT INTO series (run_id, name, kind, count, last, last_at) VALUES (?, 'loss', 'scalar', 1, 0.5, 1)",
        (run.id,),
    )
    connection.close()


def test_a_store_from_before_the_bin_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old_store(path)
    with StoreReader(path) as reader:
        run = make_run(1)
        assert [one.id for one in reader.runs(PROJECT)] == [run.id] == [one.id for one in reader.by_ids([run.id])]
        assert reader.run("iris-001").id == reader.run(run.id, binned=True).id == run.id
        assert reader.count() == reader.count(PROJECT) == 1
        assert len(reader.listed()) == len(reader.projects()) == 1
        assert reader.bin() == reader.batches(PROJECT) == []
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (BEFORE,)


def test_a_store_from_before_the_bin_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old_store(path)
    with StoreReader(path) as reader:
        assert reader.count() == 1
        ledger = Ledger(path)
        (before,) = reader.runs()
        assert before == make_run(1)
        assert [series.last for series in reader.series(before.id)] == [0.5]
        ledger.put_in_bin([before.id], 5.0)
        assert reader.count() == 0, "a reader that was open sees it"
        assert [(one.at, one.run) for one in reader.bin()] == [(5.0, before)]
        assert ledger.take_from_bin(before.id)
        assert not ledger.take_from_bin(before.id)
        assert reader.runs() == [before]
        ledger.close()


def test_what_was_deleted_at_one_time_is_one(tmp_path: Path) -> None:
    history = written.History(tmp_path / "store.db")
    history.put(*(make_run(number) for number in range(1, 6)), make_run(9, project="/other", id="other_1"))
    history.close()
    ledger = Ledger(tmp_path / "store.db")
    ids = [make_run(number).id for number in range(1, 6)]
    ledger.put_in_bin(ids[:2], 10.0)
    ledger.put_in_bin([*ids[1:4], "other_1"], 20.0)
    with StoreReader(ledger.path) as reader:
        assert [(one.at, one.runs) for one in reader.batches()] == [(20.0, 3), (10.0, 2)]
        assert [(one.at, one.runs) for one in reader.batches(PROJECT)] == [(20.0, 2), (10.0, 2)]
        assert [one.run.number for one in reader.bin(PROJECT)] == [4, 3, 2, 1]
        assert reader.count(PROJECT) == 1
        ledger.mark_removing(ids[0])
        assert [one.run.number for one in reader.bin(PROJECT)] == [4, 3, 2]
        assert not ledger.take_from_bin(ids[0])
        assert reader.count(PROJECT) == 1
    assert ledger.in_bin_since(10.0) == ids[:2]
    ledger.close()
