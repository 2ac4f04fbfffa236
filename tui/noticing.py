"""What ended while one looks elsewhere: runs, and builds of environments."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui import wording

if TYPE_CHECKING:
    from engine.runs.model import Run
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
        self._hook_trouble = ""

    def look(self, change: Change) -> None:
        if change.order or change.runs:
            self._look_at_runs(change.runs)
        if change.builds:
            self._look_at_builds(change.builds)

    def _look_at_runs(self, changed: frozenset[str]) -> None:
        app = self._screen.app
        ended: list[Run] = []
        for run_id in changed:
            run = app.model.runs.get(run_id)
            if run is None:
                continue
            if run.state.ended and self._runs.get(run_id) is False:
                ended.append(run)
            self._runs[run_id] = run.state.ended
        if not ended:
            return
        least = app.settings.notice_after if app.settings is not None else 0
        long = [run for run in ended if not least or _took(run) >= least]
        if long and (app.looking_away or app.screen is not self._screen):
            told = ", ".join(f"{run.name} {run.state}" for run in long[:3])
            app.tell_ended(told + (f" and {len(long) - 3} others" if len(long) > 3 else ""))
        command = app.settings.hook if app.settings is not None else ()
        if command:
            app.start(partial(self._call, command, ended), group="hook", description="running the hook")

    async def _call(self, command: tuple[str, ...], ended: list[Run]) -> None:
        """One after the other; what goes wrong is told once, until it is something else."""
        from tui.hook import HookError, call, told

        trouble = ""
        for run in ended:
            try:
                await call(command, told(run))
            except HookError as error:
                trouble = str(error)
                if trouble != self._hook_trouble:
                    self._screen.app.tell(trouble, "error")
                    self._hook_trouble = trouble
                # What cannot be started or hangs would do so for each of a hundred.
                break
        self._hook_trouble = trouble

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
            app.tell_ended(f"environment of {names} {record.state}")
        if getattr(app.screen, "build", None) == record.id:
            # One looks at it.
            return
        log = "; b shows its log" if record.state == "failed" else ""
        state = wording.build_state(record, app.clock())
        app.tell(f"environment of {names}: {state}{log}", SEVERITIES.get(record.state, "warning"))


def _took(run: Run) -> float:
    """From its start to its end (s); one that never started: from its submission."""
    return (run.ended or run.state_since) - (run.started or run.created)
