"""What changed between two environments, and which build and which earlier environment belong to a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.runs.model import Run, State
from engine.runs.store import StoreReader
from tests.tui.history import NOW, make_build, make_run, make_spec
from tui.environments import Changed, build_of_run, changes, environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.environments import RunEnvironment


@pytest.fixture
def store(home: Paths) -> Iterator[StoreReader]:
    with StoreReader(home.store) as reader:
        yield reader


def container(number: int, state: State = State.COMPLETED, **fields: object) -> Run:
    fields = {"started": fields["created"], "ended": fields["created"]} | fields
    return make_run(number, state, config="docker", target="docker", target_type="docker", **fields)


def found(store: StoreReader, run: Run) -> RunEnvironment:
    plan = store.plan(run.id)
    assert plan is not None
    return environment_of(store, run, plan)


def test_lines_that_went_and_came() -> None:
    before = make_spec("six", "numpy==1.0", conda=["pandas", "pip"], python="=3.10")
    after = make_spec("six", "numpy==2.0", conda=["pip"], base_image="aml-test/python:2")
    assert changes(before, after) == (
        Changed("-", "base image", "aml-test/python:1"),
        Changed("+", "base image", "aml-test/python:2"),
        Changed("-", "python", "=3.10"),
        Changed("+", "python", "=3.11"),
        Changed("-", "conda", "pandas"),
        Changed("-", "pip", "numpy==1.0"),
        Changed("+", "pip", "numpy==2.0"),
    )
    assert changes(after, after) == ()


def test_the_order_of_pips_lines_counts() -> None:
    assert {one.sign for one in changes(make_spec("a", "b"), make_spec("b", "a"))} == {"+", "-"}


def test_passwords_in_addresses_are_not_shown() -> None:
    shown = changes(make_spec(), make_spec("--index-url https://ann:hush@example.org/simple"))
    assert [one.text for one in shown] == ["--index-url https://********@example.org/simple"]


def test_spark_settings() -> None:
    before = make_spec(spark={"configuration": {"a": "1", "b": "2"}, "repositories": [], "packages": ["g:a:1"]})
    after = make_spec(spark={"configuration": {"a": "1", "b": "3"}, "repositories": [], "packages": []})
    assert [f"{one.sign} {one.what} {one.text}" for one in changes(before, after)] == [
        "- spark package g:a:1",
        "- spark setting b=2",
        "+ spark setting b=3",
    ]
    assert changes(make_spec(), make_spec(spark={"packages": ["g:a:1"]})) == (Changed("+", "spark package", "g:a:1"),)


def test_a_run_and_what_its_configuration_had_before(history: History, store: StoreReader) -> None:
    first, second = make_build(1, "ready", started=NOW - 3600), make_build(2, "ready", started=NOW - 2000)
    old = container(1, created=NOW - 3000)
    new = container(2, created=NOW - 1000)
    history.put_build(first, second)
    history.put_container(old, make_spec("six"), first)
    history.put_container(new, make_spec("six", "toml"), second)
    told = found(store, new)
    assert (told.fingerprint, told.build) == (second.fingerprint, second)
    assert told.before is not None
    assert told.before.fingerprint == first.fingerprint
    assert told.changes == (Changed("+", "pip", "toml"),)
    assert found(store, old).before is None


def test_an_environment_used_again_since_was_still_there_before(history: History, store: StoreReader) -> None:
    first, second = make_build(1, "ready", started=NOW - 3600), make_build(2, "ready", started=NOW - 2000)
    history.put_build(first, second)
    new = container(2, created=NOW - 1000)
    history.put_container(container(1, created=NOW - 3000), make_spec("six"), first)
    history.put_container(new, make_spec("toml"), second)
    history.put_container(container(3, created=NOW - 10), make_spec("six"), first)
    told = found(store, new)
    assert told.before is not None
    assert told.before.fingerprint == first.fingerprint


def test_what_was_only_prepared_counts_as_used(history: History, store: StoreReader) -> None:
    first = make_build(1, "ready", started=NOW - 3600)
    second = make_build(2, "ready", started=NOW - 2000)
    history.put_build(first, second)
    history.put_use(first, make_spec("six"), NOW - 3500)
    new = container(2, created=NOW - 1000)
    history.put_container(new, make_spec(), second)
    assert found(store, new).changes == (Changed("-", "pip", "six"),)


def test_the_build_that_failed_a_run(history: History, store: StoreReader) -> None:
    other = make_build(1, "failed", started=NOW - 4000, ended=NOW - 3900, fingerprint="")
    failed = make_build(2, "failed", started=NOW - 90, ended=NOW - 60, fingerprint="")
    elsewhere = make_build(3, "failed", started=NOW - 80, ended=NOW - 61)
    run = container(1, State.FAILED, created=NOW - 100, started=None, ended=NOW - 59)
    history.put_build(other, failed)
    history.put_build(elsewhere, config="sweep")
    history.put_container(run, make_spec("no-such"))
    told = found(store, run)
    assert (told.fingerprint, told.image, told.build) == ("", "", failed)
    view = build_of_run(store, run.project, run)
    assert view is not None
    assert (view.record, view.configs) == (failed, ("docker",))


def test_a_local_run_has_no_build(history: History, store: StoreReader) -> None:
    run = make_run(1)
    history.put(run)
    assert build_of_run(store, run.project, run) is None
