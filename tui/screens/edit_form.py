"""What the keys of the form do to the text: turn, type, add, remove, undo."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.errors import AmlError
from engine.project.documented import FILE, FLAG, MAP, SECRET
from tui.editing.rows import ADD, ITEM, SECTION, Row, changed, choices_of, moved, removed, texts_by_key, wrong
from tui.screens.inline import Inline

if TYPE_CHECKING:
    from tui.app import ConsoleApp


class FormChanges(Inline):
    """The part of the edit screen with the form's keys."""

    app: ConsoleApp
    rows: list[Row]
    # What keys may be turned to, by what the project has: "targets", "scripts".
    offered: dict[str, tuple[str, ...]]

    # What the screen gives

    def read_rows(self) -> None:
        """Make the form anew from the text."""
        raise NotImplementedError

    def refused(self) -> bool:
        return self.app.refuses("edit")

    def apply(self, text: str) -> None:
        """What the form makes of the text."""
        self.area.put(text)
        self.read_rows()

    def _try(self, change: partial[str]) -> bool:
        try:
            self.apply(change())
        except (AmlError, ValueError) as error:
            self.app.tell(str(error), "error")
            return False
        return True

    def set_row(self, row: Row, value: str) -> bool:
        return self._try(partial(changed, self.area.text, row, value))

    def action_turn(self, by: int) -> None:
        row = self.lines.row
        if row is None or not row.turned or self.refused():
            return
        names = choices_of(row, self.offered)
        if not names:
            self.action_change()
            return
        now = row.value if row.given else row.key.default
        place = names.index(now) if now in names else -1 if by > 0 else 0
        value = names[(place + by) % len(names)]
        if row.key.kind == FLAG and row.given:
            value = "false" if row.value.lower() in ("true", "yes", "on") else "true"
        self.set_row(row, value)

    def action_change(self) -> None:
        row = self.lines.row
        if row is None or self.refused():
            return
        if row.what != SECTION and row.key.kind == FLAG:
            self.action_turn(1)
        elif row.typed and "\n" not in row.value:
            self.open_inline(row, choices_of(row, self.offered), secret=row.key.kind == SECRET)
        elif f"{row.id}/+" in self.lines.rows:
            self.action_add()
        elif row.what != SECTION:
            self.app.tell(f"{row.label}: change it in the text (ctrl+t)", "warning")

    def action_add(self) -> None:
        """One more item of the list that the cursor is in."""
        row = self.lines.row
        if row is None or self.refused():
            return
        last = f"{row.id.rpartition('/')[0] if row.what in (ITEM, ADD) else row.id}/+"
        if last in self.lines.rows:
            self.lines.move_to(last)
            self.open_inline(self.lines.rows[last], choices_of(self.lines.rows[last], self.offered))

    def action_remove(self) -> None:
        row = self.lines.row
        if row is None or row.what in (SECTION, ADD) or not row.given or self.refused():
            return
        if not row.known:
            self.app.tell(f"{row.label}: it is not documented here; remove it in the text (ctrl+t)", "warning")
            return
        self._try(partial(removed, self.area.text, row))

    def action_move(self, by: int) -> None:
        """Change places with the item above or below."""
        row = self.lines.row
        if row is None or row.what != ITEM or row.key.kind == MAP or self.refused():
            return
        items = [one for one in self.rows if one.what == ITEM and one.key is row.key]
        place = items.index(row) + by
        if 0 <= place < len(items) and self._try(partial(moved, self.area.text, row, items[place])):
            self.lines.move_to(items[place].id)

    def action_undo(self) -> None:
        if not self.refused():
            self.area.undo()

    def action_redo(self) -> None:
        if not self.refused():
            self.area.redo()

    def action_open(self) -> None:
        """The dependency file that the row names."""
        row = self.lines.row
        if row is None or row.key.kind != FILE or self.app.model.folder is None:
            return
        named = row.value or row.key.default
        kind = "spark" if "spark" in row.key.path[-1].lower() else "conda"
        self.app.start(
            partial(self.open_file, named, kind), group="edit-open", description=f"opening {named}", opens=True
        )

    async def open_file(self, named: str, kind: str = "", line: int = 0) -> None:
        from tui.screens.edit_opening import open_editor

        await open_editor(self.app, named, kind=kind, line=line)

    def said(self, row: Row, value: str) -> str:
        return wrong(row, value)

    def user(self) -> str:
        return texts_by_key(self.rows).get("username", "")
