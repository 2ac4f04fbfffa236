"""What a run logged: its metrics to choose from, one or several of them as a chart, tables and images as they are."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Container

from engine.runs.model import RESOURCE
from engine.runs.store import StoreReader
from tui.charts.colours import MOST
from tui.charts.curves import Source
from tui.plain import plain
from tui.widgets.chart_view import ChartView
from tui.widgets.logged_view import LoggedView
from tui.widgets.metrics_browser import MetricsBrowser
from tui.wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from engine.paths import Paths
    from engine.runs.model import Run, Series
    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs


def source_of(run: Run, metric: str, label: str) -> Source:
    """A run's metric as a curve of a chart."""
    return Source(run.id, metric, label, run.started or run.created)


class MetricsPane(Container):
    """The list or grid of a run's metrics; enter opens one as a chart, or what was logged as it is.

    With runs marked in the list of runs, a chart has the curves of those that logged the metric as well.
    """

    # The keys that count now.
    HINTS: tuple[tuple[str, str], ...] = MetricsBrowser.HINTS
    WRITING = LoggedView.WRITING
    app: ConsoleApp

    def __init__(self, paths: Paths, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.paths = paths
        self.run: Run | None = None
        self.browser = MetricsBrowser(glyphs)
        self.chart = ChartView(paths.store, glyphs)
        self.logged = LoggedView(paths, glyphs)
        # The metrics in the chart, or the one that is shown as it was logged; none: they are chosen from.
        self.opened: tuple[str, ...] = ()
        self.overlaid = True
        # Of the marked runs, the metrics that each logged.
        self._others: list[tuple[Run, frozenset[str]]] = []

    def compose(self) -> ComposeResult:
        yield self.browser
        yield self.chart
        yield self.logged

    def on_mount(self) -> None:
        self.chart.display = self.logged.display = False

    def show(self, run: Run | None) -> None:
        """Another run, or the same with news."""
        if (run.id if run else None) != (self.run.id if self.run else None):
            self.browser.give(())
            if self.run is not None:
                self.browser.forget()
            if self.run is not None and run is not None and run.project != self.run.project:
                self.browser.recall()
        self.run = run
        said = "nothing was logged" if run is not None and run.state.ended else "nothing is logged yet"
        self.browser.say_empty(said if run is not None else "no run is chosen")

    def refresh_from_store(self) -> None:
        run = self.run
        if run is not None:
            marked = [one for one in getattr(self.screen, "marked", ()) if one.id != run.id]
            self.app.start(
                partial(self._load, run, marked),
                group="metrics",
                description="reading metrics",
                exclusive=True,
                opens=not self.browser.series,
            )

    async def _load(self, run: Run, marked: list[Run]) -> None:
        def read() -> tuple[list[Series], dict[str, list[Series]]]:
            with StoreReader(self.paths.store) as store:
                return store.series(run.id), store.series_of_runs(one.id for one in marked)

        series, others = await asyncio.to_thread(read)
        if self.run is None or self.run.id != run.id:
            return
        self._others = [(one, frozenset(s.name for s in others.get(one.id, ()))) for one in marked]
        self.browser.give(series)
        if self.opened:
            self._show_opened()

    # What is opened

    def on_metrics_browser_opened(self, event: MetricsBrowser.Opened) -> None:
        event.stop()
        self.open(event.names)

    def open(self, names: tuple[str, ...]) -> None:
        """Look at these metrics."""
        self.opened = names
        self._show_opened()
        (self.logged if self.logged.display else self.chart).focus()
        self._tell_keys()

    def _show_opened(self) -> None:
        run = self.run
        first = self.browser.series.get(self.opened[0])
        is_logged = first is not None and first.last is None
        had_focus = self.has_focus_within
        self.browser.show(False)
        self.chart.display, self.logged.display = not is_logged, is_logged
        if run is None:
            return
        if first is not None and is_logged:
            self.logged.show(run, first)
        else:
            sources, note = self._sources(run)
            title = f"{run.name} {self.opened[0]}" if len(sources) < 2 else listed(self.opened)
            self.chart.show(sources, title, note, timed=first is not None and first.kind == RESOURCE)
        if had_focus and not (self.chart.has_focus or self.logged.has_focus):
            (self.logged if is_logged else self.chart).focus()

    def _sources(self, run: Run) -> tuple[list[Source], str]:
        """The curves to draw, and what is to be said of them."""
        several = len(self.opened) > 1
        wanted = [(run, name) for name in self.opened]
        others = [(other, name) for other, logged in self._others for name in self.opened if name in logged]
        if self.overlaid:
            wanted += others
        labels = [
            plain(f"{one.name} {name}") if several and len(wanted) > len(self.opened) else name if several else one.name
            for one, name in wanted
        ]
        sources = [source_of(one, name, label) for (one, name), label in zip(wanted, labels, strict=True)]
        if len(sources) > MOST:
            return sources[:MOST], f"{MOST} of {len(sources)} curves"
        return sources, f"o adds {len(others)} marked" if others and not self.overlaid else ""

    def close_opened(self) -> None:
        """Back to choosing."""
        name = self.opened[0] if self.opened else None
        self.opened = ()
        self.chart.display = self.logged.display = False
        self.browser.show(True)
        if name is not None:
            self.browser.move_to(name)
        self.browser.shown.focus()
        self._tell_keys()

    def _tell_keys(self) -> None:
        """Other keys count now: the footer has to say so."""
        from tui.widgets.run_view import RunView

        shown = self.chart if self.chart.display else self.logged if self.logged.display else self.browser
        self.HINTS = shown.HINTS
        self.post_message(RunView.Opened())

    def on_chart_view_left(self) -> None:
        self.close_opened()

    def on_logged_view_left(self) -> None:
        self.close_opened()

    def on_chart_view_another(self, event: ChartView.Another) -> None:
        names = [name for name in self.browser.names_shown() if self.browser.series[name].last is not None]
        if len(self.opened) == 1 and self.opened[0] in names:
            place = names.index(self.opened[0]) + event.by
            if 0 <= place < len(names):
                self.opened = (names[place],)
                self._show_opened()

    def on_chart_view_overlay(self) -> None:
        if not self._others and not self.overlaid:
            self.overlaid = True
        elif not self._others:
            self.app.tell("no other run is marked: space in the list of runs marks one", "warning")
        else:
            self.overlaid = not self.overlaid
        self._show_opened()
