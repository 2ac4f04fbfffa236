"""The help: the keys of the place one is in, then all others; searched by a few letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Static

from tui.screens.dialog import Dialog, Scrolling
from tui.screens.text import LIST_KEYS, help_text, keys_text
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from tui.screens.main import MainScreen
    from tui.screens.text import KeyRows

INPUT_KEYS = (
    ("tab,shift+tab", "", "The next field, the one before"),
    ("ctrl+u", "", "Delete all before the cursor"),
    ("ctrl+w", "", "Delete the word before the cursor"),
    ("ctrl+v", "", "Paste"),
)
# Of lists beside a line that is typed in: letters go there.
ARROWS = (("up,down", "", "A line up, or down"),)
PAGES = (("pageup,pagedown", "", "A page up, or down"),)
READING_KEYS = (
    ("up,k", "", "A line up"),
    ("down,j", "", "A line down"),
    ("pageup,ctrl+b", "", "A page up"),
    ("pagedown,ctrl+f,space", "", "A page down"),
    ("home,g", "", "To the beginning"),
    ("end,G", "", "To the end"),
)


class HelpScreen(Scrolling, Dialog[None]):
    """`source` gives the text for the words that were typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Scrolling.MOVES,
        Binding("slash", "search", show=False),
        Binding("q,enter,question_mark,f1", "close", show=False),
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/console.tcss"]  # noqa: RUF012 - as Textual declares it
    AUTO_FOCUS = ""

    def __init__(self, title: str, source: Callable[[str], Content]) -> None:
        super().__init__()
        self.heading = title
        self.source = source

    def compose(self) -> ComposeResult:
        self.input = LineInput(placeholder="a key, or words", id="wanted")
        self.text = Static(self.source(""))
        with Vertical(classes="dialog help") as box:
            box.border_title = Content(self.heading)
            box.border_subtitle = Content("/ search   esc")
            yield self.input
            with VerticalScroll() as read:
                read.can_focus = False
                yield self.text

    @property
    def read(self) -> Widget:
        return self.query_one(VerticalScroll)

    def action_search(self) -> None:
        self.input.display = True
        self.input.focus()

    def on_input_changed(self) -> None:
        self.text.update(self.source(self.input.value))
        self.read.scroll_home(animate=False)

    def on_input_submitted(self) -> None:
        # The keys move the text again.
        self.set_focus(None)

    def action_close(self) -> None:
        if self.input.display:
            self.input.value = ""
            self.input.display = False
            self.set_focus(None)
        else:
            super().action_close()


def main_help(main: MainScreen) -> HelpScreen:
    """Of the pane one is in, or the tab."""
    here, taken = own_keys(main), taken_keys(main)

    def source(wanted: str) -> Content:
        return help_text(main.situation, main.app.keys, here, wanted, taken)

    return HelpScreen("Keys", source)


def own_keys(main: MainScreen) -> list[KeyRows]:
    """The keys that the focused widget, what is around it and the open tab answer themselves."""
    found: list[KeyRows] = []
    for one in _around(main):
        rows = getattr(one, "KEYS", None)
        if rows and not any(rows is other for other in found):
            found.append(rows)
    if main.pane == "run":
        from tui.widgets.run_view import TAB_KEYS

        found.append(TAB_KEYS)
    return found


def taken_keys(main: MainScreen) -> frozenset[str]:
    """Those of them that they answer now: an action of the same key is not reached by it here."""
    return frozenset(
        key
        for one in _around(main)
        for keys, action, _ in getattr(one, "KEYS", None) or ()
        if one.check_action(action.partition("(")[0], ())
        for key in keys.split(",")
    )


def _around(main: MainScreen) -> list[DOMNode]:
    around: list[DOMNode] = [*main.focused.ancestors_with_self] if main.focused is not None else []
    if main.pane == "run" and main.run_view is not None and isinstance(main.run_view.pane, DOMNode):
        around.append(main.run_view.pane)
    return around


def dialog_help(dialog: Dialog[Any]) -> HelpScreen:
    """Of a dialog: its own keys, those that its lower edge names, those of lists and inputs in it."""
    from textual.widgets import Input

    from tui.widgets.line_list import LineList

    sections: list[tuple[str, KeyRows]] = [("Here", _dialog_keys(dialog))]
    if isinstance(dialog, Scrolling):
        sections.append(("In the text", READING_KEYS))
    lists = dialog.query(LineList)
    if any(one.can_focus for one in lists):
        sections.append(("In lists", LIST_KEYS))
    elif lists:
        sections.append(("In lists", (*ARROWS, *(PAGES if "pageup" in _keys_of(dialog) else ()))))
    if dialog.query(Input):
        sections.append(("Where one types", INPUT_KEYS))

    return sections_help(sections)


def sections_help(sections: Sequence[tuple[str, KeyRows]]) -> HelpScreen:
    """Of these keys, by section."""

    def source(wanted: str) -> Content:
        words = wanted.casefold().split()
        return Content("").join(keys_text(sections, words)) or Content.styled("Nothing of that name.", "dim")

    return HelpScreen("Keys", source)


def _keys_of(dialog: Dialog[Any]) -> dict[str, str]:
    """Action by key, of those that the dialog answers itself; what a subclass says counts."""
    found: dict[str, str] = {}
    for kind in reversed(type(dialog).__mro__):
        for one in kind.__dict__.get("BINDINGS", ()):
            if isinstance(one, Binding):
                found.update(dict.fromkeys(one.key.split(","), one.action))
    return found


def _dialog_keys(dialog: Dialog[Any]) -> Sequence[tuple[str, str, str]]:
    rows = list(getattr(dialog, "KEYS", ()))
    closing = ",".join(key for key, action in _keys_of(dialog).items() if action == "close")
    if rows:
        said = {key for keys, _, _ in rows for key in keys.split(",")}
        return rows if said & set(closing.split(",")) else [*rows, (closing, "", "Close")]
    said_below = next((str(box.border_subtitle) for box in dialog.query(".dialog") if box.border_subtitle), "")
    named = [part.strip().partition(" ") for part in said_below.split("   ") if part.strip()]
    return [(closing if key == "esc" else key, "", (words or "close").capitalize()) for key, _, words in named] or [
        (closing, "", "Close")
    ]
