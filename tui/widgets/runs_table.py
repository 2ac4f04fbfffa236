"""The run list: newest first, live, as wide as there is room for. Ten thousand runs cost what the visible ones cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.message import Message

from engine.runs.model import Run, State
from tui import wording
from tui.glyphs import UNICODE, Glyphs, sparkline
from tui.plain import plain
from tui.widgets.line_list import LineList, cut, cut_middle, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.runs.model import Series

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
STATE_WIDTH = 10
AGE_WIDTH = 5
VALUE_WIDTH = 7
SPARK_WIDTH = 5
COMMAND_LEAST = 11
# Two metrics, one of them with its sparkline: what the list keeps room for.
TAIL_LEAST = VALUE_WIDTH + 1 + SPARK_WIDTH + 2 + VALUE_WIDTH
GAP = "  "


@dataclass(frozen=True)
class Layout:
    """Where the columns go for one width. A width of 0 leaves the column out. `tail`: the metrics or the reason."""

    name: int
    config: int
    target: int
    command: int
    tail: int
    metrics: tuple[tuple[str, bool], ...]

    @property
    def age_at(self) -> int:
        """The cell where the age begins."""
        before = (3 + self.name, STATE_WIDTH, self.config, self.target, self.command)
        return sum(width + len(GAP) for width in before if width)


def layout(width: int, name: int, config: int, target: int, metrics: tuple[str, ...]) -> Layout:
    """Share `width` cells among the columns; `name`, `config`, `target` are what their longest values need."""
    name = min(max(name, 6), 18)
    config = min(max(config, 6), 14)
    target = min(max(target, 6), 12)
    fixed = 3 + name + 2 + STATE_WIDTH + 2 + AGE_WIDTH + 2
    room = width - fixed
    spare = room - COMMAND_LEAST - 2 - TAIL_LEAST
    if spare < target + 2:
        target = 0
    if spare < target + config + (4 if target else 2):
        config = 0
    room -= (config + 2 if config else 0) + (target + 2 if target else 0)
    # The command has what the metrics can spare, up to what is comfortable to read.
    command = min(max(COMMAND_LEAST, room - TAIL_LEAST - 2 - room // 6), 48, max(room - 2, 0))
    tail = max(0, room - command - 2)
    shown: list[tuple[str, bool]] = []
    left = tail
    for place, metric in enumerate(metrics):
        # The first two metrics have a sparkline when there is room; a value without one is still worth its place.
        spark = left >= VALUE_WIDTH + 1 + SPARK_WIDTH and (place == 0 or left >= VALUE_WIDTH * 2 + 3 + SPARK_WIDTH)
        needs = VALUE_WIDTH + (1 + SPARK_WIDTH if spark else 0)
        if left < needs:
            break
        shown.append((metric, spark))
        left -= needs + 2
    return Layout(name, config, target, command, tail, tuple(shown))


class RunsTable(LineList):
    """Rows are runs by id. The screen gives it the runs and their series; it holds the marks and the cursor."""

    HEAD = 1
    DEFAULT_CLASSES = "pane"

    @dataclass
    class Marked(Message):
        """The marks differ."""

        ids: frozenset[str]

    class Seen(Message):
        """Other rows are on the screen."""

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
        self.marks: frozenset[str] = frozenset()
        self.metrics: tuple[str, ...] = ()
        self.empty_text = ""
        self.wrong = False
        self._needs = (6, 6, 6)
        self._layout: tuple[int, Layout] | None = None
        self._ages: dict[str, str] = {}

    def measure(self, runs: Iterable[Run]) -> None:
        """Widen the columns for these runs. Columns never shrink while one looks at them."""
        name, config, target = self._needs
        for run in runs:
            name = max(name, len(run.project_name) + max(4, len(str(run.number)) + 1))
            config = max(config, len(run.config))
            target = max(target, len(run.target))
        if (name, config, target) != self._needs:
            self._needs = (name, config, target)
            self._relayout()

    def say_empty(self, text: str, *, wrong: bool = False) -> None:
        """What stands in the place of the rows when there is none; `wrong`: it is something that went wrong."""
        if (text, wrong) != (self.empty_text, self.wrong):
            self.empty_text, self.wrong = text, wrong
            if not self.keys:
                self.refresh()

    def choose_metrics(self, names: tuple[str, ...]) -> None:
        """Show these metrics, in this order, as far as there is room."""
        if names != self.metrics:
            self.metrics = names
            self._relayout()

    def _relayout(self) -> None:
        self._layout = None
        self.refresh()

    def toggle_mark(self) -> None:
        if self.cursor is None:
            return
        self._set_marks(self.marks ^ {self.cursor})
        self.action_step(1)

    def unmark(self) -> None:
        self._set_marks(frozenset())

    def keep_marks(self, existing: Iterable[str]) -> None:
        """Forget the marks of runs that are gone."""
        self._set_marks(self.marks & frozenset(existing))

    def _set_marks(self, marks: frozenset[str]) -> None:
        if marks != self.marks:
            differ = marks ^ self.marks
            self.marks = marks
            self.paint(differ)
            self.post_message(self.Marked(marks))

    def tick(self) -> None:
        """Time passed: draw the rows whose age reads differently now, and no others."""
        now = self.clock()
        ages = {}
        for key in self.seen():
            run = self.run_of(key)
            if run is not None and not run.state.ended:
                ages[key] = wording.age(run, now)
        self.paint([key for key, shown in ages.items() if self._ages.get(key) != shown])
        self._ages = ages

    # Which rows are seen

    def set_keys(self, keys: Iterable[str]) -> None:
        super().set_keys(keys)
        self.post_message(self.Seen())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Seen())

    def on_resize(self) -> None:
        self.post_message(self.Seen())

    # Drawing

    def columns(self, width: int) -> Layout:
        if self._layout is None or self._layout[0] != width:
            self._layout = (width, layout(width, *self._needs, self.metrics))
        return self._layout[1]

    def draw_head(self, line: int, width: int) -> list[Segment]:
        shape = self.columns(width)
        dots = self.glyphs.ellipsis
        parts = ["   ", cut("run", shape.name, dots), GAP, cut("state", STATE_WIDTH, dots), GAP]
        if shape.config:
            parts += [cut("config", shape.config, dots), GAP]
        if shape.target:
            parts += [cut("target", shape.target, dots), GAP]
        parts += [cut("script", shape.command, dots), GAP, "age".rjust(AGE_WIDTH), GAP]
        for metric, spark in shape.metrics:
            name = cut(plain(metric), VALUE_WIDTH + (1 + SPARK_WIDTH if spark else 0), dots)
            parts += [name if spark else name.rstrip().rjust(VALUE_WIDTH), GAP]
        return [Segment("".join(parts), self.ink("head"))]

    def draw_empty(self, width: int) -> list[Segment]:
        lines = wrapped(self.empty_text, width - 4)
        return [Segment("\n".join(f"   {line}" for line in lines), self.ink("bad" if self.wrong else "dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        run = self.run_of(key)
        if run is None:
            return []
        shape = self.columns(width)
        dots = self.glyphs.ellipsis
        base, dim, ink = self.ink(""), self.ink("dim"), self.ink(INKS[run.state])
        name = plain(run.name)
        digits = len(name) - name.rfind("-")
        sign = self.glyphs.marked if key in self.marks else self.glyphs.cursor if key == self.cursor else " "
        away = run.unreachable_since is not None and not run.state.ended
        segments = [
            Segment(sign, self.ink("mark")),
            Segment(self.glyphs.trouble if away else self.glyphs.states[run.state], self.ink("warn") if away else ink),
            Segment(" " + cut_middle(name, digits, shape.name, dots) + GAP, base),
            Segment(self._state(run) + GAP, ink),
        ]
        if shape.config:
            segments.append(Segment(cut(plain(run.config), shape.config, dots) + GAP, base))
        if shape.target:
            segments.append(Segment(cut(plain(run.target), shape.target, dots) + GAP, dim))
        command = cut(wording.command_line(run.script, run.arguments), shape.command, dots)
        segments.append(Segment(command + GAP, dim))
        segments.append(Segment(wording.age(run, self.clock()).rjust(AGE_WIDTH) + GAP, base))
        segments += self._tail(run, shape)
        return segments

    def _state(self, run: Run) -> str:
        word = WORDS.get(run.state, run.state.value)
        if run.state is State.FAILED:
            code = "" if run.exit_code is None else str(run.exit_code)
            if run.exit_signal:
                code = str(-run.exit_signal)
            return word + code.rjust(STATE_WIDTH - len(word))
        return word.ljust(STATE_WIDTH)

    def _tail(self, run: Run, shape: Layout) -> list[Segment]:
        said = wording.outcome(run)
        series = {s.name: s for s in self.series_of(run.id)}
        known = [name for name, _ in shape.metrics if name in series]
        # A reason in words says more than numbers for a run that failed or waits.
        if said and (not known or run.state is not State.RUNNING):
            ink = "bad" if run.state is State.FAILED else "dim"
            return [Segment(cut(said, shape.tail, self.glyphs.ellipsis), self.ink(ink))]
        segments: list[Segment] = []
        for name, spark in shape.metrics:
            found = series.get(name)
            value = wording.number(found.last) if found is not None else ""
            if spark:
                line = sparkline(found.spark, SPARK_WIDTH, self.glyphs.spark) if found is not None else ""
                segments.append(Segment(f"{value:<{VALUE_WIDTH}} ", self.ink("")))
                segments.append(Segment(f"{line:<{SPARK_WIDTH}}{GAP}", self.ink("accent")))
            else:
                segments.append(Segment(f"{value:>{VALUE_WIDTH}}{GAP}", self.ink("")))
        return segments
