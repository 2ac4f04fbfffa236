"""Points made into what a chart has room for: smoothed, cut at its edges, reduced to the extremes of each column."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.charts.curves import Point
    from tui.charts.look import Span


def smoothed(points: Sequence[Point], weight: float) -> list[Point]:
    """An exponential moving average that starts without a bias towards zero.

    `weight`, below 1: how much of each comes from those before. Of several at one x, their middle counts.
    """
    found: list[Point] = []
    total = mass = 0.0
    at = 0
    while at < len(points):
        x, y, step, when = points[at]
        end = at + 1
        while end < len(points) and points[end][0] == x:
            end += 1
        if end > at + 1:
            y = sum(point[1] / (end - at) for point in points[at:end])
        total = total * weight + y * (1 - weight)
        mass = mass * weight + (1 - weight)
        found.append((x, total / mass, step, when))
        at = end
    return found


def clipped(points: Sequence[Point], window: Span) -> list[Point]:
    """The points within the window; a line to one beyond it ends at its edge."""
    low, high = window
    found: list[Point] = []
    for n, point in enumerate(points):
        if low <= point[0] <= high:
            found.append(point)
        elif point[0] < low and n + 1 < len(points) and points[n + 1][0] > low:
            found.append(_between(point, points[n + 1], low))
            if points[n + 1][0] > high:
                found.append(_between(point, points[n + 1], high))
        elif point[0] > high and n and low <= points[n - 1][0] < high:
            found.append(_between(points[n - 1], point, high))
    return found


def _between(one: Point, other: Point, x: float) -> Point:
    share = (x - one[0]) / (other[0] - one[0])
    # Not the difference: it may be larger than the largest number there is.
    return (x, one[1] * (1 - share) + other[1] * share, one[2], one[3])


def reduced(points: Sequence[Point], columns: int, window: Span) -> list[Point]:
    """At most two points a column, its lowest and its highest in the order they came, so that no spike is lost."""
    if len(points) <= 2 * columns or columns < 1:
        return list(points)
    first, span = window[0], (window[1] - window[0]) or 1.0
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


def column_of(x: float, window: Span, columns: int) -> int:
    """The column, counted from 0, that shows this x."""
    span = window[1] - window[0]
    share = (x - window[0]) / span if span > 0 else 0.5
    return min(max(0, round(share * (columns - 1))), columns - 1)


# Ticks

_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round numbers from `low` to `high`."""
    span = high - low
    if not math.isfinite(span) or span <= 0 or most < 2:
        return [low]
    rough = span / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * one for one in (1, 2, 5, 10) if power * one >= rough * 0.999999), power * 10)
    return _multiples(low, high, step)


def time_ticks(low: float, high: float, most: int, offset: float = 0.0) -> list[float]:
    """The same for seconds: full minutes, hours, days. `offset`: seconds by which local time is ahead."""
    rough = (high - low) / max(1, most - 1)
    if rough <= 1:
        return ticks(low, high, most)
    step = next((float(one) for one in _SECONDS if one >= rough), 0.0)
    if not step:
        step = math.ceil(rough / 604800) * 604800.0
    return [at - offset for at in _multiples(low + offset, high + offset, step)]


def _multiples(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, min(last, first + 100) + 1)] or [low]


def tick_labels(values: Sequence[float]) -> list[str]:
    """Numbers with as many digits as tell them apart; a single one with those it has."""
    if len(values) == 1:
        return [f"{values[0] + 0.0:g}"]
    step = min((b - a for a, b in pairwise(values)), default=1.0)
    largest = max(map(abs, values), default=0.0)
    if largest >= 1e7 or (0 < largest < 1e-3):
        digits = max(0, min(6, round(math.log10(largest / step)) + 1)) if step > 0 else 2
        return [f"{value:.{digits}e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e") for value in values]
    digits = max(0, min(9, -math.floor(math.log10(step) + 1e-9))) if step > 0 else 3
    return [f"{value + 0.0:,.{digits}f}" for value in values]


def log_ticks(low: float, high: float, most: int) -> tuple[list[float], list[str]]:
    """Places and labels on an axis of powers of ten from 10**low to 10**high."""
    if high - low >= 1:
        places = [float(round(at)) for at in ticks(math.ceil(low), math.floor(high), most)]
        places = sorted(set(places))
        return places, [_power(at) for at in places]
    values = [at for at in ticks(10**low, 10**high, most) if at > 0]
    return [math.log10(at) for at in values], tick_labels(values)


def _power(at: float) -> str:
    return f"{10**at:g}" if -4 <= at <= 5 else f"1e{at:.0f}"
