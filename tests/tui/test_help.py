"""The help begins where one is, is searched, and knows a person's own keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.tui.charts_of import put_run, scalars
from tests.tui.driving import driven
from tests.tui.history import busy_history, make_run, write_log
from tests.tui.snapshots import check_snapshot
from tui.screens.compare import CompareScreen
from tui.screens.help import HelpScreen
from tui.screens.logs import LogsScreen
from tui.screens.overlay import OverlayScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp


def lines(d: Driver) -> list[str]:
    """The help's text, from its beginning."""
    assert isinstance(d.app.screen, HelpScreen)
    return [line for line in str(d.app.screen.text.content).splitlines() if line.strip()]


async def opened(d: Driver, *keys: str) -> list[str]:
    await d.press(*keys)
    await d.until(lambda: isinstance(d.app.screen, HelpScreen))
    return lines(d)


async def test_it_begins_with_the_pane(console: Callable[..., ConsoleApp], home: Paths, history: History) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    async with driven(console()) as d:
        await d.until_shown("epoch 30/30")
        seen = await opened(d, "question_mark")
        assert (seen[0], "In Runs" in seen) == ("In the runs", True)
        assert any("Mark or unmark the run" in line for line in seen[: seen.index("In lists")])
        await d.press("f1")
        assert d.app.screen is d.main
        await d.press("1")
        assert (await opened(d, "f1"))[0] == "In Targets"
        await d.press("escape", "4")
        seen = await opened(d, "question_mark")
        assert seen[0] == "A run's tabs"
        assert seen[3] == "In the log"
        await d.press("escape", "right_square_bracket", "right_square_bracket")
        await d.until(lambda: d.main.run_view is not None and d.main.run_view.open_tab == 2)
        await d.until_shown("train.py")
        assert "In the overview" in (await opened(d, "question_mark"))[3]


async def test_it_is_searched(console: Callable[..., ConsoleApp], home: Paths, history: History) -> None:
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text("keys: {cancel: Z}\n")
    async with driven(console()) as d:
        await d.until(lambda: d.app.keys)
        await opened(d, "question_mark")
        await d.press("slash")
        await d.type("cancel marked")
        await d.until(lambda: len(lines(d)) == 2)
        found = " ".join(lines(d)[1].split())
        assert found == "Z Cancel the run, or the marked ones there is no run under the cursor"
        await d.type(" nope")
        await d.until(lambda: lines(d) == ["Nothing of that name."])
        await d.press("enter", "escape")
        await d.until(lambda: len(lines(d)) > 50)
        await d.press("j", "G", "q")
        assert d.app.screen is d.main


def line_of(seen: list[str], words: str) -> str:
    return next(" ".join(line.split()) for line in seen if words in line)


async def test_a_key_that_does_something_else_here_says_so(
    console: Callable[..., ConsoleApp], home: Paths, history: History
) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    async with driven(console()) as d:
        await d.until_shown("epoch 30/30")
        fetching = "f Copy the outputs of the run, or the marked ones, to a folder"
        assert line_of(await opened(d, "question_mark"), "Copy the outputs") == fetching
        await d.press("escape", "4")
        await d.until(lambda: d.main.run_view is not None and d.main.run_view.has_focus_within)
        seen = await opened(d, "question_mark")
        assert line_of(seen, "Copy the outputs") == f"{fetching} the key does something else here"
        # Without a selection this one is not the log's.
        assert line_of(seen, "Copy the run's id") == "y Copy the run's id"


async def test_where_one_types_letters_move_nothing(console: Callable[..., ConsoleApp]) -> None:
    async with driven(console()) as d:
        await d.press("v")
        await d.until(lambda: d.app.screen is not d.main)
        seen = await opened(d, "f1")
        assert [" ".join(line.split()) for line in seen[seen.index("In lists") + 1 :][:2]] == [
            "up down A line up, or down",
            "pageup pagedown A page up, or down",
        ]


async def test_lines_of_the_tabs_are_copied_by_a_key_that_is_told(
    console: Callable[..., ConsoleApp], history: History
) -> None:
    history.put(make_run(1))
    async with driven(console()) as d:
        await d.press("4", "left_square_bracket")
        view = d.main.run_view
        await d.until(lambda: view is not None and view.open_tab == 5 and view.has_focus_within)
        assert line_of(await opened(d, "question_mark"), "Copy the line") == "Y Copy the line under the cursor"


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_full_screens_have_theirs(
    console: Callable[..., ConsoleApp], home: Paths, history: History, key: str
) -> None:
    for number in (1, 2):
        put_run(home, history, number, scalars("loss", partial(pow, 1.0 / number), 5))
    async with driven(console()) as d:
        await d.press("space", "space", "L")
        await d.until(lambda: isinstance(d.app.screen, LogsScreen))
        await d.press(key)
        await d.until_shown("At the logs of several runs")
        await d.press("escape", "escape", "m")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen) and d.app.screen.comparison is not None)
        await d.press(key)
        await d.until_shown("Comparing runs")
        await d.press("escape", "4", "enter")
        await d.until(lambda: isinstance(d.app.screen, OverlayScreen))
        await d.press(key)
        await d.until_shown("In the chart")


@pytest.mark.parametrize(
    ("keys", "shows"),
    [
        (["comma"], ["Change the setting", "A line down"]),
        (["T"], ["The next theme", "As it was before"]),
        (["exclamation_mark"], ["Copy the message", "Close"]),
        (["O"], ["Make a project", "The next field"]),
        (["v"], ["Choose", "Done"]),
        (["colon"], ["Go there, or do it", "Typed first: runs only"]),
        (["2", "x"], ["Yes", "No"]),
        (["i"], ["esc q enter i", "Close", "In the text", "A page down"]),
        (["J"], ["a letter", "Go where it stands"]),
    ],
)
async def test_dialogs_have_theirs(
    console: Callable[..., ConsoleApp], history: History, keys: list[str], shows: list[str]
) -> None:
    history.put(make_run(1))
    async with driven(console()) as d:
        await d.press(*keys)
        await d.until(lambda: d.app.screen is not d.main)
        under = d.app.screen
        seen = "\n".join(await opened(d, "f1"))
        assert seen.startswith("Here\n")
        assert [one for one in shows if one not in seen] == []
        await d.press("f1")
        assert d.app.screen is under


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_picture(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path, size: tuple[int, int]
) -> None:
    busy_history(history)
    async with driven(console(ascii=size[0] == 80), size) as d:
        await d.press("2")
        await opened(d, "question_mark")
        await check_snapshot(d.app, f"help-of-configurations-{size[0]}x{size[1]}", tmp_path)
