"""What one does with one's own hands: look at a plan before submitting."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runs.request import RunRequest
    from tui.app import ConsoleApp
    from tui.reading import ConfigView
    from tui.screens.main import MainScreen


class HandsActions:
    """One method an action, named after its id."""

    screen: MainScreen

    @property
    def app(self) -> ConsoleApp:
        return self.screen.app

    def plan(self) -> None:
        """Of the configuration under the cursor, or of the run under it once more."""
        from tui.screens.plan import PlanScreen

        now = self.screen.situation
        if now.pane == "configs" and now.config is not None:
            self.app.push_screen(PlanScreen(f"Plan of {now.config.name}", self._as_configured(now.config)))
        elif now.run is not None:
            self.app.push_screen(PlanScreen(f"Plan of {now.run.name}, run again", self._once_more(now.run.id)))

    def _as_configured(self, config: ConfigView) -> Callable[[], RunRequest]:
        model = self.app.model
        runs = [run for run in map(model.runs.get, model.order) if run is not None and run.config == config.name]

        def request() -> RunRequest:
            from tui import requests

            script, arguments = config.script, config.arguments
            if not script and runs:
                # With `$file` in its place: what was run last with it is what one most likely runs next.
                script, arguments = runs[0].script, runs[0].arguments
            elif not script:
                found = requests.scripts(Path(model.project.path))
                script = found[0] if len(found) == 1 else ""
            return requests.new_request(model.project.path, config, script, arguments, {}, token=uuid.uuid4().hex)

        return request

    def _once_more(self, run_id: str) -> Callable[[], RunRequest]:
        def request() -> RunRequest:
            from engine.runs.store import StoreReader
            from tui.requests import again

            with StoreReader(self.app.model.paths.store) as store:
                return again(store.request(run_id), run_id)

        return request
