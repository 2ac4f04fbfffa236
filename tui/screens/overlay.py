"""The curves of one metric of several runs, over the whole screen."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from engine.runs.store import StoreReader
from tui.charting import ChartLook, read_curve
from tui.log.ansi import pieces
from tui.overlaying import COLOURS, Overlaid, draw, mark_of
from tui.plain import plain
from tui.screens.main import REMOTE_TICK, TICK
from tui.widgets.bars import Bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.paths import Paths
    from engine.runs.model import Run
    from tui.app import ConsoleApp
    from tui.charting import Curve


HINTS = (
    ("esc", "back"),
    ("?", "help"),
    ("l", "log y"),
    ("m", "smooth"),
    ("x", "time"),
    ("+ -", "zoom"),
    ("left right", "along"),
    ("0", "whole"),
)


class OverlayView(Widget, can_focus=True):
    """Lines that were drawn elsewhere; the curves have the theme's colours."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("l", "log", "Logarithmic y axis, or not"),
        ("m", "smooth", "Smoothed, or not"),
        ("x", "by_time", "Step or time on the x axis"),
        ("plus,equals_sign", "zoom(1)", "Closer to the end"),
        ("minus", "zoom(0)", "Further away"),
        ("left", "pan(-1)", "To the left"),
        ("right", "pan(1)", "To the right"),
        ("0", "whole", "The whole curves"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, f"screen.{action}", show=False) for keys, action, _ in KEYS]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"curve--dim", *(f"curve--{name}" for name, _ in COLOURS)}
    DEFAULT_CLASSES = "pane"

    def __init__(self) -> None:
        super().__init__(id="overlay")
        self.lines: list[bytes] = []

    def give(self, lines: list[bytes]) -> None:
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y >= len(self.lines):
            return Strip.blank(width, base)
        segments = [Segment(text, self._ink(style, base)) for text, style in pieces(self.lines[y])]
        return Strip(segments).adjust_cell_length(width, base)

    def _ink(self, style: Style | None, base: Style) -> Style:
        number = style.color.number if style is not None and style.color is not None else None
        name = next((name for name, known in COLOURS if known == number), "dim")
        return base + Style(color=self.get_component_rich_style(f"curve--{name}").color)


class Legend(Widget):
    """Which mark and colour is which run."""

    COMPONENT_CLASSES = OverlayView.COMPONENT_CLASSES
    can_focus = False

    def __init__(self, labels: Sequence[str], *, ascii: bool) -> None:
        super().__init__(id="legend")
        self.labels = labels
        self.ascii = ascii
        self.missing: frozenset[int] = frozenset()

    def tell(self, missing: frozenset[int]) -> None:
        """These runs have nothing to draw."""
        if missing != self.missing:
            self.missing = missing
            self.refresh(layout=True)

    def _entries(self) -> list[tuple[int, str]]:
        return [
            (place, f"{mark_of(place, ascii=self.ascii)} {plain(label)}{' (none)' if place in self.missing else ''}")
            for place, label in enumerate(self.labels)
        ]

    def _rows(self, width: int) -> list[list[tuple[int, str]]]:
        rows: list[list[tuple[int, str]]] = [[]]
        used = 0
        for place, text in self._entries():
            if rows[-1] and used + len(text) + 3 > width:
                rows.append([])
                used = 0
            rows[-1].append((place, text))
            used += len(text) + 3
        return rows

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        return len(self._rows(width))

    def render_line(self, y: int) -> Strip:
        rows = self._rows(self.size.width)
        base = self.rich_style
        segments = []
        for place, text in rows[y] if y < len(rows) else []:
            name = "dim" if place in self.missing else COLOURS[place % len(COLOURS)][0]
            ink = base + Style(color=self.get_component_rich_style(f"curve--{name}").color)
            segments.append(Segment(f" {text}  ", ink))
        return Strip(segments).adjust_cell_length(self.size.width, base)


class OverlayScreen(Screen[None]):
    """Made with the metric, the runs and their names; drawn again while any of them goes on."""

    AUTO_FOCUS = "OverlayView"
    CSS_PATH = ["../styles/app.tcss", "../styles/compare.tcss"]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", show=False),
        Binding("question_mark", "help", show=False),
        Binding("ctrl+q", "app.quit", show=False),
    ]
    app: ConsoleApp

    def __init__(self, metric: str, runs: Sequence[Run], labels: Sequence[str]) -> None:
        super().__init__()
        self.metric = metric
        self.runs = runs
        self.labels = labels
        self.look = ChartLook()
        self._curves: dict[tuple[str, bool], tuple[int, Curve]] = {}
        self._drawing = False
        self._again = False

    def compose(self) -> ComposeResult:
        self.view = OverlayView()
        self.legend = Legend(self.labels, ascii=self.app.options.ascii)
        self.keys_line = Bar(id="overlay-keys")
        yield self.legend
        yield self.view
        yield self.keys_line

    def on_mount(self) -> None:
        self.keys_line.say([part for key, label in HINTS for part in ((f" {key}", "key"), (f" {label}", "dim"))])
        self.set_interval(REMOTE_TICK if os.environ.get("SSH_CONNECTION") else TICK, self._tick)

    def _tick(self) -> None:
        known = self.app.model.runs
        if self.app.screen is self and any(not known.get(run.id, run).state.ended for run in self.runs):
            self.redraw()

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Read what is new and draw, beside the keys."""
        self._again = True
        if not self._drawing:
            self._drawing = True
            self.app.start(self._draw, group="overlay", description="drawing the curves")

    async def _draw(self) -> None:
        try:
            while self._again and self.is_attached:
                self._again = False
                region = self.view.content_size
                if not region.width or not region.height:
                    return
                work = partial(self._lines, self.app.model.paths, self.look, region.width, region.height)
                lines, missing, said = await asyncio.to_thread(work)
                if self.is_attached:
                    self.view.give(lines)
                    self.legend.tell(missing)
                    self.view.border_title = Content(plain(self.metric))
                    self.view.border_subtitle = Content(said)
        finally:
            self._drawing = False

    def _lines(self, paths: Paths, look: ChartLook, width: int, height: int) -> tuple[list[bytes], frozenset[int], str]:
        """The chart, the runs without a curve, and what is to be said of it. Blocking."""
        with StoreReader(paths.store) as store:
            curves = [self._curve(store, place, look.by_time) for place in range(len(self.runs))]
        missing = frozenset(one.place for one in curves if one.curve is None or not one.curve.points)
        strange = sum(one.curve.not_finite for one in curves if one.curve is not None)
        words = [word for word, on in (("log", look.log), ("smoothed", look.smooth)) if on]
        if look.high - look.low < 1:
            words.append(f"{look.low:.0%} to {look.high:.0%}")
        if strange:
            words.append(f"{strange:,} NaN or infinite")
        return draw(curves, look, width, height, ascii=self.app.options.ascii), missing, "  ".join(words)

    def _curve(self, store: StoreReader, place: int, by_time: bool) -> Overlaid:
        run, label = self.runs[place].id, self.labels[place]
        series = next((one for one in store.series(run) if one.name == self.metric and one.kind == "scalar"), None)
        if series is None:
            return Overlaid(place, label, None)
        known = self._curves.get((run, by_time))
        if known is None or known[0] != series.count:
            known = (series.count, read_curve(store, run, self.metric, series.count, by_time=by_time))
            self._curves[run, by_time] = known
        return Overlaid(place, label, known[1])

    # Keys

    def _look(self, **changes: Any) -> None:
        self.look = replace(self.look, **changes)
        self.redraw()

    def action_log(self) -> None:
        self._look(log=not self.look.log)

    def action_smooth(self) -> None:
        self._look(smooth=not self.look.smooth)

    def action_by_time(self) -> None:
        self._look(by_time=not self.look.by_time)

    def action_zoom(self, closer: int) -> None:
        self.look = self.look.zoomed(bool(closer))
        self.redraw()

    def action_pan(self, way: int) -> None:
        self.look = self.look.panned(way)
        self.redraw()

    def action_whole(self) -> None:
        self._look(low=0.0, high=1.0)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        from tui.screens.text import TextScreen, keys_text

        self.app.push_screen(TextScreen("Keys", Content("").join(keys_text((("In the curves", OverlayView.KEYS),)))))
