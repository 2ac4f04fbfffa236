"""The metrics of a run as boxes beside and under each other, as many columns and as high as the pane lets them be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.runs.model import RESOURCE
from tui.glyphs import tall_bars
from tui.metric_order import HEADING, PINNED
from tui.plain import plain
from tui.widgets.line_list import cut
from tui.widgets.metrics_list import cells, short
from tui.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from textual import events
    from textual.binding import BindingType

    from engine.runs.model import Series
    from tui.glyphs import Glyphs

# A box: its least width, the lines beside its bars, its least and its largest height.
WIDTH, AROUND, LEAST, LARGEST = 30, 3, 4, 8
# Fewer cells are no room for two beside each other.
ROOM = 2 * WIDTH


class MetricsGrid(ScrollView, can_focus=True):
    """Each box has name and last value, bars, lowest and highest, the last step of how many values."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--dim", "grid--accent", "grid--mark", "grid--cursor", "grid--cursor-away",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(0, -1)", show=False),
        Binding("down,j", "step(0, 1)", show=False),
        Binding("left,h", "step(-1, 0)", show=False),
        Binding("right", "step(1, 0)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home,g", "edge(0)", show=False),
        Binding("end,G", "edge(-1)", show=False),
    ]

    @dataclass
    class Opened(Message):
        """A box was clicked twice."""

        key: str

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="metrics-grid")
        self.glyphs = glyphs
        self.series: Mapping[str, Series] = {}
        self.keys: tuple[str, ...] = ()
        self.cursor: str | None = None
        self.pinned: Collection[str] = ()
        self.chosen: Collection[str] = ()
        self.empty = ""
        self._inks: dict[str, Style] = {}

    def give(self, series: Mapping[str, Series], keys: Sequence[str]) -> None:
        """Show these, in this order; only boxes that differ are painted."""
        names = tuple(key for key in keys if key != HEADING)
        before, self.series = self.series, series
        if names != self.keys:
            place = self.keys.index(self.cursor) if self.cursor in self.keys else 0
            self.keys = names
            if self.cursor not in names:
                self.cursor = names[min(place, len(names) - 1)] if names else None
            self._arrange()
            return
        self.paint(name for name in names if before.get(name) != series.get(name))

    # Where the boxes are

    @property
    def across(self) -> int:
        """How many stand beside each other."""
        return max(1, self.scrollable_content_region.width // WIDTH)

    @property
    def box_height(self) -> int:
        """As high as lets all be seen, between what a box needs and what makes it better."""
        rows = max(1, math.ceil(len(self.keys) / self.across))
        return min(max(self.size.height // rows, LEAST), LARGEST)

    def _arrange(self) -> None:
        rows = math.ceil(len(self.keys) / self.across)
        self.virtual_size = Size(0, rows * self.box_height)
        self._show_cursor()
        self.refresh()

    def on_resize(self) -> None:
        self._arrange()

    def paint(self, keys: object) -> None:
        """Draw these boxes again, where they are seen."""
        places = {key: place for place, key in enumerate(self.keys)}
        height, top = self.box_height, self.scroll_offset.y
        for row in sorted({places[key] // self.across for key in keys if key in places}):  # type: ignore[attr-defined]
            for line in range(row * height - top, (row + 1) * height - top):
                if 0 <= line < self.size.height:
                    self.refresh_line(line)

    # The cursor

    def move_to(self, key: str) -> None:
        if key in self.keys and key != self.cursor:
            before, self.cursor = self.cursor, key
            self.paint([before, key])
            self._show_cursor()

    def _show_cursor(self) -> None:
        if self.cursor not in self.keys or not self.size.height:
            return
        height = self.box_height
        first = self.keys.index(self.cursor) // self.across * height
        top = self.scroll_offset.y
        if first < top:
            self.scroll_to(y=first, animate=False)
        elif first + height > top + self.size.height:
            self.scroll_to(y=first + height - self.size.height, animate=False)

    def _go(self, place: int) -> None:
        if self.keys:
            self.move_to(self.keys[min(max(place, 0), len(self.keys) - 1)])

    def action_step(self, across: int, down: int) -> None:
        if self.cursor in self.keys:
            place = self.keys.index(self.cursor) + across + down * self.across
            if 0 <= place < len(self.keys):
                self._go(place)

    def action_page(self, way: int) -> None:
        if self.cursor in self.keys:
            rows = max(1, self.size.height // self.box_height)
            self._go(self.keys.index(self.cursor) + way * rows * self.across)

    def action_edge(self, place: int) -> None:
        self._go(len(self.keys) - 1 if place else 0)

    def on_focus(self) -> None:
        self.paint([self.cursor])

    def on_blur(self) -> None:
        self.paint([self.cursor])

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not self.keys:
            return
        wide = self.scrollable_content_region.width // self.across
        row = (offset.y + self.scroll_offset.y) // self.box_height
        place = row * self.across + min(offset.x // wide, self.across - 1)
        if place < len(self.keys):
            self.move_to(self.keys[place])
            if event.chain == 2:
                self.post_message(self.Opened(self.keys[place]))

    # Drawing

    def notify_style_update(self) -> None:
        self._inks.clear()
        super().notify_style_update()

    def _ink(self, name: str) -> Style:
        if name not in self._inks:
            full = self.get_component_rich_style(f"grid--{name}") if name else self.rich_style
            self._inks[name] = Style(color=full.color, bold=full.bold, dim=full.dim)
        return self._inks[name]

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = Style(bgcolor=self.rich_style.bgcolor)
        if not self.keys:
            words = [Segment(f" {self.empty}", self._ink("dim"))] if y == 0 else []
            return Strip(words).adjust_cell_length(width).apply_style(base)
        height, across = self.box_height, self.across
        row, line = divmod(y + self.scroll_offset.y, height)
        wide = width // across
        keys = self.keys[row * across : (row + 1) * across]
        strips = [self._box_line(key, line, wide, height) for key in keys]
        return Strip.join(strips).adjust_cell_length(width).apply_style(base)

    def _box_line(self, key: str, line: int, wide: int, height: int) -> Strip:
        strip = Strip(self._box(key, line, wide - 2, height)).adjust_cell_length(wide - 1)
        if key == self.cursor:
            name = "grid--cursor" if self.has_focus else "grid--cursor-away"
            ground = self.get_component_rich_style(name, partial=False)
            if ground.reverse:
                strip = Strip([Segment(strip.text, Style(reverse=True, bold=ground.bold))])
            else:
                strip = strip.apply_style(Style(bgcolor=ground.bgcolor))
        return Strip([*strip, Segment(" ")])

    def _box(self, key: str, line: int, wide: int, height: int) -> list[Segment]:
        one = self.series[key]
        numbers = one.last is not None
        values = cells(one)
        if line == 0:
            signs = (self.glyphs.marked if key in self.chosen else "") + (PINNED if key in self.pinned else "")
            room = max(4, wide - len(signs) - (len(values["last"]) + 1 if numbers else 0))
            return [
                Segment((self.glyphs.cursor if key == self.cursor else " ") + signs, self._ink("mark")),
                Segment(cut(plain(key), room, self.glyphs.ellipsis), self._ink("")),
                Segment(f" {values['last']}" if numbers else "", self._ink("")),
            ]
        if line <= height - AROUND:
            rows = height - AROUND
            if not numbers:
                text = plain(short(one.value)) if line == 1 else ""
                return [Segment(" " + cut(text, wide, self.glyphs.ellipsis), self._ink("dim"))]
            return [Segment(" " + tall_bars(one.spark, wide, rows, self.glyphs.spark)[line - 1], self._ink("accent"))]
        if line == height - AROUND + 1:
            if not numbers:
                return [Segment(f" {one.kind}, logged {count_of(one.count, 'time')}", self._ink("dim"))]
            text = f" min {values['min']}  max {values['max']}"
            step = f"step {values['step']}" if one.kind != RESOURCE else count_of(one.count, "sample")
            return [Segment(cut(f"{text}  {step}", wide + 1, self.glyphs.ellipsis), self._ink("dim"))]
        return []
