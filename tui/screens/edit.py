"""A file of the project, edited: as a form with every documented key, and as text. One text is behind both."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.widgets import Input, Static

from engine.errors import ProjectError
from engine.project.check_text import CONFIGURATION, check_text, kind_of_file
from engine.project.documented import FILE
from tui import requests, wording
from tui.editing.document import Original
from tui.editing.rows import SECTION, Row, rows_of
from tui.plain import plain
from tui.screens.edit_form import FormChanges
from tui.screens.edit_keys import help_of_keys, hints
from tui.screens.edit_saving import LOOK, Saving
from tui.widgets.bars import Bar
from tui.widgets.form_lines import FormLines
from tui.widgets.problem_lines import ProblemLines
from tui.widgets.yaml_area import YamlArea

if TYPE_CHECKING:
    from pathlib import Path

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.widgets import TextArea

    from engine.project.problems import Problem
    from tui.model import Change
    from tui.secret import Secret
    from tui.widgets.line_list import LineList

# Checking reads the project: not at every key. Seconds.
PAUSE = 0.25
# What the last view is remembered as.
VIEW = "edit view"
FORM, TEXT = "form", "text"


class EditScreen(FormChanges, Saving):
    """One file over the whole screen. What is changed in one view is in the other; nothing is written but by saving."""

    AUTO_FOCUS = ""
    CSS_PATH = ["../styles/app.tcss", "../styles/edit.tcss"]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", show=False, priority=True),
        Binding("ctrl+t,f2", "other_view", show=False, priority=True),
        Binding("ctrl+o", "outside", show=False, priority=True),
        Binding("ctrl+n", "next_problem", show=False, priority=True),
        Binding("ctrl+r", "conflict", show=False, priority=True),
        Binding("f3", "reveal", show=False, priority=True),
        Binding("f1", "help", show=False, priority=True),
        Binding("escape", "back", show=False, priority=True),
        Binding("enter", "jump", show=False),
        Binding("tab", "step_out", show=False),
    ]

    def __init__(self, path: Path, file: str, data: bytes | None, *, kind: str = "", line: int = 0) -> None:
        """`data`: what is in the file, None: there is none yet. `line` (from 1): where to begin, in the text."""
        super().__init__()
        self.path = path
        self.file = file
        self.kind = kind or kind_of_file(file)
        self.seen = data
        self.original = Original(data or b"")
        self.typed: dict[str, Secret] = {}
        self.view = TEXT if line else FORM
        self.begin = line
        self.found: list[Problem] = []
        self.offered = {}
        self._pause: Timer | None = None
        self.rows = []
        self._jumped = False
        # Whether the text begins at what is wrong, once that is known: it cannot be shown as a form.
        self._to_problem = False

    def compose(self) -> ComposeResult:
        self.header = Bar(id="header")
        self.conflict_bar = Bar(id="conflict")
        self.lines = FormLines(self.app.glyphs, id="rows")
        self.area = YamlArea(self.original.text, read_only=self.readonly, id="text")
        self.hint = Static(id="hint")
        self.problem_lines = ProblemLines(self.app.glyphs, self.file, id="problems")
        self.keys_line = Bar(id="keys")
        yield self.header
        yield self.conflict_bar
        with Container(id="form"):
            yield self.lines
        yield self.area
        yield self.hint
        yield self.problem_lines
        yield self.keys_line

    def on_mount(self) -> None:
        names = tuple(target.name for target in self.app.model.project.targets)
        self.offered["targets"] = names
        if not self.begin and self.app.recall(VIEW, str) == TEXT:
            self.view = TEXT
        self.read_rows()
        if not self.rows:
            self.view = TEXT
        self._to_problem = not self.rows and not self.begin
        if self.begin:
            self.area.move_cursor((self.begin - 1, 0))
        self._show_view()
        self.check_soon()
        self.set_interval(LOOK, self.look)
        self.app.model.listeners.append(self._news)
        self.app.start(self.take_up, group="edit-draft", description="looking for what was not saved")
        self.app.start(self._look_around, group="edit-scripts", description="looking for scripts")

    async def on_unmount(self) -> None:
        # Beside that of `Saving`, which Textual calls as well.
        self.app.model.listeners.remove(self._news)

    def _news(self, change: Change) -> None:
        if change.builds:
            self.show_state()

    def _environment(self) -> str:
        """What there is of the environment of a run configuration, in a few words."""
        builds = self.app.model.builds_for(self.path.stem) if self.kind == CONFIGURATION else ()
        return f"  environment {wording.build_state(builds[0].record, self.app.clock())}" if builds else ""

    async def _look_around(self) -> None:
        folder = self.app.model.folder
        if folder is not None:
            self.offered["scripts"] = ("$file", *await self.app.model.ask(requests.scripts, folder))

    def on_resize(self) -> None:
        self._show_keys()

    def on_screen_resume(self) -> None:
        # A file that this one names may have been edited meanwhile.
        self.check_soon()
        self.look()

    def on_app_focus(self) -> None:
        self.look()

    # Form and text

    def action_other_view(self) -> None:
        if not self.settle():
            return
        if self.view == FORM:
            row = self.lines.row
            if row is not None and row.line:
                self.area.move_cursor((row.line - 1, 0))
        else:
            self.read_rows()
            self._cursor_to(self.area.cursor_location[0] + 1)
        self.view = TEXT if self.view == FORM else FORM
        self.app.remember(VIEW, self.view)
        self._show_view()

    def _cursor_to(self, line: int) -> None:
        """Put the form's cursor on the row of this line of the text, or the one before it."""
        before = [row for row in self.rows if 0 < row.line <= line and row.what != SECTION]
        if before:
            self.lines.move_to(max(before, key=lambda row: row.line).id)

    def _show_view(self) -> None:
        self.set_class(self.view == FORM, "-form")
        self.set_class(self.view == TEXT, "-text")
        (self.lines if self.view == FORM else self.area).focus()
        self.show_state()

    def read_rows(self) -> None:
        """The form anew from the text."""
        trouble = ""
        try:
            self.rows = rows_of(self.area.text, self.kind)
        except ProjectError as error:
            self.rows = []
            trouble = f"{error} The text (ctrl+t) is where to correct that."
        self.lines.show(self.rows, trouble)

    # Changes

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if self.view == FORM:
            self.read_rows()
        self.show_state()
        self.check_soon()

    # What is wrong

    def check_soon(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, self._check)

    def _check(self) -> None:
        self.app.start(self._check_now, group="edit-check", description=f"checking {self.file}", exclusive=True)

    async def _check_now(self) -> None:
        found = await self.problems_now()
        if not self.is_attached:
            return
        await self.keep_draft()
        if self.view == TEXT:
            # What the cursor is at is told by them; while the text is no YAML, as it was before.
            with suppress(ProjectError):
                self.rows = rows_of(self.area.text, self.kind)
        self._say_found(found)
        if self._to_problem:
            self._to_problem = False
            first = next((one for one in found if one.file == self.file and one.line), None)
            if first is not None and self.area.cursor_location == (0, 0):
                self.area.move_cursor((first.line - 1, max(0, first.column - 1)))

    async def problems_now(self) -> list[Problem]:
        folder = self.app.model.folder
        text = self.tentative() or self.area.text
        if folder is None:
            return []
        return await asyncio.to_thread(check_text, folder, self.file, self.kind, self.original.bytes_of(text))

    def _say_found(self, found: list[Problem]) -> None:
        if found != self.found:
            self.found = found
            self.problem_lines.show(found)
        own = [one for one in found if one.file == self.file and one.line]
        by_line = {one.line: one.severity for one in sorted(own, key=lambda one: one.severity == "error")}
        self.area.say_wrong({line - 1: severity for line, severity in by_line.items()})
        self.lines.say_wrong(by_line)
        self.show_state()

    def action_next_problem(self) -> None:
        if not self.found:
            self.app.tell("nothing is wrong")
            return
        if self._jumped:
            place = (self.problem_lines.place + 1) % len(self.found)
            self.problem_lines.move_to(self.problem_lines.keys[place])
        self._jumped = True
        self.action_jump()

    def action_jump(self) -> None:
        """Go where the problem under the cursor is."""
        problem = self.problem_lines.problem
        if problem is None:
            return
        if problem.file != self.file:
            self.app.start(
                partial(self.open_file, problem.file, line=problem.line),
                group="edit-open",
                description="opening",
                opens=True,
            )
            return
        row = next((one for one in self.rows if one.line == problem.line and one.what != SECTION), None)
        if self.view == FORM and row is not None:
            self.lines.move_to(row.id)
            self.lines.focus()
            return
        self.view = TEXT
        self.area.move_cursor((max(0, problem.line - 1), max(0, problem.column - 1)))
        self._show_view()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        if event.lines is self.problem_lines:
            self.action_jump()
        else:
            self.action_change()

    # What is shown

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        self._show_keys()
        self._show_hint()

    def on_text_area_selection_changed(self) -> None:
        self._show_hint()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if self.inline is not None and event.widget is not self.inline:
            self.settle()
        self._show_hint()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.check_soon()
        self._show_hint()

    def current_row(self) -> Row | None:
        """The row that the cursor is at, in either view."""
        if self.view == FORM:
            return self.lines.row
        line = self.area.cursor_location[0] + 1
        before = [row for row in self.rows if 0 < row.line <= line]
        return max(before, key=lambda row: row.line) if before else None

    def line_now(self) -> int:
        row = self.lines.row if self.view == FORM else None
        return row.line if row is not None else self.area.cursor_location[0] + 1

    def _show_hint(self) -> None:
        if not self.is_attached:
            return
        row = self.current_row()
        parts: list[Content] = []
        if row is not None:
            name = ".".join(row.key.path) or row.label
            parts.append(Content.assemble((plain(name), "bold $primary"), "  ", plain(row.key.text)))
        said = self.inline_wrong()
        if said:
            parts.append(Content.styled(plain(said), "$error"))
        elif row is not None and row.line:
            here = [one for one in self.found if one.file == self.file and one.line == row.line]
            inks = {"error": "$error", "warning": "$warning"}
            parts += [Content.styled(plain(f"{one.message} {one.remedy}"), inks[one.severity]) for one in here[:1]]
        if row is not None and row.key.effect:
            parts.append(Content.styled(plain(row.key.effect), "dim"))
        text = Content("\n").join(parts)
        if text != self.hint.content:
            self.hint.update(text)

    def show_state(self) -> None:
        if not self.is_attached:
            return
        errors = sum(one.severity == "error" for one in self.found)
        state = "read-only" if self.readonly else "changed" if self.changed else "new" if self.seen is None else ""
        left = [(" " + plain(self.file), "title"), (f"  {self.view}", "dim"), (f"  {state}", "warn")]
        left += [(text, "dim") for text in (self._environment(),) if text]
        told = f"{errors} error{'s' if errors != 1 else ''}" if errors else "no errors"
        self.header.say(left, [(told + " ", "bad" if errors else "dim")])
        self.conflict_bar.set_class(self.conflict, "-there")
        gone = "was removed from" if self.theirs is None else "was changed on"
        self.conflict_bar.say([(f" {self.app.glyphs.trouble} It {gone} disk meanwhile: ", "warn"), ("ctrl+r", "key")])
        self._show_keys()
        self._show_hint()

    def _show_keys(self) -> None:
        row = self.lines.row
        form = self.view == FORM
        keys = hints(form=form, typing=self.inline is not None, names=row is not None and row.key.kind == FILE)
        while len(keys) > 1 and sum(len(key) + len(label) + 3 for key, label in keys) > self.size.width:
            # What is left out is in the help.
            keys.pop()
        self.keys_line.say([part for key, label in keys for part in ((f" {key}", "key"), (f" {label} ", "dim"))])

    def action_reveal(self) -> None:
        on = not self.area.revealed
        self.area.reveal(on)
        self.lines.reveal(on)
        self.app.tell("secrets are shown" if on else "secrets are hidden")

    def action_help(self) -> None:
        from tui.screens.text import TextScreen

        self.app.push_screen(TextScreen("Keys", help_of_keys()))

    def action_step_out(self) -> None:
        """From the form to what is wrong, and back."""
        if self.inline is not None:
            self.leave_inline(take=True)
        elif self.lines.has_focus and self.found:
            self.problem_lines.focus()
        else:
            (self.lines if self.view == FORM else self.area).focus()

    def action_back(self) -> None:
        if self.inline is not None:
            self.leave_inline(take=False)
        elif self.problem_lines.has_focus:
            (self.lines if self.view == FORM else self.area).focus()
        else:
            self.action_leave()
