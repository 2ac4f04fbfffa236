"""The logs of several runs at once: side by side, each as it is in its run, or merged into one by arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen

from tui.glyphs import cycled
from tui.plain import plain
from tui.widgets.bars import Bar
from tui.widgets.line_list import cut_middle
from tui.widgets.log_pane import LogPane
from tui.widgets.run_log import RunLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.runs.model import Run
    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs
    from tui.model import Change
    from tui.widgets.bars import Part

FEWEST, MOST = 2, 8
LOGS_KEYS: tuple[tuple[str, str, str], ...] = (
    ("m", "merge", "Merge the logs into one by when their lines arrived, or show them side by side"),
    ("tab", "go(1)", "To the next log"),
    ("shift+tab", "go(-1)", "To the log before"),
    ("escape,q", "leave", "Go back"),
)
# A log beside others has at least so many columns, and a run's name before a line at most so many.
NARROWEST, LONGEST_NAME = 38, 16
# From this width on, there is room between the keys in the last line.
ROOM = 110


class MergedLog(LogPane):
    """Lines of all of them, each with its run."""

    def __init__(self, glyphs: Glyphs, runs: Sequence[Run], inks: Sequence[int], *, id: str) -> None:
        super().__init__(glyphs, id=id)
        self.shown = runs
        self.opened = False
        width = min(LONGEST_NAME, max(len(plain(run.name)) for run in runs))
        names = [cut_middle(plain(run.name), 4, width, glyphs.ellipsis) for run in runs]
        self.lines.runs = tuple((f"{glyphs.runs[ink]} {name}", ink) for name, ink in zip(names, inks, strict=True))
        self.began = min(run.started or run.created for run in runs)

    def open_once(self) -> None:
        """Not before somebody looks at it."""
        if not self.opened:
            self.opened = True
            self.open_files([self.app.model.paths.driver_log(run.id) for run in self.shown])


class LogsScreen(Screen[None]):
    """Made with two to eight runs; the model's news keep them up to date."""

    AUTO_FOCUS = "LogLines"
    CSS_PATH = ["../styles/app.tcss", "../styles/run.tcss", "../styles/logs.tcss"]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(keys, action, show=False) for keys, action, _ in LOGS_KEYS),
        Binding("question_mark,f1", "help", show=False),
        Binding("ctrl+q", "app.quit", show=False),
    ]
    app: ConsoleApp

    def __init__(self, runs: Sequence[Run]) -> None:
        super().__init__()
        self.runs = list(runs)
        self.inks = cycled([run.number for run in self.runs], MOST)
        self.merged = False
        self._titles = [""] * len(self.runs)

    def compose(self) -> ComposeResult:
        app = self.app
        self.head = Bar(id="logs-head")
        self.grid = Container(id="logs-grid")
        self.panes = [RunLog(app.model.paths, app.clock, app.glyphs, id=f"log-{n}") for n in range(len(self.runs))]
        self.one = MergedLog(app.glyphs, self.runs, self.inks, id="log-merged")
        self.keys_line = Bar(id="logs-keys")
        yield self.head
        with self.grid:
            for pane in self.panes:
                pane.add_class("pane")
                yield pane
        self.one.add_class("pane")
        self.one.border_title = Content("All by arrival")
        yield self.one
        yield self.keys_line

    def on_mount(self) -> None:
        self.app.model.listeners.append(self._news)
        for pane, run in zip(self.panes, self.runs, strict=True):
            pane.show(run)
        self._show(merged=bool(self.app.recall("logs.merged", bool)))

    def on_unmount(self) -> None:
        self.app.model.listeners.remove(self._news)

    def _news(self, change: Change) -> None:
        for place, run in enumerate(self.runs):
            now = self.app.model.runs.get(run.id)
            if run.id in change.runs and now is not None:
                self.runs[place] = now
                self.panes[place].show(now)
        self._say()

    def on_resize(self) -> None:
        # As many beside each other as have room, and as even as they can be.
        beside = min(len(self.panes), max(1, self.size.width // NARROWEST))
        rows = -(-len(self.panes) // beside)
        columns = -(-len(self.panes) // rows)
        self.grid.styles.grid_size_columns, self.grid.styles.grid_size_rows = columns, rows
        for pane in self.panes:
            pane.styles.column_span = 1
        self.panes[-1].styles.column_span = columns * rows - len(self.panes) + 1
        self._show_keys()

    def _show(self, *, merged: bool) -> None:
        self.merged = merged
        self.grid.display, self.one.display = not merged, merged
        if merged:
            self.one.open_once()
        self._say()
        self._show_keys()

    def _say(self) -> None:
        ended = all(run.state.ended for run in self.runs)
        self.one.say_complete(ended)
        self.one.say_empty("nothing printed" if ended else "nothing printed yet")
        titles = [
            f"{self.app.glyphs.runs[ink]} {plain(run.name)}  {run.state}"
            for run, ink in zip(self.runs, self.inks, strict=True)
        ]
        for pane, title, before in zip(self.panes, titles, self._titles, strict=True):
            if title != before:
                pane.border_title = Content(title)
        self._titles = titles
        going = sum(not run.state.ended for run in self.runs)
        how = "merged by arrival" if self.merged else "side by side"
        self.head.say(
            [(f" Logs of {len(self.runs)} runs", "title"), (f"  {how}", "")],
            [(f"{going} going on " if going else "all have ended ", "dim")],
        )

    def _show_keys(self) -> None:
        gap = " " if self.size.width >= ROOM else ""
        own = [("m", "side by side")] if self.merged else [("m", "merge"), ("tab", "next log")]
        parts: list[Part] = []
        room = self.size.width
        for key, label in (("esc", "back"), ("?", "help"), *own, *LogPane.HINTS):
            two = [(f" {key}", "key"), (f" {label}{gap}", "dim")]
            room -= sum(len(text) for text, _ in two)
            if room >= 0:
                parts += two
        self.keys_line.say(parts)

    def on_log_pane_said(self, event: LogPane.Said) -> None:
        event.log.border_subtitle = Content(event.text)

    # Keys

    def action_merge(self) -> None:
        self._show(merged=not self.merged)
        self.app.remember("logs.merged", self.merged)
        self._focus(self.one if self.merged else self.panes[0])

    def _focus(self, pane: LogPane) -> None:
        pane.lines.focus()

    def action_go(self, by: int) -> None:
        if self.merged:
            return
        at = next((place for place, pane in enumerate(self.panes) if pane.has_focus_within), 0)
        self._focus(self.panes[(at + by) % len(self.panes)])

    def on_log_pane_left(self) -> None:
        self.action_leave()

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        from tui.screens.help import sections_help

        sections = (("At the logs of several runs", LOGS_KEYS), ("In a log", LogPane.KEYS))
        self.app.push_screen(sections_help(sections))
