"""Texts to read over the main screen, and a dialog that is there before it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content

from tests.tui.driving import driven
from tui.screens.help import HelpScreen
from tui.screens.main import MainScreen
from tui.screens.settings import SettingsScreen
from tui.screens.submit import SubmitScreen
from tui.screens.text import TextScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


async def test_texts_go_to_their_ends_by_keys(console: Console, history: History) -> None:
    async with driven(console(), (80, 24)) as d:
        await d.press("question_mark")
        await d.until(lambda: d.app.screen is not d.main)
        box = d.app.screen.query_one(VerticalScroll)
        assert box.max_scroll_y > 30
        for pressed, place in (("end", box.max_scroll_y), ("pageup", box.max_scroll_y - box.size.height + 1)):
            await d.press(pressed)
            await d.until(lambda place=place: box.scroll_y == place)  # type: ignore[misc]
        for pressed, place in (("home", 0), ("pagedown", box.size.height - 1), ("g", 0)):
            await d.press(pressed)
            await d.until(lambda place=place: box.scroll_y == place)  # type: ignore[misc]


async def test_a_dialog_that_comes_before_the_first_frame(
    console: Console, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layout of the screen below may be left undone then, and with it what waits for it."""
    wait = MainScreen.call_after_refresh
    monkeypatch.setattr(
        MainScreen,
        "call_after_refresh",
        lambda screen, call, *rest: call.__name__ == "_make_run_view" or wait(screen, call, *rest),
    )
    async with driven(console(None, folder_here=tmp_path)) as d:
        await d.until_shown("ctrl+n")


async def test_an_answer_that_comes_after_its_dialog_was_closed(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It closes nothing else."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def submit(*_: object) -> dict[str, object]:
        asked.set()
        await answer.wait()
        return {"run_id": "iris_1", "name": "iris-001", "number": 1}

    async with driven(console()) as d:
        monkeypatch.setattr(d.app.link, "submit", submit)
        await d.press("s")
        await d.until(lambda: isinstance(d.app.screen, SubmitScreen))
        await d.type("train.py")
        await d.press("enter")
        await d.until(asked.is_set)
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)
        answer.set()
        await d.until(lambda: "iris-001 submitted" in d.said())
        assert d.app.screen is d.main


async def test_an_answer_that_comes_under_another_dialog(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are closed: what was open over it belonged to it."""
    async with driven(console()) as d:
        await d.press("s")
        await d.until(lambda: isinstance(d.app.screen, SubmitScreen))
        below = d.app.screen
        d.app.push_screen(TextScreen("Over it", Content("a text")))
        await d.until(lambda: d.app.screen is not below)
        below.dismiss(None)
        await d.until(lambda: d.app.screen is d.main)


async def test_ctrl_c_says_how_one_leaves(console: Console, history: History) -> None:
    async with driven(console()) as d:
        await d.press("ctrl+c")
        await d.until(lambda: d.said() == ["q leaves the console; runs go on"])


async def test_a_dialog_that_closes_takes_its_help_with_it(console: Console, history: History) -> None:
    """It may be done while one reads; and two reasons to close do not close the main screen too."""
    async with driven(console()) as d:
        await d.press("comma")
        await d.until(lambda: isinstance(d.app.screen, SettingsScreen))
        dialog = d.app.screen
        await d.press("f1")
        await d.until(lambda: isinstance(d.app.screen, HelpScreen))
        dialog.dismiss(None)
        dialog.dismiss(None)
        await d.until(lambda: d.app.screen is d.main)
        await d.press("question_mark")
        await d.until_shown("Keys")
