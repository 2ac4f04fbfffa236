"""The store: what is written is what is read, nothing twice, nothing half."""

from __future__ import annotations

import dataclasses
import json
import math
import sqlite3
from typing import TYPE_CHECKING

import pytest

from engine.errors import NotFound, StoreError
from engine.runs import points, schema
from engine.runs.ledger import Ledger
from engine.runs.metrics import MetricRecord, parse
from engine.runs.model import Command, Run, RunPlan, State
from engine.runs.request import RunRequest
from engine.runs.store import StoreReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAN = RunPlan(
    project="/p/iris",
    project_name="iris",
    config="local",
    target="local",
    target_type="local",
    host="local",
    launcher="process",
    framework="Python",
    script="train.py",
    argv=("train.py", "--rate", "0.1"),
    interpreter="/usr/bin/python3",
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    one = Ledger(tmp_path / "store.db")
    yield one
    one.close()


@pytest.fixture
def reader(ledger: Ledger) -> Iterator[StoreReader]:
    with StoreReader(ledger.path) as one:
        yield one


def create(ledger: Ledger, token: str = "t1") -> Run:
    return ledger.create(RunRequest(project="/p/iris", config="local", token=token), PLAN)


def scalar(value: float, name: str = "loss", step: int | None = None) -> MetricRecord:
    return MetricRecord(at=1.0, kind="scalar", name=name, value=value, step=step)


def test_integers_stay_integers(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    values = [7, 7.0, -3, 2**53 + 1, 2**64 - 1, 10**300, True, 0.5]
    logged = "".join(json.dumps({"t": 1, "k": "scalar", "n": "x", "v": value}) + "\n" for value in values)
    records, used, bad = parse(logged.encode())
    assert bad == 0
    assert points.add(ledger, run.id, records, 0, used, 0)
    found = reader.logged([run.id])[run.id]["x"]
    assert found == [7, 7.0, -3, 2**53 + 1, 2**64 - 1, 10**300, 1.0, 0.5]
    assert [type(one) for one in found] == [int, float, int, int, int, int, float, float]
    assert [value for _, _, value in reader.points(run.id, "x")] == [float(value) for value in values]
    (series,) = reader.series(run.id)
    assert (series.low, series.high, series.count) == (-3.0, 1e300, 8)


def test_tags_are_changed_and_the_others_stay(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    ledger.change(run.id, tags={"old": "", "stage": "dev", "who": "ann"})
    ledger.retag(run.id, {"stage": "prod", "best": "", "old": None, "never": None})
    assert reader.run(run.id).tags == {"stage": "prod", "who": "ann", "best": ""}
    with pytest.raises(NotFound):
        ledger.retag("nobody", {"best": ""})


def test_the_next_try_stands_beside_the_last_sample(ledger: Ledger, reader: StoreReader) -> None:
    ledger.set_next_try("box", 5.0)
    assert reader.targets() == {}
    ledger.set_target("box", "unreachable", 1.0, "no route")
    ledger.set_sample("box", {"cpu": 0.5})
    ledger.set_next_try("box", 7.0)
    assert reader.targets()["box"].sample == {"cpu": 0.5, "next_try": 7.0}
    ledger.set_sample("box", {"cpu": 0.25})
    assert reader.targets()["box"].sample == {"cpu": 0.25}


def test_one_token_is_one_run(ledger: Ledger, reader: StoreReader) -> None:
    first, again, other = create(ledger), create(ledger), create(ledger, "t2")
    assert first.id == again.id != other.id
    assert [run.number for run in reader.runs()] == [2, 1]
    assert first.name == "iris-001"
    assert first.arguments == ("--rate", "0.1")


def test_a_run_is_found_by_every_name_people_use(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    for name in (run.id, "iris-001", run.id[:-2]):
        assert reader.run(name).id == run.id
    assert reader.run("1", "/p/iris").id == run.id
    with pytest.raises(NotFound, match="no run 'iris-999'"):
        reader.run("iris-999")
    with pytest.raises(NotFound):
        reader.run("")
    newest = create(ledger, "t2")
    assert reader.run("last", "/p/iris").id == newest.id
    with pytest.raises(NotFound, match="no runs yet"):
        reader.run("last", "/p/other")
    with pytest.raises(NotFound, match="several runs"):
        reader.run("iris_")


def test_a_short_name_never_means_a_run_of_another_copy_of_the_project(ledger: Ledger, reader: StoreReader) -> None:
    first = create(ledger)
    assert reader.run("iris-001", "/p/other").id == first.id
    with pytest.raises(NotFound, match=f"no run iris-001 in /copy/iris; there is one in /p/iris.*{first.id}"):
        reader.run("iris-001", "/copy/iris")
    copy = dataclasses.replace(PLAN, project="/copy/iris")
    second = ledger.create(RunRequest(project="/copy/iris", config="local", token="t2"), copy)
    assert reader.run("iris-001", "/p/iris").id == first.id
    assert reader.run("iris-001", "/copy/iris").id == second.id
    for project in (None, "/p/other"):
        with pytest.raises(NotFound, match=f"several projects have a run iris-001.*{second.id}"):
            reader.run("iris-001", project)
    # Nor does the beginning of an id, whatever its length.
    apart = dataclasses.replace(PLAN, project="/third/iris")
    third = ledger.create(RunRequest(project="/third/iris", config="local", token="t3"), apart)
    assert reader.run(third.id[:-1], "/third/iris").id == third.id
    assert reader.run(third.id, "/p/iris").id == third.id
    assert reader.run("iris", "/copy/iris").id == second.id
    for beginning in ("i", "iris_", third.id[:-1]):
        with pytest.raises(NotFound, match=r"several runs begin|no run of /empty/iris begins"):
            reader.run(beginning, "/empty/iris")
    # In the bin it is still the one that is meant.
    with ledger.writing() as db:
        db.execute("UPDATE runs SET deleted_at = 1 WHERE id = ?", (second.id,))
    with pytest.raises(NotFound, match=r"iris-001 was deleted"):
        reader.run("iris-001", "/copy/iris")
    assert reader.run("iris-001", "/copy/iris", binned=True).id == second.id


@pytest.mark.parametrize("name", ["9" * 20, "²", "iris-²", "iris-" + "9" * 30, "-", "-1"])
def test_odd_names_are_those_of_no_run(ledger: Ledger, reader: StoreReader, name: str) -> None:
    create(ledger)
    with pytest.raises(NotFound, match="there is no run"):
        reader.run(name, "/p/iris")


def test_move_writes_state_and_history_together(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    moved = ledger.move(run, State.QUEUED, "captured", "", {"snapshot": "abc", "commit": "c0ffee", "dirty": True})
    assert (moved.state, moved.snapshot, moved.commit, moved.dirty) == (State.QUEUED, "abc", "c0ffee", True)
    with pytest.raises(NotFound, match="no longer NotStarted"):
        ledger.move(run, State.QUEUED, "captured", "", {})
    assert [(t.before, t.after, t.event) for t in reader.transitions(run.id)] == [
        (State.NOT_STARTED, State.QUEUED, "captured")
    ]


def test_plan_request_and_commands_come_back(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    assert reader.plan(run.id) == PLAN
    assert reader.request(run.id).token == "t1"
    command = Command(1.0, "local", ("python", "a b.py", "$(x)"), "/runs/1")
    ledger.record_command(run.id, command)
    assert reader.commands(run.id) == [command]


def test_metrics_are_entered_exactly_once(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    assert points.add(ledger, run.id, [scalar(2.0), scalar(1.0)], 0, 100, 0)
    assert not points.add(ledger, run.id, [scalar(2.0), scalar(1.0)], 0, 100, 0)
    assert points.add(ledger, run.id, [scalar(0.5, step=7), scalar(0.25)], 100, 150, 1)
    assert [(step, value) for step, _, value in reader.points(run.id, "loss")] == [
        (0, 2.0),
        (1, 1.0),
        (7, 0.5),
        (8, 0.25),
    ]
    (series,) = reader.series(run.id)
    assert (series.count, series.last, series.low, series.high, series.last_step) == (4, 0.25, 0.25, 2.0, 8)
    assert series.spark == (2.0, 1.0, 0.5, 0.25)
    assert reader.consumed(run.id, "metrics.jsonl") == 150


def test_what_is_not_finite_is_kept_and_does_not_spoil_the_range(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    values = [1.0, math.nan, math.inf, -math.inf, 3.0, math.nan]
    points.add(ledger, run.id, [scalar(value) for value in values], 0, 10, 0)
    read = [value for _, _, value in reader.points(run.id, "loss")]
    assert [str(value) for value in read] == [str(value) for value in values]
    (series,) = reader.series(run.id)
    assert (series.low, series.high) == (1.0, 3.0)
    assert series.last is not None and math.isnan(series.last)
    assert reader.stretches(run.id, "loss") == [(0, 0, 1.0, 1.0, 3.0)]


def test_not_finite_values_are_found_by_stretches(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    values = [float(n) for n in range(600)]
    values[3] = values[5] = values[300] = math.nan
    values[4] = math.inf
    points.add(ledger, run.id, [scalar(value) for value in values], 0, 10, 0)
    found = reader.not_finite(run.id, "loss", 0, 600)
    assert [(at, step, many) for at, step, _, _, many in found] == [(3, 3, 2), (4, 4, 1), (300, 300, 1)]
    assert math.isnan(found[0][3])
    assert found[1][3] == math.inf
    assert reader.not_finite(run.id, "loss", 6, 300) == []
    series = reader.one_series(run.id, "loss")
    assert series is not None
    assert series.count == 600
    assert reader.one_series(run.id, "other") is None


def test_what_a_run_uses_are_series_of_their_own(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    used = [MetricRecord(float(n), "resource", "", {"cpu": 0.5 * n, "memory": 4096.0}) for n in range(3)]
    points.add(ledger, run.id, [*used, scalar(1.0)], 0, 10, 0)
    first, second, third = reader.series(run.id)
    assert (first.name, first.kind, first.last, first.count) == ("resources/cpu", "resource", 1.0, 3)
    assert (second.name, second.last, third.name) == ("resources/memory", 4096.0, "loss")
    assert [value for _, _, value in reader.points(run.id, "resources/cpu")] == [0.0, 0.5, 1.0]
    # It is no metric that the script has logged.
    assert reader.logged([run.id]) == {run.id: {"loss": [1.0]}}


def test_a_long_series_has_an_envelope_and_a_short_sparkline(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    records = [scalar(float(n)) for n in range(10_000)]
    for start in range(0, 10_000, 700):
        points.add(ledger, run.id, records[start : start + 700], start, min(start + 700, 10_000), 0)
    stretches = reader.stretches(run.id, "loss")
    assert len(stretches) == math.ceil(10_000 / schema.BUCKET)
    second = (schema.BUCKET, schema.BUCKET, 1.0, float(schema.BUCKET), float(2 * schema.BUCKET - 1))
    assert stretches[1] == second
    assert reader.stretches(run.id, "loss", schema.BUCKET) == stretches[1:]
    (series,) = reader.series(run.id)
    assert 32 <= len(series.spark) <= points.SPARK
    assert list(series.spark) == sorted(series.spark)
    gaps = {b - a for a, b in zip(series.spark, series.spark[1:], strict=False)}
    assert len(gaps) == 1


def test_one_name_for_two_kinds_becomes_two_series(ledger: Ledger, reader: StoreReader) -> None:
    run = create(ledger)
    table = MetricRecord(at=1.0, kind="list", name="loss", value=[1, 2])
    points.add(ledger, run.id, [scalar(1.0), table, scalar(2.0)], 0, 10, 0)
    assert [(s.name, s.kind, s.count) for s in reader.series(run.id)] == [
        ("loss", "scalar", 2),
        ("loss (list)", "list", 1),
    ]
    assert reader.values(run.id, "loss (list)") == [[1, 2]]


def test_tags_from_the_script_join_those_of_the_person(ledger: Ledger, reader: StoreReader) -> None:
    run = ledger.create(RunRequest(project="/p/iris", config="local", token="t", tags={"who": "me"}), PLAN)
    points.add(ledger, run.id, [MetricRecord(at=1.0, kind="tag", name="stage", value="two")], 0, 10, 0)
    assert reader.run(run.id).tags == {"who": "me", "stage": "two"}


def test_an_absent_store_is_an_empty_history(tmp_path: Path) -> None:
    with StoreReader(tmp_path / "none.db") as reader:
        assert reader.runs() == []
        assert reader.data_version() == 0
    assert not (tmp_path / "none.db").exists()


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer aml-tui"):
        StoreReader(path).runs()
    with pytest.raises(StoreError, match="newer aml-tui"):
        Ledger(path)
    assert path.read_bytes() == before


def test_a_damaged_store_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"this is not a database, " * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        StoreReader(path).runs()
    with pytest.raises(StoreError, match="cannot be opened"):
        Ledger(path)


def test_the_store_is_the_persons_own(ledger: Ledger) -> None:
    assert ledger.path.stat().st_mode & 0o077 == 0


def test_data_version_tells_of_writes(ledger: Ledger, reader: StoreReader) -> None:
    create(ledger)
    before = reader.data_version()
    create(ledger, "t2")
    assert reader.data_version() != before
