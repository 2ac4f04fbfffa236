"""The plan of a submission: what it would meet now, asked of the engine; nothing is submitted by looking."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.errors import AmlError
from engine.runs.forecast import lines
from tui import wording
from tui.plain import plain
from tui.screens.dialog import Dialog, Scrolling
from tui.widgets.plan_lines import PlanLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from engine.runs.request import RunRequest


class PlanScreen(Scrolling, Dialog[None]):
    """`request` makes what would be submitted; blocking, called in a thread. `a` asks again, `y` copies."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Scrolling.MOVES,
        Binding("q,enter", "close", show=False),
        Binding("a", "ask", show=False),
        Binding("y", "copy", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"
    AUTO_FOCUS = ""

    def __init__(self, title: str, request: Callable[[], RunRequest]) -> None:
        super().__init__()
        self.heading = title
        self.request = request

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog plan", can_focus=False) as box:
            box.border_title = Content(plain(self.heading))
            box.border_subtitle = Content("a ask again   y copy   esc")
            yield Static(id="command")
            yield PlanLines(id="plan")

    @property
    def plan(self) -> PlanLines:
        return self.query_one("#plan", PlanLines)

    def on_mount(self) -> None:
        self.action_ask()

    def action_ask(self) -> None:
        self.plan.say("weighing the project")
        self.app.start(self._ask, group="plan", description="asking for the plan", exclusive=True)

    async def _ask(self) -> None:
        try:
            request = await self.app.model.ask(self.request)
            told = await self.app.link.plan(request, start=not self.app.options.readonly)
        except (AmlError, ValueError) as error:
            self.plan.say(str(error), "$error")
            return
        script = wording.command_line(told.argv[0], told.argv[1:]) if told.argv else ""
        notices = [Content.styled(plain(notice), "$warning") for notice in told.notices]
        head = Content.assemble(
            ("on ", "dim"), plain(told.target), ("  runs " if script.strip() else "", "dim"), script
        )
        self.query_one("#command", Static).update(Content("\n").join([head, *notices]))
        self.plan.show(lines(told, self.app.clock()))

    def action_copy(self) -> None:
        self.app.copy_text(self.plan.text)

    @property
    def read(self) -> Widget:
        return self.query_one(VerticalScroll)
