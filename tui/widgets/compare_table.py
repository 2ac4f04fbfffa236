"""The lines of a comparison: a column a run. The baseline's stays, the others move sideways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.message import Message

from tui.comparing import GAP, SIGN, shape
from tui.glyphs import ASCII
from tui.plain import plain
from tui.widgets.line_list import LineList, cut, wrapped
from tui.widgets.runs_table import INKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.model import Run
    from tui.comparing import Line, Shape
    from tui.glyphs import Glyphs

SPACE = " " * GAP


class CompareTable(LineList):
    """`current` is the place of the run that keys are about, never the baseline's."""

    HEAD = 2
    DEFAULT_CLASSES = "pane"

    class Turned(Message):
        """Another run is the current one."""

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.sign = "!" if glyphs is ASCII else "≠"
        self.runs: Sequence[Run] = ()
        self.labels: Sequence[str] = ()
        self.lines: dict[str, Line] = {}
        self.current = 1
        self.empty = ""
        self._names: Sequence[str] = ()
        self._heads: object = None

    def give(self, runs: Sequence[Run], labels: Sequence[str], lines: Sequence[Line], empty: str) -> None:
        """Show these; only what differs is painted."""
        before, self.lines = self.lines, {line.key: line for line in lines}
        self.runs, self.labels = runs, labels
        self.current = min(max(1, self.current), max(1, len(runs) - 1))
        names = [line.name for line in lines]
        heads = [(label, run.state) for label, run in zip(labels, runs, strict=True)]
        anew = (names, empty, heads) != (self._names, self.empty, self._heads)
        self._names, self.empty, self._heads = names, empty, heads
        if tuple(self.lines) != tuple(self.keys):
            self.set_keys(self.lines)
        elif anew:
            self.refresh()
        else:
            self.paint(key for key, line in self.lines.items() if before.get(key) != line)

    def turn(self, by: int) -> None:
        """The run before or behind is the current one."""
        self.go_to(min(max(1, self.current + by), max(1, len(self.runs) - 1)))

    def go_to(self, place: int) -> None:
        if place != self.current:
            self.current = place
            self.refresh()
            self.post_message(self.Turned())

    @property
    def line(self) -> Line | None:
        """The one under the cursor."""
        return self.lines.get(self.cursor) if self.cursor is not None else None

    def shape(self, width: int) -> Shape:
        return shape(width, self._names, len(self.runs), self.current)

    def sideways(self) -> str:
        """Which runs have a column, where not all of them have: "runs 1, 3 to 4 of 8"."""
        places = self.shape(self.scrollable_content_region.width).places
        if len(places) >= len(self.runs):
            return ""
        shown = f"{places[1] + 1}" if len(places) == 2 else f"{places[1] + 1} to {places[-1] + 1}"
        return f"run 1 and {shown} of {len(self.runs)}"

    def draw_head(self, line: int, width: int) -> list[Segment]:
        if not self.runs:
            return []
        form = self.shape(width)
        segments = [Segment(" " * (SIGN + form.name), self.ink("head"))]
        for place in form.places:
            run = self.runs[place]
            if line == 0:
                sign = self.glyphs.cursor if place == self.current and len(self.runs) > 2 else " "
                text = f"{self.glyphs.states[run.state]} {plain(self.labels[place])}"
                segments.append(Segment(SPACE[1:] + sign, self.ink("mark")))
                segments.append(Segment(cut(text, form.cell, self.glyphs.ellipsis), self.ink(INKS[run.state])))
            else:
                text = f"{'' if place else 'baseline, '}{run.state}"
                segments.append(Segment(SPACE + cut(text, form.cell, self.glyphs.ellipsis), self.ink("dim")))
        return segments

    def draw_empty(self, width: int) -> list[Segment]:
        lines = wrapped(self.empty, max(1, width - 4))
        return [Segment("\n".join(f"  {line}" for line in lines), self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        line = self.lines[key]
        form = self.shape(width)
        dots = self.glyphs.ellipsis
        sign = self.sign if line.differs and not line.minor else " "
        segments = [
            Segment(f"{sign:<{SIGN}}", self.ink("warn")),
            Segment(cut(plain(line.name), form.name, dots), self.ink("" if line.differs and not line.minor else "dim")),
        ]
        for place in form.places:
            ink = "accent" if place in line.other else "" if line.differs and not line.minor else "dim"
            segments.append(Segment(SPACE + cut(plain(line.cells[place]), form.cell, dots), self.ink(ink)))
        return segments
