"""The saved filters of a project: use one, save the one in use, delete one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.filter_bar import forget_filter, save_filter, saved_filters
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class SavedLines(LineList):
    """Names with what they mean, a line each."""

    def __init__(self, ellipsis: str) -> None:
        super().__init__(id="names")
        self.texts: dict[str, str] = {}
        self.dots = ellipsis

    def show(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.set_keys(texts)
        self.refresh()

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment("  none yet: ctrl+s saves the one being typed", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        wide = min(24, max(len(name) for name in self.texts) + 1)
        return [
            Segment("  " + cut(f"@{plain(key)}", wide, self.dots), self.ink("accent")),
            Segment("  " + cut(plain(self.texts[key]), max(0, width - wide - 4), self.dots), self.ink("")),
        ]


class SavedScreen(Dialog[str]):
    """Gives the name of the filter to use. `current` is the text of the one in use."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", show=False),
        Binding("s", "save", show=False),
        Binding("x,delete", "forget", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"

    def __init__(self, current: str, ellipsis: str) -> None:
        super().__init__()
        self.current = current.strip()
        self.lines = SavedLines(ellipsis)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog choose") as box:
            box.border_title = Content("Saved filters")
            save = "s save this one   " if self.current else ""
            box.border_subtitle = Content(f"enter use   {save}x delete   esc close")
            yield self.lines

    def on_mount(self) -> None:
        self._again()
        self.lines.focus()

    def _again(self) -> None:
        self.lines.show(saved_filters(self.app))

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.dismiss(event.key)

    def action_choose(self) -> None:
        if self.lines.cursor is not None:
            self.dismiss(self.lines.cursor)

    def action_save(self) -> None:
        from tui.screens.name import NameScreen

        if not self.current:
            self.app.tell("no filter is in use", "warning")
            return

        async def use(name: str) -> None:
            save_filter(self.app, name, self.current)

        self.app.push_screen(NameScreen("Save the filter under a name", "", use), lambda _: self._again())

    def action_forget(self) -> None:
        from tui.screens.confirm import ConfirmScreen

        name = self.lines.cursor
        if name is None:
            return
        hit = [f"@{name}  {self.lines.texts[name]}"]
        self.app.push_screen(
            ConfirmScreen("Delete the saved filter?", hit, "No run is touched.", "delete", "keep"),
            partial(self._forgotten, name),
        )

    def _forgotten(self, name: str, yes: bool | None) -> None:
        if yes:
            forget_filter(self.app, name)
            self._again()
