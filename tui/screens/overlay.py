"""A metric of several runs in one chart, over the whole screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.screen import Screen

from tui.charts.colours import MOST
from tui.charts.curves import Source
from tui.plain import plain
from tui.widgets.bars import KeysLine
from tui.widgets.chart_view import ChartView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.runs.model import Run
    from tui.app import ConsoleApp

LEAVING = ("q", "", "Go back")
# Runs that go on are looked at this often (s).
LOOK = 1.0


class OverlayScreen(Screen[None]):
    """`runs`: the first MOST of them are drawn; `metrics`: those that up and down go through, `metric` one of them."""

    CSS_PATH = ["../styles/app.tcss", "../styles/run.tcss"]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", show=False),
        Binding("question_mark,f1", "help", show=False),
        Binding("ctrl+q", "app.quit", show=False),
    ]
    app: ConsoleApp

    def __init__(self, runs: Sequence[Run], metric: str, metrics: Sequence[str] = ()) -> None:
        super().__init__()
        self.runs = runs
        self.metric = metric
        self.metrics = list(metrics) or [metric]

    def compose(self) -> ComposeResult:
        self.chart = ChartView(self.app.model.paths.store, self.app.glyphs, id="overlay")
        self.keys_line = KeysLine(id="keys")
        yield self.chart
        yield self.keys_line

    def on_mount(self) -> None:
        hints = tuple(hint for hint in ChartView.HINTS if hint[1] != "overlay")
        moving = (("up down", "metric"),) if len(self.metrics) > 1 else ()
        parts: list[tuple[str, str]] = []
        for key, label in (*hints, *moving, ("esc", "back"), ("?", "help")):
            parts += [(f" {key}", "key"), (f" {label} ", "dim")]
        self.keys_line.say(parts)
        self.chart.focus()
        self._show()
        if any(not run.state.ended for run in self.runs):
            self.set_interval(LOOK, self.chart.redraw)

    def _show(self) -> None:
        shown = self.runs[:MOST]
        sources = [Source(run.id, self.metric, plain(run.name), run.started or run.created) for run in shown]
        note = f"{MOST} of {len(self.runs)} runs" if len(self.runs) > MOST else ""
        self.chart.show(sources, self.metric, note)

    def on_chart_view_another(self, event: ChartView.Another) -> None:
        place = self.metrics.index(self.metric) + event.by if self.metric in self.metrics else 0
        if 0 <= place < len(self.metrics):
            self.metric = self.metrics[place]
            self._show()

    def on_chart_view_overlay(self) -> None:
        self.app.tell("every run of this comparison is drawn", "warning")

    def on_chart_view_left(self) -> None:
        self.action_leave()

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        from tui.screens.help import sections_help

        rows = [row for row in ChartView.KEYS if row[1] != "overlay"]
        self.app.push_screen(sections_help((("In the chart", [*rows, LEAVING]),)))
