"""One of a few names."""

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


class NameLines(LineList):
    """The names, a line each."""

    def __init__(self, ellipsis: str) -> None:
        super().__init__(id="names")
        self.dots = ellipsis

    def draw(self, key: str, width: int) -> list[Segment]:
        return [Segment("  " + cut(plain(key), max(0, width - 2), self.dots), self.ink(""))]


class ChooseScreen(Dialog[str]):
    """Gives the name that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", show=False)]
    CSS_PATH = "../styles/dialog.tcss"

    def __init__(self, title: str, names: Sequence[str], ellipsis: str) -> None:
        super().__init__()
        self.heading = title
        self.names = names
        self.lines = NameLines(ellipsis)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog choose") as box:
            box.border_title = Content(plain(self.heading))
            box.border_subtitle = Content("enter choose   esc close")
            yield self.lines

    def on_mount(self) -> None:
        self.lines.set_keys(self.names)
        self.lines.focus()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.dismiss(event.key)

    def action_choose(self) -> None:
        if self.lines.cursor is not None:
            self.dismiss(self.lines.cursor)
