"""A metric as a chart: reduced to what the columns can show, then drawn with plotext. Blocking; called in a thread."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.store import StoreReader

# Longer series are read as the low and high of stretches.
WHOLE = 20_000
# The weight of what came before, when smoothed.
WEIGHT = 0.9
# plotext draws into one figure a process.
_FIGURE = threading.Lock()

Point = tuple[float, float]


@dataclass(frozen=True)
class ChartLook:
    """How to draw: `low` and `high` are the part of the x axis shown, from 0 to 1."""

    log: bool = False
    smooth: bool = False
    by_time: bool = False
    low: float = 0.0
    high: float = 1.0

    def zoomed(self, closer: bool) -> ChartLook:
        """Half or twice as much of the axis, keeping its end, where the news is."""
        from dataclasses import replace

        span = self.high - self.low
        span = max(span / 2, 1 / 1024) if closer else min(span * 2, 1.0)
        low = max(0.0, self.high - span)
        return replace(self, low=low, high=min(1.0, low + span))

    def panned(self, way: int) -> ChartLook:
        from dataclasses import replace

        span = self.high - self.low
        low = min(max(0.0, self.low + way * span / 4), 1.0 - span)
        return replace(self, low=low, high=low + span)


@dataclass(frozen=True)
class Curve:
    """Points in order of x, and how many values were NaN or infinite. `x` is the step, or seconds since the first."""

    points: tuple[Point, ...]
    not_finite: int
    count: int


def read_curve(store: StoreReader, run_id: str, name: str, count: int, *, by_time: bool) -> Curve:
    """The series' points; of a long one the low and high of each stretch, which look the same in a chart."""
    if count > WHOLE:
        rows = store.envelope(run_id, name)
        first = rows[0][1] if rows else 0.0
        points: list[Point] = []
        for step, at, low, high in rows:
            x = at - first if by_time else float(step)
            points += [(x, low), (x, high)] if low != high else [(x, low)]
        return Curve(tuple(points), 0, count)
    all_points = store.points(run_id, name)
    first = all_points[0][1] if all_points else 0.0
    placed = [(at - first if by_time else float(step), value) for step, at, value in all_points]
    finite = [point for point in placed if math.isfinite(point[1])]
    if not by_time:
        finite.sort(key=lambda point: point[0])
    return Curve(tuple(finite), len(all_points) - len(finite), len(all_points))


def shown_part(points: Sequence[Point], look: ChartLook) -> list[Point]:
    """The points within the part of the x axis that is looked at."""
    if not points or (look.low <= 0 and look.high >= 1):
        return list(points)
    first, last = points[0][0], points[-1][0]
    low, high = first + (last - first) * look.low, first + (last - first) * look.high
    return [point for point in points if low <= point[0] <= high]


def reduced(points: Sequence[Point], columns: int) -> list[Point]:
    """At most two points a column, its lowest and its highest in the order they came, so that no spike is lost."""
    if len(points) <= 2 * columns or columns < 1:
        return list(points)
    first, last = points[0][0], points[-1][0]
    span = (last - first) or 1.0
    found: list[Point] = []
    at = 0
    for column in range(columns):
        end = first + span * (column + 1) / columns
        begin = at
        while at < len(points) and (points[at][0] <= end or column == columns - 1):
            at += 1
        part = points[begin:at]
        if part:
            low = min(range(len(part)), key=lambda n: part[n][1])
            high = max(range(len(part)), key=lambda n: part[n][1])
            found += [part[n] for n in sorted({low, high})]
    return found


def smoothed(points: Sequence[Point]) -> list[Point]:
    """An exponential moving average that starts without a bias towards zero."""
    found: list[Point] = []
    total = weight = 0.0
    for x, y in points:
        total = total * WEIGHT + y * (1 - WEIGHT)
        weight = weight * WEIGHT + (1 - WEIGHT)
        found.append((x, total / weight))
    return found


def draw(curve: Curve, look: ChartLook, width: int, height: int, *, ascii: bool = False) -> list[bytes]:
    """The chart as lines with SGR colours, `width` cells wide; one line that says so when there is nothing to draw."""
    points = shown_part(curve.points, look)
    if look.log:
        points = [point for point in points if point[1] > 0]
    if not points or width < 20 or height < 5:
        return [b" nothing to draw here" + (b": no value is above zero" if look.log and curve.points else b"")]
    import plotext

    with _FIGURE:
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.plotsize(width, height)
        marker = "." if ascii else "braille"
        main = reduced(points, max(1, width - 10))
        plotext.plot(*_axes(main), marker=marker, color="gray" if look.smooth else "cyan")
        if look.smooth:
            plotext.plot(*_axes(reduced(smoothed(points), max(1, width - 10))), marker=marker, color="cyan")
        if look.log:
            plotext.yscale("log")
        plotext.xlabel("seconds" if look.by_time else "step")
        try:
            text: str = plotext.build()
        except (OverflowError, ValueError, ZeroDivisionError):
            return [b" these values are too far apart to be drawn"]
    if ascii:
        text = text.translate(_ASCII)
    return [line.encode("utf-8") for line in text.splitlines()]


_ASCII = str.maketrans("┌┐└┘─│├┤┬┴┼", "++++-|+++++")


def _axes(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
