"""Numbers, times and sparklines in few cells."""

from __future__ import annotations

import dataclasses
import math

import pytest

from engine.runs.model import State
from tests.tui.history import NOW, make_build, make_run
from tui import wording
from tui.glyphs import ASCII, UNICODE, sparkline


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0m00"),
        (9.9, "0m09"),
        (130, "2m10"),
        (3599, "59m59"),
        (3900, "1h05"),
        (86_399, "23h59"),
        (273_600, "3d04h"),
    ],
)
def test_span(seconds: float, shown: str) -> None:
    assert wording.span(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.2314, "0.231"),
        (10.0, "10"),
        (0.0, "0"),
        (123.456, "123.5"),
        (12345.6, "12346"),
        (1e9, "1.0e9"),
        (-1.5e-7, "-1.5e-7"),
        (1e300, "1.0e300"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (None, ""),
    ],
)
def test_number(value: float | None, shown: str) -> None:
    assert wording.number(value) == shown
    assert len(shown) <= 7


def test_size() -> None:
    assert [wording.size(n) for n in (0, 812, 3200, 5e7, 3.1 * 2**30)] == ["0", "812", "3.1K", "48M", "3.1G"]


def test_images_and_builds() -> None:
    assert [wording.image_size(n) for n in (136_400_000, 1.44e9)] == ["136 MB", "1.4 GB"]
    assert wording.environment("sha256:" + "ab" * 32) == "image abababababab"
    assert wording.environment("hdfs://n/user/ann/a\x1b[2J.tar.gz").endswith(" hdfs://n/user/ann/a.tar.gz")
    assert wording.build_state(make_build(steps=0), NOW) == "being prepared: 1m11"
    assert wording.build_state(make_build(1, "canceled", error="canceled"), NOW) == "canceled after 0m42"
    assert wording.step_words(make_build(words="step 4 of 7: pip\x1b[2J packages")) == "pip packages"
    assert wording.first_line("\n \n why\nmore") == "why"


def test_age_of_a_run() -> None:
    assert wording.age(make_run(1, State.RUNNING, started=NOW - 70), NOW) == "1m10"
    assert wording.age(make_run(1, started=NOW - 70, ended=NOW - 60), NOW) == "0m10"
    assert wording.age(make_run(1, State.QUEUED, created=NOW - 5), NOW) == "0m05"
    assert wording.age(make_run(1, State.CANCELED, started=None), NOW) == ""


def test_outcome_in_words() -> None:
    failed = make_run(1, State.FAILED)
    assert wording.outcome(failed) == "exit code 1"
    assert wording.outcome(dataclasses.replace(failed, reason="KeyError: 'petal'")) == "KeyError: 'petal'"
    assert wording.outcome(dataclasses.replace(failed, exit_code=None, exit_signal=9)) == "ended by SIGKILL"
    assert wording.outcome(make_run(1, State.PREPARING, progress="step 4/7 pip", reason="x")) == "step 4/7 pip"
    assert "gpu-box" in wording.outcome(make_run(1, State.RUNNING, target="gpu-box", unreachable_since=NOW))


def test_command_line_is_what_one_types() -> None:
    assert wording.command_line("train.py", ("--name", "a b", "$x")) == "train.py --name 'a b' '$x'"


def test_sparkline() -> None:
    signs = UNICODE.spark
    assert sparkline((), 5, signs) == ""
    assert sparkline((1, 1, 1), 5, signs) == "▁▁▁"
    assert sparkline((0, 7), 5, signs) == "▁█"
    assert sparkline((0, math.nan, 7), 5, signs) == "▁ █"
    assert sparkline((math.inf, math.nan), 5, signs) == "  "
    assert sparkline((-1e308, 1e308), 5, signs) in ("▁█", "▁▁")
    long = sparkline(tuple(range(1000)), 5, signs)
    assert len(long) == 5
    assert list(long) == sorted(long)
    assert sparkline((0, 1), 5, ASCII.spark).isascii()
