"""Using the console as a person does: press a key, wait until what it should show is there."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from textual import events

from tests.waiting import until_async
from tui.screens.main import MainScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

    from tui.app import ConsoleApp


class Driver:
    """A running console and the keys for it."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[str]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def main(self) -> MainScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, MainScreen))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*({" ": "space"}.get(char, char) for char in text))

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait for a state; then for everything it set off to be drawn."""

        def holds() -> bool:
            return bool(condition())

        try:
            await until_async(holds, what=what or "not seen")
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{self.text()}") from None
        await self.pilot.pause()

    async def until_shown(self, text: str) -> None:
        await self.until(lambda: text in self.text(), f"{text!r} on the screen")

    async def until_shown_within(self, seconds: float, text: str) -> None:
        """The same for what takes long because something real is at work."""
        await until_async(lambda: text in self.text(), seconds, f"{text!r} on the screen")
        await self.pilot.pause()

    def text(self) -> str:
        """What is on the screen, as text."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line)[:width] for line in lines[:height])

    def said(self) -> list[str]:
        return [one.text for one in self.app.said]


@asynccontextmanager
async def driven(
    app: ConsoleApp, size: tuple[int, int] = (120, 40), *, notifications: bool = False
) -> AsyncIterator[Driver]:
    """The console, running, with its history and its project read."""
    async with app.run_test(size=size, notifications=notifications) as pilot:
        driver = Driver(app, pilot)
        await driver.until(lambda: any(isinstance(screen, MainScreen) for screen in app.screen_stack))
        await driver.until(lambda: app.model.loaded and (app.model.project.loaded or app.model.folder is None))
        await driver.until(lambda: driver.main.run_view is not None)
        await driver.until(lambda: all(run in app.model.series for run in driver.main.table.seen_runs()))
        yield driver


def packet(driver: Driver, text: str, patience: float = 30.0) -> None:
    """Every key at once, as the terminal's reader hands them over; `→` is the arrow to the right.

    `patience`: for so long (s) a key waits for the one before; by itself longer than whatever else this machine does.
    """
    driver.app.patience = patience
    names = {" ": "space", "/": "slash", ":": "colon", "?": "question_mark", "\r": "enter", "\x1b": "escape"}
    names |= {"\t": "tab", "→": "right", "<": "less_than_sign", ">": "greater_than_sign"}
    names["]"] = "right_square_bracket"
    for char in text:
        key = names.get(char, char)
        driver.app.post_message(events.Key(key, None if char in "\r\t\x1b→" else char))
