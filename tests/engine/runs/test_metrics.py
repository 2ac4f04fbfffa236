"""Reading the metrics wire: what a script writes is data; none of it stops the reader or reaches the store unfit."""

from __future__ import annotations

import json
import math

import pytest

from engine.runs.metrics import LONGEST_LINE, MetricRecord, parse


def line(**changes: object) -> bytes:
    record = {"t": 1.5, "k": "scalar", "n": "loss", "v": 0.5, **changes}
    return json.dumps(record).encode() + b"\n"


def test_whole_lines_are_used_and_the_rest_waits() -> None:
    data = line(d="what it is", s=3) + line(v="NaN")
    records, used, bad = parse(data + b'{"t":1')
    assert records[0] == MetricRecord(1.5, "scalar", "loss", 0.5, "what it is", 3)
    assert math.isnan(records[1].value)
    assert (used, bad) == (len(data), 0)
    assert parse(b'{"t":1') == ([], 0, 0)


@pytest.mark.parametrize(
    "bad_line",
    [
        b"not JSON",
        b"[]",
        b"5",
        b"\xff\xfe",
        b"[" * 100_000,
        line(t=math.nan),
        line(t=math.inf),
        line(t="soon"),
        line(k="unknown"),
        line(k="resource"),
        line(k="resource", v={"cpu": "NaN"}),
        line(k="resource", v={"cpu": "much"}),
        line(k=[]),
        line(v="high"),
        line(v=[1]),
        line(s=1 << 63),
        line(s="six"),
        line(s=math.nan),
        b'{"t":1,"k":"scalar","n":"x","v":' + b"9" * 5000 + b"}",
        b'{"k":"scalar","n":"x","v":1}',
        b'"' + b"x" * LONGEST_LINE + b'"',
    ],
    ids=lambda text: text[:40].decode("ascii", "replace"),
)
def test_a_line_that_does_not_fit_is_counted_and_passed_over(bad_line: bytes) -> None:
    data = line(n="before") + bad_line.rstrip(b"\n") + b"\n\n" + line(n="after")
    records, used, bad = parse(data)
    assert [one.name for one in records] == ["before", "after"]
    assert (used, bad) == (len(data), 1)


def test_a_rest_longer_than_any_line_is_given_up() -> None:
    assert parse(b"x" * (LONGEST_LINE + 1)) == ([], LONGEST_LINE + 1, 1)


def test_a_name_can_be_stored() -> None:
    ((record,), _, _) = parse(line(n="a\ud800"))
    assert record.name == "a\\ud800"
    record.name.encode()


def test_what_a_run_uses_is_one_record() -> None:
    ((record,), _, bad) = parse(line(k="resource", n="", v={"cpu": 1.5, "memory": 4096}))
    assert (record.kind, record.value, bad) == ("resource", {"cpu": 1.5, "memory": 4096.0}, 0)
