"""Where the columns of the run list go. What nobody chose is shared out; what was chosen is shown as far as it fits."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui import columns
from tui.columns import METRIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STATE_WIDTH = 10
AGE_WIDTH = 5
VALUE_WIDTH = 7
SPARK_WIDTH = 5
COMMAND_LEAST = 10
# Two metrics, one of them with its sparkline, the other as wide as "accuracy": what the list keeps room for.
TAIL_LEAST = VALUE_WIDTH + 1 + SPARK_WIDTH + 2 + VALUE_WIDTH + 1
# A reason in fewer cells says nothing.
REASON_LEAST = 12
# These have use for any room that is left.
FLEXIBLE = ("script", "tags", "reason")
GAP = "  "
# Before the name: the mark, the state's sign, a blank.
SIGNS = 3


@dataclass(frozen=True)
class Cell:
    """A column on the screen. `at`: its first cell; `spark`: a metric with its sparkline."""

    column: str
    at: int
    width: int
    spark: bool = False


@dataclass(frozen=True)
class Layout:
    """The columns for one width. From the cell `tail_at` on, `tail` wide, a reason may stand in place of metrics.

    `left_out`: columns that were chosen and have no room.
    """

    name: int
    cells: tuple[Cell, ...]
    tail_at: int
    tail: int
    left_out: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[tuple[str, bool], ...]:
        return tuple((cell.column[len(METRIC) :], cell.spark) for cell in self.cells if cell.column.startswith(METRIC))

    def cell(self, column: str) -> Cell | None:
        return next((cell for cell in self.cells if cell.column == column), None)


def automatic(width: int, name: int, config: int, target: int, metrics: Sequence[str]) -> Layout:
    """Share `width` cells among the columns; `name`, `config`, `target` are what their longest values need."""
    name = min(max(name, 6), 18)
    config = min(max(config, 6), 14)
    target = min(max(target, 6), 12)
    fixed = SIGNS + name + 2 + STATE_WIDTH + 2 + AGE_WIDTH + 2
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
    wide = {"state": STATE_WIDTH, "config": config, "target": target, "script": command, "age": AGE_WIDTH}
    cells: list[Cell] = []
    at = SIGNS + name + 2
    for column in columns.AUTOMATIC:
        if wide[column]:
            cells.append(Cell(column, at, wide[column]))
            at += wide[column] + 2
    tail_at, left = at, tail
    for place, metric in enumerate(metrics):
        # The first two metrics have a sparkline when there is room; a value without one is still worth its place.
        spark = left >= VALUE_WIDTH + 1 + SPARK_WIDTH and (place == 0 or left >= VALUE_WIDTH * 2 + 3 + SPARK_WIDTH)
        needs = VALUE_WIDTH + (1 + SPARK_WIDTH if spark else 0)
        if left < needs:
            break
        cells.append(Cell(METRIC + metric, at, needs, spark))
        at += needs + 2
        left -= needs + 2
    if cells and cells[-1].column.startswith(METRIC) and not cells[-1].spark:
        # The last one needs no gap behind it: what is left is its name's.
        more = min(left + 2, len(cells[-1].column) - len(METRIC) - cells[-1].width)
        cells[-1] = dataclasses.replace(cells[-1], width=cells[-1].width + max(0, more))
    return Layout(name, tuple(cells), tail_at, tail)


def chosen(width: int, name: int, wanted: Sequence[str], needs: Mapping[str, int]) -> Layout:
    """The columns `wanted` in their order; `needs` is what the longest value of each takes, in cells."""
    name = min(max(name, 6), 18)
    left = width - SIGNS - name - 2
    widths: dict[str, int] = {}
    out: list[str] = []
    for column in wanted:
        least, _ = _bounds(column, needs)
        # The last one needs no gap behind it.
        if left >= least:
            widths[column] = least
            left -= least + 2
        else:
            out.append(column)
    left = max(0, left + 2)
    sparks = _share(widths, left, needs)
    cells: list[Cell] = []
    at = SIGNS + name + 2
    for column, wide in widths.items():
        cells.append(Cell(column, at, wide, column in sparks))
        at += wide + 2
    tail_at, tail = (width, 0) if "reason" in widths else _block(cells, width)
    return Layout(name, tuple(cells), tail_at, tail, tuple(out))


def _block(cells: Sequence[Cell], width: int) -> tuple[int, int]:
    """Where the first metrics that stand together begin, and how wide they are; nothing where that is too narrow."""
    block: list[Cell] = []
    for cell in cells:
        if cell.column.startswith(METRIC):
            block.append(cell)
        elif block:
            break
    if not block:
        return width, 0
    end = width if block[-1] is cells[-1] else block[-1].at + block[-1].width
    return (block[0].at, end - block[0].at) if end - block[0].at >= REASON_LEAST else (width, 0)


def _share(widths: dict[str, int], left: int, needs: Mapping[str, int]) -> set[str]:
    """Give what is left to those that have use for it, in `widths`; returns the metrics with a sparkline."""
    sparks: set[str] = set()
    for column in [name for name in widths if name.startswith(METRIC)][:2]:
        if left >= 1 + SPARK_WIDTH:
            sparks.add(column)
            widths[column] += 1 + SPARK_WIDTH
            left -= 1 + SPARK_WIDTH
    for column in FLEXIBLE:
        if column in widths:
            more = min(left, max(0, _bounds(column, needs)[1] - widths[column]))
            widths[column] += more
            left -= more
    return sparks


def _bounds(column: str, needs: Mapping[str, int]) -> tuple[int, int]:
    """The least and the most cells a column has, after what its values take."""
    if column.startswith(METRIC):
        return VALUE_WIDTH, VALUE_WIDTH
    least, most = columns.widths(column)
    wanted = max(needs.get(column, 0), len(columns.title(column)))
    if column in FLEXIBLE:
        return least, most
    least = max(least, min(most, wanted))
    return least, least
