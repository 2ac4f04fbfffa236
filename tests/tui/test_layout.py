"""The layout is as it was left: the pane, the run's tab, the width of the left column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.driving import Driver, driven, packet
from tests.tui.history import busy_history
from tui.screens.main import MainScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.tui.history import History
    from tui.app import ConsoleApp


def left(d: Driver) -> int:
    return d.main.query_one("#left").size.width


def tab(d: Driver) -> int:
    return d.main.run_view.open_tab if d.main.run_view is not None else -1


async def test_it_is_as_it_was_left(console: Callable[..., ConsoleApp], history: History, project: Path) -> None:
    busy_history(history)
    async with driven(console()) as d:
        assert (d.main.pane, left(d)) == ("runs", 30)
        await d.press("greater_than_sign", "greater_than_sign", "less_than_sign", "greater_than_sign")
        await d.until(lambda: left(d) == 38)
        await d.press("4", "right_square_bracket", "right_square_bracket")
        await d.until(lambda: tab(d) == 2)
        await d.press("1")
        await d.until(lambda: d.main.pane == "targets")
    async with driven(console()) as d:
        await d.until(lambda: (d.main.pane, left(d)) == ("targets", 38))
        await d.until(lambda: tab(d) == 2)
        assert d.main.targets.has_focus
        # As narrow and as wide as makes sense, and no more.
        await d.press(*["less_than_sign"] * 9)
        await d.until(lambda: left(d) == 20)
        await d.press(*["greater_than_sign"] * 20)
        await d.until(lambda: left(d) == 60)
        # Each key counts, however quickly they come.
        packet(d, "<<><<")
        await d.until(lambda: left(d) == 48)
        packet(d, ">" * 20)
        await d.until(lambda: left(d) == 60)
    # Another project has its own pane and tab; the width is the terminal's.
    other = project.parent / "other"
    (other / "aml_config").mkdir(parents=True)
    async with driven(console(other)) as d:
        await d.until(lambda: left(d) == 60)
        assert (d.main.pane, tab(d)) == ("runs", 0)


async def test_the_filter_and_the_run_on_the_whole_screen_are_there_again(
    console: Callable[..., ConsoleApp], history: History, project: Path
) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("slash")
        await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
        await d.type("state:completed")
        await d.press("enter")
        await d.until(lambda: d.main.table.has_focus and len(d.main.listing.shown) < 45)
        await d.press("down", "down")
        here = d.main.table.cursor
        await d.until(lambda: d.main.layout_kept.resumed)
        await d.press("enter")
        await d.until(lambda: d.main.has_class("-zoomed"))
    async with driven(console()) as d:
        await d.until(lambda: d.main.has_class("-zoomed") and d.main.table.cursor == here)
        assert d.main.listing.filter.text == "state:completed"
        await d.press("escape", "escape")
        await d.until(lambda: not d.main.has_class("-zoomed") and len(d.main.listing.shown) == 45)
    # Another project has a filter of its own, and so has this one when one comes back.
    other = project.parent / "other"
    (other / "aml_config").mkdir(parents=True)
    async with driven(console()) as d:
        assert d.main.listing.filter.empty
        await d.press("slash")
        await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
        await d.type("iris")
        await d.press("enter")
        await d.until(lambda: d.main.listing.filter.text == "iris")
        await d.app.model.open(other)
        await d.until(lambda: d.main.listing.filter.empty)
        await d.app.model.open(project)
        await d.until(lambda: d.main.listing.filter.text == "iris")


async def test_where_there_is_room_for_one_pane(console: Callable[..., ConsoleApp], history: History) -> None:
    async with driven(console()) as d:
        await d.press("greater_than_sign", "1")
        await d.until(lambda: left(d) == 34)
        await d.pilot.resize_terminal(80, 24)
        await d.until(lambda: left(d) == 80)
        await d.press("greater_than_sign")
        await d.until(lambda: d.said()[-1:] == ["wider: there is room for one pane at a time"])
        await d.pilot.resize_terminal(120, 40)
        await d.until(lambda: left(d) == 34)


async def test_keys_pressed_meanwhile_win(
    console: Callable[..., ConsoleApp], history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driven(console()) as d:
        await d.press("1")
        await d.until(lambda: d.main.pane == "targets")
    app = console()
    async with app.run_test(size=(120, 40)) as pilot:
        app._pressed = 1.0
        while not (isinstance(app.screen, MainScreen) and app.settings is not None):
            await pilot.pause()
        assert app.screen.pane == "runs"


async def test_keys_count_before_the_runs_pane_is_made(
    console: Callable[..., ConsoleApp], history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_history(history)
    make = MainScreen._make_run_view
    monkeypatch.setattr(MainScreen, "_make_run_view", lambda _: None)
    app = console()
    async with app.run_test(size=(120, 40)) as pilot:
        d = Driver(app, pilot)
        await d.until(lambda: any(isinstance(one, MainScreen) for one in app.screen_stack) and app.model.loaded)
        await d.press("4", "right_square_bracket", "right_square_bracket")
        assert d.main.pane == "run" and d.main.run_view is None
        make(d.main)
        await d.until(lambda: tab(d) == 2)
        await d.until(lambda: d.main.run_view is not None and d.main.run_view.has_focus_within)
        assert d.main.pane == "run"
    # Who has gone elsewhere meanwhile is left there.
    app = console()
    async with app.run_test(size=(120, 40)) as pilot:
        d = Driver(app, pilot)
        await d.until(lambda: any(isinstance(one, MainScreen) for one in app.screen_stack) and app.model.loaded)
        await d.press("4", "right_square_bracket", "1")
        make(d.main)
        await d.until(lambda: d.main.run_view is not None and d.main.run_view.pane is not None)
        assert d.main.targets.has_focus
