"""What the parts of `Acting` share: the main screen, and the console behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.screens.main import MainScreen


class MainActions:
    """A part has one method an action, named after its id."""

    screen: MainScreen

    @property
    def app(self) -> ConsoleApp:
        return self.screen.app
