"""The ports that are forwarded now, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.segment import Segment

from tui.plain import plain
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ForwardsList(LineList):
    """Keys are the forwards' ids, as the engine has them (`engine.forwards.Forward`)."""

    def __init__(self, ellipsis: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ellipsis = ellipsis
        self._known: dict[str, Mapping[str, Any]] = {}

    def show(self, forwards: Sequence[Mapping[str, Any]]) -> None:
        before, self._known = self._known, {str(one["id"]): one for one in forwards}
        if list(before) != list(self._known):
            self.set_keys(self._known)
        self.paint(key for key, one in self._known.items() if before.get(key) != one)

    @property
    def chosen(self) -> Mapping[str, Any] | None:
        """The one under the cursor."""
        return self._known.get(self.cursor) if self.cursor is not None else None

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(" no port is forwarded", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        one = self._known[key]
        trouble = plain(one["trouble"])
        state = trouble or f"{one['open']} open, {one['served']} so far"
        address = f" {plain(one['address'])}"
        whose = f"  port {one['port']} of {plain(one['run'])} on {plain(one['target'])}  "
        room = max(0, width - len(address) - len(whose))
        return [
            Segment(address, self.ink("accent")),
            Segment(whose, self.ink("")),
            Segment(cut(state, room, self._ellipsis), self.ink("warn" if trouble else "dim")),
        ]
