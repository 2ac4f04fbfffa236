"""The columns of the run list: what they show, how they order runs; groups; what can be chosen."""

from __future__ import annotations

import math
import time

import pytest

from engine.runs.model import Series, State
from tests.tui.history import NOW, falling, make_run, scalar
from tui import columns, grouping
from tui.glyphs import UNICODE


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {}),
        (("--rate", "0.1"), {"--rate": "0.1"}),
        (("--rate=0.1", "-v"), {"--rate": "0.1", "-v": "yes"}),
        (("--fast", "--rate", "0.1"), {"--fast": "yes", "--rate": "0.1"}),
        (("--low", "-0.5"), {"--low": "-0.5"}),
        (("data.csv", "--rate", "1", "more"), {"1": "data.csv", "--rate": "1", "2": "more"}),
        (("--api-key", "hush", "--db-password=hush"), {"--api-key": "********", "--db-password": "********"}),
        (("--index", "https://me:hush@host/x"), {"--index": "https://********@host/x"}),
    ],
)
def test_arguments_by_their_options(arguments: tuple[str, ...], expected: dict[str, str]) -> None:
    assert columns.options(arguments) == expected
    assert {name: columns.option(arguments, name) for name in (*expected, "--none")} == {**expected, "--none": ""}


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ("state", "Failed"),
        ("config", "local"),
        ("script", "train.py --rate 0.1"),
        ("age", "0m09"),
        ("duration", "0m09"),
        ("submitted", "59m00"),
        ("reason", "boom"),
        ("exit", "SIGKILL"),
        ("tags", "best stage=prod"),
        ("commit", "abcdef12"),
        ("arg:--rate", "0.1"),
        ("arg:--other", ""),
        ("tag:best", "yes"),
        ("tag:stage", "prod"),
        ("name", "iris-002"),
    ],
)
def test_what_a_column_shows(column: str, shown: str) -> None:
    run = make_run(
        2,
        State.FAILED,
        exit_code=None,
        exit_signal=9,
        reason="bo\x1b[2Jom",
        commit="abcdef1234",
        tags={"best": "", "stage": "prod"},
    )
    assert columns.exists(column) or column == columns.NAME
    assert columns.text(column, run, NOW) == shown


def test_numbers_come_before_words_and_in_their_order() -> None:
    rates = ["10", "9", "1e-3", "auto", "Zero"]
    runs = [make_run(number, arguments=("--rate", rate)) for number, rate in enumerate(rates)]
    keys = [columns.key("arg:--rate", run, (), NOW) for run in runs]
    assert sorted(range(5), key=lambda i: keys[i]) == [2, 1, 0, 3, 4]  # type: ignore[arg-type,return-value]


def test_what_has_no_value_has_no_key() -> None:
    run = make_run(1, State.QUEUED, arguments=())
    nan = Series("loss", "scalar", 1, math.nan, None, None, 1, NOW)
    assert columns.key("metric:loss", run, (scalar("acc", (1.0,)),), NOW) is None
    assert columns.key("metric:loss", run, (nan,), NOW) is None
    assert columns.key("metric:loss", run, (scalar("loss", (3.0, 2.0)),), NOW) == (0, 2.0)
    assert columns.key("arg:--rate", run, (), NOW) is None
    assert columns.key("duration", run, (), NOW) is None
    assert columns.key("reason", run, (), NOW) is None


def test_everything_that_can_be_chosen() -> None:
    runs = [make_run(1, arguments=("--rate", "1", "data.csv"), tags={"old": ""}), make_run(2, tags={"best": "yes"})]
    known = columns.known(runs, ["loss"])
    assert known[: len(columns.FIXED)] == list(columns.FIXED)
    assert known[len(columns.FIXED) :] == ["metric:loss", "arg:--rate", "arg:1", "tag:best", "tag:old"]
    assert not columns.exists("nonsense")
    assert not columns.exists("metric:")


def test_runs_that_differ_in_their_arguments_are_a_sweep() -> None:
    runs = {
        run.id: run
        for run in (
            make_run(1, arguments=("--rate", "0.1")),
            make_run(2, arguments=("--rate=0.2",)),
            make_run(3, arguments=("--rate", "0.3", "--fast")),
            make_run(4, config="docker", arguments=("--rate", "0.1")),
            make_run(5, parent_run_id="iris_7"),
            make_run(6, tags={"sweep": "lr"}),
            make_run(7, config="docker", tags={"sweep": "lr"}),
        )
    }
    groups = grouping.grouped("sweep", runs, runs.get, ())
    assert [[runs[i].number for i in group.runs] for group in groups] == [[1, 2], [3], [4], [5], [6, 7]]
    assert groups[0].title == "local: train.py --rate"


def test_groups_stand_where_their_first_run_does_and_the_rest_comes_last() -> None:
    runs = {run.id: run for run in (make_run(1), make_run(2, tags={"stage": "prod"}), make_run(3), make_run(4))}
    groups = grouping.grouped("tag:stage", runs, runs.get, ["prod"])
    assert [(group.title, len(group.runs), group.folded) for group in groups] == [
        ("prod", 1, True),
        ("without stage", 3, False),
    ]


def test_what_the_head_of_a_group_counts() -> None:
    runs = [make_run(1), make_run(2, State.FAILED), make_run(3), make_run(4, State.RUNNING)]
    words, signs = grouping.counts(runs, UNICODE.states)
    assert words == "1 running, 1 failed, 2 completed"
    assert signs == "●1 ✖1 ✔2"


@pytest.mark.parametrize(("name", "word", "value"), [("val_loss", "lowest", 0.2), ("accuracy", "highest", 0.9)])
def test_the_best_of_a_group(name: str, word: str, value: float) -> None:
    series = {"a": (scalar(name, (0.9,)),), "b": (scalar(name, (0.2,)),), "c": (scalar(name, (math.nan,)),), "d": ()}
    found = grouping.best(name, list(series), lambda run: series[run])
    assert found is not None
    assert found[:2] == (word, value)
    assert grouping.best("other", list(series), lambda run: series[run]) is None


def test_last_is_what_the_newest_logged() -> None:
    runs = {run.id: run for run in (make_run(1), make_run(2), make_run(3))}
    first, second, _ = runs
    series = {first: (scalar("loss", (0.1,)),), second: (scalar("loss", falling(5)),)}
    assert grouping.last("loss", runs, runs.get, lambda run: series.get(run, ())) == falling(5)[-1]


def test_ten_thousand_runs_are_grouped_quickly() -> None:
    """In this thread's own time: the machine is shared."""
    runs = {
        run.id: run
        for run in (make_run(n, arguments=("--rate", str(n % 100), "--depth", str(n))) for n in range(10_000))
    }
    known: dict[str, str] = {}
    taken = []
    for _ in range(5):
        began = time.thread_time()
        groups = grouping.grouped("sweep", runs, runs.get, (), known)
        taken.append(time.thread_time() - began)
    assert len(groups) == 1
    assert min(taken) < 0.02
