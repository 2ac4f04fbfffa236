"""How a chart is looked at: its axes, how much it is smoothed, and which part of the x axis is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

# What the x axis can be, with the words for it.
AXES = {"step": "step", "elapsed": "time since the run began", "clock": "wall time"}
# How much of a smoothed value comes from those before it; 0 is the curve as it was logged.
STRENGTHS = (0.0, 0.6, 0.9, 0.98)
# One sees at least this part of the axis: of a million points, fifteen.
CLOSEST = 1 / 65536

Span = tuple[float, float]


@dataclass(frozen=True)
class ChartLook:
    """`window` is the part of the x axis that is shown, in its own units; None: all of it.

    `follows`: the window's end is where the newest value is, and moves with it.
    """

    log: bool = False
    smooth: float = 0.0
    axis: str = "step"
    window: Span | None = None
    follows: bool = True

    def next_axis(self, window: Span | None) -> ChartLook:
        """The next of AXES; `window` is the same part of the series on it."""
        names = list(AXES)
        return replace(self, axis=names[(names.index(self.axis) + 1) % len(names)], window=window)

    def next_strength(self) -> ChartLook:
        return replace(self, smooth=STRENGTHS[(STRENGTHS.index(self.smooth) + 1) % len(STRENGTHS)])

    def shown(self, whole: Span) -> Span:
        """What of `whole`, from the first to the last x there is, is shown now."""
        if self.window is None:
            return whole
        low, high = self.window
        if self.follows:
            low, high = low + whole[1] - high, whole[1]
        return _within(low, high, whole)

    def zoomed(self, closer: bool, whole: Span, at: float | None = None) -> ChartLook:
        """Half or twice as much. What is at `at` stays there; without one, the end if it is shown, else the middle."""
        low, high = self.shown(whole)
        if at is None:
            at = high if self._at_end(whole) else (low + high) / 2
        factor = 0.5 if closer else 2.0
        span = (high - low) * factor
        if span >= whole[1] - whole[0]:
            return self.all()
        if span < (whole[1] - whole[0]) * CLOSEST:
            return self
        share = (at - low) / ((high - low) or 1.0)
        return self._at(at - span * share, at + span * (1 - share), whole)

    def panned(self, way: int, whole: Span) -> ChartLook:
        """A quarter of what is shown to the left or right."""
        if self.window is None:
            return self
        low, high = self.shown(whole)
        by = way * (high - low) / 4
        return self._at(low + by, high + by, whole)

    def all(self) -> ChartLook:
        return replace(self, window=None, follows=True)

    def _at(self, low: float, high: float, whole: Span) -> ChartLook:
        low, high = _within(low, high, whole)
        return replace(self, window=(low, high), follows=high >= whole[1])

    def _at_end(self, whole: Span) -> bool:
        return self.window is None or self.shown(whole)[1] >= whole[1]


def _within(low: float, high: float, whole: Span) -> Span:
    """The same length, moved so that it lies within `whole` as far as it fits."""
    span = min(high - low, whole[1] - whole[0])
    low = min(max(low, whole[0]), whole[1] - span)
    return low, low + span
