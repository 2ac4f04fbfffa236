"""More keys of the log: when lines arrived, selecting and copying, errors both ways, counts while one types."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from engine.runs import outages
from engine.runs.logs import TIMES
from tests.tui.driving import driven
from tests.tui.history import NOW
from tests.tui.snapshots import check_snapshot
from tests.tui.test_log_pane import RUN_ID, opened, pane, running, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def arrive(home: Paths, text: str, at: float) -> None:
    """Add to the log, and note the time as the engine does."""
    path = home.driver_log(RUN_ID)
    path.parent.mkdir(parents=True, exist_ok=True)
    offset = path.stat().st_size if path.exists() else 0
    with path.with_name("driver.log.times").open("ab") as file:
        file.write(TIMES.pack(offset, at))
    write(home, text)


def copied(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(driver.app, "copy_text", found.append)
    return found


async def test_when_lines_arrived(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    arrive(home, "first\n", NOW - 58)
    arrive(home, "second\n", NOW - 3.5)
    async with driven(console()) as d:
        await opened(d, "second")
        assert "22:12:22" not in d.text()
        await d.press("t")
        await d.until_shown("22:12:22 first")
        await d.until_shown("22:13:16 second")
        await d.press("t")
        await d.until_shown("+0:00:02.0 first")
        arrive(home, "third\n", NOW)
        await d.until_shown("+0:01:00.0 third")
        await d.press("ampersand", *"first", "enter")
        await d.until(lambda: "+0:00:02.0 first" in d.text() and "second" not in d.text())
        await d.press("escape", "t")
        await d.until(lambda: "second" in d.text() and "+0:00" not in d.text())


async def test_times_are_remembered_and_stay_where_one_pans_and_wraps(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    arrive(home, "a" * 150 + "END\n", NOW - 50)
    app = console()
    async with driven(app) as d:
        await opened(d, "aaa")
        await d.press("t")
        await d.until_shown("22:12:30 aaa")
        await d.press(*["right"] * 6)
        await d.until(lambda: any("22:12:30 a" in line and "END" in line for line in d.text().splitlines()))
        await d.press("w")
        await d.until(lambda: any("END" in line and "22:12:30" not in line for line in d.text().splitlines()))
        lines = pane(d).lines
        first, second = (strip.text.rstrip() for strip in lines._strips)
        assert first.startswith("22:12:30 aaa")
        assert second == " " * 9 + "a" * (150 - (lines.size.width - 9)) + "END"
    async with driven(console()) as d:
        await d.until_shown("22:12:30 aaa")
        await d.until_shown("END")


async def test_no_times_were_noted(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "one\n")
    async with driven(console()) as d:
        await opened(d, "one")
        await d.press("t")
        await d.until(lambda: d.said() == ["When the lines of this log arrived was not noted."])


async def test_lines_are_selected_and_copied(
    console: Callable[..., ConsoleApp], history: History, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.put(running())
    write(home, "".join(f"\x1b[32mline\x1b[0m {n}\n" for n in range(500)))
    async with driven(console()) as d:
        await opened(d, "line 499")
        found = copied(d, monkeypatch)
        await d.press("v")
        await d.until_shown("1 line, y copies")
        await d.press("y")
        await d.until(lambda: found == ["line 499\n"])
        await d.until(lambda: "y copies" not in d.text())
        await d.press("v", "up", "up")
        await d.until_shown("3 lines, y copies")
        assert "▌line 498" in d.text()
        assert "▸▌line 497" in d.text()
        assert "▌line 496" not in d.text()
        write(home, "line 500\n")
        await d.until_shown("1 new line")
        await d.press("enter")
        await d.until(lambda: found[1:] == ["line 497\nline 498\nline 499\n"])
        await d.press("end")
        await d.until_shown("line 500")
        await d.press("V", "g")
        await d.until_shown("501 lines, y copies")
        await d.until_shown("▸▌line 0 ")
        await d.press("escape")
        await d.until(lambda: "y copies" not in d.text())
        assert d.main.pane == "run"
        assert len(found) == 2


async def test_selected_among_filtered_lines_and_taken_up_to_a_match(
    console: Callable[..., ConsoleApp], history: History, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.put(running())
    write(home, "".join(f"{'keep' if n % 10 == 0 else 'drop'} {n}\n" for n in range(300)))
    async with driven(console()) as d:
        await opened(d, "drop 299")
        found = copied(d, monkeypatch)
        await d.press("ampersand", *"keep", "enter")
        await d.until_shown("only 'keep' 30")
        await d.press("v", "up", "up")
        await d.until_shown("3 lines, y copies")
        await d.press("y")
        await d.until(lambda: found == ["keep 270\nkeep 280\nkeep 290\n"])
        await d.press("escape", "g", "v", "slash", *"drop", "space", "3", "enter")
        await d.until_shown("4 lines, y copies")
        await d.press("y")
        await d.until(lambda: found[1:] == ["keep 0\ndrop 1\ndrop 2\ndrop 3\n"])


async def test_lines_are_selected_with_the_mouse(
    console: Callable[..., ConsoleApp], history: History, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.put(running())
    write(home, "".join(f"line {n}\n" for n in range(8)))
    async with driven(console()) as d:
        await opened(d, "line 7")
        found = copied(d, monkeypatch)
        lines = pane(d).lines
        await d.pilot.mouse_down(lines, (3, 5))
        await d.pilot.hover(lines, (9, 3))
        await d.until_shown("3 lines, y copies")
        await d.pilot.hover(lines, (9, 2))
        await d.until_shown("4 lines, y copies")
        await d.pilot.mouse_up(lines, (9, 2))
        await d.pilot.hover(lines, (1, 7))
        await d.press("y")
        await d.until(lambda: found == ["line 2\nline 3\nline 4\nline 5\n"])


async def test_without_a_selection_its_keys_are_the_screens(
    console: Callable[..., ConsoleApp], history: History, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.put(running())
    write(home, "one\n")
    async with driven(console()) as d:
        await opened(d, "one")
        found = copied(d, monkeypatch)
        await d.press("y")
        await d.until(lambda: found == [RUN_ID])
        await d.press("A")
        await d.until(lambda: found[1:] == ["one\n"])
        await d.press("enter")
        await d.until(lambda: d.main.has_class("-zoomed"))


async def test_what_is_too_long_for_the_clipboard(
    console: Callable[..., ConsoleApp], history: History, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.put(running())
    write(home, "0123456789\n" * 20_000)
    async with driven(console()) as d:
        await opened(d, "0123456789")
        await d.press("A")
        await d.until(lambda: any("written to" in said for said in d.said()))
        assert (home.cache / "copied.txt").read_text() == "0123456789\n" * 20_000
        monkeypatch.setattr("tui.widgets.log_taking.MOST_COPIED", 100_000)
        await d.press("A")
        await d.until(lambda: any("the log has more than 98K" in said for said in d.said()))


async def test_errors_both_ways(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "fine\n" * 300 + "ERROR one\n" + "fine\n" * 300 + "ERROR two\n" + "fine\n" * 300)
    async with driven(console()) as d:
        await opened(d, "fine")
        await d.press("E")
        await d.until_shown("ERROR two")
        await d.press("E")
        await d.until_shown("ERROR one")
        await d.press("E")
        await d.until(lambda: d.said() == ["No error above."])
        await d.press("e")
        await d.until_shown("ERROR two")
        await d.press("end")
        await d.until_shown("following")
        await d.press("e", "e")
        await d.until_shown("ERROR two")


async def test_what_was_gone_to_is_on_the_screen_among_wrapped_lines(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    write(home, ("x" * 400 + "\n") * 40 + "ERROR here\n" + "last\n" * 2)
    async with driven(console()) as d:
        await opened(d, "last")
        await d.press("w", "E")
        await d.until_shown("ERROR here")
        assert not d.main.query_one("LogLines").page.following  # type: ignore[attr-defined]
        await d.press("g", "v", *["down"] * 9)
        await d.until_shown("10 lines, y copies")
        await d.until_shown("▸▌xxx")


async def test_lines_are_counted_while_one_types(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    write(home, "".join(f"{'keep' if n % 10 == 0 else 'drop'} {n}\n" for n in range(300)))
    async with driven(console()) as d:
        await opened(d, "drop 299")
        await d.press("ampersand", *"keep")
        await d.until_shown("30 lines ")
        assert "drop 299" in d.text()
        await d.press("space", "2", "9")
        await d.until_shown("1 line ")
        await d.press("escape", "slash", "backslash", *"keep", "left_parenthesis")
        await d.until_shown("missing ), unterminated subpattern")
        await d.press("question_mark", "colon", "space", "right_parenthesis")
        await d.until_shown("30 lines ")
        await d.press("enter")
        await d.until_shown("'keep(?: )' 30/30")


async def test_a_progress_bar_is_one_line_that_moves(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    write(home, "begins\n")
    async with driven(console()) as d:
        await opened(d, "begins")
        for percent in (10, 45, 100):
            write(home, f"\r{percent:3d}% |{'#' * (percent // 5):<20}|")
            await d.until_shown(f"{percent}% |")
            assert d.text().count("% |") == 1
        write(home, "\ndone\n")
        await d.until_shown("done")
        assert d.text().count("% |") == 1


async def test_an_outage_stands_in_the_log_where_it_was(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    history.put(running())
    arrive(home, "before\n", NOW - 50)
    async with driven(console()) as d:
        await opened(d, "before")
        await d.press("t")
        await d.until_shown("22:12:30 before")
        outages.note(home.driver_log(RUN_ID).parent, NOW - 45, NOW - 13)
        await d.until_shown("─ no contact with its host from 22:12:35 to 22:13:07 (0m32) ─")
        arrive(home, "after\n", NOW - 10)
        await d.until_shown("22:13:10 after")
        lines = [line for line in d.text().splitlines() if "before" in line or "contact" in line or "after" in line]
        assert ["before" in lines[0], "contact" in lines[1], "after" in lines[2]] == [True] * 3
        await d.press("ampersand", *"e", "enter")
        await d.until(lambda: "only 'e'" in d.text() and "no contact" not in d.text())


LOG = """\
INFO reading iris.csv
DEBUG 150 rows
epoch 1/3 loss=0.93
WARNING learning rate is high
epoch 2/3 loss=0.71
\x1b[35mcoloured by the script\x1b[0m and not
Traceback (most recent call last):
  File "train.py", line 12, in <module>
    main()
  File "train.py", line 8, in main
    row["petal"]
KeyError: 'petal'
cleaning up
"""


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_what_times_and_a_selection_look_like(
    console: Callable[..., ConsoleApp], history: History, home: Paths, tmp_path: Path, size: tuple[int, int]
) -> None:
    history.put(running())
    for number, line in enumerate(LOG.splitlines(keepends=True)):
        arrive(home, line, NOW - 58 + number * 1.7)
    async with driven(console(), size) as d:
        await d.press("enter")
        await d.until_shown("cleaning up")
        await d.press("t", "t")
        await d.until_shown("+0:00:02.0 INFO")
        await check_snapshot(d.app, f"log-times-{size[0]}x{size[1]}", tmp_path)
        await d.press("t", "g", "e", "v", *["down"] * 5)
        await d.until_shown("6 lines, y copies")
        await check_snapshot(d.app, f"log-selection-{size[0]}x{size[1]}", tmp_path)
