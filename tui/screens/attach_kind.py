"""The first question of attaching: what is it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from tui.attaching import KINDS
from tui.screens.dialog import Dialog
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

TITLES = 17


class KindLines(LineList):
    """The kinds, a line each: what it is called and where scripts run."""

    def __init__(self, ellipsis: str) -> None:
        super().__init__(id="kinds")
        self.dots = ellipsis

    def draw(self, key: str, width: int) -> list[Segment]:
        kind = next(kind for kind in KINDS if kind.type == key)
        return [
            Segment("  " + cut(kind.title, TITLES, self.dots), self.ink("")),
            Segment(cut(kind.text, max(0, width - TITLES - 2), self.dots), self.ink("dim")),
        ]


class KindScreen(Dialog[str]):
    """Opens the form of the kind that is chosen, and gives the name of what was attached by it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", show=False)]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/attach.tcss"]  # noqa: RUF012 - as Textual declares it

    def __init__(self, folder: Path, taken: frozenset[str]) -> None:
        """`taken`: the names of the project's targets and run configurations."""
        super().__init__()
        self.folder = folder
        self.taken = taken

    def compose(self) -> ComposeResult:
        self.lines = KindLines(self.app.glyphs.ellipsis)
        with Vertical(classes="dialog kinds") as box:
            box.border_title = Content("Attach a compute target")
            box.border_subtitle = Content("enter choose   esc close")
            yield self.lines

    def on_mount(self) -> None:
        self.lines.set_keys([kind.type for kind in KINDS])
        self.lines.focus()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        """The form comes over this screen at once: what is typed next is for it. Left, one chooses again."""
        from tui.screens.attach import AttachScreen

        def attached(name: str | None) -> None:
            if name is not None:
                self.dismiss(name)

        if self.lines.cursor is not None:
            self.app.push_screen(AttachScreen(self.lines.cursor, self.folder, self.taken), attached)
