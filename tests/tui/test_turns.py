"""Keys that come in one packet, as they do over a slow line, go where they would have gone one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events

from tests.tui.driving import driven
from tests.tui.history import busy_history
from tui.screens.palette import PaletteScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

pytestmark = pytest.mark.asyncio


def packet(driver: Driver, text: str) -> None:
    """Every key at once, as the terminal's reader hands them over."""
    for char in text:
        names = {" ": "space", "/": "slash", ":": "colon", "?": "question_mark", "\r": "enter", "\x1b": "escape"}
        key = names.get(char, char)
        driver.app.post_message(events.Key(key, None if char in "\r\x1b" else char))


def filtered(driver: Driver) -> str:
    return driver.main.filter_bar.input.value if driver.main.filter_bar else ""


async def test_what_is_typed_behind_a_key_that_opens_something(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as driver:
        await driver.press("3")
        packet(driver, "/state:failed")
        await driver.until(lambda: filtered(driver) == "state:failed")
        assert len(driver.app.screen_stack) == 2, "nothing else was opened"


async def test_behind_one_that_opens_a_screen(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as driver:
        packet(driver, ":quit")
        await driver.until(lambda: isinstance(driver.app.screen, PaletteScreen))
        await driver.until_shown("quit")
        assert driver.app.is_running


async def test_in_and_out_again(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as driver:
        before = driver.app.screen
        packet(driver, "?\x1b/fail\x1b")
        # Until the keys were looked at, all is as it is afterwards.
        await driver.until(lambda: driver.main.filter_bar is not None)
        await driver.until(lambda: driver.app.screen is before and not driver.app._typed)
        assert driver.app.is_running
