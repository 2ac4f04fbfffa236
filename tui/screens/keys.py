"""A person's keys: choose an action, press the key. One that another action has is refused, and which one that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.actions import ACTIONS, BY_ID, shown_key
from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.settings import why_not
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import Input

    from tui.settings import Settings

KEYS_WIDE = 16


class KeyLines(LineList):
    """The actions with their keys; those that a person chose are marked."""

    can_focus = False

    def __init__(self, marked: str, ellipsis: str) -> None:
        super().__init__(id="actions")
        self.chosen: dict[str, tuple[str, ...]] = {}
        self.marked = marked
        self.dots = ellipsis

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment("  no action of that name", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        action = BY_ID[key]
        keys = " ".join(shown_key(one) for one in self.chosen.get(key, action.keys))
        return [
            Segment(f" {self.marked if key in self.chosen else ' '} ", self.ink("mark")),
            Segment(cut(keys, KEYS_WIDE, self.dots), self.ink("accent")),
            Segment(cut(action.description, max(0, width - KEYS_WIDE - 3), self.dots), self.ink("")),
        ]


class KeysScreen(Dialog[None]):
    """Every action of the table, found by typing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "step(1)", show=False, priority=True),
        Binding("up,ctrl+p", "step(-1)", show=False, priority=True),
        Binding("ctrl+a", "press(True)", show=False, priority=True),
        Binding("ctrl+r", "reset", show=False, priority=True),
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/console.tcss"]  # noqa: RUF012 - as Textual declares it

    def compose(self) -> ComposeResult:
        glyphs = self.app.glyphs
        self.lines = KeyLines(glyphs.marked, glyphs.ellipsis)
        with Vertical(classes="dialog settings palette") as box:
            box.border_title = Content("Keys")
            box.border_subtitle = Content("enter another key   ctrl+a one more   ctrl+r default   esc close")
            yield LineInput(placeholder="name of an action", id="wanted")
            yield self.lines

    def on_mount(self) -> None:
        self.app.settings_listeners.append(self._use)
        self.lines.chosen = dict(self.app.keys)
        self._match("")

    def on_unmount(self) -> None:
        self.app.settings_listeners.remove(self._use)

    def _use(self, settings: Settings) -> None:
        self.lines.chosen = dict(settings.keys)
        self.lines.refresh()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._match(event.value)

    def _match(self, typed: str) -> None:
        words = typed.casefold().split()
        self.lines.set_keys(
            [
                one.id
                for one in ACTIONS
                if all(word in f"{one.id} {one.label} {one.description} {one.group}".casefold() for word in words)
            ]
        )

    def action_step(self, by: int) -> None:
        self.lines.action_step(by)

    def on_input_submitted(self) -> None:
        self.action_press(False)

    def on_line_list_opened(self) -> None:
        self.action_press(False)

    def action_press(self, more: bool) -> None:
        """Ask for a key: instead of those it has, or beside them."""
        action = self.lines.cursor
        if action is None:
            return

        def pressed(key: str | None) -> None:
            if key is None:
                return
            have = self.lines.chosen.get(action, BY_ID[action].keys) if more else ()
            self._set(action, tuple(dict.fromkeys((*have, key))))

        self.app.push_screen(PressScreen(action), pressed)

    def action_reset(self) -> None:
        action = self.lines.cursor
        if action is None:
            return
        clashing = [
            f"{shown_key(key)}: {why}" for key in BY_ID[action].keys if (why := why_not(key, action, self.lines.chosen))
        ]
        if clashing:
            self.app.tell("; ".join(clashing), "warning")
        else:
            self._set(action, BY_ID[action].keys)

    def _set(self, action: str, keys: tuple[str, ...]) -> None:
        value = None if keys == BY_ID[action].keys else keys[0] if len(keys) == 1 else keys
        changes = {f"keys.{action}": value}
        self.app.start(lambda: self.app.change_settings(changes), group="settings", description="setting a key")


class PressScreen(Dialog[str]):
    """Gives the next key that is pressed; esc gives none."""

    CSS_PATH = ["../styles/dialog.tcss", "../styles/console.tcss"]  # noqa: RUF012 - as Textual declares it

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action = action

    def compose(self) -> ComposeResult:
        self.said = Static(Content.styled("Press the key.", "dim"), id="said")
        with Vertical(classes="dialog question-name") as box:
            box.border_title = Content(plain(BY_ID[self.action].description))
            box.border_subtitle = Content("esc close")
            yield self.said

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            return
        event.stop()
        event.prevent_default()
        why = why_not(event.key, self.action, self.app.keys)
        if why:
            self.said.update(Content.styled(f"{shown_key(event.key)}: {plain(why)}. Press another.", "$warning"))
        else:
            self.dismiss(event.key)
