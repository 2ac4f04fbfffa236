"""Where the run's view stands. Who goes there before it is made waits there: keys pressed meanwhile count then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.containers import Vertical

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.widgets.run_view import RunView


class RunPlace(Vertical, can_focus=True):
    """Has the focus itself until it is filled; then what it holds has."""

    app: ConsoleApp

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: RunView | None = None
        self._early: list[events.Key] = []

    def fill(self, view: RunView) -> None:
        """Put the view in; what was pressed before is pressed again once its open tab is there."""

        async def fill() -> None:
            await self.mount(view)
            self._view = view
            had_focus = self.has_focus
            self.can_focus = False
            early, self._early = self._early, []
            if had_focus:
                view.focus()
                for key in early:
                    self.app.post_message(events.Key(key.key, key.character))

        self.app.start(fill, group="fill", description="making the run's pane")

    def on_key(self, event: events.Key) -> None:
        if self._view is None:
            self._early.append(event)
            event.stop()

    def focus(self, scroll_visible: bool = True) -> RunPlace:
        if self._view is None:
            super().focus(scroll_visible)
        else:
            self._view.focus(scroll_visible)
        return self
