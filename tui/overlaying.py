"""A metric of several runs in one chart: each has a colour and a mark of its own. Blocking; called in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui import charting
from tui.charting import reduced, shown_part, smoothed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.charting import ChartLook, Curve, Point

# plotext's names of the colours, and the numbers they become; without colour the marks tell the curves apart.
COLOURS = (
    ("cyan", 6),
    ("orange", 3),
    ("green", 2),
    ("magenta", 5),
    ("red", 1),
    ("blue", 4),
    ("white", 15),
    ("gray", 8),
)
MARKS = ("braille", "+", "o", "x", "*", "#", "@", "%")
ASCII_MARKS = (".", *MARKS[1:])
# What a legend shows for a curve of dots.
DOTS = "⠒⠒"
_FRAME = str.maketrans("┌┐└┘─│├┤┬┴┼", "++++-|+++++")


@dataclass(frozen=True)
class Overlaid:
    """A run's curve by the place that the run has; None where it has not logged the metric."""

    place: int
    label: str
    curve: Curve | None


def mark_of(place: int, *, ascii: bool) -> str:
    """The mark of the run at this place, as the legend shows it."""
    mark = (ASCII_MARKS if ascii else MARKS)[place % len(MARKS)]
    return DOTS if mark == "braille" else mark * 2


def draw(curves: Sequence[Overlaid], look: ChartLook, width: int, height: int, *, ascii: bool = False) -> list[bytes]:
    """The chart as lines with SGR colours; one line that says so when there is nothing to draw.

    The part of the x axis that `look` shows is the same for all: that of the longest.
    """
    whole = [one for one in curves if one.curve is not None and one.curve.points]
    ends = [(one.curve.points[0][0], one.curve.points[-1][0]) for one in whole if one.curve is not None]
    low, high = min((a for a, _ in ends), default=0.0), max((b for _, b in ends), default=0.0)
    shown: list[tuple[int, list[Point]]] = []
    for one in whole:
        points = _part(one.curve.points if one.curve is not None else (), look, low, high)
        if look.smooth:
            points = smoothed(points)
        if look.log:
            points = [point for point in points if point[1] > 0]
        if points:
            shown.append((one.place, points))
    if not shown or width < 20 or height < 5:
        return [b" nothing to draw here" + (b": no value is above zero" if look.log and whole else b"")]
    import plotext

    marks = ASCII_MARKS if ascii else MARKS
    with charting._FIGURE:
        plotext.clear_figure()
        plotext.theme("clear")
        # Not by what it takes for the terminal's size.
        plotext.limitsize(False, False)
        plotext.plotsize(width, height)
        # The baseline last: it lies on top where curves meet.
        for place, points in reversed(shown):
            points = reduced(points, max(1, width - 10))
            xs, ys = [x for x, _ in points], [y for _, y in points]
            plotext.plot(xs, ys, marker=marks[place % len(marks)], color=COLOURS[place % len(COLOURS)][0])
        if look.log:
            plotext.yscale("log")
        plotext.xlabel("seconds" if look.by_time else "step")
        try:
            text: str = plotext.build()
        except (OverflowError, ValueError, ZeroDivisionError):
            return [b" these values are too far apart to be drawn"]
    if ascii:
        text = text.translate(_FRAME)
    return [line.encode("utf-8") for line in text.splitlines()]


def _part(points: Sequence[Point], look: ChartLook, low: float, high: float) -> list[Point]:
    """Those within the part of the axis from `low` to `high` that is looked at."""
    if look.low <= 0 and look.high >= 1:
        return shown_part(points, look)
    first, last = low + (high - low) * look.low, low + (high - low) * look.high
    return [point for point in points if first <= point[0] <= last]
