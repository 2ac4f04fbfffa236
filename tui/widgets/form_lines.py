"""A file of the project as a form: a line for each documented key, each item of a list, each key that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding

from engine import masking
from engine.project.documented import LISTS, SECRET
from tui.editing.document import drawable
from tui.editing.rows import ADD, ITEM, KEY, SECTION, Row
from tui.plain import plain
from tui.widgets.line_list import LineList, cut, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.binding import BindingType

    from tui.glyphs import Glyphs

# Of a line: the sign of what is wrong, then the names in a column that is at least and at most so wide.
MARK, LEAST, MOST = 2, 14, 36
KEPT = ("Checked and kept", "Kept")


class FormLines(LineList):
    """Draws the rows. What its keys do is the screen's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.change", show=False),
        Binding("right,space,l", "screen.turn(1)", show=False),
        Binding("left,h", "screen.turn(-1)", show=False),
        Binding("delete,backspace,x", "screen.remove", show=False),
        Binding("a,plus", "screen.add", show=False),
        Binding("shift+up,K", "screen.move(-1)", show=False),
        Binding("shift+down,J", "screen.move(1)", show=False),
        Binding("o", "screen.open", show=False),
        Binding("n", "screen.next_problem", show=False),
        Binding("v", "screen.reveal", show=False),
        Binding("E", "screen.outside", show=False),
        Binding("ctrl+z", "screen.undo", show=False),
        Binding("ctrl+y", "screen.redo", show=False),
        Binding("question_mark", "screen.help", show=False),
        Binding("q", "screen.leave", show=False),
    ]

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.rows: dict[str, Row] = {}
        self.wrong: Mapping[int, str] = {}
        self.revealed = False
        self.trouble = ""

    def show(self, rows: Sequence[Row], trouble: str = "") -> None:
        """`trouble`: why there are no rows."""
        self.rows = {row.id: row for row in rows}
        self.trouble = trouble
        self.set_keys(self.rows)

    def say_wrong(self, wrong: Mapping[int, str]) -> None:
        """Severity by line of the text, from 1."""
        if wrong != self.wrong:
            self.wrong = wrong
            self.refresh()

    def reveal(self, on: bool) -> None:
        self.revealed = on
        self.refresh()

    @property
    def row(self) -> Row | None:
        """The one under the cursor."""
        return self.rows.get(self.cursor) if self.cursor is not None else None

    def value_column(self) -> int:
        """Where the values begin, in cells."""
        widest = max((row.depth * 2 + len(row.label) for row in self.rows.values()), default=0)
        room = self.scrollable_content_region.width // 2
        return MARK + max(LEAST, min(widest + 2, MOST, max(LEAST, room)))

    def draw_empty(self, width: int) -> list[Segment]:
        said = [f"  {line}" for line in wrapped(plain(self.trouble), max(20, width - 4))] if self.trouble else []
        return [Segment("\n".join(said), self.ink("warn"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        row = self.rows[key]
        dots = self.glyphs.ellipsis
        column = self.value_column()
        severity = self.wrong.get(row.line, "") if row.line and row.what != SECTION else ""
        mark = {"error": self.glyphs.wrong, "warning": self.glyphs.trouble}.get(severity, " ")
        name_ink = "accent" if row.what == SECTION else "dim" if row.what in (ADD, ITEM) else ""
        name = cut("  " * row.depth + plain(drawable(row.label)), column - MARK, dots)
        parts = [
            Segment(f"{mark} ", self.ink({"error": "bad", "warning": "warn"}.get(severity, ""))),
            Segment(name, self.ink(name_ink)),
        ]
        text, ink = self._value(row)
        room = max(0, width - column)
        note = "  no effect here" if row.what == KEY and row.given and row.key.effect.startswith(KEPT) else ""
        parts.append(Segment(cut(text, max(0, room - len(note)), dots), self.ink(ink)))
        if note:
            parts.append(Segment(note[:room], self.ink("dim")))
        return parts

    def _value(self, row: Row) -> tuple[str, str]:
        """What is shown of a row's value, and its ink."""
        if row.what == SECTION:
            return plain(row.key.text), "dim"
        if row.what == ADD:
            return "add", "dim"
        if not row.given:
            return (f"({plain(row.key.default)})", "dim") if row.key.default else ("must be there", "warn")
        if row.what == KEY and row.key.kind in LISTS:
            return plain(row.value), "dim"
        if row.key.kind == SECRET and not row.secret:
            return "in the key store", ""
        if row.secret and not self.revealed:
            return masking.STARS if row.value else "", ""
        value = plain(drawable(row.value))
        if row.turned and row.id == self.cursor and self.has_focus:
            return f"< {value} >", ""
        return value, ""
