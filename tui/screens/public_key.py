"""A public key, to be put where it opens the door: shown in one piece, copied with `y`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.plain import plain
from tui.screens.dialog import Dialog, Scrolling

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget


class PublicKeyScreen(Scrolling, Dialog[bool]):
    """Gives True on enter. `notes` say where its private half is and what to do with this one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", show=False),
        Binding("enter", "go_on", show=False),
        Binding("q", "close", show=False),
        *Scrolling.MOVES,
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/attach.tcss"]  # noqa: RUF012 - as Textual declares it
    AUTO_FOCUS = ""

    def __init__(self, name: str, key: str, notes: tuple[str, ...], go_on: str = "") -> None:
        """`go_on`: what enter does, in a word; "" when it only closes."""
        super().__init__()
        self.target = name
        self.key = key
        self.notes = notes
        self.go_on = go_on

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog public-key", can_focus=False) as box:
            box.border_title = Content(f"Public key of {plain(self.target)}")
            box.border_subtitle = Content(f"y copy   enter {self.go_on}   esc back" if self.go_on else "y copy   esc")
            yield Static(Content(plain(self.key)), classes="key")
            with Vertical(classes="notes"):
                for note in self.notes:
                    yield Static(Content(plain(note)))

    def action_copy(self) -> None:
        self.app.copy_text(self.key)

    def action_go_on(self) -> None:
        self.dismiss(True)

    @property
    def read(self) -> Widget:
        return self.query_one(VerticalScroll)
