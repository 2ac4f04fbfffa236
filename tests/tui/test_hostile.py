"""Text from outside is text, whatever is in it and wherever it is shown: every action's screen over hostile data."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.app import SuspendNotSupported
from textual.widgets import Input

from engine.errors import AmlError
from tests.tui.driving import Driver, driven
from tests.tui.hostile import TEXTS, Look, fill
from tui.actions import ACTIONS, PANES
from tui.engine_link import EngineLink
from tui.screens.confirm import ConfirmScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.actions import Action
    from tui.app import ConsoleApp

# These have the console end.
ENDING = {"quit"}
PANE_KEYS = dict(zip(PANES, "1234", strict=True))


async def press(driver: Driver, *keys: str) -> None:
    """As a terminal hands them over, all at once; until the last one has done what it does, and that is drawn."""
    for key in keys:
        driver.app.post_message(events.Key(key, character(key)))
    await driver.until(lambda: driver.app._turn is None and not driver.app._typed, "every key to be handled")


def character(key: str) -> str | None:
    """What a terminal sends beside a key's name."""
    if len(key) == 1:
        return key
    try:
        return unicodedata.lookup(key.replace("_", " ").upper())
    except KeyError:
        return " " if key == "space" else None


async def home_again(driver: Driver) -> None:
    """`escape` leads back to the main screen from anywhere, within as many steps as a person has patience for."""
    for _ in range(8):
        typing = isinstance(driver.app.focused, Input)
        if driver.app.screen is driver.main and not driver.main.has_class("-zoomed") and not typing:
            return
        before = driver.app.screen
        await press(driver, "escape")
        if isinstance(driver.app.screen, ConfirmScreen) and not isinstance(before, ConfirmScreen):
            # Something that was typed would be lost, and it asks.
            await press(driver, "y")
    raise AssertionError(f"no way back from {driver.app.screen}:\n{driver.text()}")


async def try_action(driver: Driver, look: Look, action: Action) -> None:
    """By its first key where it belongs, and a look at what comes of it; then at what `enter` makes of that."""
    for pane in action.panes or (PANES[2],):
        await press(driver, PANE_KEYS[pane], action.keys[0])
        look.check()
        if driver.app.screen is not driver.main:
            await press(driver, "tab", "down", "end")
            look.check()
            if not action.question:
                await press(driver, "enter")
                look.check()
        await home_again(driver)


@pytest.mark.parametrize(("name", "size"), [("everything", (120, 40)), ("nothing to see", (80, 24))])
async def test_every_screen(
    console: Callable[..., ConsoleApp],
    history: History,
    home: Paths,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    size: tuple[int, int],
) -> None:
    text = TEXTS[name]

    async def refused(*_: object, **__: object) -> None:
        raise AmlError(f"refused: {text}", where=text, remedy=text)

    monkeypatch.setattr(EngineLink, "_have", refused)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    fill(text, home, project, history)
    try:
        async with driven(console(), size, notifications=True) as d:
            look = Look(d)
            d.app.tell(text, "error")
            look.check()
            await press(d, "4")
            for _ in range(7):
                await press(d, "down", "enter")
                look.check()
                await press(d, "escape", "4", "right_square_bracket")
                look.check()
            for action in ACTIONS:
                if action.id not in ENDING:
                    await try_action(d, look, action)
    except SuspendNotSupported:
        raise AssertionError("an action took the terminal without looking whether it can have it") from None
