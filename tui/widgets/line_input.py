"""A one-line input whose cursor stands still: a blinking one writes to the terminal twice a second for nothing."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input


class LineInput(Input):
    """Compact, without blinking."""

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(value, compact=True, **options)
        self.cursor_blink = False

    def take_suggestion(self) -> bool:
        """What is suggested in grey becomes the value; False without one."""
        before = self.value
        if self.cursor_at_end and self.selection.is_empty:
            # At the end this key takes what is suggested, and else does nothing.
            self.action_cursor_right()
        return self.value != before
