"""Jump mode: a letter on everything that can be gone to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import driven
from tests.tui.history import busy_history, make_run, write_log
from tests.tui.snapshots import check_snapshot
from tui.screens.jump import JumpScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp


async def jump(d: Driver, letter: str) -> None:
    await d.press("J")
    await d.until(lambda: isinstance(d.app.screen, JumpScreen))
    await d.press(letter)
    await d.until(lambda: d.app.screen is d.main)


async def test_letters_go_to_panes_and_tabs(console: Callable[..., ConsoleApp], home: Paths, history: History) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    async with driven(console()) as d:
        await d.until_shown("epoch 30/30")
        for letter, pane in (("a", "targets"), ("s", "configs"), ("f", "run"), ("d", "runs")):
            await jump(d, letter)
            assert d.main.pane == pane
            assert d.app.focused is not None
        await jump(d, "h")
        await d.until(lambda: d.main.run_view is not None and d.main.run_view.open_tab == 1)
        await d.until(lambda: d.main.pane == "run" and d.app.focused is not None)
        await jump(d, "escape")
        assert d.main.pane == "run"
        await d.press("J", "1")
        assert isinstance(d.app.screen, JumpScreen)
        await d.press("escape")
        assert (d.app.screen, d.main.pane) == (d.main, "run")
        await jump(d, "d")
        await d.press("enter")
        await d.until(lambda: d.main.has_class("-zoomed"))
        # Only the run is there now: its pane, then its tabs.
        await jump(d, "d")
        await d.until(lambda: d.main.run_view is not None and d.main.run_view.open_tab == 1)
        await jump(d, "s")
        await d.until(lambda: d.main.run_view is not None and d.main.run_view.open_tab == 0)


async def test_the_filter_has_a_letter(console: Callable[..., ConsoleApp], history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("slash")
        await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
        # As by a click: `tab` takes what the line offers.
        d.main.table.focus()
        await d.until(lambda: d.main.table.has_focus)
        await jump(d, "w")
        assert d.main.filter_bar.input.has_focus  # type: ignore[union-attr]


async def test_with_room_for_one_pane_the_switcher_has_the_letters(
    console: Callable[..., ConsoleApp], history: History
) -> None:
    busy_history(history)
    async with driven(console(), (80, 24)) as d:
        for letter, pane in (("s", "configs"), ("a", "targets"), ("f", "run"), ("d", "runs")):
            await jump(d, letter)
            assert d.main.pane == pane


async def test_letters_go_when_the_terminal_changes(console: Callable[..., ConsoleApp], history: History) -> None:
    async with driven(console()) as d:
        await d.press("J")
        await d.until(lambda: isinstance(d.app.screen, JumpScreen))
        await d.pilot.resize_terminal(90, 30)
        await d.until(lambda: d.app.screen is d.main)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_picture(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path, size: tuple[int, int]
) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    async with driven(console(), size) as d:
        if size[0] > 80:
            await d.until_shown("epoch 30/30")
        await d.press("J")
        await d.until_shown("a letter goes there")
        await check_snapshot(d.app, f"jump-{size[0]}x{size[1]}", tmp_path)
