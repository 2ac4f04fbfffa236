"""What is said above a chart: of its curves, or of what the cursor finds in them. Parts are (text, ink)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.runs.model import RESOURCE
from tui.charts.curves import BELOW
from tui.charts.shape import tick_labels
from tui.wording import count_of, metric_value, number, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.runs.model import Series
    from tui.charts.curves import Source
    from tui.charts.reading import Found, Frame

    Part = tuple[str, str]


def summary(frame: Frame, note: str, marks: Mapping[str, str]) -> Iterator[Part]:
    """Of one curve how many values and the last; what no curve can show; how one looks; `note`."""
    said: list[str] = []
    ends: list[str] = []
    one = frame.series[0] if len(frame.series) == 1 else None
    if one is not None:
        said += [count_of(one.count, "value"), f"last {metric_value(one, one.last)}"]
        if one.low is not None:
            ends += [f"min {metric_value(one, one.low)}", f"max {metric_value(one, one.high)}"]
    totals: dict[str, int] = {}
    for some in frame.odd:
        for kind, many in some.items():
            totals[kind] = totals.get(kind, 0) + many
    if frame.picture.below:
        totals[BELOW] = frame.picture.below
    odd = [f"{many:,} {kind} {marks[kind]}" for kind, many in totals.items()]
    how = [*_look(frame), *([note] if note else [])]
    yield "  ".join(said), "dim"
    if odd:
        yield "  " + "  ".join(odd), "mark"
    # Where there is no room for all, the end is what one can do without.
    if how or ends:
        yield "  " + "  ".join([*how, *ends]), "dim"


def _look(frame: Frame) -> Iterator[str]:
    look = frame.look
    if look.smooth:
        yield f"smoothed {look.smooth:g}"
    if look.log:
        yield "log y"
    if look.window is not None:
        low, high = look.shown(frame.whole)
        share = (high - low) / ((frame.whole[1] - frame.whole[0]) or 1.0)
        yield f"{share:.0%} of it" if share >= 0.01 else f"{share:.3%} of it"


def read_out(frame: Frame, sources: Sequence[Source], found: Found) -> Iterator[Part]:
    """Where the cursor is, and of one curve its value there."""
    yield "  ".join(_where(frame, sources, found)), "mark"
    if len(sources) == 1:
        yield f"  {value(frame, 0, found)}", "title"


def _where(frame: Frame, sources: Sequence[Source], found: Found) -> Iterator[str]:
    # Steps of what is measured mean nothing.
    stepped = any(one is None or one.kind != RESOURCE for one in frame.series)
    if found.steps is not None and stepped:
        low, high = found.steps
        yield f"step {low:,.0f}" if low == high else f"steps {low:,.0f} to {high:,.0f}"
    if found.at is not None:
        began = min(source.began for source in sources)
        yield time.strftime("%H:%M:%S", time.localtime(found.at))
        if len({source.run_id for source in sources}) == 1 and found.at >= began:
            yield f"after {span(found.at - began)}"


def value(frame: Frame | None, curve: int, found: Found | None) -> str:
    """A curve's last value, or with the cursor those under it; in parentheses the one before, where it has none."""
    series = frame.series[curve] if frame is not None else None
    if found is None:
        return f"last {metric_value(series, series.last)}" if series is not None else "not logged"
    if found.odd[curve]:
        return " ".join(found.odd[curve])
    values, smooth = found.values[curve], found.smooth[curve] if found.smooth else None
    if values is None:
        return "-"
    text = " to ".join(_range(series, values))
    if smooth is not None:
        text += f" ~{number(smooth) if series is None else metric_value(series, smooth)}"
    return text if found.here[curve] else f"({text})"


def _range(series: Series | None, values: tuple[float, float]) -> list[str]:
    """One value, or two with the digits that tell them apart."""
    low, high = (number(one) if series is None else metric_value(series, one) for one in values)
    if values[0] == values[1]:
        return [low]
    if low == high:
        return [low] if series is not None and series.kind == RESOURCE else tick_labels(values)
    return [low, high]
