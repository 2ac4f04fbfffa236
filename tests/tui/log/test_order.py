"""Logs merged by arrival: the same order from above, from below and from the middle, however they grow."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from engine.runs.logs import TIMES
from tui.log.order import Order
from tui.log.view import LogView

if TYPE_CHECKING:
    from pathlib import Path


def put(folder: Path, lines: list[tuple[float, str]]) -> Path:
    """A log whose lines arrived at these moments."""
    folder.mkdir(exist_ok=True)
    log = folder / "driver.log"
    with log.open("ab") as out, log.with_name("driver.log.times").open("ab") as times:
        for at, line in lines:
            times.write(TIMES.pack(out.tell(), at))
            out.write(f"{line}\n".encode())
            out.flush()
    return log


def made(tmp_path: Path, seed: int = 1) -> tuple[list[Path], list[str]]:
    """Three logs, and their lines in order."""
    chance = random.Random(seed)
    every: list[tuple[float, int, int, str]] = []
    logs = []
    for source in range(3):
        at, lines = 100.0, []
        for number in range(chance.choice((40, 80))):
            at += chance.choice((0.0, 0.0, 1.0, 3.0))
            lines.append((at, f"{source}-{number}"))
            every.append((at, source, number, f"{source}-{number}"))
        logs.append(put(tmp_path / f"run{source}", lines))
    return logs, [text for *_, text in sorted(every)]


def texts(view: LogView, height: int) -> list[str]:
    return [row.data.decode() for row in view.page(height).rows]


@pytest.mark.parametrize("seed", range(5))
def test_one_order_from_everywhere(tmp_path: Path, seed: int) -> None:
    logs, wanted = made(tmp_path, seed)
    order = Order(logs)
    rows = order.rows(order.begin, 1000)
    assert [row.data.decode() for row in rows] == wanted
    place, up = order.end, []
    while (spot := order.last(place)) is not None:
        place = order.back(place, 1)
        up.append(order.files[spot[0]].row(spot[1]).data.decode())
    assert up[::-1] == wanted
    assert place == order.begin
    for number, row in enumerate(rows):
        there = order.at((row.source, row.start))
        assert there == order.forward(order.begin, number)
        assert order.back(order.end, len(rows) - number) == there
    order.close()


def test_searched_filtered_and_followed_as_one(tmp_path: Path) -> None:
    logs, wanted = made(tmp_path)
    view = LogView(*logs)
    assert texts(view, 10) == wanted[-10:]
    view.to_start()
    view.begin_search(view.searches("-1", regex=False))
    while view.advance():
        pass
    found = [text for text in wanted if "-1" in text]
    for number, text in enumerate(found, 1):
        assert view.step(1)
        page = view.page(len(wanted))
        assert (page.match, page.matches) == (number, len(found))
        assert page.rows[page.cursor].data.decode() == text
    assert not view.step(1)
    assert view.step(-1)
    page = view.page(len(wanted))
    assert page.rows[page.cursor].data.decode() == found[-2]
    view.begin_filter(view.searches("-1", regex=False))
    while view.advance():
        pass
    view.to_start()
    assert texts(view, 1000) == found
    view.move(3, 4)
    assert texts(view, 4) == found[3:7]
    view.move(-2, 4)
    assert texts(view, 4) == found[1:5]
    view.to_end()
    assert texts(view, 4) == found[-4:]
    put(logs[0].parent, [(9000.0, "0-1 late")])
    while view.advance():
        pass
    assert texts(view, 4) == [*found[-3:], "0-1 late"]
    view.close()


def test_what_comes_is_counted_while_one_holds_still(tmp_path: Path) -> None:
    logs, wanted = made(tmp_path)
    view = LogView(*logs)
    view.page(5)
    view.move(-1, 5)
    assert texts(view, 5) == wanted[-6:-1]
    put(logs[1].parent, [(9000.0, "new"), (9001.0, "newer")])
    page = view.page(5)
    assert [row.data.decode() for row in page.rows] == wanted[-6:-1]
    assert page.new == 2
    view.move(3, 5)
    assert texts(view, 5) == [*wanted[-3:], "new", "newer"]
    assert view.following
    view.close()


def test_a_selection_across_logs(tmp_path: Path) -> None:
    logs, wanted = made(tmp_path)
    view = LogView(*logs)
    view.page(10)
    view.begin_selecting()
    view.move(-6, 10)
    page = view.page(10)
    assert list(view.chosen()) == wanted[-7:]
    assert page.chosen == (3, 9)
    assert page.taken == "7 lines"
    view.to_start()
    view.page(10)
    assert list(view.chosen()) == wanted
    view.close()


def test_logs_without_times_come_first_and_whole(tmp_path: Path) -> None:
    first = put(tmp_path / "a", [(5.0, "timed")])
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "driver.log").write_text("one\ntwo\n")
    view = LogView(first, tmp_path / "b" / "driver.log", tmp_path / "c" / "driver.log")
    assert texts(view, 9) == ["one", "two", "timed"]
    view.close()
