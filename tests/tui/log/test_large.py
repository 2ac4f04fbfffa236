"""A log of 5 GB: what is looked at is read, and hardly more; nothing of it is held."""

from __future__ import annotations

import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from engine.runs.logs import TIMES
from tui.log.order import Order
from tui.log.view import LogView, advanced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZE = 5_000_000_000
LINE = 100
MEGABYTE = 1 << 20


def big(folder: Path, word: str, size: int = SIZE) -> Path:
    """Lines at the beginning and at the end; what lies between is on no disk. A line arrived every millisecond."""
    folder.mkdir()
    log = folder / "driver.log"
    lines = b"".join(b"%s %8d %s\n" % (word.encode(), n, b"." * (LINE - 11 - len(word))) for n in range(50_000))
    assert len(lines) == 50_000 * LINE
    with log.open("wb") as file:
        file.write(lines.replace(b"........", b"ERROR...", 1))
        file.seek(size - len(lines))
        file.write(lines)
    with log.with_name("driver.log.times").open("wb") as times:
        for offset in range(0, size, 1_000_000):
            times.write(TIMES.pack(offset, 1000.0 + offset / 100_000))
    return log


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many bytes were read each time."""
    found: list[int] = []
    read = os.pread

    def counted(file: int, length: int, offset: int) -> bytes:
        data = read(file, length, offset)
        found.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    yield found


def cost(reads: list[int], work: Callable[[], object]) -> tuple[int, int]:
    """Bytes read, and the most that were held, by this work."""
    reads.clear()
    tracemalloc.start()
    try:
        work()
        return sum(reads), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_opened_moved_in_and_timed(tmp_path: Path, reads: list[int]) -> None:
    view = LogView(big(tmp_path / "a", "a"))
    view.timed = True
    read, held = cost(reads, lambda: view.page(40))
    assert read < 16 * MEGABYTE
    assert held < 4 * MEGABYTE

    def about() -> None:
        for rows in (-1, -40, 20):
            view.move(rows, 40)
            assert all(row.at is not None for row in view.page(40).rows)
        view.to_start()
        view.page(40)
        view.to_end()
        view.page(40)
        view.begin_selecting()
        view.to_start()
        assert view.page(40).taken == "4.7G"

    read, held = cost(reads, about)
    assert read < 64 * MEGABYTE
    assert held < 8 * MEGABYTE
    view.close()


def test_two_of_them_merged(tmp_path: Path, reads: list[int]) -> None:
    logs = [big(tmp_path / "a", "a"), big(tmp_path / "b", "b")]
    view = LogView(*logs)

    def about() -> None:
        assert [row.source for row in view.page(40).rows] != [0] * 40
        view.move(-200, 40)
        view.page(40)
        view.to_start()
        view.page(40)

    read, held = cost(reads, about)
    assert read < 128 * MEGABYTE
    assert held < 8 * MEGABYTE
    # From the middle, where the other log is by then is known without reading what lies before.
    order = Order(logs)
    read, _ = cost(reads, lambda: order.at((0, SIZE - 1000 * LINE)))
    assert read < MEGABYTE
    order.close()
    view.close()


def test_looked_through_in_pieces(tmp_path: Path, reads: list[int]) -> None:
    size = 300_000_000
    view = LogView(big(tmp_path / "a", "a", size))
    view.page(40)
    looking = view.errors(-1)

    def up() -> None:
        while advanced(looking):
            pass

    read, held = cost(reads, up)
    assert looking[0].found == 0
    assert size * 0.9 < read < size * 1.1
    assert max(reads) <= MEGABYTE
    assert held < 16 * MEGABYTE
    counting = view.searches("49999", regex=False)
    _, held = cost(reads, lambda: advanced(counting))
    assert max(reads) <= 4 * MEGABYTE
    assert held < 16 * MEGABYTE
    view.close()
