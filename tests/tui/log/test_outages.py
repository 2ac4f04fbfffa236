"""Where contact with a host was lost: a line of our own in the log, at its place and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.runs import outages, tails
from tui.log.view import LogView

if TYPE_CHECKING:
    from pathlib import Path


def marks(folder: Path, height: int = 10, *, top: int | None = None) -> list[tuple[int, str]]:
    view = LogView(folder / "driver.log")
    if top is not None:
        view.go_to(top)
    try:
        return [(place, words) for _, place, words in view.page(height).notes]
    finally:
        view.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "driver.log").write_bytes(b"one\ntwo\nthr")
    outages.note(tmp_path, 100.0, 132.0)
    (tmp_path / "driver.log").write_bytes(b"one\ntwo\nthree\nfour\n")
    return tmp_path


def test_it_stands_before_the_first_row_that_came_after(folder: Path) -> None:
    assert outages.read(folder) == (outages.Outage(11, 100.0, 132.0),)
    assert [(place, "(0m32)" in words) for place, words in marks(folder)] == [(14, True)]


def test_at_the_end_while_nothing_came(folder: Path) -> None:
    outages.note(folder, 200.0, 201.0)
    assert [place for place, _ in marks(folder)] == [14, 19]


def test_not_on_other_pages(folder: Path) -> None:
    assert marks(folder, 1, top=0) == []
    assert marks(folder, 1, top=14) == []


def test_the_end_is_shown_before_the_gap_is_filled(folder: Path) -> None:
    tail = tails.Tail(folder, 5_000_000)
    tail.write(5_000_000, b"half a line\n")
    tail.write(5_000_012, b"last but one\nlast\n")
    view = LogView(folder / "driver.log")
    page = view.page(10)
    assert [row.data for row in page.rows] == [b"last but one", b"last"]
    assert [(place, words == "4.8M before this are on their way") for _, place, words in page.notes] == [
        (page.rows[0].start, True)
    ]
    view.to_start()
    assert view.page(10).rows[0].data == b"one"
    view.to_end()
    tail.remove()
    assert view.page(10).rows[-1].data == b"four"
    view.close()


def test_no_mirror_and_half_a_record(tmp_path: Path) -> None:
    outages.note(tmp_path, 1.0, 2.0)
    assert outages.read(tmp_path) == ()
    (tmp_path / outages.OUTAGES).write_bytes(outages.RECORD.pack(0, 1.0, 2.0) + b"half")
    assert outages.read(tmp_path) == (outages.Outage(0, 1.0, 2.0),)
