"""Any action by name. What cannot be done now is dim, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from tui.actions import ACTIONS, BY_ID, shown_key
from tui.screens.dialog import Dialog
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import Input

    from tui.actions import Situation


class ActionLines(LineList):
    """The actions that match, those that begin with what was typed first."""

    can_focus = False

    def __init__(self, now: Situation, keys: Mapping[str, tuple[str, ...]], ellipsis: str) -> None:
        super().__init__(id="actions")
        self.now = now
        self.shown_keys = keys
        self.dots = ellipsis

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment("  no action of that name", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        action = BY_ID[key]
        reason = action.reason(self.now)
        keys = " ".join(shown_key(k) for k in self.shown_keys.get(key, action.keys))
        said = action.description + (f": {reason}" if reason else "")
        ink = "dim" if reason else ""
        room = max(0, width - 14)
        return [Segment("  " + cut(said, room, self.dots), self.ink(ink)), Segment(f"{keys:>11} ", self.ink("dim"))]


class PaletteScreen(Dialog[str]):
    """Gives the id of the chosen action."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "step(1)", show=False, priority=True),
        Binding("up,ctrl+p", "step(-1)", show=False, priority=True),
    ]
    CSS_PATH = "../styles/dialog.tcss"

    def __init__(self, now: Situation, keys: Mapping[str, tuple[str, ...]], ellipsis: str) -> None:
        super().__init__()
        self.lines = ActionLines(now, keys, ellipsis)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog palette") as box:
            box.border_title = Content("Actions")
            yield LineInput(placeholder="name of an action", id="wanted")
            yield self.lines

    def on_mount(self) -> None:
        self._match("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._match(event.value)

    def on_input_submitted(self) -> None:
        if self.lines.cursor is not None:
            self.dismiss(self.lines.cursor)

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.dismiss(event.key)

    def _match(self, typed: str) -> None:
        words = typed.casefold().split()
        now = self.lines.now
        found = []
        for action in ACTIONS:
            text = f"{action.label} {action.description} {action.group}".casefold()
            if action.id in ("palette", "back") or not all(word in text for word in words):
                continue
            begins = bool(words) and action.label.casefold().startswith(words[0])
            found.append((not begins, bool(action.reason(now)), action.id))
        self.lines.set_keys([action_id for _, _, action_id in sorted(found, key=lambda item: item[:2])])
        if self.lines.keys:
            self.lines.move_to(self.lines.keys[0])

    def action_step(self, by: int) -> None:
        self.lines.action_step(by)
