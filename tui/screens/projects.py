"""Which project: those with runs, the folder one is in, or a path. On a first start it shows what to do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine.errors import AmlError
from tui import wording
from tui.main import find_project
from tui.plain import plain
from tui.screens.dialog import Dialog
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType


def _folder(typed: str) -> Path:
    """The folder that was typed, or the project above it."""
    folder = Path(typed or ".").expanduser().absolute()
    return find_project(folder) or folder


class ProjectLines(LineList):
    """Projects with runs: name, path, how many runs and how long ago the newest."""

    def __init__(self, ellipsis: str) -> None:
        super().__init__(id="projects")
        self.dots = ellipsis
        self.rows: dict[str, tuple[str, str]] = {}

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment("  no project has runs yet", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        name, said = self.rows[key]
        room = max(0, width - 20 - len(said) - 3)
        return [
            Segment("  " + cut(plain(name), 18, self.dots), self.ink("")),
            Segment(cut(plain(key), room, self.dots) + "  " + said, self.ink("dim")),
        ]


class ProjectsScreen(Dialog[None]):
    """Opens the chosen project in the console, or makes one in the folder one is in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", show=False),
        Binding("ctrl+n", "create", show=False),
        Binding("ctrl+q", "app.quit", show=False),
    ]
    CSS_PATH = "../styles/dialog.tcss"

    def compose(self) -> ComposeResult:
        app = self.app
        self.lines = ProjectLines(app.glyphs.ellipsis)
        self.path = LineInput(
            str(app.options.folder or app.model.folder or ""), placeholder="path of a project folder", id="path"
        )
        self.said = Static(id="said")
        with Vertical(classes="dialog projects") as box:
            box.border_title = Content("Projects")
            box.border_subtitle = Content("enter open   tab list or path   ctrl+n make a project   esc close")
            yield Static(self._welcome(), id="welcome")
            yield self.lines
            yield Static(Content.styled("Folder", "dim"))
            yield self.path
            yield self.said

    def _welcome(self) -> Content:
        model = self.app.model
        here = self.app.options.folder or Path("~")
        said = model.project.missing or f"{here} has no aml_config folder, so it is not a project yet."
        if model.folder is not None and not model.project.missing:
            if model.project.targets or model.project.configs or not model.project.loaded:
                return Content("")
            said = f"{model.folder} has neither a compute target nor a run configuration yet."
        return Content.assemble(
            (plain(said), "$warning"),
            "\n\n",
            ("ctrl+n", "bold"),
            "  makes it one: targets and configurations of this machine and Docker, a train.py, an .amlignore.\n",
            ("enter ", "bold"),
            "  opens a project: choose one with the arrows, or type its folder below.\n",
        )

    def on_mount(self) -> None:
        self.app.start(self._read, group="projects", description="looking for projects")

    async def _read(self) -> None:
        now = self.app.clock()
        found = await self.app.model.projects()
        # Not in the thread that reads for the whole console: a folder of a machine that is away answers late or never.
        there = await asyncio.to_thread(lambda: {path for path, *_ in found if Path(path).is_dir()})
        # Those that are gone come last: the key that opens the first one is to open one.
        found = sorted(found, key=lambda one: one[0] not in there)
        self.lines.rows = {
            path: (
                name,
                f"{wording.count_of(count, 'run')}, {wording.span(now - newest)} ago"
                + ("" if path in there else ", folder gone"),
            )
            for path, name, count, newest in found
        }
        self.lines.set_keys(self.lines.rows)
        (self.lines if found else self.path).focus()

    def on_key(self, event: events.Key) -> None:
        """A path that one begins to type goes where paths are typed."""
        if event.character in ("/", "~") and self.lines.has_focus:
            event.stop()
            self.path.value = event.character
            self.path.cursor_position = 1
            # What is typed next goes behind it, and does not take its place.
            self.path.select_on_focus = False
            self.path.focus()

    def on_line_list_opened(self) -> None:
        self.action_choose()

    def on_input_submitted(self) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        chosen = self.path.value if self.path.has_focus else self.lines.cursor
        if chosen:
            self.app.start(
                lambda: self._open(chosen), group="projects", description="opening a project", exclusive=True
            )

    async def _open(self, chosen: str) -> None:
        folder = await self.app.model.ask(_folder, chosen)
        if not await self.app.model.ask(folder.is_dir):
            self._say(f"{folder}: there is no such folder.")
            return
        self.dismiss(None)
        await self.app.model.open(folder)
        if self.app.model.project.missing:
            self.app.open_projects()

    def action_create(self) -> None:
        if self.app.options.readonly:
            self._say("The console was opened read-only.")
        else:
            self.app.start(self._create, group="projects", description="making a project", exclusive=True)

    async def _create(self) -> None:
        from engine.project.create import create_project

        folder = await self.app.model.ask(_folder, self.path.value.strip())
        try:
            await self.app.model.ask(create_project, folder, folder.name)
        except (AmlError, OSError) as error:
            self._say(str(error))
            return
        self.app.tell(f"{folder.name} is a project now: s submits a script")
        self.dismiss(None)
        await self.app.model.open(folder)

    def _say(self, text: str) -> None:
        self.said.update(Content.styled(plain(text), "$error"))
