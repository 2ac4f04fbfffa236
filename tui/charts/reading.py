"""What a chart shows of its curves now, read from the store (blocking), and what the cursor finds in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from engine.runs.model import RESOURCE
from engine.runs.store import StoreReader
from tui.charts.drawing import Curve, Picture, draw
from tui.charts.shape import column_of
from tui.wording import used

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine.runs.model import Series
    from tui.charts.curves import CurveReader, Point
    from tui.charts.look import ChartLook, Span

    Change = Callable[[ChartLook, "Span", Sequence[CurveReader]], ChartLook]

# So many values before what is shown are enough to smooth from.
LEAD = 256


@dataclass(frozen=True)
class Frame:
    """A chart as it stands: `series` and `odd` (kind -> how many) for each curve, and the whole of the x axis."""

    picture: Picture
    look: ChartLook
    whole: Span
    series: tuple[Series | None, ...]
    odd: tuple[dict[str, int], ...]
    size: tuple[int, int]


def read_frame(
    store_path: Path,
    readers: Sequence[CurveReader],
    places: Sequence[int],
    look: ChartLook,
    changes: Sequence[Change],
    size: tuple[int, int],
    *,
    ascii: bool,
    before: Frame | None = None,
) -> Frame:
    """Read what is new of the curves, apply the changes to how one looks, and draw.

    `before`, what was drawn of the same curves, will do when nothing differs.
    """
    with StoreReader(store_path) as store:
        series = tuple(reader.update(store) for reader in readers)
        if before is not None and not changes and (series, look, size) == (before.series, before.look, before.size):
            return before
        whole = _whole(readers, look.axis)
        for change in changes:
            look = change(look, whole, readers)
            whole = _whole(readers, look.axis)
        window = look.shown(whole)
        lead = LEAD if look.smooth else 0
        curves = [
            Curve(place, reader.part(store, look.axis, window, size[0], lead))
            for place, reader in zip(places, readers, strict=True)
        ]
    metrics = {one.name for one in series if one is not None}
    resource = len(metrics) == 1 and any(one is not None and one.kind == RESOURCE for one in series)
    form = partial(used, metrics.pop()) if resource else None
    picture = draw(curves, look, window, size, ascii=ascii, form=form)
    return Frame(picture, look, whole, series, tuple(dict(reader.odd) for reader in readers), size)


def _whole(readers: Sequence[CurveReader], axis: str) -> Span:
    found = [extent for reader in readers if (extent := reader.extent(axis)) is not None]
    if not found:
        return 0.0, 1.0
    return min(low for low, _ in found), max(high for _, high in found)


def next_axis(look: ChartLook, whole: Span, readers: Sequence[CurveReader]) -> ChartLook:
    """The next axis, with the same part of the first curve on it."""
    turned = look.next_axis(None)
    if look.window is None:
        return turned
    low, high = look.shown(whole)
    for reader in readers:
        ends = [reader.translated(x, look.axis, turned.axis) for x in (low, high)]
        if ends[0] is not None and ends[1] is not None and ends[0] < ends[1]:
            return look.next_axis((ends[0], ends[1]))
    return turned.all()


# The cursor


@dataclass(frozen=True)
class Found:
    """What is under the cursor: where, and each curve's values there (lowest, highest), smoothed, and odd kinds.

    `here` is False where a curve has nothing in the column: its value is the one before.
    """

    steps: Span | None
    at: float | None
    values: tuple[Span | None, ...]
    here: tuple[bool, ...]
    smooth: tuple[float | None, ...]
    odd: tuple[tuple[str, ...], ...]


def stops(picture: Picture) -> list[int]:
    """The columns where the cursor finds anything."""
    columns = {
        column_of(point[0], picture.window, picture.columns)
        for points in picture.points
        for point in points
        if picture.window[0] <= point[0] <= picture.window[1]
    }
    columns |= {column for some in picture.odd for column, _ in some}
    return sorted(columns)


def x_at(picture: Picture, column: int) -> float:
    """What a column stands for."""
    low, high = picture.window
    return low + (high - low) * column / max(1, picture.columns - 1)


def found_at(picture: Picture, column: int) -> Found:
    """What the curves have in this column."""
    values: list[Span | None] = []
    here: list[bool] = []
    firsts: list[Point] = []
    lasts: list[Point] = []
    for points in picture.points:
        inside = [p for p in points if column_of(p[0], picture.window, picture.columns) == column]
        here.append(bool(inside))
        if inside:
            firsts.append(inside[0])
            lasts.append(inside[-1])
        else:
            inside = [p for p in points if column_of(p[0], picture.window, picture.columns) < column][-1:]
        ys = [point[1] for point in inside]
        values.append((min(ys), max(ys)) if ys else None)
    smooth = [_last(points, picture, column) for points in picture.smooth]
    odd = tuple(tuple(kind for at, kind in some if at == column) for some in picture.odd)
    steps = (float(min(p[2] for p in firsts)), float(max(p[2] for p in lasts))) if firsts else None
    return Found(steps, firsts[0][3] if firsts else None, tuple(values), tuple(here), tuple(smooth), odd)


def _last(points: Sequence[Point], picture: Picture, column: int) -> float | None:
    before = [p[1] for p in points if column_of(p[0], picture.window, picture.columns) <= column]
    return before[-1] if before else None
