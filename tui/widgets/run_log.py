"""The driver log of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.plain import plain
from tui.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.paths import Paths
    from engine.runs.model import Run
    from tui.glyphs import Glyphs


class RunLog(LogPane):
    """`RunView` says which run."""

    def __init__(self, paths: Paths, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(glyphs, id=id)
        self.paths = paths
        self.clock = clock
        self.run: Run | None = None

    def show(self, run: Run | None) -> None:
        """Another run, or the same with news."""
        other = (run.id if run else None) != (self.run.id if self.run else None)
        self.run = run
        self.began = (run.started or run.created) if run is not None else None
        if not other:
            self.lines.began = self.began
            self.say_complete(run is not None and run.state.ended)
        else:
            self.complete = run is not None and run.state.ended
            if run is None:
                self.open_file(None)
            else:
                self.open_file(self.paths.driver_log(run.id), f"{run.name}.log")
        self._tell_empty()

    def refresh_from_store(self) -> None:
        self._tell_empty()

    def _tell_empty(self) -> None:
        run = self.run
        if run is None:
            empty = "no run is chosen"
        elif run.state.ended:
            empty = f"the run printed nothing ({plain(run.reason) or run.state})"
        else:
            empty = f"nothing printed yet ({plain(run.progress or run.reason) or run.state})"
        self.say_empty(empty)
