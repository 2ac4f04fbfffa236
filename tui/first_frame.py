"""What is on the terminal before anything else is loaded: the frame of the main screen, drawn by one widget.

The main screen's parts take longer to import than the terminal takes to show this; it has the same lines in the same
places, so nothing jumps when they arrive. It imports nothing but Textual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.app import ComposeResult

    Box = tuple[int, int, int, int, str]

ROUND = ("╭", "╮", "╰", "╯", "─", "│")
ASCII = ("+", "+", "+", "+", "-", "|")


def boxes(width: int, height: int) -> list[Box]:
    """Where the main screen's style sheet puts the panes: (x, y, width, height, title)."""
    if width < 100:
        return [(0, 2, width, height - 3, "Runs")]
    left = 36 if width > 160 else 30
    body = height - 2
    upper, half = body * 2 // 5, body // 2
    return [
        (0, 1, left, upper, "Targets"),
        (0, 1 + upper, left, body - upper, "Run configurations"),
        (left, 1, width - left, half, "Runs"),
        (left, 1 + half, width - left, body - half, "Run"),
    ]


class Frame(Widget):
    """The first line and the borders of the panes."""

    DEFAULT_CSS = """
    Frame { width: 1fr; height: 1fr; background: $background; color: $foreground; }
    Frame > .frame--line { color: $border-blurred; background: $background; }
    Frame > .frame--title { color: $primary; text-style: bold; background: $background; }
    """
    COMPONENT_CLASSES = {"frame--line", "frame--title"}  # noqa: RUF012 - as Textual declares it

    def __init__(self, project: str, signs: tuple[str, ...]) -> None:
        super().__init__()
        self.project = project
        self.signs = signs

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if y == 0:
            name = Segment(" aml-tui", self.get_component_rich_style("frame--title"))
            return Strip([name, Segment("  " + self.project, self.rich_style)]).adjust_cell_length(
                width, self.rich_style
            )
        row = [" "] * width
        for box in boxes(width, height):
            self._draw(row, y, box)
        return Strip([Segment("".join(row), self.get_component_rich_style("frame--line"))])

    def _draw(self, row: list[str], y: int, box: Box) -> None:
        left, top, width, height, title = box
        if width < 4 or not top <= y < top + height:
            return
        right = left + width - 1
        top_left, top_right, bottom_left, bottom_right, across, down = self.signs
        if y == top:
            line = f"{top_left}{across} {title} ".ljust(width - 1, across)[: width - 1] + top_right
            row[left : right + 1] = line
        elif y == top + height - 1:
            row[left : right + 1] = bottom_left + across * (width - 2) + bottom_right
        else:
            row[left] = row[right] = down


class FirstFrame(Screen[None]):
    """Under the main screen for as long as the console runs."""

    AUTO_FOCUS = ""

    def __init__(self, project: str, *, ascii: bool = False) -> None:
        super().__init__()
        self.project = project
        self.signs = ASCII if ascii else ROUND

    def compose(self) -> ComposeResult:
        yield Frame(self.project, self.signs)
