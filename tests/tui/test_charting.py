"""Charts: looked at from near and far, reduced without losing a spike, drawn at any size, nothing hidden."""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING

import pytest

from engine.runs import points
from engine.runs.ledger import Ledger
from engine.runs.metrics import MetricRecord
from engine.runs.store import StoreReader
from tests.tui.charts_of import part, put_run, scalars
from tests.tui.history import NOW
from tui.charts.colours import MOST, places
from tui.charts.curves import DOWN, NAN, UP, WHOLE, CurveReader, Part, Source
from tui.charts.drawing import Curve, draw
from tui.charts.look import ChartLook
from tui.charts.reading import found_at, next_axis, read_frame, stops
from tui.charts.shape import clipped, column_of, reduced, smoothed, tick_labels, ticks, time_ticks

if TYPE_CHECKING:
    from engine.paths import Paths
    from tests.tui.history import History

WHOLE_AXIS = (0.0, 100.0)


def text_of(picture: object) -> list[str]:
    return ["".join(text for text, _ in row) for row in picture.rows]  # type: ignore[attr-defined]


# How one looks


def test_zoom_keeps_the_end_the_middle_or_the_cursor() -> None:
    look = ChartLook().zoomed(True, WHOLE_AXIS).zoomed(True, WHOLE_AXIS)
    assert look.shown(WHOLE_AXIS) == (75.0, 100.0)
    look = look.panned(-1, WHOLE_AXIS)
    assert look.shown(WHOLE_AXIS) == (68.75, 93.75)
    assert look.zoomed(True, WHOLE_AXIS).shown(WHOLE_AXIS) == (75.0, 87.5)
    assert ChartLook().zoomed(True, WHOLE_AXIS, at=20.0).shown(WHOLE_AXIS) == (10.0, 60.0)
    assert look.zoomed(False, WHOLE_AXIS).zoomed(False, WHOLE_AXIS).window is None
    assert ChartLook().panned(1, WHOLE_AXIS) == ChartLook()


def test_a_place_stays_and_the_end_is_followed_as_the_series_grows() -> None:
    grown = (0.0, 200.0)
    followed = ChartLook().zoomed(True, WHOLE_AXIS)
    assert followed.shown(grown) == (150.0, 200.0)
    held = followed.panned(-1, WHOLE_AXIS)
    assert held.shown(grown) == held.shown(WHOLE_AXIS) == (37.5, 87.5)


def test_one_does_not_come_closer_than_a_few_points() -> None:
    look = ChartLook()
    for _ in range(40):
        look = look.zoomed(True, WHOLE_AXIS)
    low, high = look.shown(WHOLE_AXIS)
    assert 0 < high - low < 0.01


def test_smoothing_has_several_strengths_and_starts_where_the_series_does() -> None:
    assert [ChartLook().smooth, ChartLook().next_strength().smooth] == [0.0, 0.6]
    assert ChartLook(smooth=0.98).next_strength().smooth == 0.0
    rows = [(0.0, 5.0, 0, NOW), (1.0, 5.0, 1, NOW)]
    assert [point[1] for point in smoothed(rows, 0.9)] == [pytest.approx(5.0)] * 2
    # The two ends of a stretch count as their middle.
    assert smoothed([(0.0, 1.0, 0, NOW), (0.0, 3.0, 0, NOW)], 0.6) == [(0.0, 2.0, 0, NOW)]


# Points for columns


def test_reducing_keeps_every_columns_extremes() -> None:
    chance = random.Random(3)
    rows = [(float(n), chance.gauss(0, 1), n, NOW) for n in range(100_000)]
    rows[54_321] = (54_321.0, 99.0, 54_321, NOW)
    rows[54_322] = (54_322.0, -99.0, 54_322, NOW)
    few = reduced(rows, 100, (0.0, 99_999.0))
    assert len(few) <= 200
    assert rows[54_321] in few
    assert rows[54_322] in few
    assert few == sorted(few)
    assert reduced(rows[:3], 80, (0.0, 2.0)) == rows[:3]


def test_a_line_that_leaves_the_window_ends_at_its_edge() -> None:
    rows = [(0.0, 0.0, 0, NOW), (10.0, 10.0, 1, NOW), (20.0, 0.0, 2, NOW)]
    assert [point[:2] for point in clipped(rows, (5.0, 15.0))] == [(5.0, 5.0), (10.0, 10.0), (15.0, 5.0)]
    assert [point[:2] for point in clipped(rows[:2], (4.0, 6.0))] == [(4.0, 4.0), (6.0, 6.0)]


def test_ticks_are_round() -> None:
    assert ticks(0.0, 219.0, 5) == [0.0, 100.0, 200.0]
    assert tick_labels([0.0, 100.0, 200.0]) == ["0", "100", "200"]
    assert [tick_labels([one]) for one in (0.0, -0.0, 2.5, 48.0)] == [["0"], ["0"], ["2.5"], ["48"]]
    assert tick_labels([-0.5, 0.0, 0.5]) == ["-0.5", "0.0", "0.5"]
    assert time_ticks(0.0, 3600.0, 5) == [0.0, 900.0, 1800.0, 2700.0, 3600.0]
    assert ticks(1.0, 1.0, 5) == [1.0]


def test_colours_depend_on_which_runs_there_are_and_differ() -> None:
    names = [f"iris_{n}" for n in range(MOST)]
    chosen = places(names)
    assert sorted(chosen.values()) == list(range(MOST))
    assert places(reversed(names)) == chosen
    assert places(names[:1])[names[0]] == places([names[0]])[names[0]]


# Drawing


@pytest.mark.parametrize("size", [(0, 0), (10, 3), (40, 8), (200, 50)])
@pytest.mark.parametrize(
    "look", [ChartLook(), ChartLook(log=True, smooth=0.9, axis="elapsed"), ChartLook(axis="clock")]
)
@pytest.mark.parametrize(
    "values",
    [
        (),
        (1.0,),
        (1.0, 1.0),
        (-1.0, 0.0),
        tuple(1e300 * (-1) ** n for n in range(9)),
        tuple(1.7e308 * (-1) ** n for n in range(9)),
        (5e-324, 1e-320),
        tuple(math.exp(-n) for n in range(500)),
    ],
)
def test_anything_can_be_drawn(values: tuple[float, ...], look: ChartLook, size: tuple[int, int]) -> None:
    curve = Curve(2, part(lambda n: values[n], len(values)))
    picture = draw([curve], look, (0.0, float(max(1, len(values) - 1))), size, ascii=False)
    assert picture.rows or picture.words
    assert len(picture.rows) <= size[1]
    assert all(len(line) <= size[0] for line in text_of(picture))


def test_ascii_is_ascii_and_curves_differ_by_their_signs() -> None:
    curves = [Curve(0, part(lambda n: n, 50)), Curve(1, part(lambda n: 50 - n, 50, ((10.0, NAN), (20.0, UP))))]
    lines = text_of(draw(curves, ChartLook(), (0.0, 49.0), (60, 14), ascii=True))
    text = "\n".join(lines)
    assert text.isascii()
    assert {"o", "x", "N", "^"} <= set(text)
    drawn = "\n".join(text_of(draw(curves, ChartLook(), (0.0, 49.0), (60, 14), ascii=False)))
    assert {"●", "■", "×", "▲"} <= set(drawn)


def test_a_single_value_is_seen() -> None:
    curve = Curve(0, part(lambda n: 0.02, 1))
    for ascii, sign in ((False, "●"), (True, "o")):
        drawn = "\n".join(text_of(draw([curve], ChartLook(), (0.0, 1.0), (60, 14), ascii=ascii)))
        assert drawn.count(sign) == 1


def test_what_is_not_finite_is_marked_at_its_place() -> None:
    curve = Curve(0, part(lambda n: n, 101, ((25.0, NAN), (50.0, UP), (75.0, DOWN))))
    picture = draw([curve], ChartLook(), (0.0, 100.0), (80, 20), ascii=False)
    lines = text_of(picture)
    bottom = lines[picture.top + picture.lines]
    for x, sign, line in ((25.0, "×", bottom), (50.0, "▲", lines[0]), (75.0, "▼", bottom)):
        assert line[picture.left + column_of(x, picture.window, picture.columns)] == sign
    assert [kind for _, kind in picture.odd[0]] == [NAN, UP, DOWN]


def test_a_logarithmic_axis_says_what_it_leaves_out() -> None:
    curve = Curve(0, part(lambda n: n - 10.0, 100))
    picture = draw([curve], ChartLook(log=True), (0.0, 99.0), (80, 20), ascii=False)
    assert picture.below == 11
    assert "≤" in text_of(picture)[picture.top + picture.lines]
    nothing = draw([Curve(0, part(lambda n: -1.0, 9))], ChartLook(log=True), (0.0, 8.0), (80, 20), ascii=False)
    assert "no value here is above zero" in nothing.words
    odd = draw([Curve(0, Part((), ((1.0, NAN),), exact=True))], ChartLook(), (0.0, 8.0), (80, 20), ascii=False)
    assert "NaN" in odd.words


def test_the_cursors_column_is_where_the_value_is_drawn() -> None:
    curve = Curve(0, part(lambda n: 1.0 if n == 37 else 0.0, 101))
    picture = draw([curve], ChartLook(), (0.0, 100.0), (80, 20), ascii=False)
    column = column_of(37.0, picture.window, picture.columns)
    top = text_of(picture)[picture.top]
    assert top[picture.left + column].strip(" ⠀")
    found = found_at(picture, column)
    assert found.values[0] is not None
    assert found.values[0][1] == 1.0
    assert found.steps is not None
    assert found.steps[0] <= 37 <= found.steps[1]
    assert column in stops(picture)


# Reading


@pytest.fixture
def long_run(home: Paths, history: History) -> Source:
    """30,000 values with a spike and some that are not finite."""

    def value(n: int) -> float:
        return {12_345: 99.0, 20_000: math.nan, 20_001: math.inf, 20_002: -math.inf}.get(n, n % 100 / 100)

    run = put_run(home, history, 1, scalars("loss", value, 30_000))
    return Source(run.id, "loss", "iris-001", NOW - 30)


def test_a_long_series_is_read_by_stretches_and_close_up_by_points(home: Paths, long_run: Source) -> None:
    reader = CurveReader(long_run)
    with StoreReader(home.store) as store:
        reader.update(store)
        whole = reader.extent("step")
        assert whole is not None
        assert whole == (0.0, 29_999.0)
        far = reader.part(store, "step", whole, 100, 0)
        assert not far.exact
        assert len(far.points) < 300
        assert max(point[1] for point in far.points) == 99.0
        assert {kind for _, kind in far.odd} == {NAN, UP, DOWN}
        assert reader.odd == {NAN: 1, UP: 1, DOWN: 1}
        near = reader.part(store, "step", (12_340.0, 12_350.0), 100, 0)
        assert near.exact
        assert (12_345.0, 99.0) in [point[:2] for point in near.points]
        assert len(near.points) == 13


def test_what_comes_later_is_read_alone(home: Paths, history: History) -> None:
    run = put_run(home, history, 1, scalars("loss", float, 10))
    reader = CurveReader(Source(run.id, "loss", "", NOW - 30))
    ledger = Ledger(home.store)
    with StoreReader(home.store) as store:
        reader.update(store)
        assert reader.extent("step") == (0.0, 9.0)
        later = [MetricRecord(NOW, "scalar", "loss", value) for value in (1.0, math.nan)]
        points.add(ledger, run.id, later, 10, 20, 0)
        series = reader.update(store)
        assert series is not None
        assert (series.count, reader.count, reader.odd) == (12, 12, {NAN: 1})
        assert reader.extent("step") == (0.0, 10.0)
        # Beyond what is read whole, it goes on by stretches, and grows on.
        points.add(ledger, run.id, scalars("loss", float, WHOLE), 20, 30, 0)
        reader.update(store)
        first = reader.part(store, "step", (0.0, 1e6), 10, 0)
        points.add(ledger, run.id, [MetricRecord(NOW, "scalar", "loss", 1e9)], 30, 40, 0)
        reader.update(store)
        second = reader.part(store, "step", (0.0, 1e6), 10, 0)
        assert len(first.points) <= len(second.points) <= len(first.points) + 2
        assert max(point[1] for point in second.points) == 1e9
    ledger.close()


def test_another_axis_shows_the_same_part(home: Paths, long_run: Source) -> None:
    size = (100, 30)
    reader = CurveReader(long_run)
    look = ChartLook(window=(1000.0, 2000.0), follows=False)
    frame = read_frame(home.store, [reader], [0], look, [next_axis], size, ascii=False)
    assert frame.look.axis == "elapsed"
    low, high = frame.picture.window
    assert abs(low - 1000) <= 256
    assert abs(high - 2000) <= 256
    again = read_frame(home.store, [reader], [0], frame.look, [next_axis, next_axis], size, ascii=False)
    assert again.look.axis == "step"
    assert read_frame(home.store, [reader], [0], ChartLook(), [next_axis], size, ascii=False).look.window is None


def test_steps_that_go_back_are_drawn_in_order(home: Paths, history: History) -> None:
    records = [MetricRecord(NOW + n, "scalar", "loss", float(step), step=step) for n, step in enumerate((5, 1, 3))]
    run = put_run(home, history, 1, records)
    reader = CurveReader(Source(run.id, "loss", "", NOW))
    with StoreReader(home.store) as store:
        reader.update(store)
        assert [point[0] for point in reader.part(store, "step", (0.0, 9.0), 50, 0).points] == [1.0, 3.0, 5.0]


def test_a_series_nobody_logged(home: Paths, long_run: Source) -> None:
    reader = CurveReader(Source(long_run.run_id, "accuracy", "", NOW))
    frame = read_frame(home.store, [reader], [0], ChartLook(), [], (80, 20), ascii=False)
    assert frame.series == (None,)
    assert "no value" in frame.picture.words


def test_many_points_are_reduced_before_they_are_drawn() -> None:
    curve = Curve(0, part(lambda n: float(n % 977), 100_000))
    begun = time.process_time()
    draw([curve], ChartLook(), (0.0, 99_999.0), (120, 30), ascii=False)
    # plotext alone takes seconds for this; reduced it is a fraction of one, on the slowest machine too.
    assert time.process_time() - begun < 2.0
