"""A scrollbar of blanks: its thumb begins and ends on whole cells."""

from __future__ import annotations

from textual.scrollbar import ScrollBarRender


class AsciiScrollBar(ScrollBarRender):
    """The same bar without the eighths of a block at its ends."""

    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8
