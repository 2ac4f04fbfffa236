"""One question with one line of answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import ComposeResult


class NameScreen(Dialog[str]):
    """Gives the answer once `use` took it; what `use` refuses is shown, and the dialog stays."""

    CSS_PATH = "../styles/dialog.tcss"

    def __init__(self, title: str, value: str, use: Callable[[str], Awaitable[None]]) -> None:
        super().__init__()
        self.heading = title
        self.value = value
        self.use = use

    def compose(self) -> ComposeResult:
        self.input = LineInput(self.value, id="name")
        self.said = Static(id="said")
        with Vertical(classes="dialog question-name") as box:
            box.border_title = Content(plain(self.heading))
            box.border_subtitle = Content("enter done   esc close")
            yield self.input
            yield self.said

    def on_input_submitted(self) -> None:
        self.app.start(self._take, group="name", description=self.heading, exclusive=True)

    async def _take(self) -> None:
        from engine.errors import AmlError

        name = self.input.value.strip()
        try:
            await self.use(name)
        except AmlError as error:
            self.said.update(Content.styled(plain(str(error)), "$error"))
            return
        self.dismiss(name)
