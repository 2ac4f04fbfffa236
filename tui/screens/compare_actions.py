"""What the action to compare runs does."""

from __future__ import annotations

from tui.screens.main_actions import MainActions


class CompareActions(MainActions):
    """One method an action, named after its id."""

    def compare(self) -> None:
        from tui.screens.compare import CompareScreen

        runs = sorted(self.screen.situation.acted, key=lambda run: (run.created, run.number))
        ids = [run.id for run in runs]
        if len(runs) == 1 and runs[0].rerun_of is not None:
            ids.insert(0, runs[0].rerun_of)
        self.app.push_screen(CompareScreen(ids))
