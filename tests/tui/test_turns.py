"""Keys that come in one packet, as they do over a slow line, go where they would have gone one by one."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from engine.runs.store import StoreReader
from tests.tui.driving import driven, packet
from tests.tui.history import busy_history
from tui.screens.palette import PaletteScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runs.model import Series
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

pytestmark = pytest.mark.asyncio


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


async def test_behind_a_tab_that_has_to_read_first(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_history(history)
    read, go, loop = StoreReader.series, threading.Event(), asyncio.get_running_loop()

    def slow(self: StoreReader, run_id: str) -> list[Series]:
        loop.call_soon_threadsafe(loop.call_later, 0.2, go.set)
        go.wait(10)
        return read(self, run_id)

    monkeypatch.setattr(StoreReader, "series", slow)
    async with driven(console()) as driver:
        await driver.press("3", "home")
        await driver.until(lambda: driver.main.current is not None)
        packet(driver, "4]\r")
        await driver.until(lambda: driver.main.run_view.open_tab == 1)
        await driver.until(lambda: driver.main.run_view.pane.chart.display)
        assert not driver.main.has_class("-zoomed")


async def test_the_pane_of_a_run_is_of_the_one_that_was_gone_to(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_history(history)
    async with driven(console()) as driver:
        await driver.press("3", "home")
        await driver.until(lambda: driver.main.current is not None)
        # While the cursor moves on it is not shown yet.
        monkeypatch.setattr("tui.screens.main.SETTLE", 600.0)
        await driver.press("down", "4")
        assert driver.main.run_view.run == driver.main.current


async def test_what_takes_long_holds_up_no_key(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_history(history)
    read, go = StoreReader.series, threading.Event()

    def slow(self: StoreReader, run_id: str) -> list[Series]:
        go.wait(30)
        return read(self, run_id)

    async with driven(console()) as driver:
        await driver.press("3", "home")
        await driver.until(lambda: driver.main.current is not None)
        monkeypatch.setattr(StoreReader, "series", slow)
        try:
            packet(driver, "4]2", patience=0.05)
            await driver.until(lambda: driver.main.run_view.open_tab == 1)
            await driver.until(lambda: driver.main.pane == "configs")
            assert not go.is_set()
        finally:
            go.set()


async def test_behind_an_editor_that_has_to_be_read_first(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as driver:
        opened: list[str] = []
        push = driver.app.push_screen
        driver.app.push_screen = lambda screen, *more: opened.append(type(screen).__name__) or push(screen, *more)
        packet(driver, "2e\x1b3")
        await driver.until(lambda: opened == ["EditScreen"])
        await driver.until(lambda: driver.app.screen is driver.main and driver.main.pane == "runs")
