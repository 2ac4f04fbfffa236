"""Lines that came, lines that went: what git had not committed when a run was submitted, or a diff from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen

from engine.errors import NotFound
from tui.log.ansi import pieces
from tui.plain import plain
from tui.widgets.bars import Bar
from tui.widgets.log_lines import LogLines
from tui.widgets.log_pane import LogPane

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.paths import Paths
    from engine.runs.model import Run
    from tui.app import ConsoleApp

# How a line begins, and its ink; the first that fits counts.
INKS = (
    (("diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "similarity", "rename "), "dim"),
    (("@@",), "warn"),
    (("+",), "good"),
    (("-",), "bad"),
)


def diff_of(paths: Paths, run: Run) -> Path:
    """The file with the recorded diff, in the content store. Blocking. Raises NotFound, ProjectError."""
    from engine.project.snapshot import blob_path, load

    if not run.dirty:
        raise NotFound(f"{run.name} was submitted with everything committed, or outside git.")
    git = load(paths.snapshots, run.snapshot).git if run.snapshot else None
    if git is None or git.diff_sha256 is None:
        raise NotFound(
            f"no diff was recorded for {run.name}: only new files, or too many changes.",
            remedy="Its snapshot has the files as they were.",
        )
    file = blob_path(paths.blobs, git.diff_sha256)
    if not file.exists():
        raise NotFound(f"the diff of {run.name} is not kept any more.", where=str(file))
    return file


class DiffLines(LogLines):
    """Each line in the ink of its sign. Colours of its own would be those of a file that is no log."""

    TRACEBACKS = False

    def parsed(self, data: bytes) -> list[Segment]:
        text = "".join(part for part, _ in pieces(data.rstrip(b"\r").replace(b"\r", b" ")))
        ink = next((ink for starts, ink in INKS if text.startswith(starts)), "")
        return [Segment(text, self._ink(ink) if ink else None)]


class DiffPane(LogPane):
    """A diff is read from its beginning, and nothing more comes."""

    LINES = DiffLines
    HINTS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("/", "search"),
        ("n", "next"),
        ("&", "lines"),
        ("w", "wrap"),
        ("Y", "copy"),
        ("W", "save"),
    )


class DiffScreen(Screen[None]):
    """One diff over the whole screen; any size, read by offset as a log is. `title`: when it is not a run's own."""

    AUTO_FOCUS = "LogLines"
    CSS_PATH = ["../styles/app.tcss", "../styles/run.tcss"]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("question_mark,f1", "help", show=False),
        Binding("ctrl+q", "app.quit", show=False),
    ]
    app: ConsoleApp

    def __init__(self, run: Run, file: Path, title: str = "") -> None:
        super().__init__()
        self.heading = title or f"{plain(run.name)}  changes since {(run.commit or '')[:12]}"
        self.run = run
        self.file = file

    def compose(self) -> ComposeResult:
        self.pane = DiffPane(self.app.glyphs, id="diff")
        self.pane.add_class("pane")
        self.pane.border_title = Content(self.heading)
        self.keys_line = Bar(id="diff-keys")
        yield self.pane
        yield self.keys_line

    def on_mount(self) -> None:
        self.pane.say_empty("nothing")
        self.pane.say_complete(True)
        self.pane.open_file(self.file, f"{plain(self.run.name)}.diff", at_start=True)
        parts = [("esc", "back"), ("?", "help"), *DiffPane.HINTS]
        self.keys_line.say([part for key, label in parts for part in ((f" {key}", "key"), (f" {label} ", "dim"))])

    def on_log_pane_said(self, event: LogPane.Said) -> None:
        self.pane.border_subtitle = Content(event.text)

    def on_log_pane_left(self) -> None:
        self.action_leave()

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        from tui.screens.help import sections_help

        self.app.push_screen(sections_help((("In the diff", LogPane.KEYS),)))
