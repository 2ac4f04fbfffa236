"""What was said so far, newest first, and all of the one under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.line_list import LineList, cut
from tui.wording import span

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.saying import Said

MARKS = {"information": (" ", ""), "warning": ("!", "warn"), "error": ("x", "bad")}


class MessageLines(LineList):
    """A message a line: how long ago, how bad, how it begins."""

    def __init__(self, clock: Callable[[], float], ellipsis: str) -> None:
        super().__init__(id="messages")
        self.clock = clock
        self.dots = ellipsis
        self.said: dict[str, Said] = {}

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(cut("  nothing was said yet", width, self.dots), self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        one = self.said[key]
        mark, ink = MARKS.get(one.severity, MARKS["information"])
        ago = f"{span(self.clock() - one.at):>6} ago "
        return [
            Segment(ago, self.ink("dim")),
            Segment(f"{mark} ", self.ink(ink)),
            Segment(cut(plain(one.text), max(0, width - len(ago) - 2), self.dots), self.ink(ink)),
        ]


class MessagesScreen(Dialog[None]):
    """Reads them; `y` copies the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", show=False),
        Binding("ctrl+d,space", "read(1)", show=False),
        Binding("ctrl+u", "read(-1)", show=False),
        Binding("q,enter,exclamation_mark", "close", show=False),
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/console.tcss"]  # noqa: RUF012 - as Textual declares it
    KEYS = (("y", "", "Copy the message"), ("space,ctrl+u", "", "Further in a long message, and back"))

    def compose(self) -> ComposeResult:
        self.lines = MessageLines(self.app.clock, self.app.glyphs.ellipsis)
        self.whole = Static(id="message")
        with Vertical(classes="dialog messages") as box:
            box.border_title = Content("Messages")
            box.border_subtitle = Content("y copy   space further   esc close")
            yield self.lines
            with VerticalScroll(id="whole") as read:
                read.can_focus = False
                yield self.whole

    def on_mount(self) -> None:
        self.app.said_listeners.append(self._show)
        self._show()
        self.lines.focus()
        if self.lines.keys:
            self.lines.move_to(self.lines.keys[0])

    def on_unmount(self) -> None:
        self.app.said_listeners.remove(self._show)

    def _show(self) -> None:
        self.lines.said = {str(one.number): one for one in reversed(self.app.said)}
        if tuple(self.lines.said) != tuple(self.lines.keys):
            self.lines.set_keys(self.lines.said)
        self._read()

    def on_line_list_moved(self) -> None:
        self._read()

    def _read(self) -> None:
        one = self.lines.said.get(self.lines.cursor or "")
        self.whole.update(whole(one) if one is not None else Content(""))
        self.query_one("#whole").scroll_home(animate=False)

    def action_read(self, way: int) -> None:
        box = self.query_one("#whole")
        box.scroll_relative(y=way * max(1, box.size.height - 1), animate=False)

    def action_copy(self) -> None:
        one = self.lines.said.get(self.lines.cursor or "")
        if one is not None:
            self.app.copy_text(one.text)


def whole(one: Said) -> Content:
    """All of a message; of an error what happened, where and what to do, each on its own."""
    if not one.what:
        return Content(one.text)
    parts = [("", one.what), ("where   ", one.where), ("to do   ", one.remedy)]
    return Content("\n").join([Content.assemble((name, "dim"), text) for name, text in parts if text])
