"""A comparison as lines of a screen: what differs first, a cell a run. Without Textual."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.runs.comparison_files import file_words, first_words, parting_words
from engine.runs.figures import distance
from engine.runs.model import RESOURCE
from tui.wording import used

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.runs.comparing import Comparison, Row
    from engine.runs.figures import Metric
    from engine.runs.model import Series

TABS = ("Summary", "Environment", "Code", "Metrics")
SUMMARY, ENVIRONMENT, CODE, METRICS = range(4)
# What the tolerance is changed to, one after the other.
TOLERANCES = (1e-9, 1e-6, 1e-3, 1e-2, 0.0)
# Cells: a run's column has at least so many and at most so many, and between columns.
LEAST, LARGEST, GAP = 17, 60, 2
SIGN = 2
_LONGEST_VALUE = 60
# Of the two numbers where runs part, at least.
DIGITS = 3


@dataclass(frozen=True)
class Line:
    """`key` tells it from the others of its tab. `subject`: the path or the metric it is of. `minor`: less to the eye.

    `other` are the places of the runs whose cell differs from the baseline's.
    """

    key: str
    name: str
    cells: tuple[str, ...]
    differs: bool
    subject: str = ""
    minor: bool = False
    other: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Shape:
    """Cells of the name's column and of a run's, and which runs (by place) have one."""

    name: int
    cell: int
    places: tuple[int, ...]


def shape(width: int, names: Iterable[str], runs: int, current: int) -> Shape:
    """Share `width` cells; the baseline is always there, and the run at `current` beside it."""
    longest = max(map(len, names), default=8)
    name = max(8, min(longest, width // 4 if runs > 2 else width // 3))
    room = width - SIGN - name
    fit = max(2, min(runs, room // (LEAST + GAP)))
    cell = max(1, min(LARGEST, room // fit - GAP))
    # The current one is the last of them, or among the first.
    first = min(max(1, current - fit + 2), max(1, runs - fit + 1))
    return Shape(name, cell, (0, *range(first, min(runs, first + fit - 1))))


def counts(comparison: Comparison) -> tuple[int, int, int, int]:
    """How much differs, by tab."""
    return (
        sum(row.differs for row in comparison.summary),
        sum(row.differs for row in comparison.environment),
        sum(file.differs for file in comparison.files),
        sum(one.differs for one in comparison.metrics),
    )


def ordered(metrics: Sequence[Metric], before: Sequence[str]) -> list[Metric]:
    """In the order they had; those that are new behind. While runs go on, lines stay where one looks."""
    known = {name: place for place, name in enumerate(before)}
    return sorted(metrics, key=lambda one: known.get(one.name, len(known)))


def lines_of(comparison: Comparison, tab: int, *, only: bool, short: bool, order: Sequence[str] = ()) -> list[Line]:
    """The lines of a tab. `only`: what differs; `short`: of a metric its last values; `order`: of the metrics."""
    if tab == SUMMARY:
        found = [*_firsts(comparison), *(_line(row) for row in comparison.summary)]
    elif tab == ENVIRONMENT:
        found = [_line(row) for row in comparison.environment]
    elif tab == CODE:
        found = _files(comparison)
    else:
        found = [line for one in ordered(comparison.metrics, order) for line in _metric(one, comparison, short=short)]
    return [line for line in found if line.differs or not only]


def _others(cells: Sequence[str]) -> frozenset[int]:
    return frozenset(place for place, cell in enumerate(cells) if cell != cells[0])


def _line(row: Row) -> Line:
    return Line(row.name, row.name, row.cells, row.differs, other=_others(row.cells))


def _firsts(comparison: Comparison) -> list[Line]:
    if not any(comparison.firsts):
        return []
    cells = tuple(first_words(one, DIGITS) for one in comparison.firsts)
    metric = next(one.metric for one in comparison.firsts if one is not None)
    return [Line(" parts first", "parts first", cells, True, metric, other=_others(cells))]


def _files(comparison: Comparison) -> list[Line]:
    places = range(len(comparison.runs))
    lines = []
    if any(comparison.no_code):
        lines.append(Line(" no code", "no code", comparison.no_code, True))
    for file in comparison.files:
        cells = tuple(file_words(file.entries, place, comparison.no_code) for place in places)
        other = frozenset(place for place in places if place and cells[place] not in ("same", "not known"))
        lines.append(Line(f"file {file.path}", file.path, cells, file.differs, file.path, other=other))
    return lines


def _metric(one: Metric, comparison: Comparison, *, short: bool) -> list[Line]:
    key = f"metric {one.name}"
    if not any(series is not None and series.numeric for series in one.series):
        cells = tuple(_value(series) for series in one.series)
        return [Line(key, one.name, cells, one.differs, one.name, other=_others(cells))]
    last = tuple(_last(one, place) for place in range(len(one.series)))
    other = frozenset(
        place for place, series in enumerate(one.series) if _differ(one.series[0], series, comparison.tolerance)
    )
    lines = [Line(key, one.name, last, one.differs, one.name, other=other)]
    if short:
        return lines
    for name, get in (("min", "low"), ("max", "high"), ("values", "count")):
        cells = tuple("" if series is None else _figure(series, get) for series in one.series)
        lines.append(Line(f"{key} {name}", f"  {name}", cells, one.differs, one.name, True, _others(cells)))
    if any(one.partings):
        cells = tuple(parting_words(compared, DIGITS) for compared in one.partings)
        parted = frozenset(place for place, c in enumerate(one.partings) if c is not None and c.parting is not None)
        lines.append(Line(f"{key} parts", "  parts", cells, one.differs, one.name, True, parted))
    return lines


def _differ(first: Series | None, other: Series | None, tolerance: float) -> bool:
    if first is None or other is None or first.last is None or other.last is None:
        return first is not other
    return distance(first.last, other.last) > tolerance


def _last(one: Metric, place: int) -> str:
    series = one.series[place]
    if series is None:
        return ""
    change = one.change(place)
    return _figure(series, "last") + (f"  {change:+.1%}" if change else "")


def _figure(series: Series, which: str) -> str:
    """`which`: last, low, high or count."""
    value = getattr(series, which)
    if series.kind == RESOURCE and which != "count" and value is not None:
        return used(series.name, value)
    return number(value)


def _value(series: Series | None) -> str:
    if series is None:
        return ""
    times = f" ({series.count:,} times)" if series.count > 1 else ""
    return f"{json.dumps(series.value, ensure_ascii=False)[:_LONGEST_VALUE]}{times}"


def number(value: float | None) -> str:
    """A number as a column shows it: six significant digits; an integer as it is."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def default_name(labels: Sequence[str], kind: str) -> str:
    """What the file with a comparison is called when nobody says otherwise."""
    names = labels if len(labels) <= 3 else (labels[0], f"and-{len(labels) - 1}-more")
    safe = ("".join(char if char.isalnum() or char in "-_." else "_" for char in name) for name in names)
    return f"compare-{'-'.join(safe)}"[:100] + f".{kind}"
