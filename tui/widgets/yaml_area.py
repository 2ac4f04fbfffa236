"""A text of YAML to be changed: coloured by the line, with line numbers; secrets are stars until they are asked for.

Of Textual's own highlighting this uses nothing: it needs tree-sitter and a compiled grammar (textual[syntax]: sixteen
wheels, some of them not made for every Python and machine), and would show neither stars nor odd bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.widgets import TextArea

from tui.editing.colours import COMMENT, KEY, MARK, NAME, TEXT, WORD, block_texts, spans_of
from tui.editing.document import change_between, drawable, place_of
from tui.editing.masks import masked, secret_spans
from tui.widgets.secret_input import ASCII_MASK, MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = (KEY, TEXT, WORD, COMMENT, MARK, NAME)


class YamlArea(TextArea):
    """`wrong` has the severity of what is wrong by line, from 0. `revealed`: secrets are shown."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"yaml--{kind}" for kind in (*KINDS, "error", "warning")}

    def __init__(self, text: str, *, read_only: bool, id: str) -> None:
        self._whole: tuple[frozenset[int], dict[int, list[tuple[int, int]]]] | None = None
        self._inks: dict[str, Style] = {}
        self.wrong: Mapping[int, str] = {}
        self.revealed = False
        super().__init__(
            text,
            soft_wrap=False,
            tab_behavior="indent",
            read_only=read_only,
            show_line_numbers=True,
            compact=True,
            # Its style would take the colours from the line.
            highlight_cursor_line=False,
            max_checkpoints=500,
            id=id,
        )
        self.indent_width = 2
        self.cursor_blink = False

    def put(self, text: str) -> None:
        """Have this text instead, as one change that can be undone; the cursor stays by what it was at."""
        before = self.text
        if text == before:
            return
        start, end, new = change_between(before, text)
        self.history.checkpoint()
        self.replace(new, place_of(before, start), place_of(before, end), maintain_selection_offset=True)
        self.history.checkpoint()

    def say_wrong(self, lines: Mapping[int, str]) -> None:
        if lines != self.wrong:
            self.wrong = lines
            self._draw_again()

    def reveal(self, on: bool) -> None:
        if on != self.revealed:
            self.revealed = on
            self._draw_again()

    def _draw_again(self) -> None:
        self._line_cache.clear()
        self.refresh()

    def _build_highlight_map(self) -> None:
        """Called by Textual after every change."""
        self._whole = None
        super()._build_highlight_map()

    def notify_style_update(self) -> None:
        self._inks.clear()
        super().notify_style_update()

    def _ink(self, kind: str) -> Style:
        if kind not in self._inks:
            full = self.get_component_rich_style(f"yaml--{kind}")
            self._inks[kind] = Style(
                color=full.color, bold=full.bold, dim=full.dim, italic=full.italic, underline=full.underline
            )
        return self._inks[kind]

    def get_line(self, line_index: int) -> Text:
        if self._whole is None:
            lines = [self.document.get_line(number) for number in range(self.document.line_count)]
            self._whole = (block_texts(lines), secret_spans(lines))
        blocks, secrets = self._whole
        line = self.document.get_line(line_index)
        shown = line
        if not self.revealed:
            star = ASCII_MASK if self.app.has_class("-ascii") else MASK
            shown = masked(line, secrets.get(line_index, ()), star)
        text = Text(drawable(shown), end="", no_wrap=True)
        spans = [(0, len(line), TEXT)] if line_index in blocks else spans_of(line)
        for start, end, kind in spans:
            text.stylize(self._ink(kind), start, end)
        if line_index in self.wrong:
            text.stylize(self._ink(self.wrong[line_index]), len(line) - len(line.lstrip()), len(line))
        return text
