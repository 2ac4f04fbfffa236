"""What the actions on several runs' logs do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.screens.main import MainScreen


class LogActions:
    """One method an action, named after its id."""

    screen: MainScreen

    @property
    def app(self) -> ConsoleApp:
        return self.screen.app

    def logs(self) -> None:
        from tui.screens.logs import LogsScreen

        runs = self.screen.situation.acted

        def left(_: None) -> None:
            self.screen.watch_too(())

        self.screen.watch_too([run.id for run in runs if not run.state.ended])
        self.app.push_screen(LogsScreen(runs), left)
