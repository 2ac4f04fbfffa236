"""Lists change item by item, and what is not changed stays to the character: comments, quotes, anchors, line ends."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.errors import ProjectError
from engine.project.edit import with_value
from engine.project.edit_items import with_item, with_new_item, without_item

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = """\
vector: # what runs
  - "$file"   # the script
  # about the rate
  - '--rate'
  - 0.10
flow: [one, "two", 3]
none:
empty: []
single: train.py
place: &here local
same: *here
listed: &list
  - a
again: *list
packages:
- group: g
  artifact: a   # kept
  version: "1.0"
- {group: h, artifact: b, version: 2}
mixed:
- x
- *here
environment: &env {A: b}
other: *env
"""


def changes(after: str) -> list[str]:
    """The lines that went and came."""
    lines = difflib.unified_diff(SAMPLE.splitlines(), after.splitlines(), lineterm="", n=0)
    return [f"{line[0]} {line[1:]}" for line in lines if line[:3] not in ("---", "+++", "@@ ")]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (
            lambda t: with_item(t, ["vector"], 0, "train.py"),
            ['-   - "$file"   # the script', '+   - "train.py"   # the script'],
        ),
        (lambda t: with_item(t, ["vector"], 1, "--lr"), ["-   - '--rate'", "+   - '--lr'"]),
        (lambda t: with_item(t, ["vector"], 2, "0.2"), ["-   - 0.10", '+   - "0.2"']),
        (lambda t: with_item(t, ["vector"], 2, "0.10"), []),
        (lambda t: with_new_item(t, ["vector"], 1, "x y"), ['+   - "x y"']),
        (lambda t: with_new_item(t, ["vector"], 0, "first"), ["+   - first"]),
        (lambda t: with_new_item(t, ["vector"], 3, "last"), ["+   - last"]),
        (lambda t: without_item(t, ["vector"], 0), ['-   - "$file"   # the script']),
        (lambda t: without_item(t, ["vector"], 1), ["-   - '--rate'"]),
        (lambda t: without_item(t, ["vector"], 2), ["-   - 0.10"]),
        (lambda t: with_item(t, ["flow"], 0, "a, b"), ['- flow: [one, "two", 3]', '+ flow: ["a, b", "two", 3]']),
        (lambda t: with_new_item(t, ["flow"], 3, "x"), ['- flow: [one, "two", 3]', '+ flow: [one, "two", 3, x]']),
        (lambda t: with_new_item(t, ["flow"], 1, "x"), ['- flow: [one, "two", 3]', '+ flow: [one, x, "two", 3]']),
        (lambda t: without_item(t, ["flow"], 2), ['- flow: [one, "two", 3]', '+ flow: [one, "two"]']),
        (lambda t: without_item(t, ["flow"], 0), ['- flow: [one, "two", 3]', '+ flow: ["two", 3]']),
        (lambda t: with_new_item(t, ["none"], 0, "x"), ["+ - x"]),
        (lambda t: with_new_item(t, ["empty"], 0, "x"), ["- empty: []", "+ empty:", "+ - x"]),
        (
            lambda t: with_new_item(t, ["single"], 1, "--x"),
            ["- single: train.py", "+ single:", "+ - train.py", '+ - "--x"'],
        ),
        (lambda t: with_new_item(t, ["fresh"], 0, "x"), ["+ fresh:", "+ - x"]),
        (lambda t: without_item(t, ["single"], 0), ["- single: train.py", "+ single: []"]),
        (lambda t: with_value(t, ["place"], "gpu"), ["- place: &here local", "+ place: &here gpu"]),
        (lambda t: with_value(t, ["same"], "gpu"), ["- same: *here", "+ same: gpu"]),
        (lambda t: with_value(t, ["listed"], []), ["- listed: &list", "-   - a", "+ listed: &list []"]),
        (lambda t: with_value(t, ["again"], ["b"]), ["- again: *list", "+ again:", "+ - b"]),
        (lambda t: with_item(t, ["packages"], 0, {"version": "2.0"}), ['-   version: "1.0"', '+   version: "2.0"']),
        (
            lambda t: with_new_item(t, ["packages"], 1, {"group": "n", "artifact": "m"}),
            ["+ - group: n", "+   artifact: m"],
        ),
        (lambda t: without_item(t, ["packages"], 1), ["- - {group: h, artifact: b, version: 2}"]),
    ],
)
def test_only_what_changes(change: Callable[[str], str], wanted: list[str]) -> None:
    after = change(SAMPLE)
    assert changes(after) == wanted
    assert yaml.safe_load(after)
    crlf = SAMPLE.replace("\n", "\r\n")
    assert change(crlf) == after.replace("\n", "\r\n")


def test_the_last_item_leaves_an_empty_list() -> None:
    assert without_item("a: # why\n  - x  # one\nb: 1\n", ["a"], 0) == "a: [] # why  # one\nb: 1\n"
    assert without_item("a:\r\n- x\r\nb: 1", ["a"], 0) == "a: []\r\nb: 1"


@pytest.mark.parametrize(
    "change",
    [
        lambda: with_value(SAMPLE, ["other", "A"], "c"),
        lambda: with_new_item(SAMPLE, ["again"], 0, "c"),
        lambda: with_item(SAMPLE, ["mixed"], 1, "c"),
        lambda: without_item(SAMPLE, ["mixed"], 0),
        lambda: with_item(SAMPLE, ["vector"], 7, "c"),
        lambda: with_item(SAMPLE, ["packages"], 0, "c"),
        lambda: with_value("a: [", ["a"], 1),
    ],
)
def test_what_cannot_be_changed_in_one_place_is_refused(change: Callable[[], Any]) -> None:
    with pytest.raises(ProjectError):
        change()
