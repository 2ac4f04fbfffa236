"""The console's application: its first frame, then its data, its line to the engine and its screens.

Nothing that the first frame does not need is imported before it is on the terminal.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.worker import Worker, WorkerState

from tui.first_frame import FirstFrame
from tui.saying import SayingApp
from tui.themes import BY_NAME, OURS, Look, suitable, without_colours

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from textual.binding import BindingType
    from textual.filter import LineFilter
    from textual.screen import Screen
    from textual.timer import Timer

    from engine.paths import Paths
    from tui.engine_link import EngineLink
    from tui.glyphs import Glyphs
    from tui.model import ConsoleModel
    from tui.remembered import Remembered
    from tui.settings import Settings

# By then the screen is up and everything that stays is made, seconds.
FREEZE_AFTER = 1.5
# What is to be remembered is written together, seconds after the last of it.
SAVE_AFTER = 1.0
# After something unforeseen, what must go on (reading, listening) begins again after this many seconds.
BEGIN_AGAIN = 2.0


@dataclass(frozen=True)
class Options:
    """How the console was started. `folder` is where one was, when no project was found there."""

    readonly: bool = False
    ascii: bool = False
    folder: Path | None = None


class ConsoleApp(SayingApp):
    """`run()` gives the line to print on leaving, or None.

    `paths` None: as the environment has them. `start_engine` False: none is started until something is asked.
    """

    TITLE = "aml-tui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    # Made when the first frame is on the terminal.
    model: ConsoleModel
    link: EngineLink
    glyphs: Glyphs
    remembered: Remembered

    def __init__(
        self,
        paths: Paths | None,
        project: Path | None,
        options: Options | None = None,
        *,
        clock: Callable[[], float] = time.time,
        start_engine: bool = True,
    ) -> None:
        super().__init__()
        self.start_engine = start_engine
        self.options = options or Options()
        self.clock = clock
        self.settings: Settings | None = None
        self.link_listeners: list[Callable[[], None]] = []
        self.settings_listeners: list[Callable[[Settings], None]] = []
        self._paths = paths
        self._project = project
        self._begun = False
        self._last_trouble = ""
        self._refused = ""
        self._saving: Timer | None = None
        for theme in OURS:
            self.register_theme(theme)
        self.suitable_look = suitable(os.environ, self.console.color_system)
        self.use_look(self.suitable_look)
        if self.options.ascii:
            self.add_class("-ascii")

    def use_look(self, look: Look) -> None:
        """Draw with this theme, or without colours."""
        self.look = look
        self.no_color = look.plain
        self.theme = look.theme

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return without_colours(filters) if self.look.plain else filters

    def get_default_screen(self) -> Screen[Any]:
        return FirstFrame(self._project.name if self._project else "", ascii=self.options.ascii)

    def on_mount(self) -> None:
        self.watch_terminal()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        from textual.scrollbar import ScrollBar, ScrollBarRender

        from engine.paths import current
        from tui.engine_link import EngineLink
        from tui.glyphs import ASCII, UNICODE
        from tui.model import ConsoleModel
        from tui.remembered import Remembered
        from tui.screens.main import MainScreen
        from tui.widgets.ascii_scrollbar import AsciiScrollBar

        self.glyphs = ASCII if self.options.ascii else UNICODE
        ScrollBar.renderer = AsciiScrollBar if self.options.ascii else ScrollBarRender
        self.model = ConsoleModel(self._paths or current(), self._project, self.clock)
        self.remembered = Remembered(self.model.paths.state / "console.json")
        self.link = EngineLink(self.model.paths, self.model.changed, self._link_moved, self._engine_needed)
        self._begun = True
        self.push_screen(MainScreen())
        self.start(self._read, group="history", description="reading the run history")
        self.start(lambda: self._always(self.link.follow), group="engine", description="listening to the engine")

    def _engine_needed(self) -> bool:
        """Runs that have not ended are followed by an engine; without one their states would only be what they were."""
        return self.start_engine and not self.options.readonly and bool(self.model.unfinished())

    async def _read(self) -> None:
        await self.model.ask(self.remembered.load)
        await self.use_settings()
        await self._once(self.model.load)
        self.set_timer(FREEZE_AFTER, self._freeze)
        if self.model.folder is None or self.model.project.missing:
            self.open_projects()
        await self._always(self.model.follow)

    async def use_settings(self) -> None:
        """Read the person's settings and use them; what is wrong in them is told."""
        from tui.settings import Settings, read_settings

        before = self.settings or Settings()
        self.settings = settings = await self.model.ask(read_settings, self.model.paths.config)
        if settings.theme != before.theme:
            self.use_look(BY_NAME.get(settings.theme or "", self.suitable_look))
        if settings.keys != before.keys:
            self.set_keymap({action: ",".join(keys) for action, keys in settings.keys.items()})
        for listener in list(self.settings_listeners):
            listener(settings)
        for problem in settings.problems:
            if problem not in before.problems:
                self.tell(problem, "warning")

    async def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Write to the person's settings (None: takes one out) and use them at once. Raises ProjectError."""
        from tui.settings_file import write_settings

        await self.model.ask(write_settings, self.model.paths.config, changes)
        await self.use_settings()

    @property
    def keys(self) -> dict[str, tuple[str, ...]]:
        """The keys that a person chose, by action."""
        return self.settings.keys if self.settings is not None else {}

    def missed_text(self) -> str:
        """Errors that went by unseen, and the key that shows them; "" when there are none."""
        if not self.missed:
            return ""
        from tui.actions import BY_ID, shown_key
        from tui.wording import count_of

        key = shown_key(self.keys.get("messages", BY_ID["messages"].keys)[0])
        return f"{count_of(self.missed, 'error')}: {key}"

    def recall(self, name: str, kind: type, *, everywhere: bool = False) -> Any:
        """What was remembered under this name for this project (or `everywhere`); None: nothing of this kind."""
        return self.remembered.get(self._where(everywhere), name, kind)

    def remember(self, name: str, value: Any, *, everywhere: bool = False) -> None:
        """Have this (anything JSON has) at the next start; None forgets it."""
        self.remembered.put(self._where(everywhere), name, value)
        if self._saving is not None:
            self._saving.stop()
        save = partial(self.model.ask, self.remembered.save)
        self._saving = self.set_timer(
            SAVE_AFTER, lambda: self.start(save, group="remember", description="remembering the layout")
        )

    def _where(self, everywhere: bool) -> str:
        return "" if everywhere or self.model.folder is None else str(self.model.folder)

    def _freeze(self) -> None:
        """Take what stays for good out of the garbage collector's rounds: a full one stops the keys for 40 ms."""
        import gc

        gc.collect()
        gc.freeze()

    async def _always(self, work: Callable[[], Awaitable[None]]) -> None:
        """What must go on: an unforeseen error is told, and the work begins again."""
        import asyncio

        while True:
            await self._once(work)
            await asyncio.sleep(BEGIN_AGAIN)

    async def _once(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            # The same trouble every two seconds is told once.
            if repr(error) != self._last_trouble:
                self._last_trouble = repr(error)
                self.tell_error(error)

    def open_projects(self) -> None:
        """Choose a project, or make one; what a first start shows."""
        from tui.screens.projects import ProjectsScreen

        if not isinstance(self.screen, ProjectsScreen):
            self.push_screen(ProjectsScreen())

    # Work that goes on beside the keys

    def start(
        self,
        work: Coroutine[Any, Any, Any] | Callable[[], Coroutine[Any, Any, Any]],
        *,
        group: str,
        description: str,
        exclusive: bool = False,
        opens: bool = False,
    ) -> Worker[Any]:
        """Do this beside the keys. What it raises becomes a message, never the end of the console.

        `exclusive` work of a group replaces what the group was doing; give a callable then, since work that was
        replaced before it began was never a coroutine. `opens`: keys typed behind this one are for what it opens.
        """

        async def begin() -> Any:
            return await (work() if callable(work) else work)

        worker = self.run_worker(
            begin, group=group, description=description, exclusive=exclusive, exit_on_error=False, name=description
        )
        if opens:
            self.opening.append(worker)
        return worker

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.tell_error(event.worker.error, event.worker.description)

    def _link_moved(self) -> None:
        from tui.engine_link import Link

        if self.link.state is Link.CONNECTED and self.link.trouble != self._refused:
            # The header has it for as long as it lasts.
            self._refused = self.link.trouble
            if self._refused:
                self.tell(self._refused, "error")
        for listener in list(self.link_listeners):
            listener()

    # What the terminal is told

    def refuses(self, doing: str) -> bool:
        """Whether this would change something, a file written included, and the console was opened read-only."""
        if self.options.readonly:
            self.tell(f"{doing}: the console was opened read-only", "warning")
        return self.options.readonly

    def copy_text(self, text: str) -> None:
        """To the clipboard, through tmux or screen when one is there; a file when it is too long for that."""
        from tui.clipboard import copy

        self.tell(copy(self, text, self.model.paths.cache))

    def tell_ended(self, text: str) -> None:
        """Something ended while one looks elsewhere: the bell, a desktop notice."""
        from tui.sequences import desktop_notice
        from tui.settings import Settings

        settings = self.settings or Settings()
        if settings.notice in ("bell", "both"):
            self.bell()
        notice = desktop_notice(text, settings.desktop, os.environ) if settings.notice in ("desktop", "both") else ""
        if notice and self._driver is not None and not self.is_headless:
            self._driver.write(notice)

    async def action_quit(self) -> None:
        """Leave; a screen that holds what is not saved yet asks first."""
        asking = [screen for screen in self.screen_stack if hasattr(screen, "ask_to_quit")]
        if asking:
            asking[-1].ask_to_quit()
        else:
            self.leave()

    def action_help_quit(self) -> None:
        """What ctrl+c does: hands that know no other way out learn it."""
        self.tell("q leaves the console; runs go on")

    def leave(self) -> None:
        """End the console and say what goes on without it."""
        from tui.wording import count_of

        going = self.model.unfinished() if self._begun else []
        line = ""
        if going:
            verb = "goes" if len(going) == 1 else "go"
            line = f"{count_of(len(going), 'run')} {verb} on. `aml-tui` shows them again, `aml history list` too."
        self.exit(line or None)

    async def on_unmount(self) -> None:
        if self._begun:
            await self.link.close()
            await self.model.ask(self.remembered.save)
            await self.model.close()
