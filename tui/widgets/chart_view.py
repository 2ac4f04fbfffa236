"""A chart of one series or several: zoomed, moved, smoothed, on any axis, with a cursor that reads values out."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.charts import words
from tui.charts.colours import ASCII_SIGNS, MOST, SIGNS, places
from tui.charts.curves import CurveReader, Source
from tui.charts.drawing import ASCII_MARKS, MARKS, Picture
from tui.charts.look import ChartLook
from tui.charts.reading import Frame, found_at, next_axis, read_frame, stops, x_at
from tui.charts.shape import column_of
from tui.glyphs import ASCII
from tui.plain import plain
from tui.widgets.line_list import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from textual import events
    from textual.binding import BindingType

    from tui.app import ConsoleApp
    from tui.charts.reading import Change
    from tui.glyphs import Glyphs

Part = tuple[str, str]


class ChartView(Widget, can_focus=True):
    """`show` says which curves; what is new of them is drawn by `redraw`. Nothing is read while it is not displayed."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("plus,equals_sign", "zoom(1)", "Closer: at the cursor, else at the end, else in the middle"),
        ("minus", "zoom(0)", "Further away"),
        ("left", "side(-1)", "To the left; with the cursor, to the value before"),
        ("right", "side(1)", "To the right; with the cursor, to the next value"),
        ("shift+left", "pan(-1)", "To the left, also with the cursor"),
        ("shift+right", "pan(1)", "To the right, also with the cursor"),
        ("home,g", "edge(0)", "With the cursor, to the first value"),
        ("end,G", "edge(-1)", "With the cursor, to the last value"),
        ("0", "whole", "The whole series"),
        ("space", "cursor", "A cursor that reads values out, or none"),
        ("m", "smooth", "Smoothed: not, 0.6, 0.9, 0.98"),
        ("l", "log", "Logarithmic y axis, or not"),
        ("x", "axis", "By step, time since the run began, wall time"),
        ("o", "overlay", "The marked runs as well, or only this one"),
        ("up,k", "another(-1)", "The metric above"),
        ("down,j", "another(1)", "The metric below"),
        ("escape,enter", "leave", "No cursor; back to the metrics"),
    )
    HINTS = (("space", "cursor"), ("+", "zoom"), ("m", "smooth"), ("l", "log"), ("x", "axis"), ("o", "overlay"))
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, f"chart_{action}", show=False) for keys, action, _ in KEYS]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--dim",
        "chart--mark",
        "chart--cursor",
        *(f"chart--curve-{place}" for place in range(MOST)),
    }
    app: ConsoleApp

    class Left(Message):
        """Back to where one came from."""

    class Another(Message):
        """The metric before or after is wanted."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Overlay(Message):
        """The marked runs are wanted as well, or not any more."""

    def __init__(self, store: Path, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.store = store
        self.ascii = glyphs is ASCII
        self.glyphs = glyphs
        self.title = ""
        self.note = ""
        self.look = ChartLook()
        self.frame: Frame | None = None
        self.words = ""
        # Where the cursor is, on the x axis; None: there is none.
        self.cursor: float | None = None
        self._readers: list[CurveReader] = []
        self._places: list[int] = []
        self._changes: list[Change] = []
        self._wanted = self._drawing = False
        # By time for what has no steps, and by step again for what has.
        self._by_time = False
        # The columns where the cursor finds anything, and the one where it is.
        self._stops: list[int] = []
        self._column: int | None = None
        self._inks: dict[str, Style] = {}

    # What is drawn

    def show(self, sources: Sequence[Source], title: str, note: str = "", *, timed: bool = False) -> None:
        """These curves, at most MOST; what was read of those that were there stays. `note`: said after the title.

        `timed`: their steps mean nothing, and are not what one begins with.
        """
        sources = sources[:MOST]
        known = {reader.source.key: reader for reader in self._readers}
        if [source.key for source in sources] != [reader.source.key for reader in self._readers]:
            same = bool(sources) and any(source.key in known for source in sources)
            self._readers = [known.get(source.key) or CurveReader(source) for source in sources]
            runs = {source.run_id for source in sources}
            names = [source.run_id if len(runs) == len(sources) else source.key for source in sources]
            chosen = places(names)
            self._places = [chosen[name] for name in names]
            self.frame = self._column = None
            self.words = f"reading {plain(title)}"
            if not same:
                self.cursor = None
                self.look = self._with_axis(self.look.all(), timed)
        self.title, self.note = title, note
        self.redraw()
        self.refresh()

    def _with_axis(self, look: ChartLook, timed: bool) -> ChartLook:
        """By time what has no steps; what comes after it is as it was."""
        from dataclasses import replace

        if timed and look.axis == "step":
            self._by_time = True
            return replace(look, axis="elapsed")
        if not timed and self._by_time:
            self._by_time = False
            return replace(look, axis="step") if look.axis == "elapsed" else look
        return look

    def redraw(self, change: Change | None = None) -> None:
        """Draw what is new; `change`: how one looks is another from now on."""
        if change is not None:
            self._changes.append(change)
        self._wanted = True
        if not self._drawing and self.display and self.size and self._readers:
            self._drawing = True
            self.app.start(self._draw, group="chart", description="drawing the chart")

    async def _draw(self) -> None:
        """One drawing at a time: what is wanted meanwhile is in the next, so that no key is lost and none piles up."""
        try:
            while self._wanted and self.display:
                self._wanted = False
                changes, self._changes = self._changes, []
                readers, size = self._readers, (self.size.width, self.size.height - self._head_height())
                work = partial(read_frame, self.store, readers, self._places, self.look, changes, size)
                frame = await asyncio.to_thread(work, ascii=self.ascii, before=self.frame)
                if readers is self._readers:
                    self._take(frame)
                else:
                    # Other curves meanwhile: what was asked for is for them now.
                    self._changes[:0] = changes
        finally:
            self._drawing = False

    def _take(self, frame: Frame) -> None:
        if self.cursor is not None and frame.look.axis != self.look.axis:
            self.cursor = None
        self.look, self.words = frame.look, frame.picture.words
        if not any(frame.series):
            self.words = f"not logged by {'this run' if len(frame.series) == 1 else 'any of these runs'}"
        if frame != self.frame:
            self.frame = frame
            self._stops = stops(frame.picture)
            self._settle_cursor()
            self.refresh()

    def on_resize(self) -> None:
        self.redraw()

    @property
    def _picture(self) -> Picture | None:
        picture = self.frame.picture if self.frame is not None else None
        return picture if picture is not None and picture.rows else None

    # Above the chart

    def _head_height(self) -> int:
        return 1 if len(self._readers) < 2 else 1 + len(self._legend_rows(self.size.width))

    def _legend_rows(self, width: int) -> list[list[int]]:
        """Which curves' names and values stand in each line: as many as fit, each in the same room."""
        room = min(max(len(plain(r.source.label)) for r in self._readers) + 24, width)
        each = max(1, width // room)
        numbers = list(range(len(self._readers)))
        return [numbers[start : start + each] for start in range(0, len(numbers), each)]

    def _head(self, line: int, width: int) -> Iterator[Part]:
        column = self._column
        found = found_at(self.frame.picture, column) if self.frame is not None and column is not None else None
        if line == 0:
            yield f" {plain(self.title)}   ", "title"
            if self.frame is not None:
                sources = [reader.source for reader in self._readers]
                yield from (
                    words.read_out(self.frame, sources, found)
                    if found
                    else words.summary(self.frame, self.note, ASCII_MARKS if self.ascii else MARKS)
                )
            return
        rows = self._legend_rows(width)
        room = width // max(1, len(rows[0]))
        for n in rows[line - 1]:
            ink = f"curve-{self._places[n]}"
            sign = (ASCII_SIGNS if self.ascii else SIGNS)[self._places[n]]
            text = f"{plain(self._readers[n].source.label)}  {words.value(self.frame, n, found)}"
            yield f" {sign} ", ink
            yield cut(text, max(0, room - 3), self.glyphs.ellipsis), ink

    # Painting

    def notify_style_update(self) -> None:
        self._inks.clear()
        super().notify_style_update()

    def _ink(self, name: str) -> Style:
        found = self._inks.get(name)
        if found is None:
            base = self.rich_style
            if name.startswith("faint-"):
                full = self.get_component_rich_style(f"chart--curve-{name[6:]}")
                found = base + Style(color=full.color, dim=True)
            elif name == "title":
                found = base
            else:
                full = self.get_component_rich_style(f"chart--{name or 'dim'}")
                found = base + Style(color=full.color, bold=full.bold, dim=full.dim, reverse=full.reverse)
            self._inks[name] = found
        return found

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        head = self._head_height() if self._readers else 0
        if y < head:
            strip = Strip([Segment(text, self._ink(ink)) for text, ink in self._head(y, width)])
            if strip.cell_length > width:
                strip = Strip.join([strip.crop(0, width - 1), Strip([Segment(self.glyphs.ellipsis, self._ink("dim"))])])
            return strip.adjust_cell_length(width, base)
        picture = self._picture
        if picture is None:
            said = [Segment(f" {self.words}", self._ink("dim"))] if y == head else []
            return Strip(said).adjust_cell_length(width, base)
        row = y - head
        if row >= len(picture.rows):
            return Strip.blank(width, base)
        strip = Strip([Segment(text, self._ink(ink)) for text, ink in picture.rows[row]])
        column = self._column
        if column is not None and picture.top <= row < picture.top + picture.lines:
            strip = self._with_cursor(strip, picture.left + column)
        return strip.adjust_cell_length(width, base)

    def _with_cursor(self, strip: Strip, at: int) -> Strip:
        before, cell, after = strip.crop(0, at), strip.crop(at, at + 1), strip.crop(at + 1)
        # A curve under the cursor stays to be seen.
        if cell.text.strip(" \u2800"):
            under = Segment(cell.text, self._ink("cursor"))
        else:
            under = Segment("|" if self.ascii else "│", self._ink("title"))
        return Strip.join([before, Strip([under]), after])

    # The cursor

    def _settle_cursor(self) -> None:
        """The column of what is nearest to it."""
        picture = self._picture
        self._column = None
        if self.cursor is not None and picture is not None and self._stops:
            wanted = column_of(self.cursor, picture.window, picture.columns)
            self._column = min(self._stops, key=lambda column: abs(column - wanted))

    def _put_cursor(self, column: int | None) -> None:
        picture = self._picture
        self.cursor = x_at(picture, column) if picture is not None and column is not None else None
        self._settle_cursor()
        self.refresh()

    def action_chart_cursor(self) -> None:
        self._put_cursor(self._stops[-1] if self.cursor is None and self._stops else None)

    def action_chart_side(self, way: int) -> None:
        picture, column = self._picture, self._column
        if picture is None or column is None:
            self.action_chart_pan(way)
            return
        further = [stop for stop in self._stops if (stop - column) * way > 0]
        if further:
            self._put_cursor(min(further, key=lambda stop: abs(stop - column)))
        elif self.look.window is not None:
            # At the edge of what is shown the chart moves under it.
            self.cursor = x_at(picture, column) + way * (picture.window[1] - picture.window[0]) / picture.columns
            self.action_chart_pan(way)

    def action_chart_edge(self, place: int) -> None:
        if self.cursor is not None and self._stops:
            self._put_cursor(self._stops[place])

    def on_click(self, event: events.Click) -> None:
        picture, offset = self._picture, event.get_content_offset(self)
        if picture is not None and offset is not None and 0 <= offset.x - picture.left < picture.columns:
            self._put_cursor(offset.x - picture.left)

    # Keys

    def action_chart_zoom(self, closer: int) -> None:
        at = self.cursor
        self.redraw(lambda look, whole, _: look.zoomed(bool(closer), whole, at))

    def action_chart_pan(self, way: int) -> None:
        self.redraw(lambda look, whole, _: look.panned(way, whole))

    def action_chart_whole(self) -> None:
        self.redraw(lambda look, *_: look.all())

    def action_chart_smooth(self) -> None:
        self.redraw(lambda look, *_: look.next_strength())

    def action_chart_log(self) -> None:
        from dataclasses import replace

        self.redraw(lambda look, *_: replace(look, log=not look.log))

    def action_chart_axis(self) -> None:
        self.redraw(next_axis)

    def action_chart_overlay(self) -> None:
        self.post_message(self.Overlay())

    def action_chart_another(self, by: int) -> None:
        self.post_message(self.Another(by))

    def action_chart_leave(self) -> None:
        if self.cursor is not None:
            self._put_cursor(None)
            return
        self.post_message(self.Left())
