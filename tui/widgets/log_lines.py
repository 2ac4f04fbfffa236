"""The rows of a log page on the screen: colours kept, levels and matches marked, long lines wrapped or panned."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engine.runs.apart import STDERR
from tui.log.ansi import pieces
from tui.log.blocks import LAST
from tui.log.nearest import ERRORS
from tui.log.page import Page
from tui.log.times import shown
from tui.wording import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual import events

    from tui.glyphs import Glyphs
    from tui.log.file import Row

_BAD = re.compile(ERRORS)
_WARN = re.compile(r"\bWARN(?:ING)?\b|^\S*Warning\b")
_INFO = re.compile(r"\b(?:INFO|NOTICE)\b")
_DEBUG = re.compile(r"\b(?:DEBUG|TRACE)\b")
# A line says how bad it is near its beginning, and that it is not at its very beginning (characters).
_SAID, _SAID_SOON = 4096, 100
# Stands before what was written to stderr, beside the time.
ON_STDERR = "2> "
# Longer texts are measured and cut slowly (characters).
_SEGMENT = 512


class LogLines(Widget, can_focus=True):
    """The rows of one page. It draws what it is given; the pane decides what that is."""

    # Whether tracebacks stand out.
    TRACEBACKS: ClassVar[bool] = True
    # Rows are selected here, not what is on the screen.
    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--bad",
        "log--warn",
        "log--good",
        "log--match",
        "log--dim",
        "log--error",
        "log--chosen",
        "log--time",
        *(f"log--run-{number}" for number in range(8)),
    }

    class Resized(Message):
        """There is room for more rows, or for fewer."""

    class Dragged(Message):
        """The mouse was pressed at one row and moved to another: places on the page."""

        def __init__(self, first: int, last: int) -> None:
            super().__init__()
            self.first = first
            self.last = last

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.page = Page()
        self.empty = ""
        self.wrap = False
        self.pan = 0
        self.mark: re.Pattern[str] | None = None
        # What stands before each row: when it arrived (`tui.log.times`), and which run it is of (words, number of ink).
        self.times = ""
        self.began: float | None = None
        self.runs: tuple[tuple[str, int], ...] = ()
        # Cells of it.
        self.beside = 0
        self._strips: list[Strip] = []
        # The row of each line, by its place on the page.
        self._owners: list[int] = []
        self._pressed: int | None = None
        self._inks: dict[str, Style] = {}
        self._known: dict[Row, Strip] = {}

    def show(self, page: Page) -> None:
        """Draw this page; lines that stay the same are not painted again."""
        self.page = page
        before = self._strips
        self._strips = self._lines()
        for line in range(max(len(before), len(self._strips), 1)):
            old = before[line] if line < len(before) else None
            new = self._strips[line] if line < len(self._strips) else None
            if old != new or old is None:
                self.refresh_line(line)

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1 and 0 <= event.y < len(self._owners):
            self._pressed = self._owners[event.y]
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._pressed is None or not self._owners:
            return
        last = self._owners[min(max(event.y, 0), len(self._owners) - 1)]
        # A mouse that trembles in one row selects nothing.
        if self.page.selecting or last != self._pressed:
            self.post_message(self.Dragged(self._pressed, last))

    def on_mouse_up(self) -> None:
        self._pressed = None
        self.release_mouse()

    def refresh_line(self, line: int) -> None:
        self.refresh(Region(0, line, self.size.width, 1))

    def redraw(self) -> None:
        """The same rows in another way: wrapped, panned."""
        self._strips = self._lines()
        self.refresh()

    def restyle(self) -> None:
        """The same rows in other colours, or with other matches."""
        self._inks.clear()
        self._known.clear()
        self.redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted and self._inks_differ():
            self.restyle()

    def _inks_differ(self) -> bool:
        """Focus that comes or goes is told as a change of style too, which changes nothing here."""
        before, self._inks = self._inks, {}
        return any(self._ink(name) != ink for name, ink in before.items())

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(strip.text.rstrip() for strip in self._strips)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < len(self._strips):
            strip = self._strips[y]
            return strip if strip.cell_length == width else strip.adjust_cell_length(width, self._ink("ground"))
        if y == 0 and not self._strips and self.empty:
            said = Strip([Segment(f" {self.empty}", self._ink("dim"))])
            return said.adjust_cell_length(width).apply_style(self._ink("ground"))
        return Strip.blank(width, self._ink("ground"))

    def _ink(self, name: str) -> Style:
        found = self._inks.get(name)
        if found is None and name == "ground":
            full = self.rich_style
            found = self._inks[name] = Style(bgcolor=full.bgcolor, color=full.color)
        if found is None:
            full = self.get_component_rich_style(f"log--{name}")
            found = Style(color=full.color, bold=full.bold, dim=full.dim, reverse=full.reverse)
            if name == "chosen":
                found = Style(bgcolor=full.bgcolor, reverse=full.reverse)
            if name == "match":
                found = Style(color=full.color, bgcolor=full.bgcolor, bold=full.bold, reverse=full.reverse)
            self._inks[name] = found
        return found

    def _lines(self) -> list[Strip]:
        width = max(1, self.size.width)
        ground = self._ink("ground")
        page, height = self.page, self.size.height
        notes: dict[tuple[int, int], list[Strip]] = {}
        for source, place, words in page.notes:
            # Among several it is told whose host it was.
            told = f"{self.runs[source][0]}: {words}" if self.runs else words
            notes.setdefault((source, place), []).append(self._note(told))
        # While it follows, most rows of a page were on the one before: they are not parsed again.
        known, self._known = self._known, {}
        gutters = self._gutters()
        groups: list[tuple[int, list[Strip]]] = []
        starts = {(row.source, row.start) for row in page.rows}
        late = [strip for place, strips in notes.items() if place not in starts for strip in strips]
        count, past = len(late) if page.following else 0, -1
        # From the side that is shown, and no further than the screen: a row may be wrapped into hundreds of lines.
        numbers = range(len(page.rows))
        for number in reversed(numbers) if page.following else numbers:
            if count >= height and (page.following or number > page.cursor):
                break
            row = page.rows[number]
            strip = self._known[row] = known.get(row) or self._strip(row)
            own = notes.get((row.source, row.start), ())
            groups.append((number, [*own, *self._beside(strip, gutters, number, width)]))
            count += len(groups[-1][1])
            if number == page.cursor:
                past = count
        if page.following:
            groups.reverse()
        lines = [strip for _, group in groups for strip in group] + late
        owners = [number for number, group in groups for _ in group]
        # The row that was gone to is on the screen, also when those above it are wrapped into more than fit.
        begin = max(0, min(past, len(lines)) - height) if not page.following else max(0, len(lines) - height)
        self._owners = owners[begin : begin + height]
        return [line.adjust_cell_length(width, ground).apply_style(ground) for line in lines[begin : begin + height]]

    def _gutters(self) -> list[list[Segment]]:
        """What stands before each row of the page, all of one width."""
        page = self.page
        gutters: list[list[Segment]] = [[] for _ in page.rows]
        first, last = page.chosen
        if page.selecting:
            for number, gutter in enumerate(gutters):
                sign = self.glyphs.bar if first <= number <= last else " "
                gutter.append(Segment((self.glyphs.cursor if number == page.cursor else " ") + sign, self._ink("warn")))
        if self.times:
            words = shown([row.at for row in page.rows], self.times, self.began)
            for gutter, word in zip(gutters, words, strict=True):
                if word:
                    gutter.append(Segment(f"{word} ", self._ink("time")))
        if self.times and page.apart:
            for gutter, row in zip(gutters, page.rows, strict=True):
                gutter.append(Segment(ON_STDERR if row.stream == STDERR else " " * len(ON_STDERR), self._ink("time")))
        if self.runs:
            for gutter, row in zip(gutters, page.rows, strict=True):
                word, number = self.runs[row.source]
                gutter.append(Segment(f"{word} ", self._ink(f"run-{number}")))
        self.beside = Strip(gutters[0]).cell_length if gutters else 0
        return gutters

    def _beside(self, strip: Strip, gutters: list[list[Segment]], number: int, width: int) -> list[Strip]:
        """The lines of a row with what stands before it; before those it is wrapped into there is nothing."""
        gutter = gutters[number]
        room = width - self.beside
        if not gutter or room < 8:
            return self._chosen(self._folded(strip, width), number)
        before = Strip(gutter)
        first, *rest = self._folded(strip, room)
        return self._chosen(
            [Strip([*before, *first]), *(Strip([Segment(" " * before.cell_length), *one]) for one in rest)], number
        )

    def _chosen(self, lines: list[Strip], number: int) -> list[Strip]:
        first, last = self.page.chosen
        if not first <= number <= last:
            return lines
        width, ground = max(1, self.size.width), self._ink("chosen")
        if ground.reverse:
            return [Strip([Segment(one.adjust_cell_length(width).text, ground)]) for one in lines]
        return [Strip(Segment.apply_style(one.adjust_cell_length(width), None, ground)) for one in lines]

    def _folded(self, strip: Strip, width: int) -> list[Strip]:
        if not self.wrap:
            return [_beginning(strip, self.pan + width).crop(self.pan, self.pan + width)]
        # Dividing takes the square of its pieces: no more of them than there are lines on the screen.
        most = width * max(1, self.size.height)
        if not self.page.following:
            strip = _beginning(strip, most).crop(0, most)
        elif strip.cell_length > most:
            # From where a line begins.
            strip = strip.crop(-(-strip.cell_length // width) * width - most)
        return list(strip.divide([*range(width, strip.cell_length, width), strip.cell_length])) or [strip]

    def _note(self, words: str) -> Strip:
        """A line of our own between the script's: where contact was lost, what is still to come."""
        rule = self.glyphs.rule * 2
        return Strip([Segment(f"{rule} {words} {rule}", self._ink("warn"))])

    def _strip(self, row: Row) -> Strip:
        segments = self._segments(row)
        if row.cut:
            segments.append(Segment(f" {self.glyphs.ellipsis} {size(row.end - row.start)}", self._ink("dim")))
        return Strip(_short(segments))

    def parsed(self, data: bytes) -> list[Segment]:
        """A row as it is without a search."""
        parts = pieces(data)
        text = "".join(part for part, _ in parts[:_SAID])[:_SAID]
        level = self._ink("bad") if _BAD.search(text) else self._ink("warn") if _WARN.search(text) else None
        if level is not None or len(parts) != 1 or parts[0][1] is not None:
            return [Segment(part, style or level) for part, style in parts]
        # A script that colours its lines itself has said how they are to look.
        if _DEBUG.search(text, 0, _SAID_SOON):
            return [Segment(parts[0][0], self._ink("dim"))]
        told = _INFO.search(text, 0, _SAID_SOON)
        segments = [Segment(parts[0][0])]
        return _marked(segments, [told.span()], self._ink("good")) if told else segments

    def _segments(self, row: Row) -> list[Segment]:
        if row.kind and self.TRACEBACKS:
            ink = self._ink("error" if row.kind == LAST else "bad")
            segments = [Segment(part, style or ink) for part, style in pieces(row.data)]
        else:
            segments = self.parsed(row.data)
        if self.mark is None:
            return segments
        text = "".join(segment.text for segment in segments)
        spots = [match.span() for match in self.mark.finditer(text) if match.end() > match.start()]
        if not spots:
            return segments
        return _marked(segments, spots[:100], self._ink("match"))


def _short(segments: list[Segment]) -> Iterator[Segment]:
    for segment in segments:
        text, style, _ = segment
        if len(text) <= _SEGMENT:
            yield segment
        else:
            yield from (Segment(text[at : at + _SEGMENT], style) for at in range(0, len(text), _SEGMENT))


def _beginning(strip: Strip, cells: int) -> Strip:
    """At least its first `cells`: what lies behind is not even measured."""
    found: list[Segment] = []
    for segment in strip:
        if cells <= 0:
            break
        found.append(segment)
        cells -= segment.cell_length
    return Strip(found)


def _marked(segments: list[Segment], spots: list[tuple[int, int]], style: Style) -> list[Segment]:
    """The segments with these stretches of their text in `style`."""
    found: list[Segment] = []
    at, first = 0, 0
    for segment in segments:
        text, begin = segment.text, at
        at += len(text)
        done = 0
        while first < len(spots) and spots[first][1] <= begin:
            first += 1
        for start, end in spots[first:]:
            if start >= at:
                break
            low, high = max(start - begin, done), min(end - begin, len(text))
            if low < high:
                found += [Segment(text[done:low], segment.style), Segment(text[low:high], style)]
                done = high
        found.append(Segment(text[done:], segment.style))
    return [one for one in found if one.text]
