"""What a submission would meet, a line for each fact; long ones go on below themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from tui.plain import plain
from tui.widgets.line_list import wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.forecast import Line

LABEL = 12


class PlanLines(Static):
    """`show` the facts, or `say` why there are none yet."""

    DEFAULT_CSS = "PlanLines { height: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._width = 0

    def show(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._draw()

    def say(self, words: str, style: str = "dim") -> None:
        self._lines = ()
        self.update(Content.styled(plain(words), style))

    def on_resize(self) -> None:
        if self._lines and self.size.width != self._width:
            self._draw()

    @property
    def text(self) -> str:
        """The facts as lines of text, to be copied."""
        return "\n".join(f"{line.label:<{LABEL}}{plain(line.text)}".rstrip() for line in self._lines)

    def _draw(self) -> None:
        self._width = self.size.width
        drawn: list[Content] = []
        for line in self._lines:
            label = line.label
            for text in wrapped(plain(line.text), max(1, (self._width or 80) - LABEL)):
                drawn.append(Content.assemble((f"{label:<{LABEL}}", "dim"), (text, "$warning" if line.wrong else "")))
                label = ""
        self.update(Content("\n").join(drawn))
