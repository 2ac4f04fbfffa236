"""A list to choose from, with a line that narrows it. What its columns, orders, groups and tags have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import Input

    # A sign before it, its text, words behind it.
    Row = tuple[str, str, str]

Result = TypeVar("Result")
SIGN_WIDTH = 5
# What a name may take where words stand behind it (cells).
NAME_WIDTH = 28


class NarrowInput(LineInput):
    """What is typed narrows a list; the blank is the list's."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key != "space" and super().check_consume_key(key, character)


class PickLines(LineList):
    """A sign, a name and what it is, a line each. `row` gives them for a key."""

    can_focus = False

    def __init__(self, row: Callable[[str], Row], none: str, ellipsis: str) -> None:
        super().__init__(id="picks")
        self.row = row
        self.none = none
        self.dots = ellipsis
        # Of the names that have words behind them (cells).
        self.wide = NAME_WIDTH

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(f"  {self.none}", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        sign, text, words = self.row(key)
        wide = max(0, min(self.wide, width - SIGN_WIDTH)) if words else max(0, width - SIGN_WIDTH)
        return [
            Segment(f"{sign:>3}  ", self.ink("mark")),
            Segment(cut(plain(text), wide, self.dots), self.ink("")),
            Segment("  " + cut(plain(words), max(0, width - wide - SIGN_WIDTH - 3), self.dots), self.ink("dim")),
        ]


class PickScreen(Dialog[Result]):
    """Subclasses give the rows and say what enter does. What is typed narrows the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "step(1)", show=False, priority=True),
        Binding("up,ctrl+p", "step(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
    ]
    CSS_PATH = "../styles/dialog.tcss"
    TITLE_TEXT = ""
    KEYS_TEXT = "enter choose   esc close"
    PLACEHOLDER = "type to narrow the list"
    NONE = "nothing of that name"

    def __init__(self, ellipsis: str) -> None:
        super().__init__()
        self.lines = PickLines(self.row, self.NONE, ellipsis)

    def names(self) -> Sequence[str]:
        """Every key there is, in order."""
        raise NotImplementedError

    def row(self, key: str) -> Row:
        """Sign, text and words of a key."""
        raise NotImplementedError

    def done(self, key: str | None) -> None:
        """Enter was pressed on this key."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        self.input = NarrowInput(placeholder=self.PLACEHOLDER, id="wanted")
        with Vertical(classes="dialog palette") as box:
            box.border_title = Content(plain(self.TITLE_TEXT))
            box.border_subtitle = Content(self.KEYS_TEXT)
            yield self.input
            yield self.lines

    def on_mount(self) -> None:
        self.show_names()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.show_names(first=True)

    def on_input_submitted(self) -> None:
        self.done(self.lines.cursor)

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.done(event.key)

    def matching(self, typed: str) -> list[str]:
        """The keys that hold every word that was typed; those that are called so come first."""
        words = typed.casefold().split()
        rows = [(key, *(part.casefold() for part in self.row(key)[1:])) for key in self.names()]
        found = [(not words or text.startswith(words[0]), key) for key, text, more in rows if _holds(text, more, words)]
        return [key for first, key in found if first] + [key for first, key in found if not first]

    def show_names(self, *, first: bool = False) -> None:
        """The list again; `first`: the cursor goes to its beginning."""
        rows = map(self.row, self.names())
        # The words have what the longest name leaves.
        self.lines.wide = min(NAME_WIDTH, max((cell_len(plain(text)) for _, text, words in rows if words), default=0))
        self.lines.set_keys(self.matching(self.input.value))
        if first and self.lines.keys:
            self.lines.move_to(self.lines.keys[0])

    def action_step(self, by: int) -> None:
        self.lines.action_step(by)

    def action_page(self, by: int) -> None:
        self.lines.action_page(by)


def _holds(text: str, more: str, words: Sequence[str]) -> bool:
    return all(word in text or word in more for word in words)
