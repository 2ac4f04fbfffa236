"""The mirror: what is at an offset is what was sent for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from engine.runs.logs import TIMES, Mirror, last_word

if TYPE_CHECKING:
    from pathlib import Path


def test_writes_join_and_repeats_change_nothing(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "m", "driver.log")
    mirror.write(0, b"hello ")
    mirror.write(6, b"\xff\x00world")
    mirror.write(3, b"lo \xff")
    mirror.close()
    assert (tmp_path / "m" / "driver.log").read_bytes() == b"hello \xff\x00world"
    assert (tmp_path / "m" / "driver.log").stat().st_mode & 0o077 == 0


def test_a_gap_is_refused(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, "driver.log")
    with pytest.raises(ValueError, match="next came at 5"):
        mirror.write(5, b"x")
    mirror.close()


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    first = Mirror(tmp_path, "driver.log")
    first.write(0, b"abc")
    first.close()
    second = Mirror(tmp_path, "driver.log")
    assert second.size == 3
    second.cut(1)
    second.write(1, b"B")
    assert second.read(0, 9) == b"aB"
    second.close()


def test_arrival_times_are_kept(tmp_path: Path) -> None:
    before = time.time()
    mirror = Mirror(tmp_path, "driver.log", times=True)
    mirror.write(0, b"abc\n")
    mirror.close()
    ((offset, at),) = TIMES.iter_unpack((tmp_path / "driver.log.times").read_bytes())
    assert offset == 0
    assert before <= at <= time.time()


def test_arrival_times_of_what_was_cut_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "driver.log.times").write_bytes(TIMES.pack(0, 1.0) + TIMES.pack(4, 2.0) + TIMES.pack(8, 3.0))
    (tmp_path / "driver.log").write_bytes(b"one\ntwo\nsix\n")
    mirror = Mirror(tmp_path, "driver.log", times=True)
    mirror.cut(6)
    mirror.write(6, b"\nten\n")
    mirror.close()
    kept = list(TIMES.iter_unpack((tmp_path / "driver.log.times").read_bytes()))
    assert kept[:2] == [(0, 1.0), (4, 2.0)]
    assert [offset for offset, _ in kept] == [0, 4, 6]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"Traceback (most recent call last):\n  File \"x\"\nKeyError: 'petal'\n", "KeyError: 'petal'"),
        (b"x\npkg.mod.BadThingError: no\nbye\n", "pkg.mod.BadThingError: no"),
        (b"ValueError: \x1b[31mred\x1b[0m \x07bell\n", "ValueError: red bell"),
        (b"all is well\n", ""),
        (b"", ""),
        (b"x" * 100_000 + b"\nKeyboardInterrupt\n", "KeyboardInterrupt"),
    ],
)
def test_last_word(tmp_path: Path, text: bytes, word: str) -> None:
    path = tmp_path / "driver.log"
    path.write_bytes(text)
    assert last_word(path) == word


def test_last_word_of_no_log(tmp_path: Path) -> None:
    assert last_word(tmp_path / "none") == ""
