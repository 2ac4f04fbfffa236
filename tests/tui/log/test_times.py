"""When lines arrived: found by halves in what the engine noted, and the moment's words."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from engine.runs.logs import TIMES, Mirror
from tui.log.times import CLOCK, SINCE, Times, shown
from tui.log.view import LogView

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def note(log: Path, *records: tuple[int, float]) -> None:
    log.with_name(f"{log.name}.times").write_bytes(b"".join(TIMES.pack(*one) for one in records))


def test_the_last_one_noted_at_or_before_a_byte(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    note(log, (0, 100.0), (10, 101.0), (10, 102.0), (30, 105.0))
    times = Times(log)
    assert [times.at(offset) for offset in (0, 9, 10, 29, 30, 999)] == [100.0, 100.0, 102.0, 102.0, 105.0, 105.0]
    assert times.first_after(101.0, same=True) == 10
    assert times.first_after(102.0, same=False) == 30
    assert times.first_after(105.0, same=False) is None
    times.close()


def test_nothing_noted_and_half_a_record(tmp_path: Path) -> None:
    times = Times(tmp_path / "driver.log")
    assert (times.count(), times.at(5), times.first_after(0.0, same=True)) == (0, None, None)
    (tmp_path / "driver.log.times").write_bytes(TIMES.pack(4, 9.0) + b"half")
    assert (times.count(), times.at(3), times.at(4)) == (1, None, 9.0)
    times.close()


def test_as_the_engine_notes_them(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, "driver.log", times=True)
    before = time.time()
    mirror.write(0, b"one\ntwo\n")
    mirror.close()
    view = LogView(tmp_path / "driver.log")
    assert [row.at for row in view.page(5).rows] == [None, None]
    view.timed = True
    assert all(row.at is not None and before <= row.at <= time.time() for row in view.page(5).rows)
    view.close()


def test_a_row_is_as_old_as_its_last_byte(tmp_path: Path) -> None:
    """A progress bar that has moved for an hour is not an hour old."""
    log = tmp_path / "driver.log"
    log.write_bytes(b"start\n 1%\r 2%\r 3%")
    note(log, (0, 100.0), (6, 110.0), (14, 4000.0))
    view = LogView(log)
    view.timed = True
    assert [row.at for row in view.page(5).rows] == [100.0, 4000.0]
    view.close()


def test_few_reads_among_very_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "driver.log"
    note(log, *((number * 100, float(number)) for number in range(200_000)))
    read = os.pread
    asked: list[int] = []
    monkeypatch.setattr(os, "pread", lambda *a: asked.append(a[1]) or read(*a))
    times = Times(log)
    assert times.at(12_345_678) == 123_456.0
    assert times.first_after(777.0, same=True) == 77_700
    assert len(asked) < 50
    assert sum(asked) < 1000
    times.close()


NOON = 1_700_049_600.0


@pytest.mark.parametrize(
    ("moments", "way", "began", "words"),
    [
        ([NOON, NOON + 61.26], CLOCK, NOON, ["12:00:00", "12:01:01"]),
        ([NOON, None], CLOCK, None, ["12:00:00", "        "]),
        ([NOON, NOON + 86_400], CLOCK, NOON, ["11-15 12:00:00", "11-16 12:00:00"]),
        ([NOON + 86_400], CLOCK, NOON, ["11-16 12:00:00"]),
        ([NOON, NOON + 61.26], SINCE, NOON, ["+0:00:00.0", "+0:01:01.3"]),
        ([NOON - 2, NOON + 36_000], SINCE, NOON, [" -0:00:02.0", "+10:00:00.0"]),
        ([NOON + 59.97], SINCE, NOON, ["+0:01:00.0"]),
        ([NOON], SINCE, None, ["12:00:00"]),
        ([], CLOCK, None, []),
    ],
)
def test_in_words(moments: list[float | None], way: str, began: float | None, words: list[str]) -> None:
    assert shown(moments, way, began) == words
