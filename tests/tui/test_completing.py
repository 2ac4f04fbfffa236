"""What may come next in a filter."""

from __future__ import annotations

import pytest

from tests.tui.history import make_run
from tui.completing import Vocabulary, offers, quoted, vocabulary
from tui.filter import FilterError, parse

RUNS = [
    make_run(1, tags={"best": "yes", "stage": "pre prod"}, branch="main"),
    make_run(2, config="gpu sweep", target="gpu-box", arguments=("--depth", "3")),
]
KNOWN = vocabulary(RUNS, ["loss", "Regularization Rate"], {"bad": "state:failed"})


def offered(text: str, known: Vocabulary = KNOWN) -> list[str]:
    """The whole text after each offer was taken."""
    at, found = offers(text, len(text), known)
    return [text[:at] + one.text for one in found]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("st", ["state:", "state:Starting"]),
        ("state:fa", ["state:Failed"]),
        ("not (state:failed,ru", ["not (state:failed,Running"]),
        ("target:g", ["target:gpu-box"]),
        ("config:", ["config:local", 'config:"gpu sweep"']),
        ("tag:", ["tag:best", "tag:stage"]),
        ("tag:stage=", ['tag:stage="pre prod"']),
        ("arg:--d", ["arg:--depth"]),
        ("branch:m", ["branch:main"]),
        ("lo", ["loss"]),
        ("Regu", ['"Regularization Rate"']),
        ('"regu', ['"Regularization Rate"']),
        ("acc and @", ["acc and @bad"]),
        ("du", ["duration"]),
        ("loss>", []),
        ("loss > 0.", []),
        ("tag:best", []),
        ("nothing-of-that-name", []),
    ],
)
def test_offers(text: str, first: list[str]) -> None:
    assert offered(text)[: len(first) or 1] == first


def test_an_empty_line_offers_what_there_is() -> None:
    found = offered("")
    assert {"state:", "loss", "age", "@bad"} <= set(found)


@pytest.mark.parametrize("text", ["two words", 'a "quote"', "back\\slash", "@at", "a=b", "plain"])
def test_what_is_offered_is_read_back(text: str) -> None:
    run = make_run(1, config=text)
    assert parse(f"config:{quoted(text)}").matches(run, {}, 0.0)


def test_only_what_stands_before_the_cursor_counts() -> None:
    at, found = offers("target: state:failed", 7, KNOWN)
    assert at == 7
    assert [one.text for one in found] == ["local", "gpu-box"]


def test_offers_of_every_prefix_can_be_understood_when_taken() -> None:
    """No offer makes a line that says something else is wrong than that it goes on."""
    for text in ("not (state:failed or tag:best) @bad", 'config:"gpu sweep" loss>0.1'):
        for end in range(len(text)):
            for whole in offered(text[:end]):
                try:
                    parse(whole, KNOWN.saved)
                except FilterError as error:
                    assert error.position >= len(whole) or "bracket" in error.message, (whole, error.message)
