"""The field that opens in a row of the form: typed, checked, taken or left."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from textual.screen import Screen
from textual.suggester import SuggestFromList

from engine.errors import AmlError
from engine.project.check_text import TARGET
from engine.project.documented import MAP, PACKAGES
from engine.secrets.references import is_reference, new_reference
from tui.editing.rows import ADD, KEY, Row, changed
from tui.widgets.line_input import LineInput
from tui.widgets.pair_input import PairInput
from tui.widgets.secret_input import SecretInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.widgets import Input

    from tui.secret import Secret
    from tui.widgets.form_lines import FormLines
    from tui.widgets.yaml_area import YamlArea


class Inline(Screen[None]):
    """The part of the edit screen with the field. `inline` is there while one types in it."""

    lines: FormLines
    area: YamlArea
    path: Path
    kind: str
    typed: dict[str, Secret]
    inline: Input | None = None
    inline_row: Row | None = None

    # What the screen gives

    def set_row(self, row: Row, value: str) -> bool:
        raise NotImplementedError

    def said(self, row: Row, value: str) -> str:
        """Why a value cannot stand for a row."""
        raise NotImplementedError

    def user(self) -> str:
        """The user that a target's password is of."""
        raise NotImplementedError

    def show_state(self) -> None:
        raise NotImplementedError

    def check_soon(self) -> None:
        raise NotImplementedError

    # The field

    def open_inline(self, row: Row, names: Sequence[str], secret: bool = False) -> None:
        """Have this row typed. `names` are suggested."""
        if self.inline is not None:
            return
        lines = self.lines
        column = lines.value_column()
        hidden = secret or (row.secret and not lines.revealed)
        value = "" if row.what == ADD or (secret and is_reference(row.value)) else row.value
        if hidden:
            field: Input = SecretInput(placeholder="typed unseen", select_on_focus=False, id="inline")
            field.value = value
        elif row.what == ADD and row.key.kind == MAP and not lines.revealed:
            field = PairInput(placeholder=_placeholder(row), select_on_focus=False, id="inline")
        else:
            field = LineInput(value, placeholder=_placeholder(row), select_on_focus=False, id="inline")
        if names and not hidden:
            field.suggester = SuggestFromList(names, case_sensitive=True)
        field.styles.offset = (column, lines.place - round(lines.scroll_offset.y))
        field.styles.width = max(8, lines.scrollable_content_region.width - column)
        self.inline, self.inline_row = field, row
        lines.parent.mount(field)  # type: ignore[union-attr]
        field.focus()
        self.show_state()

    def on_input_submitted(self) -> None:
        self.leave_inline(take=True)

    def on_resize(self) -> None:
        # Its row is elsewhere now.
        self.leave_inline(take=False)

    def settle(self) -> bool:
        """Take what is being typed; False when it cannot be, and stays to be corrected."""
        self.leave_inline(take=True)
        if self.inline is not None:
            self.inline.focus()
        return self.inline is None

    def leave_inline(self, *, take: bool) -> None:
        """Close the field; with `take`, what was typed counts, unless it cannot, which keeps the field open."""
        field, row = self.inline, self.inline_row
        if field is None or row is None:
            return
        value = field.secret.reveal() if isinstance(field, SecretInput) else field.value
        if take:
            if self.said(row, value):
                return
            if not self._take(row, value, field):
                return
        self.inline = self.inline_row = None
        field.remove()
        self.lines.focus()
        self.show_state()
        self.check_soon()

    def _take(self, row: Row, value: str, field: Input) -> bool:
        if value == row.value and row.given and row.what != ADD:
            return True
        if row.what != ADD and not value and isinstance(field, SecretInput) and is_reference(row.value):
            return True
        if row.what == KEY and row.id == "password" and self.kind == TARGET and value and not is_reference(value):
            from tui.secret import Secret

            # The file never has it: it waits for the save under the reference that the file gets.
            reference = new_reference(self.path.name.removesuffix(f".{TARGET}"), self.user())
            self.typed[reference] = Secret(value)
            value = reference
        taken = self.set_row(row, value)
        if taken and row.what == ADD:
            self.lines.move_to(row.id)
        return taken

    def inline_wrong(self) -> str:
        """What is wrong with what is typed."""
        if self.inline is None or self.inline_row is None or not self.inline.value:
            return ""
        return self.said(self.inline_row, self.inline.value)

    def tentative(self) -> str:
        """The text as it would be with what is typed; "" when nothing is, or when it cannot be."""
        if self.inline is None or self.inline_row is None or isinstance(self.inline, SecretInput):
            return ""
        row, value = self.inline_row, self.inline.value
        if self.said(row, value) or (row.what == ADD and not value):
            return ""
        with suppress(AmlError, ValueError):
            return changed(self.area.text, row, value)
        return ""


def _placeholder(row: Row) -> str:
    if row.key.kind == MAP and row.what == ADD:
        return "NAME=value"
    if row.key.kind == PACKAGES:
        return "group:artifact:version"
    return "" if row.what == ADD else row.key.default
