"""A one-line input whose cursor stands still: a blinking one writes to the terminal twice a second for nothing."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input


class LineInput(Input):
    """Compact, without blinking."""

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(value, compact=True, **options)
        self.cursor_blink = False
