"""Jumping: a letter on each place that can have the focus, and the next key goes there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from tui.actions import PANES
from tui.screens.dialog import Dialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult

    from tui.screens.main import MainScreen

# Those under the fingers first.
LETTERS = "asdfghjklqwertyuiopzxcvbnm"


@dataclass(frozen=True)
class Place:
    """Where a letter stands (cells of the screen, `wide` of them), and what its key does."""

    x: int
    y: int
    go: Callable[[], object]
    wide: int = 3


def places(main: MainScreen) -> list[Place]:
    """Everything on the screen that can be gone to: panes, the run's tabs, what else can have the focus."""
    found = _panes(main)
    view = main.run_view
    if view is not None and view.tabs.region.area:
        at = view.tabs.region
        found += [Place(at.x + x, at.y, partial(_go_to_tab, main, tab), 1) for tab, x in enumerate(view.tabs.begins())]
    first = view.first_focusable() if view is not None else None
    for widget in main.focus_chain:
        if widget in (main.targets, main.configs, main.table, first):
            continue
        region = widget.region.intersection(main.region)
        if region.area:
            found.append(Place(region.x, region.y, widget.focus))
    return found[: len(LETTERS)]


def _panes(main: MainScreen) -> list[Place]:
    if main.switcher.region.area:
        at = main.switcher.region
        return [
            Place(at.x + x, at.y, partial(main.set_pane, pane))
            for pane, x in zip(PANES, main.switcher.begins(), strict=True)
            if pane != "run" or main.current is not None
        ]
    found = []
    for pane, widget in zip(PANES, (main.targets, main.configs, main.table, main.lower), strict=True):
        at = widget.region
        if at.area:
            found.append(Place(at.x, at.y, partial(main.set_pane, pane)))
    return found


def _go_to_tab(main: MainScreen, tab: int) -> None:
    view = main.run_view

    async def go() -> None:
        # First the tab: what has the focus must not be what it takes the place of.
        if view is not None:
            await view.go_to(tab)
        main.set_pane("run")

    main.app.start(go, group="tab", description="opening a tab", opens=True)


class JumpScreen(Dialog[str]):
    """Gives the letter that was pressed, one of those that are shown."""

    CSS_PATH = ["../styles/dialog.tcss", "../styles/console.tcss"]  # noqa: RUF012 - as Textual declares it
    AUTO_FOCUS = ""
    KEYS = (("a letter", "", "Go where it stands"), ("escape", "", "Stay where one is"))

    def __init__(self, main: MainScreen) -> None:
        super().__init__()
        self.places = dict(zip(LETTERS, places(main), strict=False))
        self._measured = main.size

    def compose(self) -> ComposeResult:
        for letter, place in self.places.items():
            label = Static(Content(letter.center(place.wide)), classes="jump")
            label.styles.width = place.wide
            label.styles.offset = (place.x, place.y)
            yield label
        yield Static(Content(" a letter goes there   esc leaves "), id="jump-hint")

    def on_key(self, event: events.Key) -> None:
        if event.key in self.places:
            event.stop()
            self.dismiss(event.key)

    def on_resize(self, event: events.Resize) -> None:
        if event.size != self._measured:
            # The letters are not where they were put.
            self.dismiss(None)

    def on_click(self) -> None:
        self.dismiss(None)
