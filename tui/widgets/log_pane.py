"""A log on the screen: follows, holds still when one scrolls up, searches, filters, wraps; any size, any bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import Binding

from tui.log.ansi import pieces
from tui.log.times import WAYS
from tui.log.view import LogView
from tui.widgets.log_parting import Parting
from tui.widgets.log_searching import Searching
from tui.widgets.log_taking import Taking

if TYPE_CHECKING:
    from textual.binding import BindingType

# Columns that left and right move by.
PAN = 16


class LogPane(Searching, Parting, Taking):
    """`open_file` says which log. Keys are in `KEYS`, which the help shows too."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("up,k", "move(-1)", "A line up; stops following"),
        ("down,j", "move(1)", "A line down"),
        ("pageup,ctrl+b", "page(-1)", "A page up"),
        ("pagedown,ctrl+f", "page(1)", "A page down"),
        ("home,g", "start", "To the beginning"),
        ("end,G", "end", "To the end, and follow"),
        ("f", "follow", "Follow, or hold still"),
        ("slash", "search", "Search the whole log (a leading \\ makes it a regular expression)"),
        ("n", "step(1)", "Next match"),
        ("N", "step(-1)", "Previous match"),
        ("ampersand", "filter", "Show matching lines only"),
        ("e", "error(1)", "Next error"),
        ("E", "error(-1)", "Previous error"),
        ("t", "times", "When each line arrived: time of day, time since the run began, or not"),
        ("o", "streams", "What was written to stdout only, to stderr only, or both"),
        ("w", "wrap", "Wrap long lines, or not"),
        ("left", "pan(-1)", "Pan left"),
        ("right", "pan(1)", "Pan right"),
        ("v,V", "select", "Select lines: moving takes more of them"),
        ("y,enter", "copy_selected", "Copy what is selected"),
        ("Y", "copy", "Copy what is on the screen"),
        ("A", "copy_all", "Copy the whole log"),
        ("W", "save", "Save the whole log, or the stream that is shown, to a file"),
        ("vertical_line", "read_in_pager", "Read it in $PAGER"),
        ("escape", "quit_search", "Leave the selection, the search, then the pane"),
    )
    HINTS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("/", "search"),
        ("n", "next"),
        ("&", "lines"),
        ("e", "error"),
        ("t", "times"),
        ("v", "select"),
        ("f", "follow"),
        ("w", "wrap"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, action, show=False) for keys, action, _ in KEYS]

    def action_move(self, rows: int) -> None:
        height = max(1, self.lines.size.height)
        self.go(lambda view: view.move(rows, height))

    def action_page(self, way: int) -> None:
        height = max(2, self.lines.size.height)
        self.go(lambda view: view.move(way * (height - 1), height))

    def action_start(self) -> None:
        self.go(LogView.to_start)

    def action_end(self) -> None:
        self.go(LogView.to_end)

    def action_follow(self) -> None:
        self.go(lambda view: view.hold() if view.following else view.to_end())

    def action_wrap(self) -> None:
        self.lines.wrap = not self.lines.wrap
        self.lines.pan = 0
        self.lines.redraw()
        self.app.remember("log.wrap", self.lines.wrap)

    def action_times(self) -> None:
        if self.view is not None:
            self.in_turn(self._turn_times, "looking up when lines arrived")

    async def _turn_times(self) -> None:
        lines = self.lines
        if not await self.read(lambda view: any(one.count() for one in view.order.times)):
            self.app.tell("When the lines of this log arrived was not noted.")
            return
        ways = WAYS if self.began is not None else WAYS[:2]
        lines.times = ways[(ways.index(lines.times) + 1) % len(ways)] if lines.times in ways else ways[0]
        self.app.remember("log.times", lines.times or None)

        def turn(view: LogView) -> None:
            view.timed = bool(lines.times)

        await self.read(turn)
        lines.redraw()

    def action_pan(self, way: int) -> None:
        if self.lines.wrap:
            return
        widest = max((cell_len("".join(t for t, _ in pieces(row.data))) for row in self.lines.page.rows), default=0)
        most = max(0, widest - self.lines.size.width + self.lines.beside + PAN)
        self.lines.pan = min(max(0, self.lines.pan + way * PAN), most - most % PAN)
        self.lines.redraw()

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-3)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(3)

    def action_quit_search(self) -> None:
        if self.prompt.display:
            self.quit_prompt()
        elif not self.stop_seeking() and not self.leave_selection() and not self.leave_search():
            self.post_message(self.Left())
