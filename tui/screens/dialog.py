"""What dialogs have in common: a titled box in the middle, closed by esc."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.binding import Binding
from textual.screen import ModalScreen

if TYPE_CHECKING:
    from textual.binding import BindingType

    from tui.app import ConsoleApp

Result = TypeVar("Result")


class Dialog(ModalScreen[Result | None]):
    """Esc gives None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "close", show=False)]
    app: ConsoleApp

    def action_close(self) -> None:
        self.dismiss(None)
