"""A list whose lines can be marked, to do something to all of them. A line may stand for several things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from collections.abc import Iterable


class MarkedList(LineList):
    """`marks` are the keys of what is marked, also of what is not listed now."""

    @dataclass
    class Marked(Message):
        """The marks differ."""

        ids: frozenset[str]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.marks: frozenset[str] = frozenset()
        self._last_marked: str | None = None

    def members(self, key: str) -> tuple[str, ...]:
        """What a line stands for: itself, where nothing else is said."""
        return (key,)

    def within(self, key: str) -> tuple[str, ...]:
        """What a line of a range stands for that no other line does."""
        return self.members(key)

    def paint_marks(self, ids: Iterable[str]) -> None:
        """Draw the lines again on which these marks are seen."""
        self.paint(ids)

    def toggle_mark(self) -> None:
        if self.cursor is None:
            return
        some = frozenset(self.members(self.cursor))
        on = not some <= self.marks
        self._set_marks(self.marks | some if on else self.marks - some)
        self._last_marked = self.cursor if on else None
        self.action_step(1)

    def action_mark_step(self, by: int) -> None:
        """Mark the row under the cursor and the one it goes to."""
        before = self.cursor
        self.action_step(by)
        if before is not None and self.cursor is not None:
            self._set_marks(self.marks | {*self.within(before), *self.within(self.cursor)})
            self._last_marked = self.cursor

    def mark_to_here(self) -> int:
        """Mark from the row that was marked last to the cursor; how many runs that are. 0: none was marked last."""
        start = self._places.get(self._last_marked or "", -1)
        if start < 0 or self.cursor is None:
            return 0
        low, high = sorted((start, self.place))
        some = {run for key in self.keys[low : high + 1] for run in self.within(key)}
        self._set_marks(self.marks | some)
        self._last_marked = self.cursor
        return len(some)

    def mark_these(self, ids: Iterable[str]) -> None:
        """Mark these runs besides."""
        self._set_marks(self.marks | frozenset(ids))

    def invert(self, ids: Iterable[str]) -> None:
        """Of these runs, mark those that are not and no others."""
        self._set_marks(self.marks ^ frozenset(ids))

    def unmark(self) -> None:
        self._last_marked = None
        self._set_marks(frozenset())

    def keep_marks(self, existing: Iterable[str]) -> None:
        """Forget the marks of runs that are gone."""
        if self.marks:
            self._set_marks(self.marks & frozenset(existing))

    def _set_marks(self, marks: frozenset[str]) -> None:
        if marks != self.marks:
            differ = marks ^ self.marks
            self.marks = marks
            self.paint_marks(differ)
            self.post_message(self.Marked(marks))
