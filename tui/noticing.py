"""What ended while one looks elsewhere: runs, and builds of environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import wording

if TYPE_CHECKING:
    from tui.environments import BuildView
    from tui.model import Change
    from tui.screens.main import MainScreen

SEVERITIES = {"ready": "information", "failed": "error"}


class Noticing:
    """Compares with what was going on at the last look."""

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self._runs: dict[str, bool] = {}
        self._builds: dict[str, bool] = {}

    def look(self, change: Change) -> None:
        if change.order or change.runs:
            self._look_at_runs(change.runs)
        if change.builds:
            self._look_at_builds(change.builds)

    def _look_at_runs(self, changed: frozenset[str]) -> None:
        app, ended = self._screen.app, []
        for run_id in changed:
            run = app.model.runs.get(run_id)
            if run is None:
                continue
            if run.state.ended and self._runs.get(run_id) is False:
                ended.append(run.name)
            self._runs[run_id] = run.state.ended
        if ended and (app.looking_away or app.screen is not self._screen):
            app.tell_ended(ended)

    def _look_at_builds(self, changed: frozenset[str]) -> None:
        builds = self._screen.app.model.builds
        for build in changed & builds.keys():
            if builds[build].record.over and self._builds.get(build) is False:
                self._tell_built(builds[build])
        self._builds = {build: view.record.over for build, view in builds.items()}

    def _tell_built(self, view: BuildView) -> None:
        app, record = self._screen.app, view.record
        names = ", ".join(view.configs) or record.host
        if app.looking_away:
            app.tell_ended([f"preparing {names}"])
        if getattr(app.screen, "build", None) == record.id:
            # One looks at it.
            return
        log = "; b shows its log" if record.state == "failed" else ""
        state = wording.build_state(record, app.clock())
        app.tell(f"environment of {names}: {state}{log}", SEVERITIES.get(record.state, "warning"))
