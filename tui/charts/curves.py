"""A series as points, read from the store as it grows: whole while it is short, else by stretches and, close up, anew.

Blocking; called in threads.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.model import Series
    from engine.runs.store import StoreReader
    from tui.charts.look import Span

# Longer series are read as the low and high of stretches, until one looks closely.
WHOLE = 20_000
# Not all of a series can be remembered point by point: so many at once when one looks closely.
CLOSE_UP = 60_000
NAN, UP, DOWN, BELOW = "NaN", "+inf", "-inf", "<= 0"


@dataclass(frozen=True)
class Source:
    """One curve to draw. `began`: what time since the run began is counted from, epoch seconds."""

    run_id: str
    metric: str
    label: str
    began: float

    @property
    def key(self) -> str:
        return f"{self.run_id} {self.metric}"


# Position in the series, step, epoch seconds, lowest and highest value (of one value: itself, twice).
Row = tuple[int, int, float, float, float]
# x, y, step, epoch seconds.
Point = tuple[float, float, int, float]


@dataclass(frozen=True)
class Part:
    """What of a series is to be drawn: its points in order of x, and where values are that no curve can show.

    `odd` are (x, NAN | UP | DOWN); `exact` is whether these are the points as logged, not the ends of stretches.
    """

    points: Sequence[Point]
    odd: Sequence[tuple[float, str]]
    exact: bool


def odd_kind(value: float) -> str:
    return NAN if math.isnan(value) else UP if value > 0 else DOWN


class CurveReader:
    """Remembers what was read, so that only what is new is read again. Used from several threads, one at a time."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0
        # How many values there are of each kind that is not finite.
        self.odd: dict[str, int] = {}
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._odd_rows: list[Row] = []
        self._stretched = False
        # The rows in order of x, and their xs, by axis.
        self._lines: dict[str, tuple[list[Row], list[float]]] = {}
        self._close: tuple[tuple[int, int], list[Row]] | None = None

    def update(self, store: StoreReader) -> Series | None:
        """Read what came since; the series summed up, None when it was never logged."""
        with self._lock:
            series = store.one_series(self.source.run_id, self.source.metric)
            count = series.count if series is not None else 0
            if series is None or count < self.count:
                # Deleted and logged anew: another series of the same name.
                self._forget()
            if series is not None and count > WHOLE and count > self.count:
                self._more_stretches(store, series)
            elif count > self.count:
                self._more_points(store, count)
            return series

    def _forget(self) -> None:
        self._rows, self._odd_rows, self.odd, self.count = [], [], {}, 0
        self._stretched, self._close = False, None
        self._lines.clear()

    def _more_points(self, store: StoreReader, count: int) -> None:
        fresh = store.points(self.source.run_id, self.source.metric, self.count, count - self.count)
        self._lines.clear()
        for place, (step, at, value) in enumerate(fresh, start=self.count):
            row = (place, step, at, value, value)
            if math.isfinite(value):
                self._rows.append(row)
            else:
                self._count_odd(odd_kind(value), 1)
                self._odd_rows.append(row)
            self.count = place + 1

    def _more_stretches(self, store: StoreReader, series: Series) -> None:
        from engine.runs.schema import BUCKET

        run, metric, count = self.source.run_id, self.source.metric, series.count
        if not self._stretched:
            # What was whole is a part of a long series now.
            self._forget()
            self._stretched = True
        self._lines.clear()
        begin = self._rows[-1][0] // BUCKET * BUCKET if self._rows else 0
        while self._rows and self._rows[-1][0] >= begin:
            self._rows.pop()
        self._rows += store.stretches(run, metric, begin)
        if series.last is not None and math.isfinite(series.last):
            # Stretches are where they begin; the newest value is where the series ends.
            self._rows.append((count - 1, series.last_step or 0, series.last_at, series.last, series.last))
        for position, step, at, value, many in store.not_finite(run, metric, self.count, count):
            self._odd_rows.append((position, step, at, value, value))
            self._count_odd(odd_kind(value), many)
        self.count = count
        self._close = None

    def _count_odd(self, kind: str, many: int) -> None:
        self.odd[kind] = self.odd.get(kind, 0) + many

    # On an axis

    def x(self, row: Row, axis: str) -> float:
        """Where a row is on this axis."""
        if axis == "step":
            return float(row[1])
        if axis == "clock":
            return row[2]
        first = self._rows[0][2] if self._rows else row[2]
        # A host whose clock is behind: its first value is not before the beginning.
        return row[2] - min(self.source.began, first)

    def extent(self, axis: str) -> Span | None:
        """The first and last x there is; None without a finite value."""
        with self._lock:
            if not self._rows:
                return None
            xs = self._line(axis)[1]
            return xs[0], xs[-1]

    def translated(self, x: float, axis: str, other: str) -> float | None:
        """Where on another axis the value is that is at or after `x` on this one."""
        with self._lock:
            if not self._rows:
                return None
            rows, xs = self._line(axis)
            place = bisect_left(xs, x)
            return self.x(rows[min(place, len(rows) - 1)], other)

    def part(self, store: StoreReader, axis: str, window: Span, columns: int, lead: int) -> Part:
        """What lies in `window`, with the nearest on either side of it, and `lead` more before it to smooth from.

        When fewer than `columns` stretches do, their points are read.
        """
        with self._lock:
            chosen = _cut(*self._line(axis), window, 0 if self._stretched else lead)
            odd, exact = self._odd_rows, not self._stretched
            if self._stretched and 0 < len(chosen) < columns:
                first, last = min(row[0] for row in chosen), max(row[0] for row in chosen)
                close = self._close_up(store, max(0, first - lead), last)
                if close is not None:
                    odd = [row for row in close if not math.isfinite(row[3])]
                    finite = [row for row in close if math.isfinite(row[3])]
                    chosen, exact = _cut(*self._arranged(finite, axis), window, lead), True
            points: list[Point] = []
            for row in chosen:
                x = self.x(row, axis)
                points.append((x, row[3], row[1], row[2]))
                if row[4] != row[3]:
                    points.append((x, row[4], row[1], row[2]))
            marks = [(self.x(row, axis), odd_kind(row[3])) for row in odd]
            return Part(points, [one for one in marks if window[0] <= one[0] <= window[1]], exact)

    def _close_up(self, store: StoreReader, first: int, last: int) -> list[Row] | None:
        """Every value from position `first` to the stretch that begins at `last`."""
        from engine.runs.schema import BUCKET

        end = last + BUCKET
        if end - first > CLOSE_UP:
            return None
        if self._close is None or self._close[0] != (first, end):
            read = store.points(self.source.run_id, self.source.metric, first, end - first)
            rows = [(first + n, step, at, value, value) for n, (step, at, value) in enumerate(read)]
            self._close = ((first, end), rows)
        return self._close[1]

    def _line(self, axis: str) -> tuple[list[Row], list[float]]:
        if axis not in self._lines:
            self._lines[axis] = self._arranged(self._rows, axis)
        return self._lines[axis]

    def _arranged(self, rows: list[Row], axis: str) -> tuple[list[Row], list[float]]:
        xs = [self.x(row, axis) for row in rows]
        if any(a > b for a, b in pairwise(xs)):
            # Steps that a script gave may go back, and so may its clock.
            rows = sorted(rows, key=lambda row: self.x(row, axis))
            xs.sort()
        return rows, xs


def _cut(rows: list[Row], xs: list[float], window: Span, lead: int) -> list[Row]:
    first = max(0, bisect_left(xs, window[0]) - 1 - lead)
    return rows[first : bisect_right(xs, window[1]) + 1]
