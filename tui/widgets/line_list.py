"""A list of lines with a cursor: only what is seen is rendered, only what changed is painted again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual import events
    from textual.binding import BindingType


class LineList(ScrollView, can_focus=True):
    """One line a key. The cursor stays on its key when others come and go. Subclasses draw with `draw`."""

    HEAD: ClassVar[int] = 0
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--head",
        "line--cursor",
        "line--cursor-away",
        "line--dim",
        "line--accent",
        "line--good",
        "line--bad",
        "line--warn",
        "line--mark",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", show=False),
        Binding("down,j", "step(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home,g", "edge(-1)", show=False),
        Binding("end,G", "edge(1)", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another key, or on none."""

        lines: LineList
        key: str | None

        @property
        def control(self) -> LineList:
            return self.lines

    @dataclass
    class Opened(Message):
        """A line was clicked twice."""

        lines: LineList
        key: str

        @property
        def control(self) -> LineList:
            return self.lines

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.keys: Sequence[str] = ()
        self.cursor: str | None = None
        self.empty_text = ""
        self._places: dict[str, int] = {}
        self._inks: dict[str, Style] = {}

    # What subclasses give

    def draw(self, key: str, width: int) -> list[Segment]:
        """The line of this key, at most `width` cells; it is padded and given its background afterwards."""
        raise NotImplementedError

    def draw_head(self, line: int, width: int) -> list[Segment]:
        """A line of the fixed head."""
        return []

    def draw_empty(self, width: int) -> list[Segment]:
        """What is shown when there is nothing; a line feed in it begins another line."""
        return []

    def say_empty(self, text: str) -> None:
        """For `draw_empty`: what stands in the place of the lines when there is none."""
        if text != self.empty_text:
            self.empty_text = text
            if not self.keys:
                self.refresh()

    # Keys and cursor

    @property
    def place(self) -> int:
        """The cursor's line, counted from 0; -1 when there is none."""
        return self._places.get(self.cursor, -1) if self.cursor is not None else -1

    def set_keys(self, keys: Iterable[str]) -> None:
        """Show these lines. The cursor stays on its key; when that is gone, on the line that took its place."""
        before, old_place = self.cursor, self.place
        scrolled = self.scroll_offset.y
        self.keys = tuple(keys)
        self._places = {key: place for place, key in enumerate(self.keys)}
        if not self.keys:
            self.cursor = None
        elif before not in self._places:
            self.cursor = self.keys[min(max(old_place, 0), len(self.keys) - 1)]
        self._resize_content(len(self.keys) + self.HEAD)
        if scrolled and before is not None and before == self.cursor:
            # Lines that arrive above must not move what one is looking at.
            self.scroll_to(y=scrolled + self.place - old_place, animate=False)
        self._show_cursor()
        self.refresh()
        if self.cursor != before:
            self.post_message(self.Moved(self, self.cursor))

    def _resize_content(self, height: int) -> None:
        """Say how many lines there are.

        A layout paints the whole screen: only when the scrollbar comes or goes, or the list is as high as its lines.
        """
        wanted = Size(0, height)
        if wanted == self.virtual_size:
            return
        scrollbar = height > self.size.height
        if self.styles.is_auto_height or scrollbar != self.show_vertical_scrollbar:
            self.virtual_size = wanted
            return
        self.set_reactive(LineList.virtual_size, wanted)
        self._scroll_update(wanted)

    def move_to(self, key: str) -> None:
        """Put the cursor on a key that is listed."""
        if key not in self._places or key == self.cursor:
            return
        before = self.cursor
        self.cursor = key
        self.paint((before, key))
        self._show_cursor()
        self.post_message(self.Moved(self, key))

    def paint(self, keys: Iterable[str | None]) -> None:
        """Draw these lines again, and no others; those out of sight cost nothing."""
        top = self.scroll_offset.y
        bottom = top + self.size.height - self.HEAD
        for key in keys:
            place = self._places.get(key, -1) if key is not None else -1
            if top <= place < bottom:
                self.refresh_line(place + self.HEAD)

    def seen(self) -> Sequence[str]:
        """The keys on the screen."""
        top = self.scroll_offset.y
        return self.keys[top : top + max(0, self.size.height - self.HEAD)]

    def _show_cursor(self) -> None:
        place = self.place
        if place < 0 or not self.size.height:
            return
        height = max(1, self.size.height - self.HEAD)
        top = self.scroll_offset.y
        if place < top:
            self.scroll_to(y=place, animate=False)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False)

    def action_step(self, by: int) -> None:
        self._go(self.place + by)

    def action_page(self, by: int) -> None:
        self._go(self.place + by * max(1, self.size.height - self.HEAD - 1))

    def action_edge(self, way: int) -> None:
        self._go(0 if way < 0 else len(self.keys) - 1)

    def _go(self, place: int) -> None:
        if self.keys:
            self.move_to(self.keys[min(max(place, 0), len(self.keys) - 1)])

    def drawn_at(self, y: int) -> str | None:
        """The key drawn at this line of the widget's content."""
        place = y - self.HEAD + self.scroll_offset.y
        return self.keys[place] if y >= self.HEAD and place < len(self.keys) else None

    # Events

    def on_resize(self) -> None:
        self._show_cursor()

    def on_focus(self) -> None:
        self.paint((self.cursor,))

    def on_blur(self) -> None:
        self.paint((self.cursor,))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        key = self.drawn_at(offset.y) if offset is not None else None
        if key is None:
            return
        self.move_to(key)
        if event.chain == 2:
            self.post_message(self.Opened(self, key))

    def notify_style_update(self) -> None:
        self._inks.clear()
        super().notify_style_update()

    # Drawing

    def ink(self, name: str) -> Style:
        """The foreground of a component class `line--name`, without its background, so that a row can have its own."""
        found = self._inks.get(name)
        if found is None:
            full = self.get_component_rich_style(f"line--{name}") if name else self.rich_style
            found = Style(color=full.color, bold=full.bold, dim=full.dim, italic=full.italic)
            self._inks[name] = found
        return found

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y < self.HEAD:
            return self._strip(self.draw_head(y, width), width, None)
        key = self.drawn_at(y)
        if key is None:
            lines = [] if self.keys else list(Segment.split_lines(self.draw_empty(width)))
            place = y - self.HEAD
            return self._strip(lines[place] if place < len(lines) else [], width, None)
        ground = None
        if key == self.cursor:
            ground = self.get_component_rich_style(
                "line--cursor" if self.has_focus else "line--cursor-away", partial=False
            )
        return self._strip(self.draw(key, width), width, ground)

    def _strip(self, segments: list[Segment], width: int, ground: Style | None) -> Strip:
        strip = Strip([_drawable(segment) for segment in segments]).adjust_cell_length(width, self.ink(""))
        if ground is None:
            return strip.apply_style(Style(bgcolor=self.rich_style.bgcolor))
        if ground.reverse:
            # With sixteen colours the row's own would make patches of the reversed line.
            return Strip([Segment(strip.text, Style(reverse=True, bold=ground.bold))])
        return strip.apply_style(Style(bgcolor=ground.bgcolor, bold=ground.bold))


def _drawable(segment: Segment) -> Segment:
    text = segment.text
    return segment if text.isascii() and text.isprintable() else Segment(plain(text), segment.style)


def cut(text: str, width: int, ellipsis: str) -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis at its end."""
    if len(text) <= width and text.isascii():
        return text.ljust(width)
    from rich.cells import cell_len, set_cell_size

    if width <= 0:
        return ""
    # However long it is, no more than this can be seen: a character with all the marks that it may have.
    text = text[: 5 * width + 5]
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, width - 1).rstrip() + ellipsis, width)


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words where that is possible; at least one line."""
    if len(text) <= width and text.isascii():
        return [text]
    import textwrap

    from rich.cells import cell_len, chop_cells

    width = max(1, width)
    if cell_len(text) <= width:
        return [text]
    if not text.isascii():
        # Words are told apart by cells, not by characters.
        return chop_cells(text, width)
    lines = textwrap.wrap(text, width, expand_tabs=False, replace_whitespace=False, break_on_hyphens=False)
    return lines or [""]


def cut_middle(text: str, keep_end: int, width: int, ellipsis: str) -> str:
    """The same, cut so that the last `keep_end` cells stay (a run's number)."""
    if len(text) <= width or keep_end + 2 > width:
        return cut(text, width, ellipsis)
    return cut(cut(text[:-keep_end], width - keep_end, ellipsis) + text[-keep_end:], width, ellipsis)
