"""A build of an environment, live: how far it is, how long it takes, its log. Of one that has ended, how it went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui import wording
from tui.plain import plain, plain_lines
from tui.screens.preferred import tick_of
from tui.widgets.bars import Bar
from tui.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.runs.model import BuildRecord
    from tui.app import ConsoleApp
    from tui.environments import BuildView
    from tui.model import Change
    from tui.widgets.bars import Part

BUILD_KEYS: tuple[tuple[str, str, str], ...] = (
    ("c", "cancel", "Cancel the build"),
    ("escape,q", "leave", "Go back; the build goes on"),
)
# When the lines of a build arrived is not noted.
HINTS = tuple(hint for hint in LogPane.HINTS if hint[0] not in ("t", "v"))
# From this width on, there is room between the keys in the last line.
ROOM = 110
# Cells of the line that fills up with the steps.
STEPS = 20


class BuildScreen(Screen[None]):
    """Made with what is known of the build; the model's news keep it up to date."""

    AUTO_FOCUS = "LogLines"
    CSS_PATH = ["../styles/app.tcss", "../styles/run.tcss", "../styles/build.tcss"]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(keys, action, show=False) for keys, action, _ in BUILD_KEYS),
        Binding("question_mark,f1", "help", show=False),
        Binding("ctrl+q", "app.quit", show=False),
    ]
    app: ConsoleApp

    def __init__(self, view: BuildView) -> None:
        super().__init__()
        self.view = view
        self.build = view.record.id

    @property
    def record(self) -> BuildRecord:
        return self.view.record

    def compose(self) -> ComposeResult:
        self.head = Bar(id="build-head")
        self.steps = Bar(id="build-steps")
        self.words = Static(id="build-words")
        self.error = Static()
        self.log_pane = LogPane(self.app.glyphs, id="build-log")
        self.log_pane.add_class("pane")
        self.keys_line = Bar(id="build-keys")
        yield self.head
        yield self.steps
        yield self.words
        with VerticalScroll(id="build-error"):
            yield self.error
        yield self.log_pane
        yield self.keys_line

    def on_mount(self) -> None:
        self.app.model.listeners.append(self._news)
        self.log_pane.border_title = Content("Build log")
        self.log_pane.open_file(Path(self.record.log) if self.record.log else None, f"build-{plain(self.build)}.log")
        self._show()
        self.set_interval(tick_of(self.app.settings), self._tick)

    def on_unmount(self) -> None:
        self.app.model.listeners.remove(self._news)

    def _news(self, change: Change) -> None:
        if self.build in change.builds:
            self.view = self.app.model.builds[self.build]
            self._show()

    def _tick(self) -> None:
        if not self.record.over and self.app.screen is self:
            self._show_steps()

    # What is shown

    def _show(self) -> None:
        record = self.record
        names = plain(", ".join(self.view.configs)) or plain(record.fingerprint[:12])
        self.head.say([(" Environment", "title"), (f"  {names}", "")], [(f"on {plain(record.host)} ", "dim")])
        self._show_steps()
        self.words.update(Content(wording.step_words(record)))
        told = record.error if record.state == "failed" else ""
        self.error.update(Content(plain_lines(told.strip())))
        self.query_one("#build-error").set_class(bool(told), "-told")
        self.set_class(record.over, "-over")
        self.log_pane.say_complete(record.over)
        self.log_pane.say_empty("nothing was written" if record.over else "nothing written yet")
        self._show_keys()

    def _show_keys(self) -> None:
        off, gap = "off" if self._why_not() else "", " " if self.size.width >= ROOM else ""
        parts: list[Part] = [(" c", off or "key"), (f" cancel{gap}", off or "dim")]
        leave = "back" if self.record.over else "leave it going on"
        for key, label in (("esc", leave), ("?", "help"), *HINTS, ("W", "save")):
            parts += [(f" {key}", "key"), (f" {label}{gap}", "dim")]
        self.keys_line.say(parts)

    def on_resize(self) -> None:
        self._show_keys()

    def _show_steps(self) -> None:
        record, glyphs = self.record, self.app.glyphs
        ended = record.ended if record.ended is not None else self.app.clock()
        took = wording.span(ended - record.started)
        if record.over:
            ink = {"ready": "accent", "failed": "bad"}.get(record.state, "warn")
            at = f" at step {record.step} of {record.steps}" if record.steps and record.state != "ready" else ""
            image = f"   {wording.environment(record.image)}" if record.image else ""
            size = f", {wording.image_size(record.size)}" if record.size else ""
            reason = wording.build_reason(record) if record.state == "canceled" else ""
            why = f"   {reason}" if reason else ""
            self.steps.say([(f" {plain(record.state)}{at} after {took}", ink), (f"{image}{size}{why}", "")])
            return
        parts: list[Part] = [(" the first step" if not record.steps else f" step {record.step} of {record.steps}", "")]
        if record.steps:
            done = STEPS * max(0, record.step - 1) // record.steps
            parts += [("  " + glyphs.full * done, "accent"), (glyphs.rule * (STEPS - done), "dim")]
        parts.append((f"  {took}", ""))
        if record.estimate:
            usual = wording.span(record.estimate)
            over = ended - record.started > record.estimate
            parts.append((f", longer than the usual {usual}" if over else f" of about {usual}", "dim"))
        self.steps.say(parts)

    def on_log_pane_said(self, event: LogPane.Said) -> None:
        self.log_pane.border_subtitle = Content(event.text)

    # Keys

    def on_log_pane_left(self) -> None:
        self.action_leave()

    def action_leave(self) -> None:
        self.dismiss(None)

    def _why_not(self) -> str:
        """Why it cannot be canceled now."""
        if self.app.options.readonly:
            return "the console was opened read-only"
        return "it has ended" if self.record.over else ""

    def action_cancel(self) -> None:
        from tui.screens.confirm import ConfirmScreen

        reason = self._why_not()
        if reason:
            self.app.tell(f"cancel: {reason}", "warning")
            return
        names = ", ".join(self.view.configs) or self.record.fingerprint

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.start(self._cancel, group="cancel-build", description="cancelling the build")

        hit = [f"{names}  {wording.build_state(self.record, self.app.clock())}  on {self.record.host}"]
        note = "Steps that are done stay in Docker's cache: the next build goes on from there."
        self.app.push_screen(ConfirmScreen("Cancel the build?", hit, note, "cancel", "let it go on"), answered)

    async def _cancel(self) -> None:
        for why in (await self.app.link.stop_builds([self.build])).values():
            self.app.tell(f"cancel: {why}", "warning")
        self.app.model.changed([])

    def action_help(self) -> None:
        from tui.screens.help import sections_help

        sections = (("At a build of an environment", BUILD_KEYS), ("In the log", LogPane.KEYS))
        self.app.push_screen(sections_help(sections))
