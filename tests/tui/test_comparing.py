"""A comparison as lines and columns, without a screen."""

from __future__ import annotations

import dataclasses
import math

import pytest

from engine.runs.comparing import Comparison, FileRow, Row
from engine.runs.comparison_files import metric_rows, parting_words
from engine.runs.figures import Compared, Metric, Parting
from engine.runs.model import RESOURCE
from tests.tui.history import make_run, scalar
from tui.comparing import (
    CODE,
    ENVIRONMENT,
    GAP,
    METRICS,
    SIGN,
    SUMMARY,
    counts,
    default_name,
    lines_of,
    number,
    ordered,
    shape,
)

RUNS = (make_run(1), make_run(2))
LOSS = Metric(
    "loss",
    "scalar",
    (scalar("loss", (1.0, 0.5)), scalar("loss", (1.0, 0.4))),
    0.2,
    (None, Compared(2, Parting(1, 7, 0.5, 7, 0.4))),
    True,
)
SAME = Metric("same", "scalar", (scalar("same", (1.0,)),) * 2, 0.0, (None, Compared(1)), False)
COMPARISON = Comparison(
    RUNS,
    ("iris-001", "iris-002"),
    (Row("--rate", ("0.1", "0.2"), True), Row("script", ("train.py", "train.py"), False)),
    (Row("python", ("3.9", "3.9"), False),),
    (FileRow("gone.py", (None, None), False),),
    ("", "it took no code along"),
    (LOSS, SAME),
)


@pytest.mark.parametrize("width", [10, 20, 40, 78, 118, 198])
@pytest.mark.parametrize("runs", [2, 3, 8])
def test_the_baseline_and_the_current_run_always_have_a_column(width: int, runs: int) -> None:
    for current in range(1, runs):
        form = shape(width, ["a name of some length"], runs, current)
        assert form.places[0] == 0 and current in form.places
        assert list(form.places) == sorted(set(form.places)) and form.places[-1] < runs
        assert width < 40 or SIGN + form.name + len(form.places) * (form.cell + GAP) <= width


def test_two_runs_share_the_width() -> None:
    form = shape(78, ["--rate"], 2, 1)
    assert (form.places, form.name) == ((0, 1), 8)
    assert form.cell == 32


def test_lines_of_each_part() -> None:
    first, rate = lines_of(COMPARISON, SUMMARY, only=True, short=False)
    assert (first.name, first.cells) == ("parts first", ("", "step 7, loss: 0.5 / 0.4"))
    assert (rate.name, rate.cells, rate.other) == ("--rate", ("0.1", "0.2"), {1})
    assert [line.name for line in lines_of(COMPARISON, SUMMARY, only=False, short=False)][-1] == "script"
    assert lines_of(COMPARISON, ENVIRONMENT, only=True, short=False) == []
    (why,) = lines_of(COMPARISON, CODE, only=True, short=False)
    assert why.cells == ("", "it took no code along")
    assert counts(COMPARISON) == (1, 0, 0, 1)


def test_lines_of_metrics() -> None:
    lines = lines_of(COMPARISON, METRICS, only=True, short=False)
    assert [(line.name, line.cells) for line in lines] == [
        ("loss", ("0.5", "0.4  -20.0%")),
        ("  min", ("0.5", "0.4")),
        ("  max", ("1", "1")),
        ("  values", ("2", "2")),
        ("  parts", ("", "step 7: 0.5 / 0.4")),
    ]
    assert [line.name for line in lines_of(COMPARISON, METRICS, only=False, short=True)] == ["loss", "same"]
    turned = lines_of(COMPARISON, METRICS, only=False, short=True, order=["same", "loss"])
    assert [line.name for line in turned] == ["same", "loss"], "lines stay where they were"
    assert [one.name for one in ordered(COMPARISON.metrics, ["same"])] == ["same", "loss"]


def test_what_runs_used_is_compared_as_numbers() -> None:
    two = tuple(dataclasses.replace(scalar("resources/cpu", (share,)), kind=RESOURCE) for share in (0.03, 0.5))
    cpu = Metric("resources/cpu", RESOURCE, two, 0.9, (None, None), True)
    found = dataclasses.replace(COMPARISON, metrics=(cpu,))
    assert lines_of(found, METRICS, only=True, short=True)[0].cells == ("3%", "50%  +1566.7%")
    assert next(metric_rows(cpu)) == ("last", ("0.03", "0.5"))


def test_two_values_have_the_digits_that_tell_them_apart() -> None:
    close = Compared(1, Parting(0, 3, 0.1234567, 3, 0.1234568))
    assert parting_words(close, 3) == "step 3: 0.1234567 / 0.1234568"
    assert parting_words(Compared(1, Parting(0, 3, 0.1, 3, math.nextafter(0.1, 1))), 3).endswith("0.10000000000000002")
    assert parting_words(Compared(1, Parting(0, 1, 1.0, 2, math.nan)), 3) == "step 1 and 2: 1 / nan"
    assert parting_words(None) == ""


def test_names_of_files() -> None:
    assert default_name(["iris-001", "iris-002"], "md") == "compare-iris-001-iris-002.md"
    assert default_name([f"iris-00{n}" for n in range(1, 6)], "csv") == "compare-iris-001-and-4-more.csv"
    assert default_name(["../a b", "x\x1b"], "json") == "compare-.._a_b-x_.json"
    assert len(default_name(["n" * 300, "m"], "json")) < 110


def test_numbers_in_few_cells() -> None:
    assert [number(value) for value in (None, 1234567, 0.123456789, math.nan, 1e-9)] == [
        "", "1,234,567", "0.123457", "nan", "1e-09"
    ]  # fmt: skip
