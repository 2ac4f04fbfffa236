"""Charts: reduced without losing a spike, drawn at any size."""

from __future__ import annotations

import math
import random
import time

import pytest

from tui.charting import ChartLook, Curve, draw, reduced, shown_part, smoothed


def test_reducing_keeps_every_columns_extremes() -> None:
    chance = random.Random(3)
    points = [(float(n), chance.gauss(0, 1)) for n in range(100_000)]
    points[54_321] = (54_321.0, 99.0)
    points[54_322] = (54_322.0, -99.0)
    few = reduced(points, 100)
    assert len(few) <= 200
    assert (54_321.0, 99.0) in few
    assert (54_322.0, -99.0) in few
    assert few == sorted(few)


def test_a_short_series_stays_as_it_is() -> None:
    points = [(0.0, 1.0), (1.0, 2.0)]
    assert reduced(points, 80) == points


def test_zoom_and_pan_stay_on_the_axis() -> None:
    look = ChartLook().zoomed(True).zoomed(True)
    assert (look.low, look.high) == (0.75, 1.0)
    look = look.panned(-1).panned(-1)
    assert look.high - look.low == pytest.approx(0.25)
    assert ChartLook().panned(1) == ChartLook()
    assert look.zoomed(False).zoomed(False).zoomed(False).low == 0.0
    points = [(float(n), 0.0) for n in range(101)]
    assert shown_part(points, ChartLook(low=0.5, high=0.6))[0][0] == 50.0


def test_smoothing_starts_where_the_series_does() -> None:
    assert smoothed([(0.0, 5.0), (1.0, 5.0)]) == [(0.0, pytest.approx(5.0)), (1.0, pytest.approx(5.0))]


@pytest.mark.parametrize("size", [(0, 0), (10, 3), (40, 8), (200, 50)])
@pytest.mark.parametrize("look", [ChartLook(), ChartLook(log=True, smooth=True, by_time=True)])
@pytest.mark.parametrize(
    "points",
    [
        (),
        ((0.0, 1.0),),
        ((0.0, 1.0), (1.0, 1.0)),
        ((0.0, -1.0), (1.0, 0.0)),
        tuple((float(n), 1e300 * (-1) ** n) for n in range(9)),
        tuple((float(n), math.exp(-n)) for n in range(500)),
    ],
)
def test_anything_can_be_drawn(points: tuple[tuple[float, float], ...], look: ChartLook, size: tuple[int, int]) -> None:
    lines = draw(Curve(points, 0, len(points)), look, *size)
    assert lines
    assert len(lines) <= max(1, size[1])


def test_ascii_is_ascii() -> None:
    lines = draw(Curve(((0.0, 1.0), (1.0, 2.0), (2.0, 0.5)), 0, 3), ChartLook(), 60, 12, ascii=True)
    assert b"".join(lines).isascii()


def test_a_million_points_are_reduced_before_they_are_drawn() -> None:
    points = [(float(n), float(n % 977)) for n in range(100_000)]
    begun = time.process_time()
    draw(Curve(tuple(points), 0, len(points)), ChartLook(), 120, 30)
    # plotext alone takes seconds for this; reduced it is a fraction of one, on the slowest machine too.
    assert time.process_time() - begun < 2.0
