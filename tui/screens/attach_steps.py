"""The test of a machine: each step ticks off live, questions are answered here, what fails says what to do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.attempts import ASKING, FAILED, OK, Attempt, Progress
from tui.plain import plain
from tui.screens.dialog import Dialog, Scrolling
from tui.screens.preferred import tick_of
from tui.widgets.question_box import QuestionBox
from tui.widgets.steps_list import StepsList

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from tui.attempts import Wanted

# What the form is to do after a test.
SAVE, SAVE_ANYWAY = "save", "save anyway"


class StepsScreen(Scrolling, Dialog[str]):
    """Gives SAVE or SAVE_ANYWAY when one `attaches` and wants that, OK when it went well otherwise; None else.

    The attempt is stopped when the screen goes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "done", show=False),
        Binding("r", "again", show=False),
        Binding("ctrl+s", "save", show=False),
        *Scrolling.MOVES,
    ]
    CSS_PATH = ["../styles/dialog.tcss", "../styles/attach.tcss"]  # noqa: RUF012 - as Textual declares it
    AUTO_FOCUS = ""

    def __init__(self, name: str, wanted: Wanted, where: str, *, attaches: bool = False) -> None:
        super().__init__()
        self.target = name
        self.wanted = wanted
        self.where = where
        self.attaches = attaches

    def compose(self) -> ComposeResult:
        self.attempt = self._new()
        self.steps = StepsList(self.app.glyphs)
        self.steps.can_focus = False
        self.box = QuestionBox()
        self.verdict = Static(id="verdict")
        with Vertical(classes="dialog testing") as box:
            box.border_title = Content(f"Test of {plain(self.target)}  {plain(self.wanted.machine.name)}")
            yield self.steps
            yield self.box
            yield self.verdict
        self.frame = box

    def on_mount(self) -> None:
        self.box.say_where(self.where)
        self._show(self.attempt.progress)
        self._begin()
        self.set_interval(tick_of(self.app.settings), self._tick)

    @property
    def reached(self) -> bool:
        """Whether the machine can be used as it was tried last."""
        return self.attempt.progress.state == OK

    def _new(self) -> Attempt:
        def changed(progress: Progress) -> None:
            # What a former attempt still says is not shown.
            if attempt is self.attempt:
                self._show(progress)

        attempt = Attempt(self.app.link, changed)
        return attempt

    def _begin(self) -> None:
        self.app.start(partial(self.attempt.run, self.wanted), group="attempt", description=f"testing {self.target}")

    # What is shown

    def _show(self, progress: Progress) -> None:
        self.steps.show(progress.steps, self.app.clock())
        self.box.ask(progress.question)
        if progress.question is None and self.focused is not None:
            # Keys are the screen's again.
            self.set_focus(None)
        self.verdict.update(self._verdict(progress))
        self.verdict.display = bool(str(self.verdict.content))
        self.frame.border_subtitle = Content(self._keys(progress))

    def _verdict(self, progress: Progress) -> Content:
        name = plain(self.target)
        if progress.trouble:
            return Content.styled(plain(progress.trouble), "$error")
        if progress.state == OK:
            warned = sum(step.state == "warning" for step in progress.steps)
            also = f", with {'a warning' if warned == 1 else f'{warned} warnings'}" if warned else ""
            return Content.styled(f"{name} can be used{also}.", "bold $success")
        if progress.state == FAILED:
            at = f" at: {plain(progress.at.title)}" if progress.at is not None else ""
            return Content.styled(f"It stopped{at}.", "bold $error")
        if progress.over:
            return Content.styled("It was stopped.", "dim")
        return Content("") if progress.steps else Content.styled("asking the engine", "dim")

    def _keys(self, progress: Progress) -> str:
        if not progress.over:
            return "esc stop" if progress.state != ASKING else ""
        if not self.attaches:
            return "r test again   esc close"
        way_on = "enter save" if progress.state == OK else "ctrl+s save anyway"
        return f"{way_on}   r test again   esc back to the form"

    def _tick(self) -> None:
        if self.app.screen is self and not self.attempt.progress.over:
            self.steps.tick(self.app.clock())

    def on_resize(self) -> None:
        self.call_after_refresh(self.steps.show_place)

    # Keys

    def on_question_box_answered(self, event: QuestionBox.Answered) -> None:
        answer = partial(self.attempt.answer, event.question, event.answer, event.keep)
        self.app.start(answer, group="answer", description="answering")

    @property
    def read(self) -> Widget:
        return self.steps

    def action_again(self) -> None:
        if self.attempt.progress.over:
            self.attempt = self._new()
            self._show(self.attempt.progress)
            self._begin()

    def action_done(self) -> None:
        if self.attempt.progress.over and not self.attaches:
            self._leave(OK if self.reached else None)
        elif self.reached:
            self._leave(SAVE)

    def action_save(self) -> None:
        if self.attaches and self.attempt.progress.over:
            self._leave(SAVE if self.reached else SAVE_ANYWAY)

    def action_close(self) -> None:
        from tui.screens.confirm import ConfirmScreen

        if not self.box.typed:
            self._leave(OK if self.reached and not self.attaches else None)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._leave(None)

        note = "The answer that was typed is not kept."
        self.app.push_screen(ConfirmScreen("Stop the test?", [self.target], note, "stop", "go on"), answered)

    def _leave(self, result: str | None) -> None:
        self.app.start(self.attempt.stop, group="attempt-stop", description="stopping the test")
        self.dismiss(result)
