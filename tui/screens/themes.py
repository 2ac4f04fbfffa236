"""The colours, looked at before they are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from tui.screens.dialog import Dialog
from tui.themes import BY_NAME
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

AUTO = "auto"
NAMES = 16


class LookLines(LineList):
    """The themes by name, with what they are like."""

    def __init__(self, ellipsis: str) -> None:
        super().__init__(id="names")
        self.dots = ellipsis

    def draw(self, key: str, width: int) -> list[Segment]:
        words = BY_NAME[key].words if key in BY_NAME else "what suits the terminal"
        return [
            Segment("  " + cut(key, NAMES, self.dots), self.ink("")),
            Segment(cut(words, max(0, width - NAMES - 2), self.dots), self.ink("dim")),
        ]


class ThemesScreen(Dialog[str]):
    """Shows each as the cursor is on it; gives the one that was chosen, and without one all is as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", show=False),
        Binding("T", "next", show=False),
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/console.tcss"]  # noqa: RUF012 - as Textual declares it
    KEYS = (("T", "", "The next theme"), ("enter", "", "Keep it"), ("escape", "", "As it was before"))

    def compose(self) -> ComposeResult:
        self.before = self.app.look
        self.lines = LookLines(self.app.glyphs.ellipsis)
        with Vertical(classes="dialog choose") as box:
            box.border_title = Content("Theme")
            box.border_subtitle = Content("enter keep   T next   esc as it was")
            yield self.lines

    def on_mount(self) -> None:
        chosen = self.app.settings.theme if self.app.settings is not None else None
        self.lines.set_keys((AUTO, *BY_NAME))
        self.lines.move_to(chosen or self.before.name)
        self.lines.focus()

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        if event.key is not None and self.is_current:
            self.app.use_look(BY_NAME.get(event.key, self.app.suitable_look))

    def action_next(self) -> None:
        keys = self.lines.keys
        self.lines.move_to(keys[(self.lines.place + 1) % len(keys)])

    def on_line_list_opened(self) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        self.dismiss(self.lines.cursor)

    def action_close(self) -> None:
        self.app.use_look(self.before)
        self.dismiss(None)
