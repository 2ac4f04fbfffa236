"""Submit: a configuration, a script, its arguments and tags; what would be run is shown as one types."""

from __future__ import annotations

import shlex
import uuid
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from engine import masking
from engine.errors import AmlError
from engine.runs.forecast import lines as forecast_lines
from tui import requests
from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.choice import Choice
from tui.widgets.line_input import LineInput
from tui.widgets.plan_lines import PlanLines

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from engine.runs.request import RunRequest
    from tui.reading import ConfigView

# Resolving reads the project's files: not at every key.
PAUSE = 0.25


class SubmitScreen(Dialog[str]):
    """Gives the id of the new run. Stays open, with everything as typed, when the engine refuses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+s", "submit", show=False),
        Binding("ctrl+o", "edit_arguments", show=False),
        # Before the field sees it: what comes with it in one piece, over a slow line, is for the next one.
        Binding("tab", "next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("pageup", "scroll_plan(-1)", show=False),
        Binding("pagedown", "scroll_plan(1)", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - as Textual declares it

    def __init__(
        self, config: ConfigView, *, script: str, arguments: tuple[str, ...], rerun_of: str | None = None
    ) -> None:
        super().__init__()
        self.first = config
        self.script = script
        self.arguments = arguments
        self.rerun_of = rerun_of
        self._pause: Timer | None = None
        self._busy = False
        self._typed = False
        self._asked: tuple[object, ...] | None = None
        self._token = ""
        self._planned: tuple[object, ...] | None = None

    def compose(self) -> ComposeResult:
        usable = [c.name for c in self.app.model.project.configs if not c.problem]
        self.choice = Choice(usable, self.first.name, id="config")
        self.script_input = LineInput(self.script, placeholder="script, as train.py", id="script")
        self.arguments_input = LineInput(
            shlex.join(self.arguments), placeholder="as one types them on a shell", id="arguments"
        )
        self.tags_input = LineInput(placeholder="best owner=ann", id="tags")
        self.preview = Static(id="preview")
        with Vertical(classes="dialog submit") as box:
            box.border_title = Content("Submit again" if self.rerun_of else "Submit a run")
            box.border_subtitle = Content("enter submit   tab next   ctrl+o $EDITOR   pgdn plan   esc close")
            for label, widget in (
                ("Configuration", self.choice),
                ("Script", self.script_input),
                ("Arguments", self.arguments_input),
                ("Tags", self.tags_input),
            ):
                with Horizontal(classes="field"):
                    yield Label(Content(label))
                    yield widget
            yield self.preview
            with VerticalScroll(id="plan-box", can_focus=False) as self.plan_box:
                self.plan_lines = PlanLines(id="plan")
                yield self.plan_lines

    def on_mount(self) -> None:
        (self.script_input if not self.script else self.arguments_input).focus()
        self._check_soon()
        self.app.start(self._suggest, group="submit-scripts", description="looking for scripts")

    async def _suggest(self) -> None:
        folder = self.app.model.folder
        if folder is None:
            return
        found = await self.app.model.ask(requests.scripts, folder)
        self.script_input.suggester = SuggestFromList(found, case_sensitive=True)
        likely = requests.likely_script(found)
        if not self.script_input.value and likely:
            self.script_input.value = likely
            # As if it had been there when the field got the focus: typing replaces it.
            self.script_input.action_select_all()

    @property
    def config(self) -> ConfigView:
        return self.app.model.project.config(self.choice.chosen) or self.first

    def on_choice_changed(self) -> None:
        """Another configuration brings its own script and arguments, unless one has typed some already."""
        if not self._typed and not self.rerun_of:
            if self.config.script:
                self.script_input.value = self.config.script
            self.arguments_input.value = shlex.join(self.config.arguments)
        self._check_soon()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.has_focus:
            self._typed = True
        self._check_soon()

    def on_input_submitted(self) -> None:
        # A script that is there only in grey is completed first; one sees then what would run.
        if not (self.script_input.has_focus and self.script_input.take_suggestion()):
            self.action_submit()

    def action_next(self) -> None:
        if self.script_input.has_focus:
            self.script_input.take_suggestion()
        self.app.action_focus_next()

    def _check_soon(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, self._check)

    def _check(self) -> None:
        self.app.start(self._show_plan, group="submit-plan", description="checking the submission", exclusive=True)

    def _request(self) -> RunRequest:
        """What is asked for, from the fields. Blocking. Raises ValueError for quotes that are not closed."""
        fields = (
            self.config.name,
            self.script_input.value.strip(),
            requests.split_arguments(self.arguments_input.value),
            tuple(requests.split_tags(self.tags_input.value).items()),
        )
        if fields != self._asked:
            # Asking for the same again, after an answer that was lost, must not make a second run.
            self._asked, self._token = fields, uuid.uuid4().hex
        return requests.new_request(
            self.app.model.project.path,
            self.config,
            fields[1],
            fields[2],
            dict(fields[3]),
            token=self._token,
            rerun_of=self.rerun_of,
        )

    async def _show_plan(self) -> None:
        if self._busy:
            return
        try:
            plan = await self.app.model.ask(lambda: requests.plan_of(self._request()))
        except (AmlError, ValueError) as error:
            self._say_wrong(str(error))
            return
        command = masking.command([plan.interpreter, *plan.argv] if plan.interpreter else plan.argv)
        lines = [Content.assemble(("on ", "dim"), plain(plan.target), ("  runs ", "dim"), plain(command))]
        lines += [Content.styled(plain(notice), "$warning") for notice in plan.notices]
        self.preview.update(Content("\n").join(lines))
        await self._show_forecast()

    async def _show_forecast(self) -> None:
        """What it would meet, below. It takes as long as the project is large; meanwhile one types on."""
        request = await self.app.model.ask(self._request)
        asked = (request.config, request.script, request.arguments)
        if asked == self._planned:
            return
        start = self.app.start_engine and not self.app.options.readonly
        if self._planned is None:
            self.plan_lines.say("weighing the project")
        try:
            told = await self.app.link.plan(request, start=start)
        except (AmlError, OSError) as error:
            self._planned = None
            self.plan_lines.say(str(error))
            return
        self._planned = asked
        self.plan_lines.show(forecast_lines(told, self.app.clock()))

    def action_scroll_plan(self, way: int) -> None:
        self.plan_box.scroll_relative(y=way * max(1, self.plan_box.size.height - 1), animate=False)

    def action_edit_arguments(self) -> None:
        """The arguments in $EDITOR, a line each."""
        self.app.start(self._edit_arguments, group="submit-edit", description="editing arguments", exclusive=True)

    async def _edit_arguments(self) -> None:
        from tui.editor import edit_copy

        try:
            words = requests.split_arguments(self.arguments_input.value)
            lines = ["# An argument a line, in quotes as on a shell where it needs them.", *map(shlex.quote, words), ""]
            data = await edit_copy(self.app, "arguments.sh", "\n".join(lines).encode("utf-8", "surrogateescape"))
            if data is not None:
                text = data.decode("utf-8", "surrogateescape")
                self.arguments_input.value = shlex.join(shlex.split(text, comments=True))
                self._typed = True
        except ValueError as error:
            self._say_wrong(str(error))

    def _say_wrong(self, text: str) -> None:
        self._planned = None
        self.plan_lines.say("")
        self.preview.update(Content.styled(plain(text), "$error"))

    def action_submit(self) -> None:
        if not self._busy:
            self._busy = True
            self.preview.update(Content.styled("submitting", "$accent"))
            self.app.start(self._submit, group="submit", description="submitting")

    async def _submit(self) -> None:
        try:
            request = await self.app.model.ask(self._request)
            answer = await self.app.link.submit(request)
        except (AmlError, ValueError) as error:
            self._say_wrong(str(error))
            return
        finally:
            self._busy = False
        self.app.tell(f"{answer['name']} submitted")
        self.dismiss(str(answer["run_id"]))
