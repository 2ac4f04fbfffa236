"""The metrics of a run as lines: name, sparkline, last, lowest, highest, the last step, how many values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.segment import Segment

from tui.glyphs import sparkline
from tui.metric_order import HEADING, PINNED
from tui.plain import plain
from tui.widgets.line_list import LineList, cut
from tui.wording import count_of, metric_value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from engine.runs.model import Series
    from tui.glyphs import Glyphs

VALUE = 9
# Columns after the sparkline, as many as leave it so many cells.
_COLUMNS = (("last", "min", "max", "step", "values"), ("last", "min", "max"), ("last",))
SPARK = 12


class MetricsList(LineList):
    """One line a series; the resources under a heading of their own."""

    HEAD = 1

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="metrics-list")
        self.glyphs = glyphs
        self.series: Mapping[str, Series] = {}
        self.pinned: Collection[str] = ()
        self.chosen: Collection[str] = ()
        self.empty = ""

    def give(self, series: Mapping[str, Series], keys: Sequence[str]) -> None:
        """Show these, in this order; only lines that differ are painted."""
        before, self.series = self.series, series
        if tuple(keys) != tuple(self.keys):
            self.set_keys(keys)
            if self.cursor == HEADING:
                self._go(self.place)
            return
        self.paint(name for name in keys if before.get(name) != series.get(name))

    def _go(self, place: int) -> None:
        # The heading is passed over.
        if 0 <= place < len(self.keys) and self.keys[place] == HEADING:
            place += -1 if place < self.place and place > 0 else 1
        super()._go(place)

    def _widths(self, width: int) -> tuple[int, int, tuple[str, ...]]:
        """Cells of name and sparkline, and the columns after them."""
        longest = max((len(key) for key in self.keys if key != HEADING), default=0)
        name = min(max(longest, len("metric")) + 1, max(10, width // 3))
        rooms = [(width - name - VALUE * len(columns) - 4, columns) for columns in _COLUMNS]
        spark, columns = next((one for one in rooms if one[0] >= SPARK), rooms[-1])
        return name, max(4, spark), columns

    def draw_head(self, line: int, width: int) -> list[Segment]:
        if not self.keys:
            return []
        name, spark, columns = self._widths(width)
        text = f"   {cut('metric', name, '')}{'':{spark}} " + "".join(f"{one:>{VALUE}}" for one in columns)
        return [Segment(cut(text, width, ""), self.ink("head"))]

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(f" {self.empty}", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        if key == HEADING:
            words = " resources of the run's processes "
            return [Segment(cut(words + self.glyphs.rule * (width - len(words) - 1), width, ""), self.ink("head"))]
        one = self.series[key]
        name, spark, columns = self._widths(width)
        signs = (self.glyphs.marked if key in self.chosen else " ") + (PINNED if key in self.pinned else " ")
        parts = [Segment(signs, self.ink("mark"))]
        parts.append(Segment(f" {cut(plain(key), name, self.glyphs.ellipsis)}", self.ink("")))
        if one.last is None:
            said = f"{one.kind}, {count_of(one.count, 'time')}  {plain(short(one.value))}"
            return [*parts, Segment(cut(said, width - name - 3, self.glyphs.ellipsis), self.ink("dim"))]
        bars = sparkline(one.spark, spark, self.glyphs.spark)
        parts.append(Segment(f"{bars:<{spark}} ", self.ink("accent")))
        values = cells(one)
        parts.append(Segment(f"{values['last']:>{VALUE}}", self.ink("")))
        parts.append(Segment("".join(f"{values[column]:>{VALUE}}" for column in columns[1:]), self.ink("dim")))
        return parts


def cells(one: Series) -> dict[str, str]:
    """What is said of a series of numbers, by column."""
    return {
        "last": metric_value(one, one.last),
        "min": metric_value(one, one.low),
        "max": metric_value(one, one.high),
        "step": "" if one.last_step is None else f"{one.last_step:,}",
        "values": f"{one.count:,}",
    }


def short(value: Any) -> str:
    """The beginning of a logged value, for a line."""
    text = str(value)
    return text if len(text) <= 200 else text[:200]
