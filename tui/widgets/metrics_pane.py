"""What a run logged: a line with a sparkline for each metric, and one of them as a chart over the whole pane."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.containers import Container
from textual.strip import Strip
from textual.widget import Widget

from engine.runs.store import StoreReader
from tui.charting import ChartLook, Curve, draw, read_curve
from tui.glyphs import ASCII, sparkline
from tui.log.ansi import pieces
from tui.plain import plain
from tui.widgets.line_list import LineList, cut, wrapped
from tui.wording import count_of, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.paths import Paths
    from engine.runs.model import Run, Series
    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs

VALUE = 9
# Of a table or list so many rows are shown; all of them are in the history's JSON.
ROWS = 1000
# A value of a table or row has at most so many cells there.
CELL = 40


class MetricsList(LineList):
    """One line a series: name, sparkline, last, lowest, highest, number of values."""

    HEAD = 1

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.series: dict[str, Series] = {}
        self.empty = ""

    def give(self, series: Sequence[Series]) -> None:
        """Show these; only lines that differ are painted."""
        before, self.series = self.series, {one.name: one for one in series}
        if tuple(self.series) != tuple(self.keys):
            self.set_keys(self.series)
            return
        self.paint(name for name, one in self.series.items() if before.get(name) != one)

    def _columns(self, width: int) -> tuple[int, int, bool]:
        """Cells of name and sparkline, and whether lowest and highest have room."""
        name = min(max([len(key) for key in self.keys] or [6]) + 1, max(10, width // 3))
        ends = width - name - VALUE * 4 >= 12
        return name, max(4, width - name - (VALUE * 4 if ends else VALUE) - 3), ends

    def draw_head(self, line: int, width: int) -> list[Segment]:
        if not self.keys:
            return []
        name, spark, ends = self._columns(width)
        text = f" {cut('metric', name, '')} {'':{spark}}{'last':>{VALUE}}"
        if ends:
            text += f"{'min':>{VALUE}}{'max':>{VALUE}}{'values':>{VALUE}}"
        return [Segment(cut(text, width, ""), self.ink("head"))]

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(f" {self.empty}", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        one = self.series[key]
        name, spark, ends = self._columns(width)
        label = Segment(f" {cut(plain(key), name, self.glyphs.ellipsis)} ", self.ink(""))
        if one.kind != "scalar":
            said = f"{one.kind}, {count_of(one.count, 'time')}  {plain(_short(one.value))}"
            return [label, Segment(cut(said, width - name - 2, self.glyphs.ellipsis), self.ink("dim"))]
        bars = sparkline(one.spark, spark, self.glyphs.spark)
        parts = [label, Segment(bars.ljust(spark), self.ink("accent"))]
        parts.append(Segment(f"{number(one.last):>{VALUE}}", self.ink("")))
        if ends:
            rest = f"{number(one.low):>{VALUE}}{number(one.high):>{VALUE}}{one.count:>{VALUE},}"
            parts.append(Segment(rest, self.ink("dim")))
        return parts


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:200]


class ChartView(Widget, can_focus=True):
    """Lines that were drawn elsewhere, under a line that says what they are."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("l", "log", "Logarithmic y axis, or not"),
        ("m", "smooth", "Smoothed, or not"),
        ("x", "by_time", "Step or time on the x axis"),
        ("plus,equals_sign", "zoom(1)", "Closer to the end"),
        ("minus", "zoom(0)", "Further away"),
        ("left", "pan(-1)", "To the left"),
        ("right", "pan(1)", "To the right"),
        ("0", "whole", "The whole series"),
        ("escape,enter", "leave", "Back to the metrics"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, f"chart_{action}", show=False) for keys, action, _ in KEYS]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"chart--dim", "chart--line"}

    def __init__(self, pane: MetricsPane) -> None:
        super().__init__()
        self.pane = pane
        self.lines: list[bytes] = []

    def on_resize(self) -> None:
        if self.pane.charted is not None:
            self.pane.look()

    def give(self, lines: list[bytes]) -> None:
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        line = self.get_component_rich_style("chart--line")
        dim = self.get_component_rich_style("chart--dim")
        if y >= len(self.lines):
            return Strip.blank(self.size.width, base)
        segments = [Segment(text, _inked(style, base, line, dim)) for text, style in pieces(self.lines[y])]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def action_chart_log(self) -> None:
        self.pane.look(log=not self.pane.chart_look.log)

    def action_chart_smooth(self) -> None:
        self.pane.look(smooth=not self.pane.chart_look.smooth)

    def action_chart_by_time(self) -> None:
        self.pane.look(by_time=not self.pane.chart_look.by_time)

    def action_chart_zoom(self, closer: int) -> None:
        self.pane.chart_look = self.pane.chart_look.zoomed(bool(closer))
        self.pane.look()

    def action_chart_pan(self, way: int) -> None:
        self.pane.chart_look = self.pane.chart_look.panned(way)
        self.pane.look()

    def action_chart_whole(self) -> None:
        self.pane.look(low=0.0, high=1.0)

    def action_chart_leave(self) -> None:
        self.pane.close_chart()


def _inked(style: Style | None, base: Style, line: Style, dim: Style) -> Style:
    """plotext's colours as the theme has them: the curve's, and one for frame and labels."""
    if style is None or style.color is None:
        return base + Style(color=dim.color)
    if style.color.name in ("cyan", "bright_cyan", "color(6)", "color(14)"):
        return base + Style(color=line.color)
    return base + Style(color=dim.color)


class MetricsPane(Container):
    """The list of a run's metrics; enter opens one as a chart, or as the rows that were logged."""

    HINTS = (("enter", "chart"), ("l", "log y"), ("m", "smooth"), ("x", "time"), ("+", "zoom"))

    app: ConsoleApp

    def __init__(self, paths: Paths, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.paths = paths
        self.clock = clock
        self.glyphs = glyphs
        self.run: Run | None = None
        self.list = MetricsList(glyphs)
        self.chart = ChartView(self)
        self.chart_look = ChartLook()
        self.charted: str | None = None
        self._curve: tuple[str, str, int, bool, Curve] | None = None

    def compose(self) -> ComposeResult:
        yield self.list
        yield self.chart

    def on_mount(self) -> None:
        self.chart.display = False

    def show(self, run: Run | None) -> None:
        """Another run, or the same with news."""
        if (run.id if run else None) != (self.run.id if self.run else None):
            self._curve = None
            self.list.give(())
        self.run = run
        logged = "nothing was logged" if run is not None and run.state.ended else "nothing is logged yet"
        self.list.empty = logged if run is not None else "no run is chosen"
        self.list.refresh_line(self.list.HEAD)

    def refresh_from_store(self) -> None:
        run = self.run
        if run is not None:
            self.app.start(partial(self._load, run), group="metrics", description="reading metrics", exclusive=True)

    async def _load(self, run: Run) -> None:
        series = await asyncio.to_thread(self._read, run)
        if self.run is None or self.run.id != run.id:
            return
        self.list.give(series)
        if self.charted is not None:
            await self._draw()

    def _read(self, run: Run) -> list[Series]:
        with StoreReader(self.paths.store) as store:
            return store.series(run.id)

    # The chart

    def on_key(self, event: Any) -> None:
        if event.key == "enter" and self.charted is None and self.list.cursor is not None:
            event.stop()
            event.prevent_default()
            self.open_chart(self.list.cursor)

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        event.stop()
        self.open_chart(event.key)

    def open_chart(self, name: str) -> None:
        self.charted = name
        self.chart_look = replace(self.chart_look, low=0.0, high=1.0)
        self.list.display = False
        self.chart.display = True
        self.chart.focus()
        self.look()

    def close_chart(self) -> None:
        self.charted = None
        self.chart.display = False
        self.list.display = True
        self.list.focus()

    def look(self, **changes: Any) -> None:
        """Draw the chart, another way if `changes` says so."""
        self.chart_look = replace(self.chart_look, **changes)
        self.app.start(self._draw, group="chart", description="drawing the chart", exclusive=True)

    async def _draw(self) -> None:
        run, name = self.run, self.charted
        if run is None or name is None:
            return
        series = self.list.series.get(name)
        if series is None:
            self.chart.give([f" {plain(run.name)} has not logged {plain(name)}".encode()])
            return
        width, height = self.chart.size
        if not width or not height:
            # Not laid out yet: it is drawn when it has its size.
            return
        lines = await asyncio.to_thread(self._lines, run, series, self.chart_look, width, height)
        if self.charted == name and self.run is run:
            self.chart.give(lines)

    def _lines(self, run: Run, series: Series, look: ChartLook, width: int, height: int) -> list[bytes]:
        if series.kind != "scalar":
            with StoreReader(self.paths.store) as store:
                values = store.values(run.id, series.name)
            return rows_of(series, values, width, height, run.name, self.glyphs.ellipsis)
        key = (run.id, series.name, series.count, look.by_time)
        if self._curve is None or self._curve[:4] != key:
            with StoreReader(self.paths.store) as store:
                self._curve = (*key, read_curve(store, run.id, series.name, series.count, by_time=look.by_time))
        curve = self._curve[4]
        said = [count_of(series.count, "value"), f"last {number(series.last)}"]
        said += [f"min {number(series.low)}", f"max {number(series.high)}"]
        if curve.not_finite:
            said.append(f"{curve.not_finite} NaN or infinite")
        said += [word for word, on in (("log", look.log), ("smoothed", look.smooth)) if on]
        if look.high - look.low < 1:
            said.append(f"{look.low:.0%} to {look.high:.0%}")
        head = cut(f" {plain(run.name)} {plain(series.name)}   {'  '.join(said)}", width, self.glyphs.ellipsis)
        return [head.encode(), *draw(curve, look, width, max(5, height - 1), ascii=self.glyphs is ASCII)]


def rows_of(series: Series, values: list[Any], width: int, height: int, run: str, ellipsis: str) -> list[bytes]:
    """Logged lists, rows, tables, texts and images as lines; the last ones when there are more than fit."""

    def cell(value: Any) -> str:
        """One long value must not push the others off the screen."""
        text = plain(number(value) if isinstance(value, float) else str(value)[: 4 * CELL])
        return text if cell_len(text) <= CELL else cut(text, CELL, ellipsis)

    lines: list[str] = []
    for value in values[-ROWS:]:
        if series.kind == "table" and isinstance(value, dict):
            columns = [column if isinstance(column, list) else [column] for column in value.values()]
            names = [cell(name) for name in value]
            cells = [[cell(column[n]) if n < len(column) else "" for column in columns]
                     for n in range(max(map(len, columns), default=0))]  # fmt: skip
            lines += _aligned([names, *cells])
        elif series.kind == "row" and isinstance(value, dict):
            lines += wrapped("  ".join(f"{cell(name)}={cell(one)}" for name, one in value.items()), width - 1)
        elif isinstance(value, list):
            lines += wrapped("  ".join(cell(one) for one in value[:ROWS]), width - 1)
        else:
            lines += wrapped(plain(value), width - 1)
    head = f" {plain(run)} {plain(series.name)}   {series.kind}, logged {count_of(series.count, 'time')}"
    return [
        line.encode("utf-8", "replace") for line in [head, "", *(f" {line}" for line in lines[-max(1, height - 2) :])]
    ]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
