"""What each action of the table does on the main screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import BY_ID, PANES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.app import ConsoleApp
    from tui.screens.main import MainScreen


class Acting:
    """One method an action, named after its id. `do` is the only way in: it refuses what cannot be done, with the reason."""

    def __init__(self, screen: MainScreen) -> None:
        self.screen = screen

    @property
    def app(self) -> ConsoleApp:
        return self.screen.app

    def do(self, action_id: str) -> None:
        action = BY_ID[action_id]
        reason = action.reason(self.screen.situation)
        if reason:
            self.app.tell(f"{action.label}: {reason}", "warning")
            return
        method: Callable[[], None] = getattr(self, action_id)
        method()

    # Moving

    def open(self) -> None:
        if self.screen.pane in ("runs", "run"):
            self.screen.zoom(True)

    def back(self) -> None:
        screen = self.screen
        if screen.has_class("-zoomed"):
            screen.zoom(False)
        elif screen.pane != "runs":
            screen.set_pane("runs")

    def next_pane(self) -> None:
        self._step(1)

    def previous_pane(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        if not self.screen.has_class("-zoomed"):
            self.screen.set_pane(PANES[(PANES.index(self.screen.pane) + by) % len(PANES)])

    def pane_targets(self) -> None:
        self.screen.set_pane("targets")

    def pane_configs(self) -> None:
        self.screen.set_pane("configs")

    def pane_runs(self) -> None:
        self.screen.set_pane("runs")

    def pane_run(self) -> None:
        self.screen.set_pane("run")

    def quit(self) -> None:
        self.app.leave()
