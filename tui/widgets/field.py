"""A field of a form: its label, what it is filled in with, and below it what is wrong with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Label, Static

from tui.plain import plain

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget


class Field(Vertical):
    """`entry` is an Input, a Choice or a Tick."""

    def __init__(self, label: str, entry: Widget) -> None:
        super().__init__(classes="entry")
        self.label = label
        self.entry = entry
        self.reason = Static(classes="reason")
        self._said = ""

    def compose(self) -> ComposeResult:
        with Horizontal(classes="line"):
            yield Label(Content(self.label))
            yield self.entry
        yield self.reason

    def say(self, reason: str) -> None:
        """What is wrong with it; "" when nothing is."""
        if reason != self._said:
            self._said = reason
            self.set_class(bool(reason), "-wrong")
            self.reason.update(Content(plain(reason)))
