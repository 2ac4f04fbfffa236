"""What the actions on several runs' logs do."""

from __future__ import annotations

from tui.screens.main_actions import MainActions


class LogActions(MainActions):
    """One method an action, named after its id."""

    def logs(self) -> None:
        from tui.screens.logs import LogsScreen

        runs = self.screen.situation.acted

        def left(_: None) -> None:
            self.screen.watch_too(())

        self.screen.watch_too([run.id for run in runs if not run.state.ended])
        self.app.push_screen(LogsScreen(runs), left)
