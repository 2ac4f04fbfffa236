"""What is wrong in the project's files, to go there from: in the editor of the console, or in $EDITOR at the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.problem_lines import ProblemLines

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.project.problems import Problem
    from tui.model import Change
    from tui.widgets.line_list import LineList

INSIDE, OUTSIDE = "inside", "outside"


class ProblemsScreen(Dialog[tuple[str, "Problem"]]):
    """Gives (INSIDE or OUTSIDE, the problem) to go to. The list is that of the project as it is now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,e", "go('inside')", show=False),
        Binding("E", "go('outside')", show=False),
        Binding("q", "close", show=False),
    ]
    CSS_PATH = ["../styles/app.tcss", "../styles/dialog.tcss", "../styles/edit.tcss"]  # noqa: RUF012 - as Textual declares it

    def compose(self) -> ComposeResult:
        self.lines = ProblemLines(self.app.glyphs, id="found")
        self.whole = Static(id="whole")
        with Vertical(classes="dialog problems") as box:
            box.border_title = Content("What is wrong in the project")
            box.border_subtitle = Content("enter go there   E $EDITOR   esc close")
            yield self.lines
            yield self.whole

    def on_mount(self) -> None:
        self.app.model.listeners.append(self._again)
        self._show()
        self.lines.focus()

    def on_unmount(self) -> None:
        self.app.model.listeners.remove(self._again)

    def _again(self, change: Change) -> None:
        if change.project:
            self._show()

    def _show(self) -> None:
        self.lines.show(self.app.model.project.problems)
        self._show_whole()

    def on_line_list_moved(self) -> None:
        self._show_whole()

    def _show_whole(self) -> None:
        """All of the one under the cursor, however long it is."""
        one = self.lines.problem
        self.whole.update(Content(plain(one)) if one is not None else Content(""))

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.action_go(INSIDE)

    def action_go(self, how: str) -> None:
        one = self.lines.problem
        if one is None:
            return
        if how == OUTSIDE and self.app.refuses("$EDITOR"):
            return
        self.dismiss((how, one))
