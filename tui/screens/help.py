"""The help: the keys of the place one is in, then all others; searched by a few letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
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


class HelpScreen(Scrolling, Dialog[None]):
    """`source` gives the text for the words that were typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Scrolling.KEYS,
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
    here = own_keys(main)

    def source(wanted: str) -> Content:
        return help_text(main.situation, main.app.keys, here, wanted)

    return HelpScreen("Keys", source)


def own_keys(main: MainScreen) -> list[KeyRows]:
    """The keys that the focused widget, what is around it and the open tab answer themselves."""
    around = [*main.focused.ancestors_with_self] if main.focused is not None else []
    if main.pane == "run" and main.run_view is not None:
        around = [*around, *([main.run_view.pane] if main.run_view.pane is not None else [])]
    found: list[KeyRows] = []
    for one in around:
        rows = getattr(one, "KEYS", None)
        if rows and not any(rows is other for other in found):
            found.append(rows)
    if main.pane == "run":
        from tui.widgets.run_view import TAB_KEYS

        found.append(TAB_KEYS)
    return found


def dialog_help(dialog: Dialog[Any]) -> HelpScreen:
    """Of a dialog: its own keys, those that its lower edge names, those of lists and inputs in it."""
    from textual.widgets import Input

    from tui.widgets.line_list import LineList

    sections: list[tuple[str, KeyRows]] = [("Here", _dialog_keys(dialog))]
    if dialog.query(LineList):
        sections.append(("In lists", LIST_KEYS))
    if dialog.query(Input):
        sections.append(("Where one types", INPUT_KEYS))

    def source(wanted: str) -> Content:
        words = wanted.casefold().split()
        return Content("").join(keys_text(sections, words)) or Content.styled("Nothing of that name.", "dim")

    return HelpScreen("Keys", source)


def _dialog_keys(dialog: Dialog[Any]) -> Sequence[tuple[str, str, str]]:
    rows = list(getattr(dialog, "KEYS", ()))
    if rows and not isinstance(rows[0], Binding):
        return [*rows, ("escape", "", "Close")] if not any("escape" in keys for keys, _, _ in rows) else rows
    said = next((str(box.border_subtitle) for box in dialog.query(".dialog") if box.border_subtitle), "")
    named = [part.strip().partition(" ") for part in said.split("   ") if part.strip()]
    return [(key, "", (words or "close").capitalize()) for key, _, words in named] or [("escape", "", "Close")]
