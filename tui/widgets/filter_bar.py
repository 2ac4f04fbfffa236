"""The line one types a filter in, with how many runs it lets through, or what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Label, Static

from tui.filter import Filter, FilterError, parse
from tui.plain import plain
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

# Ten thousand runs are filtered in tens of milliseconds: not at every key of a quick typist.
PAUSE = 0.12


class FilterBar(Horizontal):
    """Sends `Typed` for each filter that can be understood, and `Closed` when one is done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave(False)", show=False),
        Binding("down", "leave(True)", show=False),
    ]

    class Typed(Message):
        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.wanted = wanted

    class Closed(Message):
        """`kept`: the filter stays; otherwise the one from before comes back."""

        def __init__(self, kept: bool) -> None:
            super().__init__()
            self.kept = kept

    def __init__(self) -> None:
        super().__init__(id="filter-bar")
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        self.input = LineInput(placeholder='state:running config:local acc>0.9 not tag:old "two words"')
        self.said = Static(id="filter-said")
        yield Label(Content(" / "))
        yield self.input
        yield self.said

    def open(self, text: str) -> None:
        """Begin with this text."""
        self.display = True
        self.input.value = text
        self.input.cursor_position = len(text)
        self.input.focus()

    def count(self, shown: int, total: int) -> None:
        self.said.update(Content.styled(f" {shown:,} of {total:,} ", "dim"))

    def on_input_changed(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, self._read)

    def _read(self) -> bool:
        try:
            wanted = parse(self.input.value)
        except FilterError as error:
            self.said.update(Content.styled(f" {plain(error.message)} ", "$warning"))
            return False
        self.post_message(self.Typed(wanted))
        return True

    def on_input_submitted(self) -> None:
        self.action_leave(True)

    def action_leave(self, kept: bool) -> None:
        if self._pause is not None:
            self._pause.stop()
        if kept and not self._read():
            return
        self.display = False
        self.post_message(self.Closed(kept))
