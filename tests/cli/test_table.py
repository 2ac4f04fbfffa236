"""Tables: widths, what gives way, signs that take two cells or none."""

from __future__ import annotations

import pytest

from cli.output import as_json, as_table
from cli.table import cells, draw, fitted


def test_the_form_is_that_of_az() -> None:
    assert draw(["Name", "N"], [["a", "1"], ["long name", "22"]], frozenset({1})) == (
        "Name        N\n---------  --\na           1\nlong name  22\n"
    )
    assert draw(["Name"], []) == ""


@pytest.mark.parametrize(
    ("widths", "room", "expected"),
    [
        ([10, 10], 22, [10, 10]),
        ([30, 10], 32, [20, 10]),
        ([30, 28, 5], 49, [20, 20, 5]),
        ([30, 30], 10, [8, 8]),
    ],
)
def test_the_widest_gives_way_first(widths: list[int], room: int, expected: list[int]) -> None:
    assert fitted(widths, room) == expected


def test_cells() -> None:
    assert (cells("abc"), cells("花"), cells("e\u0301"), cells("ü")) == (3, 2, 1, 1)
    lines = draw(["A", "B"], [["花", "x"], ["ab", "y"]]).splitlines()
    assert lines[2:] == ["花  x", "ab  y"]


def test_data_of_every_shape() -> None:
    assert as_table({"a": 1, "b": [1, 2]}) == "Key  Value\n---  ------\nA    1\nB    [1, 2]\n"
    assert as_table([[1, None], [True]]) == "Column1  Column2\n-------  -------\n1\ntrue\n"
    assert as_table(["x\x1b[2J"]) == "Result\n------\nx\n"
    assert as_table("\x9b31mtext") == "text\n"
    assert as_table(None) == ""
    assert as_table([]) == ""


def test_json_leaves_nothing_to_a_terminal() -> None:
    assert as_json("\x1b\x9b\u2028\udc80é") == '"\\u001b\\u009b\\u2028\\udc80é"\n'
    assert as_json([float("nan"), float("-inf")]) == '[\n  "NaN",\n  "-Infinity"\n]\n'
