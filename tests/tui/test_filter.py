"""The filter language."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.runs.model import State
from tests.tui.history import NOW, make_run
from tui.filter import FilterError, parse

RUN = make_run(
    42,
    State.RUNNING,
    config="gpu-sweep",
    target="gpu-box",
    script="src/train.py",
    arguments=("--rate", "0.1", "two words"),
    tags={"best": "yes", "owner": "ann"},
    branch="main",
    commit="abc123",
    started=NOW - 600,
    created=NOW - 7200,
)
METRICS = {"acc": 0.91, "loss": 0.23, "Regularization Rate": 0.01, "bad": math.nan, "not": 3.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("   ", True),
        ("train", True),
        ("TRAIN", True),
        ("petal", False),
        ("iris-042", True),
        ('"two words"', True),
        ('"words two"', False),
        ("two words", True),
        ("state:running", True),
        ("state:run", True),
        ("state:failed,running", True),
        ("state:failed", False),
        ("state:unfinished", True),
        ("state:ended", False),
        ("state:unreachable", False),
        ("target:gpu", True),
        ('target:"gpu"', False),
        ('target:"gpu-box"', True),
        ("config:sweep", True),
        ("script:train", True),
        ("arg:words", True),
        ("branch:main commit:abc", True),
        ("commit:bc", False),
        ("tag:best", True),
        ("tag:best=yes", True),
        ("tag:best=no", False),
        ("tag:best!=no", True),
        ("tag:worst", False),
        ("acc>0.9", True),
        ("acc > 0.9", True),
        ("acc>=0.91 loss<0.3", True),
        ("acc<0.9", False),
        ("acc>-1", True),
        ("acc>9e-1", True),
        ("missing>0", False),
        ("missing<0", False),
        ("bad>0", False),
        ("bad!=0", True),
        ("bad=nan", True),
        ("bad!=nan", False),
        ("loss=nan", False),
        ("loss!=nan", True),
        ('"Regularization Rate"<=0.01', True),
        ("not=3", True),
        ("number=42", True),
        ("exit=0", False),
        ("age<3h age>1h", True),
        ("duration>5m", True),
        ("duration>601", False),
        ("since<3h since>1h took>5m", True),
        ("took>601", False),
        ("not petal", True),
        ("not train", False),
        ("not not train", True),
        ("petal or train", True),
        ("petal or sepal", False),
        ("train and not petal", True),
        ("petal and train or iris", True),
        ("petal and (train or iris)", False),
        ("not (petal or sepal)", True),
        ("NOT petal AND Train", True),
        ("!", False),
        ("[/foo]", False),
    ],
)
def test_matches(text: str, expected: bool) -> None:
    assert parse(text).matches(RUN, METRICS, NOW) is expected


def test_words_of_separate_values_are_not_joined() -> None:
    assert not parse('"0.1two"').matches(RUN, METRICS, NOW)


@pytest.mark.parametrize(
    ("text", "says", "position"),
    [
        ("acc>", "needs a number", 4),
        ("acc>high", "not a number", 4),
        ("age<soon", "10s", 4),
        ("state:bogus", "there is no state 'bogus'", 6),
        ("foo:bar", "there is no field 'foo'", 0),
        ("state:", "needs a value", 6),
        ("(train", "bracket is not closed", 0),
        ("train)", "one too many", 5),
        ("train or", "missing at the end", 8),
        ("or train", "both sides", 0),
        ('"open', "quote is not closed", 0),
        (">0.9", "needs a name", 0),
        ("tag:best>1", "= or !=", 8),
        ("not", "missing", 3),
        ("(" * 500, "nested too deeply", 50),
    ],
)
def test_errors_say_what_and_where(text: str, says: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert says in caught.value.message
    assert caught.value.position == position


def test_names_the_metrics_it_needs() -> None:
    found: Any = parse('state:run acc>0.9 and ("Regularization Rate"<1 or age<1h)').metrics
    assert found == {"acc", "Regularization Rate"}


SAVED = {
    "bad": "state:failed or acc<0.5",
    "mine": "@bad tag:owner=ann",
    "self": "@loop",
    "loop": "@self",
    "old": "age>1h",
}


def test_saved_filters_stand_for_their_text() -> None:
    found = parse("not @mine", SAVED)
    assert found.metrics == {"acc"}
    assert not found.timed
    assert found.matches(RUN, METRICS, NOW)
    assert parse("@mine", SAVED).matches(RUN, {"acc": 0.1}, NOW)
    assert parse("@old", SAVED).timed
    assert parse("duration>1m").timed


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("state:run @nobody", "no filter is saved as @nobody; there is @bad, @loop, @mine, @old, @self", 10),
        ("@self", "in @self: in @loop: @self stands in itself", 0),
    ],
)
def test_saved_filters_that_cannot_be_used(text: str, message: str, position: int) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text, SAVED)
    assert caught.value.message == message
    assert caught.value.position == position


def test_a_broken_saved_filter_says_which() -> None:
    with pytest.raises(FilterError, match="in @x: there is no state"):
        parse("@x", {"x": "state:bogus"})


def test_a_quoted_at_is_a_word() -> None:
    assert not parse('"@nobody"', SAVED).matches(RUN, METRICS, NOW)
