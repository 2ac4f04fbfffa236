"""A one-line input for NAME=value, which masks the value as soon as the name is that of a secret."""

from __future__ import annotations

from rich.text import Text

from engine import masking
from tui.widgets.line_input import LineInput
from tui.widgets.secret_input import ASCII_MASK, MASK


class PairInput(LineInput):
    """What is typed is in `value`, as of any input."""

    @property
    def _value(self) -> Text:
        """What Textual draws."""
        name, equals, held = self.value.partition("=")
        if equals and masking.is_secret(name.strip()):
            held = (ASCII_MASK if self.app.has_class("-ascii") else MASK) * len(held)
        return Text(name + equals + held, no_wrap=True, overflow="ignore", end="")

    def action_copy(self) -> None:
        if not masking.is_secret(self.value.partition("=")[0].strip()):
            super().action_copy()
