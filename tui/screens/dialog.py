"""What dialogs have in common: a titled box in the middle, closed by esc."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.screen import ModalScreen

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget

    from tui.app import ConsoleApp

Result = TypeVar("Result")


class Dialog(ModalScreen[Result | None]):
    """Esc gives None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False),
        Binding("f1,question_mark", "help", show=False),
    ]
    app: ConsoleApp

    def action_help(self) -> None:
        from tui.screens.help import dialog_help

        self.app.push_screen(dialog_help(self))

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Close this dialog, and what is open over it; not, as Textual does, whatever is on top.

        An answer that it waited for may come after it was closed: then nothing happens.
        """
        stack = self.app.screen_stack
        if self not in stack:
            return AwaitComplete()
        for over in reversed(stack[stack.index(self) + 1 :]):
            over.dismiss(None)
        return super().dismiss(result)

    def action_close(self) -> None:
        self.dismiss(None)


class Scrolling:
    """For a dialog that is a text to read: `read` is what its keys move, wherever the focus is."""

    MOVES: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_by(1)", show=False),
        Binding("up,k", "scroll_by(-1)", show=False),
        Binding("pagedown,ctrl+f,space", "scroll_page(1)", show=False),
        Binding("pageup,ctrl+b", "scroll_page(-1)", show=False),
        Binding("home,g", "scroll_edge(-1)", show=False),
        Binding("end,G", "scroll_edge(1)", show=False),
    ]

    @property
    def read(self) -> Widget:
        raise NotImplementedError

    def action_scroll_by(self, lines: int) -> None:
        self.read.scroll_relative(y=lines, animate=False)

    def action_scroll_page(self, way: int) -> None:
        self.action_scroll_by(way * max(1, self.read.scrollable_content_region.height - 1))

    def action_scroll_edge(self, way: int) -> None:
        if way < 0:
            self.read.scroll_home(animate=False)
        else:
            self.read.scroll_end(animate=False)
