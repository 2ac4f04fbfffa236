"""Curves as lines of a chart, drawn with plotext. Blocking; called in a thread."""

from __future__ import annotations

import math
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.charts.colours import ASCII_SIGNS, SIGNS
from tui.charts.curves import BELOW, DOWN, NAN, UP
from tui.charts.look import AXES
from tui.charts.shape import clipped, column_of, log_ticks, reduced, smoothed, tick_labels, ticks, time_ticks
from tui.wording import span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tui.charts.curves import Part, Point
    from tui.charts.look import ChartLook, Span

# What stands for values that no curve can show, on the frame: above it what is too large, below it the others.
MARKS = {NAN: "×", UP: "▲", DOWN: "▼", BELOW: "≤"}
ASCII_MARKS = {NAN: "N", UP: "^", DOWN: "v", BELOW: "0"}
# A curve among others has its sign every so many columns.
APART = 14
LEAST_WIDTH, LEAST_HEIGHT = 20, 5
# Beyond this, plotext's own arithmetic overflows.
_LARGEST = 1e150
# plotext draws into one figure a process.
_FIGURE = threading.Lock()
# The colours that plotext is asked for: they stand for places in the theme's.
_CURVE, _FAINT = 100, 120
_COLOUR = re.compile(r"\x1b\[(?:38;5;)?(\d+)m")
_ASCII = str.maketrans("┌┐└┘─│├┤┬┴┼", "++++-|+++++")


@dataclass(frozen=True)
class Curve:
    """A series to draw: its place among the colours and signs, and what there is of it in the window."""

    place: int
    part: Part


@dataclass(frozen=True)
class Picture:
    """A chart: rows of (text, ink); ink is "", "mark", "curve-3" or "faint-3". `words`: instead of one, why not.

    The curves' area begins at cell `left`, row `top`, and has `columns` and `lines`; it shows `window` of the x axis.
    `points` are each curve's as drawn and `smooth` the smoothed ones; `odd` is what no curve can show, by curve:
    (column, kind). `below` counts what a logarithmic axis leaves out.
    """

    rows: tuple[tuple[tuple[str, str], ...], ...] = ()
    words: str = ""
    left: int = 0
    top: int = 0
    columns: int = 0
    lines: int = 0
    window: Span = (0.0, 1.0)
    points: tuple[tuple[Point, ...], ...] = ()
    smooth: tuple[tuple[Point, ...], ...] = ()
    odd: tuple[tuple[tuple[int, str], ...], ...] = ()
    below: int = 0


def draw(
    curves: Sequence[Curve],
    look: ChartLook,
    window: Span,
    size: tuple[int, int],
    *,
    ascii: bool,
    form: Callable[[float], str] | None = None,
) -> Picture:
    """The chart in `size` cells, or why there is none. `form`: how values are written, if not as numbers."""
    width, height = size
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return Picture(words="there is no room for a chart here")
    if window[0] == window[1]:
        window = (window[0] - 0.5, window[1] + 0.5)
    below: list[list[float]] = []
    raw: list[list[Point]] = []
    smooth: list[list[Point]] = []
    for curve in curves:
        points = curve.part.points
        if look.log:
            below.append([x for x, y, _, _ in points if y <= 0 and window[0] <= x <= window[1]])
            points = [point for point in points if point[1] > 0]
        soft = smoothed(points, look.smooth) if look.smooth else []
        raw.append(reduced(clipped(points, window), width, window))
        smooth.append(reduced(clipped(soft, window), width, window))
    if not any(raw):
        return Picture(words=_nothing(curves, any(below)), window=window)
    text = _plotted(curves, raw, smooth, look, window, size, ascii, form)
    if text is None:
        return Picture(words="these values are too far apart to be drawn", window=window)
    lines = [_cells(line) for line in text.splitlines()]
    frame = "".join(char for char, _ in lines[0])
    left, right = frame.index("┌") + 1, frame.rindex("┐")
    bottom = next(n for n, line in enumerate(lines) if len(line) > left and line[left - 1][0] == "└")
    odd = []
    for number, curve in enumerate(curves):
        found = {(column_of(x, window, right - left), kind) for x, kind in curve.part.odd}
        if look.log:
            found |= {(column_of(x, window, right - left), BELOW) for x in below[number]}
        odd.append(tuple(sorted(found)))
    _mark(lines[0], lines[bottom], [one for some in odd for one in some], left, ASCII_MARKS if ascii else MARKS)
    rows = tuple(tuple(_runs(line, ascii)) for line in lines)
    kept = tuple(map(tuple, raw)), tuple(map(tuple, smooth))
    return Picture(rows, "", left, 1, right - left, bottom - 1, window, *kept, tuple(odd), sum(map(len, below)))


def _nothing(curves: Sequence[Curve], below: bool) -> str:
    if below:
        return "no value here is above zero: l draws them on a plain axis"
    if any(curve.part.odd for curve in curves):
        return "every value here is NaN or infinite"
    return "no value was logged here: 0 shows the whole series"


def _plotted(
    curves: Sequence[Curve],
    raw: Sequence[Sequence[Point]],
    smooth: Sequence[Sequence[Point]],
    look: ChartLook,
    window: Span,
    size: tuple[int, int],
    ascii: bool,
    form: Callable[[float], str] | None,
) -> str | None:
    import plotext

    ys = [point[1] for part in (*raw, *smooth) for point in part]
    scale = 1.0 if max(map(abs, ys)) < _LARGEST else _LARGEST

    def place(y: float) -> float:
        # Smoothing may have come to zero between the smallest numbers there are.
        return math.log10(max(y, 5e-324)) if look.log else y / scale

    low, high = place(min(ys)), place(max(ys))
    if low == high:
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    signs = ASCII_SIGNS if ascii else SIGNS
    several = len(curves) > 1
    with _FIGURE:
        plotext.clear_figure()
        # Not by the size of a terminal: this one is that of a pane.
        plotext.limit_size(False, False)
        plotext.theme("clear")
        plotext.plotsize(*size)
        plotext.xlim(*window)
        plotext.ylim(low, high)
        layers = [(raw, _FAINT)] if any(smooth) else []
        layers.append((smooth if any(smooth) else raw, _CURVE))
        for parts, colour in layers:
            for curve, points in zip(curves, parts, strict=True):
                if not points:
                    continue
                mark = "braille" if not ascii else "." if not several or colour == _FAINT else signs[curve.place]
                if len(points) == 1:
                    # No line leads to it: a dot alone is not seen.
                    mark = signs[curve.place]
                xs, heights = [point[0] for point in points], [place(point[1]) for point in points]
                plotext.plot(xs, heights, marker=mark, color=colour + curve.place)
        if several and not ascii:
            _signs(plotext, curves, layers[-1][0], place, window, size[0])
        places, labels = (
            log_ticks(low, high, size[1] // 3) if look.log else _plain_ticks(low, high, size[1] // 3, scale)
        )
        if form is not None:
            labels = [form(10**at if look.log else at * scale) for at in places]
        plotext.yticks(places, labels)
        plotext.xticks(*_x_ticks(look.axis, window, max(2, size[0] // 14)))
        plotext.xlabel(AXES[look.axis])
        try:
            text: str = plotext.build()
        except (OverflowError, ValueError, ZeroDivisionError):
            return None
    return text


def _plain_ticks(low: float, high: float, most: int, scale: float) -> tuple[list[float], list[str]]:
    places = ticks(low, high, most)
    return places, tick_labels([at * scale for at in places])


def _signs(
    plotext: object, curves: Sequence[Curve], parts: Sequence[Sequence[Point]], place: object, window: Span, width: int
) -> None:
    """Each curve's sign along it, not at the same columns as the others'."""
    for number, (curve, points) in enumerate(zip(curves, parts, strict=True)):
        wanted = number * APART // max(1, len(curves))
        chosen: list[Point] = []
        for point in points:
            column = column_of(point[0], window, width)
            if column >= wanted:
                chosen.append(point)
                wanted += APART * ((column - wanted) // APART + 1)
        chosen = chosen or list(points[-1:])
        if chosen:
            xs, ys = [point[0] for point in chosen], [place(point[1]) for point in chosen]  # type: ignore[operator]
            plotext.scatter(xs, ys, marker=SIGNS[curve.place], color=_CURVE + curve.place)  # type: ignore[attr-defined]


def _x_ticks(axis: str, window: Span, most: int) -> tuple[list[float], list[str]]:
    low, high = window
    if axis == "step":
        places = [at for at in ticks(low, high, most) if at == int(at)] or ticks(low, high, most)
        return places, tick_labels(places)
    if axis == "elapsed":
        places = time_ticks(low, high, most)
        if high - low < 10:
            return places, [f"{label} s" for label in tick_labels(places)]
        return places, [span(at) for at in places]
    places = time_ticks(low, high, most, float(time.localtime(low).tm_gmtoff))
    form = "%H:%M:%S" if high - low < 600 else "%H:%M" if high - low < 86_400 else "%d %b %H:%M"
    return places, [time.strftime(form, time.localtime(at)) for at in places]


Cell = tuple[str, str]


def _cells(line: str) -> list[Cell]:
    """Each character with its ink, from plotext's colours."""
    found: list[Cell] = []
    ink = ""
    at = 0
    for match in _COLOUR.finditer(line):
        found += [(char, ink) for char in line[at : match.start()]]
        number = int(match.group(1))
        if _FAINT <= number < _FAINT + len(SIGNS):
            ink = f"faint-{number - _FAINT}"
        elif _CURVE <= number < _CURVE + len(SIGNS):
            ink = f"curve-{number - _CURVE}"
        else:
            ink = ""
        at = match.end()
    return found + [(char, ink) for char in line[at:]]


def _mark(
    top: list[Cell],
    bottom: list[Cell],
    odd: Sequence[tuple[int, str]],
    left: int,
    signs: dict[str, str],
) -> None:
    """What no curve can show, at its place on the frame; of several kinds at one, NaN is shown."""
    for kind in (BELOW, DOWN, UP, NAN):
        for column, other in odd:
            if other == kind:
                line = top if kind == UP else bottom
                line[left + column] = (signs[kind], "mark")


def _runs(line: Sequence[Cell], ascii: bool) -> Iterator[Cell]:
    text, ink = "", ""
    for char, other in line:
        if other != ink and text:
            yield text.translate(_ASCII) if ascii else text, ink
            text = ""
        ink = other
        text += char
    if text:
        yield text.translate(_ASCII) if ascii else text, ink
