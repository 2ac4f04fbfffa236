"""Which metrics the run list shows, and in what order."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType


class MetricLines(LineList):
    """The metrics by name; the chosen ones have their place in the list before them."""

    def __init__(self, chosen: Sequence[str], ellipsis: str) -> None:
        super().__init__(id="metrics")
        self.chosen = list(chosen)
        self.dots = ellipsis

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment("  no run has logged a metric yet", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        place = str(self.chosen.index(key) + 1) if key in self.chosen else " "
        return [
            Segment(f" {place:>2}  ", self.ink("mark")),
            Segment(cut(plain(key), max(0, width - 5), self.dots), self.ink("" if place.strip() else "dim")),
        ]


class MetricsScreen(Dialog[tuple[str, ...]]):
    """Gives the chosen names in order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", show=False),
        Binding("enter", "done", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"

    def __init__(self, names: Sequence[str], chosen: Sequence[str], ellipsis: str) -> None:
        super().__init__()
        self.names = names
        self.lines = MetricLines([name for name in chosen if name in names], ellipsis)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog palette") as box:
            box.border_title = Content("Metrics in the list")
            box.border_subtitle = Content("space choose   enter done   esc close")
            yield self.lines

    def on_mount(self) -> None:
        self.lines.set_keys(self.names)

    def action_choose(self) -> None:
        key = self.lines.cursor
        if key is None:
            return
        if key in self.lines.chosen:
            self.lines.chosen.remove(key)
        else:
            self.lines.chosen.append(key)
        self.lines.refresh()

    def on_line_list_opened(self) -> None:
        self.action_choose()

    def action_done(self) -> None:
        self.dismiss(tuple(self.lines.chosen))
