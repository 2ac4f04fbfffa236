"""What can be brought back, when it is more than one thing; and the question before runs are deleted."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine.runs.bin import KEPT_DAYS, disk_used
from tui import wording
from tui.plain import plain
from tui.screens.confirm import ConfirmScreen
from tui.screens.dialog import Dialog
from tui.undo import DeletedRuns
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.runs.model import Run
    from tui.undo import Undoable

AGO, LEFT, SIZE = 9, 9, 6


class DeleteScreen(ConfirmScreen):
    """Asks whether runs are to be deleted, and looks how much room they take meanwhile."""

    def __init__(self, runs: Sequence[Run], hit: Sequence[str], key: str) -> None:
        self.runs = runs
        self.undo_key = key
        question = f"Delete {wording.count_of(len(runs), 'run')}?"
        super().__init__(question, hit, self._note("..."), "delete", "keep")

    def on_mount(self) -> None:
        self.app.start(self._measure, group="measure", description="looking how much room the runs take")

    async def _measure(self) -> None:
        used = await asyncio.to_thread(disk_used, self.app.model.paths, [run.id for run in self.runs])
        if self.is_attached:
            self.query_one(".note", Static).update(Content(plain(self._note(f"{wording.size(used)}B"))))

    def _note(self, room: str) -> str:
        away = sorted({run.target for run in self.runs if run.target_type not in ("local", "docker")})
        there = f" here, and what {wording.listed(away)} has" if away else ""
        them = "it" if len(self.runs) == 1 else "them"
        return (
            f"Kept for {KEPT_DAYS} days, {room}{there}; {self.undo_key} brings {them} back."
            " Then history, log, metrics and outputs are removed for good."
        )


class UndoLines(LineList):
    """A line each: how long ago, what, how long it is kept, how much room it takes."""

    HEAD = 1

    def __init__(self, clock: Callable[[], float], ellipsis: str) -> None:
        super().__init__(id="bin")
        self.clock = clock
        self.dots = ellipsis
        self.things: dict[str, Undoable] = {}
        self.sizes: dict[str, int] = {}

    def give(self, things: Sequence[Undoable]) -> None:
        self.things = {one.key: one for one in things}
        self.set_keys(self.things)

    def measured(self, key: str, size: int) -> None:
        self.sizes[key] = size
        self.paint((key,))

    def _room(self, width: int) -> int:
        return max(0, width - 1 - AGO - 2 - LEFT - SIZE)

    def draw_head(self, line: int, width: int) -> list[Segment]:
        text = f" {'deleted':<{AGO}}  {cut('what', self._room(width), '')}{'kept for':>{LEFT}}{'size':>{SIZE}}"
        return [Segment(cut(text, width, ""), self.ink("head"))]

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(" nothing", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        one = self.things[key]
        ago = f"{wording.span(self.clock() - one.at)} ago"
        # Files that were removed are kept by the console, and only while it is there.
        left = wording.span(one.until - self.clock()) if isinstance(one, DeletedRuns) else "session"
        size = wording.size(self.sizes[key]) if key in self.sizes else ""
        return [
            Segment(f" {ago:<{AGO}}  ", self.ink("dim")),
            Segment(cut(plain(one.words), self._room(width), self.dots), self.ink("")),
            Segment(f"{left:>{LEFT}}{size:>{SIZE}}", self.ink("dim")),
        ]


class BinScreen(Dialog[str]):
    """Gives the key of what is to be brought back. `remove` is called to have runs removed for good."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", show=False),
        Binding("D,delete", "remove", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"

    def __init__(
        self, things: Sequence[Undoable], remove: Callable[[DeletedRuns, BinScreen], None], ellipsis: str
    ) -> None:
        super().__init__()
        self.things = things
        self.remove_now = remove
        self.dots = ellipsis

    def compose(self) -> ComposeResult:
        self.lines = UndoLines(self.app.clock, self.dots)
        with Vertical(classes="dialog bin") as box:
            box.border_title = Content("Bring back what was deleted")
            box.border_subtitle = Content("enter bring back   D remove for good   esc close")
            yield self.lines

    def on_mount(self) -> None:
        self.show(self.things)
        self.lines.focus()

    def show(self, things: Sequence[Undoable]) -> None:
        """These are there now."""
        self.lines.give(things)
        self.app.start(
            partial(self._measure, [one for one in things if isinstance(one, DeletedRuns)]),
            group="measure",
            description="looking how much room the runs take",
            exclusive=True,
        )

    async def _measure(self, things: Sequence[DeletedRuns]) -> None:
        for one in things:
            if one.key not in self.lines.sizes:
                used = await asyncio.to_thread(disk_used, self.app.model.paths, [run.id for run in one.runs])
                self.lines.measured(one.key, used)

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.dismiss(event.key)

    def action_choose(self) -> None:
        if self.lines.cursor is not None:
            self.dismiss(self.lines.cursor)

    def action_remove(self) -> None:
        one = self.lines.things.get(self.lines.cursor or "")
        if isinstance(one, DeletedRuns):
            self.remove_now(one, self)
