"""Where a comparison is written, and in which format."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Label, Static

from engine.runs.comparison_files import FORMATS, format_of
from tui.comparing import default_name
from tui.plain import plain
from tui.screens.confirm import ConfirmScreen
from tui.screens.dialog import Dialog
from tui.widgets.choice import Choice
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

WORDS = {"md": "Markdown", "csv": "CSV", "json": "JSON"}
EXPORT = "compare.export"


class ExportScreen(Dialog[str]):
    """Gives the file's name once it is written. `written` makes the text of a format; it blocks."""

    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "write", show=False),
        Binding("down,up", "app.focus_next", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"

    def __init__(self, labels: Sequence[str], written: Callable[[str], str]) -> None:
        super().__init__()
        self.labels = labels
        self.written = written

    def compose(self) -> ComposeResult:
        kind = self.app.recall(EXPORT, str, everywhere=True)
        kind = kind if kind in FORMATS else FORMATS[0]
        self.input = LineInput(default_name(self.labels, kind), id="name")
        self.kind = Choice([WORDS[one] for one in FORMATS], WORDS[kind], id="kind")
        self.said = Static(id="said")
        with Vertical(classes="dialog submit export") as box:
            box.border_title = Content("Write the comparison into a file")
            box.border_subtitle = Content("enter write   tab next field   esc close")
            for title, field in (("file", self.input), ("format", self.kind)):
                with Horizontal(classes="field"):
                    yield Label(title)
                    yield field
            yield self.said

    def on_mount(self) -> None:
        self.app.start(self._say_where, group="export", description="looking which folder one is in")

    async def _say_where(self) -> None:
        folder = await asyncio.to_thread(Path.cwd)
        self._say(f"In {folder}, unless a folder is named.", wrong=False)

    def on_choice_changed(self) -> None:
        """The name keeps to the format."""
        kind = next(one for one in FORMATS if WORDS[one] == self.kind.chosen)
        name = self.input.value
        stem = name.rpartition(".")[0] if format_of(name) else name
        self.input.value = f"{stem}.{kind}"
        self.input.cursor_position = len(stem)

    def on_input_changed(self) -> None:
        kind = format_of(self.input.value)
        if kind and WORDS[kind] != self.kind.chosen:
            self.kind.chosen = WORDS[kind]
            self.kind.refresh()

    def on_input_submitted(self) -> None:
        self.action_write()

    def action_write(self) -> None:
        name = self.input.value.strip()
        kind = format_of(name) or next(one for one in FORMATS if WORDS[one] == self.kind.chosen)
        if not name:
            self._say("Name a file.")
            return
        self._begin(name if format_of(name) else f"{name}.{kind}", kind, over=False)

    def _begin(self, file: str, kind: str, *, over: bool) -> None:
        work = partial(self._write, file, kind, over)
        self.app.start(work, group="export", description="writing the comparison", exclusive=True)

    async def _write(self, name: str, kind: str, over: bool) -> None:
        self._say("writing", wrong=False)
        try:
            file = await asyncio.to_thread(_put, name, self.written, kind, over)
        except FileExistsError:
            self._say("There is such a file.")
            self._ask(name, kind)
            return
        except OSError as error:
            self._say(f"It cannot be written: {error.strerror or error}.")
            return
        self.app.remember(EXPORT, kind, everywhere=True)
        self.app.tell(f"the comparison is in {file}")
        if self.is_attached:
            self.dismiss(str(file))

    def _ask(self, file: str, kind: str) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._begin(file, kind, over=True)

        if self.app.screen is self:
            note = "What is in it now is lost."
            self.app.push_screen(ConfirmScreen("Write over this file?", [file], note, "write", "keep"), answered)

    def _say(self, text: str, *, wrong: bool = True) -> None:
        if self.is_attached:
            self.said.update(Content.styled(plain(text), "$error" if wrong else "dim"))


def _put(name: str, written: Callable[[str], str], kind: str, over: bool) -> Path:
    """Write it; where it is then. Blocking. Raises OSError, FileExistsError unless it may be written `over`."""
    file = Path(name).expanduser().absolute()
    if not over and file.exists():
        raise FileExistsError(name)
    text = written(kind)
    with file.open("w" if over else "x", encoding="utf-8", newline="") as out:
        out.write(text)
    return file
