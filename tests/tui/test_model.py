"""The console's data over a real store that something else writes to."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State, TargetState
from tests.tui.history import NOW, falling, make_run, scalar
from tui import reading
from tui.model import Change, ConsoleModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History


@pytest.fixture
async def model(home: Paths, project: Path) -> AsyncIterator[ConsoleModel]:
    made = ConsoleModel(home, project, lambda: NOW)
    yield made
    await made.close()


@pytest.fixture
def told(model: ConsoleModel) -> list[Change]:
    found: list[Change] = []
    model.listeners.append(found.append)
    return found


async def test_no_store_is_an_empty_history(model: ConsoleModel) -> None:
    await model.load()
    assert model.loaded
    assert model.order == ()
    assert model.trouble == ""


async def test_newest_first_and_all_of_them(
    model: ConsoleModel, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FIRST", 10)
    history.put(*(make_run(number) for number in range(1, 31)))
    await model.load()
    assert [model.runs[i].number for i in model.order] == list(range(30, 0, -1))


async def test_other_projects_stay_out(model: ConsoleModel, history: History) -> None:
    history.put(make_run(1), make_run(2, project="/elsewhere"))
    await model.load()
    assert [model.runs[i].number for i in model.order] == [1]


async def test_nothing_written_is_nothing_told(model: ConsoleModel, history: History, told: list[Change]) -> None:
    history.put(make_run(1))
    await model.load()
    told.clear()
    await model.look()
    assert told == []


async def test_a_change_names_the_run_alone(model: ConsoleModel, history: History, told: list[Change]) -> None:
    runs = [make_run(1), make_run(2, State.RUNNING)]
    history.put(*runs)
    await model.load()
    told.clear()
    history.put(make_run(2, State.FAILED, reason="KeyError"))
    await model.look()
    assert told == [Change(runs=frozenset({runs[1].id}))]
    assert model.runs[runs[1].id].reason == "KeyError"


async def test_a_new_run_changes_the_order(model: ConsoleModel, history: History, told: list[Change]) -> None:
    history.put(make_run(1))
    await model.load()
    told.clear()
    new = make_run(2, State.QUEUED)
    history.put(new)
    await model.look()
    assert told == [Change(order=True, runs=frozenset({new.id}))]
    assert model.order[0] == new.id


async def test_an_old_run_that_the_engine_names_is_read_again(
    model: ConsoleModel, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FIRST", 3)
    history.put(*(make_run(number) for number in range(1, 11)))
    await model.load()
    old = make_run(1, tags={"best": "yes"})
    history.put(old)
    model.changed([old.id])
    await model.look()
    assert model.runs[old.id].tags == {"best": "yes"}


@pytest.mark.parametrize("named", [True, False])
async def test_a_deleted_run_goes(model: ConsoleModel, history: History, named: bool) -> None:
    runs = [make_run(number) for number in range(1, 4)]
    history.put(*runs)
    await model.load()
    history.drop(runs[1].id)
    if named:
        model.changed([runs[1].id])
    await model.look()
    assert set(model.runs) == {runs[0].id, runs[2].id}
    assert len(model.order) == 2


async def test_a_hidden_run_goes(model: ConsoleModel, history: History) -> None:
    history.put(make_run(1), make_run(2))
    await model.load()
    history.put(make_run(2, hidden=True))
    model.changed([make_run(2).id])
    await model.look()
    assert [model.runs[i].number for i in model.order] == [1]


async def test_series_are_read_for_what_is_seen(model: ConsoleModel, history: History, told: list[Change]) -> None:
    runs = [make_run(1), make_run(2, State.RUNNING)]
    history.put(*runs)
    for run in runs:
        history.put_series(run.id, [scalar("loss", falling(5))])
    await model.load()
    assert model.series == {}
    await model.see([runs[1].id])
    assert set(model.series) == {runs[1].id}
    told.clear()
    history.put_series(runs[1].id, [scalar("loss", falling(9))])
    await model.look()
    assert told == [Change(series=frozenset({runs[1].id}))]
    assert model.series[runs[1].id][0].count == 9
    assert model.metrics(runs[1].id)["loss"] == falling(9)[-1]


async def test_all_series_for_a_filter(model: ConsoleModel, history: History) -> None:
    runs = [make_run(number) for number in range(1, 6)]
    history.put(*runs)
    history.put_series(runs[0].id, [scalar("loss", falling(5))])
    await model.load()
    await model.load_all_series()
    assert set(model.series) == {run.id for run in runs}


async def test_targets(model: ConsoleModel, history: History, told: list[Change]) -> None:
    history.put(make_run(1))
    await model.load()
    told.clear()
    history.put_target(TargetState("local", "connected", NOW, sample={"cpu": 0.5}))
    await model.look()
    assert told == [Change(targets=True)]
    assert model.targets["local"].sample == {"cpu": 0.5}


async def test_a_store_of_a_newer_release_is_told_once(
    model: ConsoleModel, history: History, home: Paths, told: list[Change]
) -> None:
    with sqlite3.connect(home.store) as connection:
        connection.execute("PRAGMA user_version = 999")
    await model.load()
    assert "newer" in model.trouble
    await model.look()
    assert len([change for change in told if change.trouble]) == 1


async def test_a_damaged_store_is_told(model: ConsoleModel, home: Paths) -> None:
    home.store.write_bytes(b"this is not a database, whatever its name says" * 100)
    await model.load()
    assert "cannot be read" in model.trouble
    assert model.loaded
