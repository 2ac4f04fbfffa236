"""Fields that are not typed: one of a few names, yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.binding import BindingType


class Choice(Widget, can_focus=True):
    """One of a few names, changed with left and right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", show=False),
        Binding("right,l,space", "turn(1)", show=False),
    ]

    class Changed(Message):
        """Another name is chosen."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, names: Sequence[str], chosen: str, *, id: str) -> None:
        super().__init__(id=id)
        self.names = names
        self.chosen = chosen

    def render(self) -> Content:
        if len(self.names) < 2:
            return Content(plain(self.chosen))
        place = self.names.index(self.chosen) + 1 if self.chosen in self.names else 0
        return Content.assemble(
            ("< ", "bold $primary"),
            (plain(self.chosen), "bold"),
            (" >", "bold $primary"),
            (f"  {place} of {len(self.names)}", "dim"),
        )

    def action_turn(self, by: int) -> None:
        place = self.names.index(self.chosen) if self.chosen in self.names else -1
        self.chosen = self.names[(place + by) % len(self.names)]
        self.refresh()
        self.post_message(self.Changed(self))


class Tick(Widget, can_focus=True):
    """Yes or no, changed with the space bar; `text` says what yes means."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "turn", show=False)]

    class Changed(Message):
        """It is the other way round now."""

        def __init__(self, tick: Tick) -> None:
            super().__init__()
            self.tick = tick

    def __init__(self, text: str, on: bool = False, *, id: str) -> None:
        super().__init__(id=id)
        self.text = text
        self.on = on

    def say(self, text: str, on: bool) -> None:
        """Show this instead."""
        self.text, self.on = text, on
        self.refresh(layout=True)

    def render(self) -> Content:
        return Content.assemble(("[x] " if self.on else "[ ] ", "bold $primary"), plain(self.text))

    def action_turn(self) -> None:
        self.on = not self.on
        self.refresh()
        self.post_message(self.Changed(self))
