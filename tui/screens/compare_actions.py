"""What the action to compare runs does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.app import ConsoleApp
    from tui.screens.main import MainScreen


class CompareActions:
    """One method an action, named after its id."""

    screen: MainScreen

    @property
    def app(self) -> ConsoleApp:
        return self.screen.app

    def compare(self) -> None:
        from tui.screens.compare import CompareScreen

        runs = sorted(self.screen.situation.acted, key=lambda run: (run.created, run.number))
        ids = [run.id for run in runs]
        if len(runs) == 1 and runs[0].rerun_of is not None:
            ids.insert(0, runs[0].rerun_of)
        self.app.push_screen(CompareScreen(ids))
