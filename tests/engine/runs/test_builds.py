"""Builds and image uses in the store: what is written is what is read, also beside older stores."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

import pytest

from engine.errors import NotFound
from engine.runs import schema
from engine.runs.builds import CUT_OFF
from engine.runs.ledger import Ledger
from engine.runs.model import BuildRecord, ImageUse, State
from engine.runs.request import RunRequest
from engine.runs.store import StoreReader
from tests.engine.runs.test_store import PLAN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUILD = BuildRecord("b1", "local", "f" * 64, "building", 100.0, log="/logs/b1.log", estimate=42.5)
USE = ImageUse("local", "f" * 64, "sha256:1", "/p/iris", "iris", "docker", "docker", 200.0, {"pip": ["x==1"]})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    one = Ledger(tmp_path / "store.db")
    yield one
    one.close()


@pytest.fixture
def store(ledger: Ledger) -> Iterator[StoreReader]:
    with StoreReader(ledger.path) as reader:
        yield reader


def test_a_build_is_what_was_said_of_it_last(ledger: Ledger, store: StoreReader) -> None:
    ledger.save_build(BUILD)
    assert store.build("b1") == BUILD
    done = dataclasses.replace(
        BUILD, state="ready", step=4, steps=4, words="done", ended=150.0, image="sha256:1", size=1 << 40
    )
    ledger.save_build(done)
    assert store.builds() == [done]
    assert BuildRecord.from_json({**done.to_json(), "later": 1}) == done


def test_builds_are_found_by_what_people_type(ledger: Ledger, store: StoreReader) -> None:
    older = dataclasses.replace(BUILD, id="b0", started=50.0, state="failed", error="no such package")
    other = dataclasses.replace(BUILD, id="c0", fingerprint="e" * 64, host="far")
    for one in (BUILD, older, other):
        ledger.save_build(one)
    assert store.build("ffff") == BUILD
    assert store.build("eeee") == other
    assert store.builds(host="far") == [other]
    assert store.builds(limit=1) == [other]
    with pytest.raises(NotFound, match="no build"):
        store.build("")
    with pytest.raises(NotFound, match="no build"):
        store.build("b1%")
    ledger.save_build(dataclasses.replace(other, id="b2"))
    with pytest.raises(NotFound, match="several"):
        store.build("b")


def test_a_project_sees_the_builds_it_waits_for(ledger: Ledger, store: StoreReader) -> None:
    ledger.save_build(BUILD)
    for project, config in (("/p/iris", "docker"), ("/p/iris", "docker"), ("/p/other", "gpu")):
        ledger.note_asker("b1", project, config)
    assert store.builds("/p/iris") == store.builds("/p/other") == [BUILD]
    assert store.builds("/p/third") == []
    assert store.build_askers("b1") == [("/p/iris", "docker"), ("/p/other", "gpu")]


def test_what_an_engine_left_unfinished_was_cut_off(ledger: Ledger, store: StoreReader) -> None:
    ready = dataclasses.replace(BUILD, id="b0", state="ready", ended=90.0)
    ledger.save_build(BUILD)
    ledger.save_build(ready)
    ledger.abandon_builds()
    cut = store.build("b1")
    assert (cut.state, cut.error) == ("canceled", CUT_OFF)
    assert cut.over
    assert cut.ended
    assert store.build("b0") == ready
    assert ledger.ready_builds("local") == [ready]
    assert ledger.ready_builds("far") == []


def test_only_the_newest_builds_are_kept(ledger: Ledger, store: StoreReader) -> None:
    for number in range(5):
        one = dataclasses.replace(BUILD, id=f"n{number}", started=100.0 + number, state="ready", log=f"/logs/{number}")
        ledger.save_build(one)
        ledger.note_asker(one.id, "/p/iris", "docker")
    ledger.save_build(dataclasses.replace(BUILD, started=1.0))
    assert sorted(ledger.forget_builds(3)) == ["/logs/0", "/logs/1"]
    assert [one.id for one in store.builds()] == ["n4", "n3", "n2", "b1"]
    assert store.build_askers("n0") == []
    assert store.build_askers("n4") == [("/p/iris", "docker")]
    assert ledger.forget_builds(3) == []


def test_the_last_environment_of_a_configuration_is_the_one_it_needs(ledger: Ledger, store: StoreReader) -> None:
    newer = dataclasses.replace(USE, fingerprint="e" * 64, image="sha256:2", last_used=300.0, spec={"pip": ["x==2"]})
    elsewhere = dataclasses.replace(USE, host="far", last_used=100.0)
    for one in (USE, newer, elsewhere):
        ledger.note_use(one)
    assert store.image_uses() == [newer, dataclasses.replace(USE, current=False), elsewhere]
    # The files were changed back.
    ledger.note_use(dataclasses.replace(USE, last_used=400.0, image="sha256:3"))
    found = store.image_uses("/p/iris", host="local")
    assert [(one.image, one.last_used, one.current) for one in found] == [
        ("sha256:3", 400.0, True),
        ("sha256:2", 300.0, False),
    ]
    assert store.image_uses("/p/other") == []


def test_a_run_needs_its_image_until_it_ends(ledger: Ledger, store: StoreReader) -> None:
    run = ledger.create(RunRequest("/p/iris", "docker", "t"), PLAN)
    assert store.environment_of(run.id) is None
    ledger.note_use(USE, run.id)
    assert store.environment_of(run.id) == ledger.environment_of(run.id) == ("f" * 64, "sha256:1")
    assert ledger.needed_by_runs("local") == [(run.id, "f" * 64, "sha256:1")]
    assert ledger.needed_by_runs("far") == []
    ledger.move(run, State.FAILED, "test", "", {})
    assert ledger.needed_by_runs("local") == []
    assert store.environment_of(run.id) == ("f" * 64, "sha256:1")
    ledger.delete(run.id)
    assert store.environment_of(run.id) is None
    assert store.image_uses() == [USE]
    # Deleted while it was prepared: nothing comes back.
    ledger.note_use(USE, run.id)
    assert store.environment_of(run.id) is None


def test_a_store_from_before_is_read_and_brought_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        ledger = Ledger(path)
        run = ledger.create(RunRequest("/p/iris", "local", "t"), PLAN)
        ledger.close()
    with StoreReader(path) as store:
        assert store.run(run.id).id == run.id
        assert store.builds() == []
        assert store.image_uses() == []
        with pytest.raises(NotFound):
            store.build("b1")
        ledger = Ledger(path)
        ledger.save_build(BUILD)
        assert store.builds() == [BUILD]
        assert ledger.run(run.id).state is State.NOT_STARTED
        ledger.close()


def test_no_migration_that_landed_is_edited() -> None:
    """Stores out there have run them: a change is a migration of its own."""
    seen = [hashlib.sha256(script.encode()).hexdigest()[:16] for script in schema.MIGRATIONS]
    assert seen[:1] == ["d594ae04503daaa6"]
