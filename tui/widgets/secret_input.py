"""A one-line input for a secret: masked, never copied, and nothing that tells of it holds its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.widgets import Input

from tui.secret import Secret
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from textual.message import Message

MASK, ASCII_MASK = "•", "*"


class SecretInput(LineInput):
    """`secret` is what was typed. Its messages are an `Input`'s, without the text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(password=True, **options)

    @property
    def secret(self) -> Secret:
        return Secret(self.value)

    @property
    def _value(self) -> Text:
        """Textual's own mask is no ASCII."""
        mask = ASCII_MASK if self.app.has_class("-ascii") else MASK
        return Text(mask * len(self.value), no_wrap=True, overflow="ignore", end="")

    def post_message(self, message: Message) -> bool:
        """Messages are logged by developers' tools, and whatever handles them may print them."""
        if isinstance(message, (Input.Changed, Input.Submitted)):
            message.value = ""
        return super().post_message(message)

    def action_copy(self) -> None:
        """A secret stays where it is."""

    def action_cut(self) -> None:
        self.delete_selection()
