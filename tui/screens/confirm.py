"""The question before something that cannot be taken back. It names what it hits; only `y` says yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.plain import plain
from tui.screens.dialog import Dialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model import Change


class ConfirmScreen(Dialog[bool]):
    """Gives True on `y`. `hit` are the things it names, `note` says what will happen to them.

    Things that go on changing while one reads are given as a function, and named again with each news of the model.

    `harmless`: nothing is lost by a yes, and it does not look as if.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "yes", show=False), Binding("n", "close", show=False)]
    CSS_PATH = "../styles/dialog.tcss"
    KEYS = (("y", "", "Yes"), ("n,escape", "", "No"))

    def __init__(
        self,
        question: str,
        hit: Sequence[str] | Callable[[], Sequence[str]],
        note: str,
        yes: str,
        no: str,
        *,
        harmless: bool = False,
    ) -> None:
        super().__init__()
        self.harmless = harmless
        self.question = question
        self.hit = hit
        self.note = note
        self.yes = yes
        self.no = no

    def compose(self) -> ComposeResult:
        ink = "bold $primary" if self.harmless else "bold $error"
        with Vertical(classes="dialog question -harmless" if self.harmless else "dialog question") as box:
            box.border_title = Content(plain(self.question))
            with VerticalScroll(classes="hit"):
                self.named = Static(self._names())
                yield self.named
            if self.note:
                yield Static(Content(plain(self.note)), classes="note")
            yield Static(
                Content.assemble((" y ", ink), f"{self.yes}    ", (" n ", "bold $primary"), self.no),
                classes="answers",
            )

    def on_mount(self) -> None:
        if callable(self.hit):
            self.app.model.listeners.append(self._name_again)

    def on_unmount(self) -> None:
        if self._name_again in self.app.model.listeners:
            self.app.model.listeners.remove(self._name_again)

    def _names(self) -> Content:
        return Content("\n".join(plain(line) for line in (self.hit() if callable(self.hit) else self.hit)))

    def _name_again(self, change: Change) -> None:
        self.named.update(self._names())

    def action_yes(self) -> None:
        self.dismiss(True)
