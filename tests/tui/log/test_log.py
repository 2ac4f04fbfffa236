"""The log as something to look at: rows by offset from both sides, search across pieces, nothing dangerous drawn."""

from __future__ import annotations

import contextlib
import os
import random
import re
from typing import TYPE_CHECKING

import pytest
from rich.style import Style

from tui.log import nearest, search
from tui.log.ansi import folded, pieces
from tui.log.file import DRAWN, LONGEST, LogFile
from tui.log.order import Order
from tui.log.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    one = LogFile(tmp_path / "driver.log")
    yield one
    one.close()


@contextlib.contextmanager
def rows_of(log: LogFile) -> Iterator[Order]:
    order = Order([log.path])
    yield order
    order.close()


def opened_files() -> list[str]:
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return found


def finished(one: Search) -> list[int]:
    while one.advance():
        pass
    return list(one.matches)


@pytest.mark.parametrize("call", ["open", "fstat", "pread"])
def test_closed_while_another_thread_reads(log: LogFile, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    log.path.write_bytes(b"a\n")
    real = getattr(os, call)

    def leaves(*arguments: object) -> object:
        found = real(*arguments)
        log.close()
        return found

    monkeypatch.setattr(os, call, leaves)
    log.size()
    log.read(0, 10)
    assert log.read(0, 10) == b""
    monkeypatch.undo()
    assert str(log.path) not in opened_files()


def test_a_file_that_is_not_there_yet(log: LogFile) -> None:
    with rows_of(log) as order:
        assert (order.end, order.rows((0,), 5), order.back((0,), 5)) == ((0,), [], (0,))
        log.path.write_bytes(b"a\n")
        assert [row.data for row in order.rows((0,), 5)] == [b"a"]


def test_rows_from_above_and_from_below_are_the_same(log: LogFile) -> None:
    chance = random.Random(7)
    parts = [b"x" * chance.choice([0, 1, 80, 5000]) + b"\n" for _ in range(300)]
    parts[100] = b"y" * (3 * LONGEST + 17) + b"\n"
    parts[200] = b"z" * LONGEST + b"\n"
    log.path.write_bytes(b"".join(parts) + b"unfinished")
    with rows_of(log) as order:
        down = [row.start for row in order.rows((0,), 10_000)]
        up = [log.size()]
        while up[-1] > 0:
            up.append(order.back((up[-1],), 1)[0])
        assert down == up[:0:-1]
        assert all(row.end - row.start <= 2 * LONGEST for row in order.rows((0,), 10_000))
        assert order.back(order.end, 3) == (down[-3],)
        assert order.forward((down[0],), 50) == (down[50],)
        assert order.forward((down[-2],), 50) == order.end


def test_a_line_of_100_megabytes_is_read_in_part(log: LogFile) -> None:
    with log.path.open("wb") as file:
        file.write(b"first\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\nlast\n")
    with rows_of(log) as order:
        before, last = order.rows(order.back(order.end, 2), 9)
        assert last.data == b"last"
        assert len(before.data) <= DRAWN
        assert [row.data[:5] for row in order.rows((0,), 1)] == [b"first"]


def test_a_progress_bar_of_megabytes_shows_its_last_state(log: LogFile) -> None:
    bar = b"".join(b"\r%7d/1000000" % n for n in range(300_000))
    log.path.write_bytes(b"begin\n" + bar + b"\nend\n")
    assert len(bar) > 4 * LONGEST
    with rows_of(log) as order:
        rows = order.rows((0,), 9)
        assert [folded(row.data) for row in rows] == [b"begin", b" 299999/1000000", b"end"]
        assert order.rows(order.back(order.end, 2), 9) == rows[1:]
        assert order.back(order.end, 3) == (0,)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"10%\r50%\r100%\r\n", b"100%"),
        (b"long text\rshort", b"shorttext"),
        (b"done\r\n", b"done"),
        (b"\r\r\r", b""),
        (b"plain", b"plain"),
    ],
)
def test_carriage_returns(data: bytes, shown: bytes) -> None:
    assert folded(data) == shown


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b]52;c;aGVsbG8=\x07evil",
        b"\x1b]0;title\x1b\\evil",
        b"\x1b[2J\x1b[Hevil",
        b"\x1bPq\x1b\\evil",
        b"\x9b2Jevil",
        b"\xc2\x9b2Jevil",
        b"\x1bcevil",
        b"ev\x08\x07\x00il",
        b"\x1b[?1049hevil",
        b"evil\x1b[",
        b"evil\x1b",
        b"evil\x1b]52;c;unfinished",
        "ev\u202eil".encode(),
    ],
)
def test_no_control_reaches_the_terminal(data: bytes) -> None:
    text = "".join(text for text, _ in pieces(data))
    assert text.replace("\ufffd", "").replace("2J", "") in ("evil", "ev il")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text)


def test_colours_stay() -> None:
    assert pieces(b"a\x1b[31;1mred\x1b[0m b \x1b[38;5;200mx\x1b[48;2;1;2;3my\x1b[39;49mz") == [
        ("a", None),
        ("red", Style(color="red", bold=True)),
        (" b ", None),
        ("x", Style(color="color(200)")),
        ("y", Style(color="color(200)", bgcolor="#010203")),
        ("z", None),
    ]


def test_a_row_of_colours_is_all_there() -> None:
    found = pieces(b"\x1b[31mred\x1b[32mgreen" * 3000)
    assert "".join(text for text, _ in found) == "redgreen" * 3000
    assert len(found) < 1100


@pytest.mark.parametrize(
    "data", [b"\x1b[38;5m", b"\x1b[38m", b"\x1b[999999999999m", b"\x1b[;;;m", b"\xff\xfe", b"[/b]"]
)
def test_odd_bytes_are_text(data: bytes) -> None:
    pieces(data + b"ok")


def test_search_finds_every_row_once(log: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_PLAIN_PIECE", 64)
    monkeypatch.setattr(search, "_REGEX_PIECE", 64)
    lines = [f"line {n} {'Loss' if n % 7 == 0 else 'acc'} {n * n}\n".encode() for n in range(200)]
    log.path.write_bytes(b"".join(lines))
    starts = [sum(map(len, lines[:n])) for n in range(200)]
    assert finished(Search(log, "loss")) == starts[::7]
    assert finished(Search(log, "Loss")) == starts[::7]
    assert finished(Search(log, "LOSS")) == []
    assert finished(Search(log, r"^line \d*3 ", regex=True)) == [starts[n] for n in range(200) if n % 10 == 3]


def test_search_goes_on_as_the_log_grows(log: LogFile) -> None:
    log.path.write_bytes(b"one error\nhalf er")
    one = Search(log, "error")
    assert finished(one) == [0]
    with log.path.open("ab") as file:
        file.write(b"ror\nerror\n")
    assert finished(one) == [0, 10, 21]
    assert finished(one) == [0, 10, 21]


def test_search_in_bytes_that_are_no_text(log: LogFile) -> None:
    log.path.write_bytes(b"\xff\xfe k\xc3\xb6ln\n" * 3)
    assert len(finished(Search(log, "köln"))) == 3
    assert len(finished(Search(log, "KÖLN"))) == 0
    with pytest.raises(re.error):
        Search(log, "(", regex=True)


def test_the_errors_of_spark_are_found_and_not_its_stacks(log: LogFile) -> None:
    """As Spark told them, shortened: an executor's error in a message of Java's, and what led to it."""
    lines = [
        "26/11/26 03:54:16 WARN TaskSetManager: Lost task 0.0 in stage 0.0 (TID 0) (wn0 executor 1):"
        " org.apache.spark.api.python.PythonException: Traceback (most recent call last):",
        '  File "pyspark.zip/pyspark/worker.py", line 1247, in main',
        "    process()",
        '  File "job.py", line 4, in divide',
        "ZeroDivisionError: division by zero",
        "",
        "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(A.scala:572)",
        "\t... 1 more",
        "26/11/26 03:54:16 INFO DAGScheduler: Job 0 failed: sum at job.py:6, took 1.267909 s",
        "Traceback (most recent call last):",
        "py4j.protocol.Py4JJavaError: An error occurred while calling o43.collectToPython.",
        "Driver stacktrace:",
        "\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)",
        "Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):",
    ]
    log.path.write_text("\n".join(lines) + "\n")
    found = finished(Search(log, nearest.ERRORS, regex=True))
    begins = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    assert [begins.index(offset) for offset in found] == [0, 4, 9, 10, 13]


def test_rows_are_counted(log: LogFile) -> None:
    log.path.write_bytes(b"a\n" * 100)
    assert log.count_rows(0, log.size()) == 100
    assert log.count_rows(100, 200) == 50
