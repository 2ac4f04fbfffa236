"""The run list: live, in groups or not, as wide as there is room. Ten thousand runs cost what the visible ones cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding
from textual.message import Message

from engine.runs.model import Run, State
from tui import columns, wording
from tui.columns import METRIC
from tui.glyphs import UNICODE, Glyphs, sparkline
from tui.plain import plain
from tui.widgets.group_head import GroupHead
from tui.widgets.line_list import cut, cut_middle, wrapped
from tui.widgets.marked_list import MarkedList
from tui.widgets.runs_layout import GAP, SPARK_WIDTH, STATE_WIDTH, VALUE_WIDTH, Cell, Layout, automatic, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual import events
    from textual.binding import BindingType

    from engine.runs.model import Series
    from tui.grouping import Group

INKS: dict[State, str] = {
    State.NOT_STARTED: "dim",
    State.QUEUED: "dim",
    State.PREPARING: "warn",
    State.STARTING: "warn",
    State.RUNNING: "accent",
    State.FINALIZING: "accent",
    State.CANCEL_REQUESTED: "warn",
    State.COMPLETED: "good",
    State.FAILED: "bad",
    State.CANCELED: "dim",
}
# The original's word does not fit in the column; the run's overview has it in full.
WORDS = {State.CANCEL_REQUESTED: "Canceling"}
_DIM = ("target", "script", "submitted", "commit", "branch", "user")


class RunsTable(MarkedList):
    """Rows are runs by id, and heads of groups. The screen gives it the runs and their series; it holds the marks."""

    HEAD = 1
    DEFAULT_CLASSES = "pane"
    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("shift+down", "mark_step(1)", "Mark the run and the next one"),
        ("shift+up", "mark_step(-1)", "Mark the run and the one before"),
        ("enter", "fold", "On the head of a group: fold or unfold it"),
        ("left", "fold_to_head", "Fold the group one is in"),
        ("right", "unfold", "Unfold the group"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, action, show=False) for keys, action, _ in KEYS]

    class Seen(Message):
        """Other rows are on the screen."""

    @dataclass
    class Folded(Message):
        """A group is to be folded or unfolded. `key`: its head's."""

        key: str
        folded: bool

    @dataclass
    class Ordered(Message):
        """The head of a column was clicked."""

        column: str

    def __init__(
        self,
        run: Callable[[str], Run | None],
        series: Callable[[str], tuple[Series, ...]],
        clock: Callable[[], float],
        glyphs: Glyphs = UNICODE,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.run_of = run
        self.series_of = series
        self.clock = clock
        self.glyphs = glyphs
        self.metrics: tuple[str, ...] = ()
        # None: nobody chose any.
        self.chosen: tuple[str, ...] | None = None
        # The column that orders the list ("": the newest first) and whether the largest come first.
        self.ordered: tuple[str, bool] = ("", False)
        self.heads: dict[str, Group] = {}
        self.empty_text = ""
        self.wrong = False
        self._head_of: dict[str, str] = {}
        self._group_head = GroupHead(run, series, glyphs)
        self._needs = (6, 6, 6)
        self._wide: dict[str, int] = {}
        self._layout: tuple[int, Layout] | None = None
        self._ages: dict[str, str] = {}

    # What it shows

    def measure(self, runs: Iterable[Run]) -> None:
        """Widen the columns for these runs. Columns never shrink while one looks at them."""
        name, config, target = self._needs
        wide = dict(self._wide)
        own = [column for column in self.chosen or () if column.startswith((columns.ARGUMENT, columns.TAG))]
        for run in runs:
            name = max(name, len(run.project_name) + max(4, len(str(run.number)) + 1))
            config = max(config, len(run.config))
            target = max(target, len(run.target))
            for column in own:
                wide[column] = max(wide.get(column, 0), len(columns.text(column, run, 0.0)))
        if self.chosen is not None:
            wide.update(config=config, target=target)
        if (name, config, target) != self._needs or wide != self._wide:
            self._needs, self._wide = (name, config, target), wide
            self._relayout()

    def say_empty(self, text: str, *, wrong: bool = False) -> None:
        """What stands in the place of the rows when there is none; `wrong`: it is something that went wrong."""
        if (text, wrong) != (self.empty_text, self.wrong):
            self.empty_text, self.wrong = text, wrong
            if not self.keys:
                self.refresh()

    def choose_metrics(self, names: tuple[str, ...]) -> None:
        """Show these metrics where no columns were chosen, in this order, as far as there is room."""
        if names != self.metrics:
            self.metrics = names
            self._relayout()

    def choose_columns(self, chosen: tuple[str, ...] | None) -> None:
        """Show these columns in this order; None: the usual ones, shared out for the width."""
        if chosen != self.chosen:
            self.chosen = chosen
            self._wide = {}
            self._relayout()

    def left_out(self, wanted: tuple[str, ...]) -> Sequence[str]:
        """Which of these columns would have no room now."""
        return chosen(self.scrollable_content_region.width, self._needs[0], wanted, self._wide).left_out

    def shown_metrics(self) -> tuple[str, ...]:
        """The metrics that have room now."""
        return tuple(name for name, _ in self.columns(self.scrollable_content_region.width).metrics)

    def say_order(self, column: str, descending: bool) -> None:
        """Which column the rows are ordered by; its head says so."""
        if (column, descending) != self.ordered:
            self.ordered = (column, descending)
            self.refresh()

    def set_groups(self, groups: Sequence[Group]) -> None:
        """Show runs in groups, those of a folded group not at all."""
        self.heads = {group.key: group for group in groups}
        self._head_of = {run: group.key for group in groups for run in group.runs}
        self.set_keys([key for group in groups for key in (group.key, *(() if group.folded else group.runs))])

    def set_runs(self, ids: Iterable[str]) -> None:
        """Show these runs, in no groups."""
        self.heads, self._head_of = {}, {}
        self.set_keys(ids)

    def paint_marks(self, ids: Iterable[str]) -> None:
        self.paint(ids)
        self.paint_heads(ids)

    def paint_heads(self, runs: Iterable[str]) -> None:
        """Draw the heads of these runs' groups again."""
        if self.heads:
            self.paint({self._head_of.get(run) for run in runs})

    def _relayout(self) -> None:
        self._layout = None
        self.refresh()

    # Groups

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that fold count only where there is something to fold; otherwise they are the screen's."""
        if action == "fold":
            return self.cursor in self.heads
        if action in ("fold_to_head", "unfold"):
            return bool(self.heads)
        return super().check_action(action, parameters)

    def action_fold(self) -> None:
        group = self.heads.get(self.cursor or "")
        if group is not None:
            self.post_message(self.Folded(group.key, not group.folded))

    def action_fold_to_head(self) -> None:
        head = self._head_of.get(self.cursor or "", self.cursor or "")
        if head in self.heads and not self.heads[head].folded:
            self.move_to(head)
            self.post_message(self.Folded(head, True))

    def action_unfold(self) -> None:
        group = self.heads.get(self.cursor or "")
        if group is not None and group.folded:
            self.post_message(self.Folded(group.key, False))

    def members(self, key: str) -> tuple[str, ...]:
        """The runs of this row: itself, or those of the group."""
        group = self.heads.get(key)
        return group.runs if group is not None else (key,)

    def within(self, key: str) -> tuple[str, ...]:
        """An unfolded group's runs have lines of their own."""
        group = self.heads.get(key)
        return () if group is not None and not group.folded else self.members(key)

    # Time and what is seen

    def tick(self) -> None:
        """Time passed: draw the rows whose age reads differently now, and no others."""
        now = self.clock()
        cells = self.columns(self.scrollable_content_region.width).cells
        timed = [cell.column for cell in cells if cell.column in columns.TIMED]
        ages = {}
        for key in self.seen():
            run = self.run_of(key)
            if run is not None:
                ages[key] = " ".join(columns.text(column, run, now) for column in timed)
        self.paint([key for key, shown in ages.items() if self._ages.get(key) != shown])
        self._ages = ages

    def seen_runs(self) -> list[str]:
        """The runs whose metrics are on the screen: those of the rows, and of the groups whose heads are."""
        return [run for key in self.seen() for run in self.members(key)]

    def set_keys(self, keys: Iterable[str]) -> None:
        super().set_keys(keys)
        self.post_message(self.Seen())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Seen())

    def on_resize(self) -> None:
        self.post_message(self.Seen())

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= self.HEAD:
            return
        cells = [Cell(columns.NAME, 0, 0), *self.columns(self.scrollable_content_region.width).cells]
        self.post_message(self.Ordered([cell.column for cell in cells if cell.at <= offset.x][-1]))

    # Drawing

    def columns(self, width: int) -> Layout:
        if self._layout is None or self._layout[0] != width:
            if self.chosen is None:
                shape = automatic(width, *self._needs, self.metrics)
            else:
                shape = chosen(width, self._needs[0], self.chosen, self._wide)
            self._layout = (width, shape)
        return self._layout[1]

    def draw_head(self, line: int, width: int) -> list[Segment]:
        shape = self.columns(width)
        parts = ["   ", self._titled(columns.NAME, "run", shape.name), GAP]
        for cell in shape.cells:
            title = plain(columns.title(cell.column))
            if columns.is_number(cell.column) and not cell.spark:
                parts.append(self._titled(cell.column, title, cell.width).rstrip().rjust(cell.width))
            else:
                parts.append(self._titled(cell.column, title, cell.width))
            parts.append(GAP)
        return [Segment("".join(parts), self.ink("head"))]

    def _titled(self, column: str, title: str, width: int) -> str:
        if column != self.ordered[0]:
            return cut(title, width, self.glyphs.ellipsis)
        sign = self.glyphs.down if self.ordered[1] else self.glyphs.up
        if len(title) + 2 <= width and title.isascii():
            return f"{title} {sign}".ljust(width)
        return cut(cut(title, width - 1, self.glyphs.ellipsis).rstrip() + sign, width, "")

    def draw_empty(self, width: int) -> list[Segment]:
        lines = wrapped(self.empty_text, width - 4)
        return [Segment("\n".join(f"   {line}" for line in lines), self.ink("bad" if self.wrong else "dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        if key in self.heads:
            return self._draw_group(key, width)
        run = self.run_of(key)
        if run is None:
            return []
        shape = self.columns(width)
        ink = self.ink(INKS[run.state])
        name = plain(run.name)
        digits = len(name) - name.rfind("-")
        sign = self.glyphs.marked if key in self.marks else self.glyphs.cursor if key == self.cursor else " "
        away = run.unreachable_since is not None and not run.state.ended
        segments = [
            Segment(sign, self.ink("mark")),
            Segment(self.glyphs.trouble if away else self.glyphs.states[run.state], self.ink("warn") if away else ink),
            Segment(" " + cut_middle(name, digits, shape.name, self.glyphs.ellipsis) + GAP, self.ink("")),
        ]
        end = shape.tail_at + shape.tail
        for cell in shape.cells:
            if cell.at < shape.tail_at:
                segments += self._cell(cell, run)
        segments += self._tail(run, shape)
        for cell in shape.cells:
            if cell.at >= end:
                segments += self._cell(cell, run)
        return segments

    def _draw_group(self, key: str, width: int) -> list[Segment]:
        metrics = self.columns(width).metrics
        metric = metrics[0][0] if metrics else None
        parts = self._group_head.parts(self.heads[key], width, self.marks, metric, key == self.cursor)
        return [Segment(text, self.ink(ink)) for ink, text in parts]

    def _cell(self, cell: Cell, run: Run) -> list[Segment]:
        if cell.column == "state":
            return [Segment(self._state(run) + GAP, self.ink(INKS[run.state]))]
        if cell.column.startswith(METRIC):
            return self._metric(cell, {one.name: one for one in self.series_of(run.id)})
        text = columns.text(cell.column, run, self.clock())
        if columns.is_number(cell.column):
            shown = cut(text, cell.width, self.glyphs.ellipsis).rstrip().rjust(cell.width)
        else:
            shown = cut(text, cell.width, self.glyphs.ellipsis)
        ink = "dim" if cell.column in _DIM else ""
        if cell.column == "reason":
            ink = "bad" if run.state is State.FAILED else "dim"
        elif cell.column == "tags" or cell.column.startswith(columns.TAG):
            ink = "mark"
        return [Segment(shown + GAP, self.ink(ink))]

    def _state(self, run: Run) -> str:
        word = WORDS.get(run.state, run.state.value)
        if run.state is State.FAILED:
            code = "" if run.exit_code is None else str(run.exit_code)
            if run.exit_signal:
                code = str(-run.exit_signal)
            return word + code.rjust(STATE_WIDTH - len(word))
        return word.ljust(STATE_WIDTH)

    def _tail(self, run: Run, shape: Layout) -> list[Segment]:
        if shape.tail <= 0:
            return []
        cells = [cell for cell in shape.cells if shape.tail_at <= cell.at < shape.tail_at + shape.tail]
        said = wording.outcome(run)
        series = {one.name: one for one in self.series_of(run.id)}
        known = any(cell.column[len(METRIC) :] in series for cell in cells)
        # A reason in words says more than numbers for a run that failed or waits.
        if said and (not known or run.state is not State.RUNNING):
            ink = "bad" if run.state is State.FAILED else "dim"
            return [Segment(cut(said, shape.tail, self.glyphs.ellipsis) + GAP, self.ink(ink))]
        return [segment for cell in cells for segment in self._metric(cell, series)]

    def _metric(self, cell: Cell, series: dict[str, Series]) -> list[Segment]:
        found = series.get(cell.column[len(METRIC) :])
        value = wording.number(found.last) if found is not None else ""
        if not cell.spark:
            return [Segment(f"{value:>{cell.width}}{GAP}", self.ink(""))]
        line = sparkline(found.spark, SPARK_WIDTH, self.glyphs.spark) if found is not None else ""
        return [
            Segment(f"{value:<{VALUE_WIDTH}} ", self.ink("")),
            Segment(f"{line:<{SPARK_WIDTH}}{GAP}", self.ink("accent")),
        ]
