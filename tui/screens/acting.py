"""What each action of the table does on the main screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui.actions import BY_ID, PANES
from tui.screens.compare_actions import CompareActions
from tui.screens.console_actions import ConsoleActions
from tui.screens.file_actions import FileActions
from tui.screens.log_actions import LogActions
from tui.screens.run_actions import RunActions
from tui.screens.table_actions import TableActions
from tui.screens.target_actions import TargetActions
from tui.screens.undo_actions import UndoActions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.screens.main import MainScreen


class Acting(
    RunActions, TableActions, LogActions, FileActions, TargetActions, UndoActions, CompareActions, ConsoleActions
):
    """One method an action, named after its id. `do` is the only way in: it refuses what cannot be done, with why."""

    def __init__(self, screen: MainScreen) -> None:
        self.screen = screen
        self.removed = []
        self.removing = asyncio.Lock()

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
        pane = self.screen.pane
        if pane in ("runs", "run"):
            self.screen.zoom(True)
        elif pane == "configs":
            self.edit()
        else:
            self._open_target()

    def back(self) -> None:
        screen = self.screen
        if screen.has_class("-zoomed"):
            screen.zoom(False)
        elif screen.pane != "runs":
            screen.set_pane("runs")
        elif not screen.listing.filter.empty:
            screen.clear_filter()
        elif screen.table.marks:
            screen.table.unmark()

    def next_pane(self) -> None:
        self._step(1)

    def previous_pane(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        screen = self.screen
        if screen.has_class("-zoomed"):
            return
        panes = [pane for pane in PANES if pane != "run" or screen.current is not None]
        screen.set_pane(panes[(panes.index(screen.pane) + by) % len(panes)])

    def pane_targets(self) -> None:
        self.screen.set_pane("targets")

    def pane_configs(self) -> None:
        self.screen.set_pane("configs")

    def pane_runs(self) -> None:
        self.screen.set_pane("runs")

    def pane_run(self) -> None:
        self.screen.set_pane("run")
