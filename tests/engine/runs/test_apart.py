"""The lines of one stream of a log: what is let through, and from when on."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from engine.runs import apart
from engine.runs.apart import STDERR, STDOUT, Apart, Settling, Sieve

if TYPE_CHECKING:
    from pathlib import Path


def noted(folder: Path, text: str) -> Apart:
    (folder / "driver.streams").write_text(text)
    found = Apart(folder / "driver.log")
    found.read_all()
    return found


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
def test_lines_are_of_the_stream_they_begin_in(tmp_path: Path, piece: int) -> None:
    log = b"out 1\nout 2\nerr 3\neither\nout 5 goes on\nerr\nrest"
    # "out 5" ends in the middle of its line, and the rest of the line is of the other.
    found = noted(tmp_path, "o 0 12\ne 12 18\no 25 30\ne 30 43\n")

    def through(shown: str) -> bytes:
        sieve = Sieve(found, shown)
        return b"".join(sieve.take(log[at : at + piece]) for at in range(0, len(log), piece))

    assert through(STDOUT) == b"out 1\nout 2\neither\nout 5 goes on\nrest"
    assert through(STDERR) == b"err 3\neither\nerr\nrest"


def test_pieces_make_no_difference(tmp_path: Path) -> None:
    source = random.Random(5)
    lines = [source.choice(("o", "e", "?")) * source.randint(0, 9) + "\n" for _ in range(500)]
    at, notes, expected = 0, [], {STDOUT: "", STDERR: ""}
    for line in lines:
        if line[0] in "oe":
            notes.append(f"{line[0]} {at} {at + len(line)}\n")
        for shown, hidden in ((STDOUT, "e"), (STDERR, "o")):
            expected[shown] += line if line[0] != hidden else ""
        at += len(line)
    found = noted(tmp_path, "".join(notes))
    log = "".join(lines).encode()
    for shown, text in expected.items():
        sieve, place, got = Sieve(found, shown), 0, b""
        while place < len(log):
            length = source.randint(1, 40)
            got += sieve.take(log[place : place + length])
            place += length
        assert got == text.encode()


def test_it_is_read_on_as_it_grows_and_again_when_it_was_cut(tmp_path: Path) -> None:
    found = noted(tmp_path, "o 0 10\ne 10 2")
    assert (found.covered, found.streams()) == (10, {STDOUT})
    (tmp_path / "driver.streams").write_text("o 0 10\ne 10 20\n")
    found.read_all()
    assert (found.covered, found.streams(), len(found)) == (20, {STDOUT, STDERR}, 2)
    (tmp_path / "driver.streams").write_text("e 0 4\n")
    found.read_all()
    assert (found.stream(0), found.covered) == (STDERR, 4)


def test_a_log_that_was_cut(tmp_path: Path) -> None:
    found = noted(tmp_path, "o 0 10\ne 10 20\nc 5 5\ne 6 30\n")
    assert [found.stream(at) for at in (0, 4, 5, 6, 15, 30)] == [STDOUT, STDOUT, "", STDERR, STDERR, ""]


def test_what_comes_waits_until_it_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "driver.log"
    log.touch()
    now = [100.0]
    monkeypatch.setattr(apart.time, "monotonic", lambda: now[0])
    settling = Settling(log)
    assert settling.end(50, 0) == 0
    assert settling.end(80, 50) == 50
    assert settling.end(80, 70) == 70
    now[0] += 1.0
    assert settling.end(90, 70) == 70
    now[0] += 0.6
    assert settling.end(95, 70) == 80
    assert settling.end(95, 95) == 95
    now[0] += 2
    assert settling.end(95, 95) == 95
    assert settling.end(10, 0) == 0
    os.utime(log, (1, 1))
    # Nothing more will be told of it.
    assert Settling(log).end(50, 0) == 50
