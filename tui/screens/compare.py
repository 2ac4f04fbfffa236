"""Two runs and more beside each other, over the whole screen: summary, environment, code, metrics, live."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content

from engine.errors import AmlError
from engine.runs.comparing import Comparer
from tui import comparing
from tui.comparing import CODE, METRICS, SUMMARY, TABS, TOLERANCES
from tui.plain import plain
from tui.screens.compare_opening import Opening
from tui.screens.preferred import tick_of
from tui.widgets.bars import Bar
from tui.widgets.compare_table import CompareTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from engine.runs.comparing import Comparison
    from tui.app import ConsoleApp
    from tui.model import Change
    from tui.widgets.bars import Part
    from tui.widgets.line_list import LineList

COMPARE_KEYS: tuple[tuple[str, str, str], ...] = (
    ("tab,right_square_bracket", "tab(1)", "The next part: summary, environment, code, metrics"),
    ("shift+tab,left_square_bracket", "tab(-1)", "The part before"),
    ("1", "part(0)", "The summary"),
    ("2", "part(1)", "The environment"),
    ("3", "part(2)", "The code"),
    ("4", "part(3)", "The metrics"),
    ("enter", "open", "Open the line: its values in full, a file's diff, a metric's curves"),
    ("i", "values", "The values of the line in full"),
    ("left,h", "turn(-1)", "The run before"),
    ("right,l", "turn(1)", "The run behind; its diff is what enter opens"),
    ("b", "baseline", "Make this run the baseline"),
    ("d", "only", "Only what differs, or everything"),
    ("v", "short", "Of metrics only the last values, or least, greatest, number and where they part, too"),
    ("t", "tolerance", "By how much values may differ and still be the same"),
    ("w", "export", "Write the comparison into a file: Markdown, CSV or JSON"),
    ("escape,q", "leave", "Go back"),
)
# Remembered for the next time.
ONLY, SHORT, PART = "compare.only", "compare.short", "compare.part"


class CompareScreen(Opening):
    """Made with the ids of the runs, the baseline first."""

    AUTO_FOCUS = "CompareTable"
    CSS_PATH = ["../styles/app.tcss", "../styles/compare.tcss"]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(keys, action, show=False) for keys, action, _ in COMPARE_KEYS),
        Binding("question_mark,f1", "help", show=False),
        Binding("ctrl+q", "app.quit", show=False),
    ]
    app: ConsoleApp

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__()
        self.ids = list(ids)
        self.tolerance = TOLERANCES[0]
        self.part = SUMMARY
        self.only = True
        self.short = False
        self.comparison: Comparison | None = None
        self._order: list[str] = []
        # Where the cursor was in each part.
        self._cursors: dict[int, str] = {}
        self._reading = False
        self._again = False
        self._trouble = ""

    def compose(self) -> ComposeResult:
        self.comparer = Comparer(self.app.model.paths)
        self.header = Bar(id="compare-header")
        self.tabs = Bar(id="compare-tabs")
        self.table = CompareTable(self.app.glyphs, id="compare")
        self.keys_line = Bar(id="compare-keys")
        yield self.header
        yield self.tabs
        yield self.table
        yield self.keys_line

    def on_mount(self) -> None:
        recall = self.app.recall
        self.only = recall(ONLY, bool) is not False
        self.short = recall(SHORT, bool) is True
        part = recall(PART, int)
        self.part = part if part in range(len(TABS)) else SUMMARY
        self.app.model.listeners.append(self._news)
        self.set_interval(tick_of(self.app.settings), self._tick)
        self._show()
        self.read()

    def on_unmount(self) -> None:
        self.app.model.listeners.remove(self._news)

    # Reading

    def read(self) -> None:
        """Compare again, beside the keys; asked while it is done, once more afterwards."""
        self._again = True
        if not self._reading:
            self._reading = True
            self.app.start(self._read, group="compare", description="comparing the runs", opens=self.comparison is None)

    async def _read(self) -> None:
        try:
            while self._again and self.is_attached:
                self._again = False
                try:
                    compared = await asyncio.to_thread(self.comparer.read, tuple(self.ids), self.tolerance)
                except AmlError as error:
                    self._say_trouble(str(error))
                    continue
                self._trouble = ""
                if [run.id for run in compared.runs] == self.ids and compared.tolerance == self.tolerance:
                    self._take(compared)
        finally:
            self._reading = False

    def _say_trouble(self, text: str) -> None:
        if text != self._trouble:
            self._trouble = text
            self.app.tell(text, "error")
        if self.comparison is None and self.is_attached:
            self._show()

    def _take(self, compared: Comparison) -> None:
        before, self.comparison = self.comparison, compared
        if before is None or before.labels[0] != compared.labels[0] or before.tolerance != compared.tolerance:
            self._order = []
        self._order = [one.name for one in comparing.ordered(compared.metrics, self._order)]
        if self.is_attached and compared != before:
            self._show()

    def _news(self, change: Change) -> None:
        if change.order or not change.runs.isdisjoint(self.ids) or not change.series.isdisjoint(self.ids):
            self.read()

    def _tick(self) -> None:
        """Runs that go on log without a change in their row."""
        found = self.comparison
        if self.app.screen is self and found is not None and any(not run.state.ended for run in found.runs):
            self.read()

    # Showing

    def _show(self) -> None:
        self._show_tabs()
        self._show_table()
        self._show_keys()

    def _show_tabs(self) -> None:
        found = self.comparison
        names = [plain(label) for label in found.labels] if found is not None else []
        more = f" and {len(names) - 1} others" if len(names) > 2 else f" and {names[1]}" if names else ""
        left: list[Part] = [(" compare", "title"), (f"  {names[0] if names else ''}{more}", "")]
        words = ["only what differs" if self.only else "everything"]
        words.append("exact" if not self.tolerance else f"tolerance {self.tolerance:g}")
        self.header.say(left, [("  ".join(words) + " ", "dim")])
        counts = comparing.counts(found) if found is not None else (None,) * len(TABS)
        parts: list[Part] = []
        for place, (name, count) in enumerate(zip(TABS, counts, strict=True)):
            told = "" if count is None else f" {count:,}"
            parts += [(f" {place + 1} ", "key"), (f"{name}{told} ", "here" if place == self.part else "dim")]
        self.tabs.say(parts)

    def _show_table(self) -> None:
        found = self.comparison
        table = self.table
        if found is None:
            table.give((), (), (), self._trouble or "reading the runs")
            return
        lines = comparing.lines_of(found, self.part, only=self.only, short=self.short, order=self._order)
        table.give(found.runs, found.labels, lines, self._empty(found))
        table.border_title = Content(TABS[self.part])
        self._show_place()

    def _empty(self, found: Comparison) -> str:
        there = (found.summary, found.environment, found.files, found.metrics)[self.part]
        if there:
            return "nothing differs; d shows what is the same"
        return (
            "nothing to compare",
            "the runs were not resolved yet",
            "no code was taken along",
            "no run has logged anything",
        )[self.part]

    def _show_place(self) -> None:
        sideways = self.table.sideways()
        self.table.border_subtitle = Content(f"{sideways}: left, right" if sideways else "")

    def _show_keys(self) -> None:
        opens = {CODE: "diff", METRICS: "curves"}.get(self.part, "in full")
        parts = [("esc", "back"), ("?", "help"), ("enter", opens), ("d", "all" if self.only else "differences")]
        parts.append(("w", "write"))
        many = self.comparison is not None and len(self.comparison.runs) > 2
        parts += [("h l", "run"), ("b", "baseline")] if many else [("b", "turn round")]
        parts += [("v", "more" if self.short else "less")] if self.part == METRICS else []
        parts += [("t", "tolerance")] if self.part in (SUMMARY, METRICS) else []
        parts.append(("tab", "next part"))
        while len(parts) > 1 and sum(len(key) + len(label) + 2 for key, label in parts) > self.size.width:
            # What is left out is in the help.
            parts.pop()
        self.keys_line.say([part for key, label in parts for part in ((f" {key}", "key"), (f" {label}", "dim"))])

    def on_resize(self) -> None:
        self._show_keys()
        self._show_place()

    def on_compare_table_turned(self) -> None:
        self._show_place()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.action_open()

    # Keys

    def action_tab(self, by: int) -> None:
        self.action_part((self.part + by) % len(TABS))

    def action_part(self, part: int) -> None:
        if part == self.part:
            return
        if self.table.cursor is not None:
            self._cursors[self.part] = self.table.cursor
        self.part = part
        self.app.remember(PART, part)
        self._show()
        self.table.action_edge(-1)
        self.table.move_to(self._cursors.get(part, ""))

    def action_turn(self, by: int) -> None:
        self.table.turn(by)

    def action_baseline(self) -> None:
        place = self.table.current
        if self.comparison is not None and place < len(self.ids):
            self.ids = [self.ids[place], *self.ids[:place], *self.ids[place + 1 :]]
            self.table.go_to(1)
            self.read()

    def action_only(self) -> None:
        self.only = not self.only
        self.app.remember(ONLY, self.only)
        self._show()

    def action_short(self) -> None:
        self.short = not self.short
        self.app.remember(SHORT, self.short)
        self._show()

    def action_tolerance(self) -> None:
        self.tolerance = TOLERANCES[(TOLERANCES.index(self.tolerance) + 1) % len(TOLERANCES)]
        self._show_tabs()
        self.read()

    def action_export(self) -> None:
        from tui.screens.export import ExportScreen

        found = self.comparison
        if found is not None and not self.app.refuses("write"):
            self.app.push_screen(ExportScreen(found.labels, partial(self._written, found)))

    def _written(self, found: Comparison, kind: str) -> str:
        """The whole of it as a file has it. Blocking."""
        from engine.runs.comparison_files import written

        return written(found, self.comparer.diffs(found), kind)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        from tui.screens.help import sections_help
        from tui.widgets.chart_view import ChartView

        sections = (("Comparing runs", COMPARE_KEYS), ("In the curves", ChartView.KEYS))
        self.app.push_screen(sections_help(sections))
