"""What each action of the table does on the main screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import BY_ID, PANES
from tui.screens.file_actions import FileActions
from tui.screens.run_actions import RunActions
from tui.screens.target_actions import TargetActions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.screens.main import MainScreen


class Acting(RunActions, FileActions, TargetActions):
    """One method an action, named after its id. `do` is the only way in: it refuses what cannot be done, with why."""

    def __init__(self, screen: MainScreen) -> None:
        self.screen = screen

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
            self._open_config()
        else:
            self._open_target()

    def _open_config(self) -> None:
        from tui.screens.details import config_text
        from tui.screens.text import TextScreen

        config = self.screen.situation.config
        if config is not None:
            name, model = config.name, self.app.model
            self.app.push_screen(TextScreen(name, lambda: config_text(model, name)))

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

    # Console

    def projects(self) -> None:
        self.app.open_projects()

    def messages(self) -> None:
        from tui.screens.text import TextScreen, said_text

        self.app.push_screen(TextScreen("Messages", said_text(self.app.said, self.app.clock())))

    def theme(self) -> None:
        themes = {
            "aml-dark": "aml-light",
            "aml-light": "aml-dark",
            "ansi-dark": "ansi-light",
            "ansi-light": "ansi-dark",
        }
        self.app.theme = themes.get(self.app.theme, "aml-dark")

    def redraw(self) -> None:
        self.app.action_redraw()

    def palette(self) -> None:
        from tui.screens.palette import PaletteScreen

        def chosen(action_id: str | None) -> None:
            if action_id is not None:
                self.do(action_id)

        self.app.push_screen(PaletteScreen(self.screen.situation, self.app.keys, self.app.glyphs.ellipsis), chosen)

    def help(self) -> None:
        from tui.screens.text import TextScreen, help_text

        self.app.push_screen(TextScreen("Keys", help_text(self.screen.situation, self.app.keys)))

    def quit(self) -> None:
        self.app.leave()
