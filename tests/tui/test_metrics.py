"""The Metrics tab: chosen from a list or a grid, charted alone or over the marked runs, tables and images, by keys."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.runs.metrics import MetricRecord
from tests.tui.charts_of import put_many, put_run, scalars
from tests.tui.driving import Driver, driven
from tests.tui.history import NOW
from tests.tui.snapshots import check_snapshot
from tui.charts.colours import SIGNS
from tui.charts.reading import Frame, read_frame
from tui.screens.overlay import OverlayScreen
from tui.widgets import chart_view
from tui.widgets.metrics_pane import MetricsPane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


@pytest.fixture(autouse=True)
def _somewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wall time is that of the place where one is."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


ODD = {30: math.nan, 31: math.nan, 60: math.inf, 90: -math.inf}


def curves(rate: float) -> list[MetricRecord]:
    records = scalars("loss", lambda n: math.exp(-n * rate / 40), 200)
    records += scalars("accuracy", lambda n: 1 - math.exp(-n * rate / 60), 200)
    records += scalars("validation loss", lambda n: math.exp(-n * rate / 50) + 0.05 * math.cos(n / 6), 200)
    return records + scalars("grad norm", lambda n: ODD.get(n, 1 + math.sin(n / 9)), 120)


@pytest.fixture
def runs(home: Paths, history: History) -> list[Run]:
    """Three runs, the last with tables and an image as well."""
    made = [put_run(home, history, number, curves(number / 2)) for number in (1, 2)]
    confusion = {"seen": ["setosa", "versicolor"], "[/x]": [13, 2], **{f"column {n}": [0.5, n] for n in range(12)}}
    records = curves(2.0)
    records += [MetricRecord(NOW, "table", "confusion", confusion)]
    records += [MetricRecord(NOW, "table", "confusion", {"seen": ["later"], "count": [n]}) for n in (7,)]
    records += [MetricRecord(NOW, "row", "fold", {"fold": n, "score": 0.5 + n / 10}) for n in range(3)]
    records += [MetricRecord(NOW, "image", "roc", "roc.png"), MetricRecord(NOW, "image", "roc", "../../secret")]
    records += [MetricRecord(NOW, "text", "note", "[bold]it went well[/bold]\nmostly")]
    made.append(put_run(home, history, 3, records))
    outputs = home.host_run(made[-1].id) / "outputs"
    outputs.mkdir(parents=True)
    (outputs / "roc.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0")
    (outputs.parent.parent / "secret").write_text("hush")
    return made


async def at_metrics(d: Driver) -> MetricsPane:
    """The Metrics tab of the run under the cursor, over the whole screen."""
    await d.press("enter")
    view = d.main.run_view
    assert view is not None
    await d.until(lambda: view.pane is not None and view.has_focus_within)
    # The tab that was open last is open again.
    if not isinstance(view.pane, MetricsPane):
        await d.press("right_square_bracket")
    await d.until(lambda: isinstance(view.pane, MetricsPane))
    pane = view.pane
    assert isinstance(pane, MetricsPane)
    await d.until(lambda: pane.browser.shown.has_focus and pane.browser.series)
    return pane


async def test_searched_pinned_and_ordered(console: Console, runs: list[Run]) -> None:
    async with driven(console()) as d:
        pane = await at_metrics(d)
        names = pane.browser.names_shown
        assert names()[:4] == ["loss", "accuracy", "validation loss", "grad norm"]
        await d.press("slash")
        await d.type("los")
        await d.until(lambda: names() == ["loss", "validation loss"])
        await d.press("enter", "j", "p")
        await d.until(lambda: names() == ["validation loss", "loss"])
        await d.press("escape")
        await d.until(lambda: names()[:2] == ["validation loss", "loss"] and len(names()) == 8)
        await d.press("o")
        await d.until(lambda: names()[:3] == ["validation loss", "accuracy", "confusion"])
        await d.until(lambda: "metrics by name" in d.said())
        await d.press("o", "o")
        await d.until(lambda: "metrics by their last value" in d.said())
        assert names()[1] == "grad norm"
        await d.press("slash")
        await d.type("zebra")
        await d.until_shown("no metric has 'zebra' in its name")
        await d.press("escape")
        await d.until_shown("accuracy")
        await d.press("escape")
        await d.until(lambda: d.main.pane == "runs")
    # The next console has it as it was left.
    async with driven(console()) as d:
        pane = await at_metrics(d)
        assert pane.browser.names_shown()[:2] == ["validation loss", "grad norm"]


async def test_a_grid_where_there_is_room(console: Console, runs: list[Run]) -> None:
    async with driven(console()) as d:
        pane = await at_metrics(d)
        await d.press("v")
        await d.until(lambda: pane.browser.grid.has_focus)
        assert pane.browser.grid.across == 3
        await d.press("down", "right")
        assert pane.browser.cursor == "confusion"
        await d.press("up", "left", "enter")
        await d.until_shown("loss   200 values")
        await d.press("escape")
        await d.until(lambda: pane.browser.grid.has_focus and pane.browser.cursor == "loss")
        await d.press("end")
        assert pane.browser.cursor == "note"
        await d.press("v")
        await d.until(lambda: pane.browser.list.has_focus)
        assert pane.browser.cursor == "note"


async def test_no_grid_where_there_is_none(console: Console, runs: list[Run]) -> None:
    async with driven(console(), (58, 24)) as d:
        pane = await at_metrics(d)
        await d.press("v")
        await d.until(lambda: any("too narrow for a grid" in said for said in d.said()))
        assert pane.browser.list.has_focus


async def test_a_chart_is_looked_at_by_keys(console: Console, runs: list[Run]) -> None:
    async with driven(console()) as d:
        pane = await at_metrics(d)
        chart = pane.chart
        await d.press("enter")
        await d.until_shown("iris-003 loss   200 values")
        await d.press("l", "m", "m")
        await d.until_shown("smoothed 0.9  log y  min")
        await d.press("plus", "plus")
        await d.until_shown("25% of it")
        await d.press("left")
        await d.until(lambda: chart.look.window == pytest.approx((199 * 11 / 16, 199 * 15 / 16)))
        held = chart.look.window
        await d.press("x")
        await d.until_shown("time since the run began")
        await d.press("x")
        await d.until_shown("wall time")
        await d.press("x")
        await d.until(lambda: chart.look.axis == "step")
        assert chart.look.window == pytest.approx(held, abs=2)
        await d.press("0")
        await d.until(lambda: chart.look.window is None)
        await d.press("down")
        await d.until_shown("iris-003 accuracy   200 values")
        await d.press("down", "down")
        await d.until_shown("2 NaN ×  1 +inf ▲  1 -inf ▼")
        await d.press("up", "escape")
        await d.until(lambda: pane.browser.cursor == "validation loss" and pane.browser.list.has_focus)


async def test_the_cursor_reads_out(console: Console, runs: list[Run]) -> None:
    async with driven(console()) as d:
        pane = await at_metrics(d)
        await d.press("down", "down", "down", "enter")
        await d.until_shown("120 values")
        chart = pane.chart
        await d.press("plus", "plus", "space")
        await d.until_shown("step 119")
        await d.press("left")
        await d.until_shown("step 118")
        assert "after 1m58" in d.text()
        # At the edge of what is shown the chart moves under the cursor.
        await d.press("home")
        before = chart.look.window
        await d.press("left")
        await d.until(lambda: chart.look.window != before)
        await d.press("0")
        await d.until(lambda: chart.look.window is None)
        await d.press("home")
        await d.until_shown("step 0")
        for _ in range(60):
            if "NaN" in d.text():
                break
            await d.press("right")
        await d.until_shown("NaN")
        await d.press("escape")
        await d.until(lambda: chart.cursor is None)
        assert chart.has_focus


async def test_marked_runs_are_overlaid(console: Console, runs: list[Run]) -> None:
    async with driven(console()) as d:
        await d.press("down", "space", "space", "home")
        await d.until(lambda: len(d.main.marked) == 2)
        pane = await at_metrics(d)
        await d.press("enter")
        await d.until_shown("iris-001  last")
        text = d.text()
        assert all(f"iris-00{n}  last" in text for n in (1, 2, 3))
        shown = {SIGNS[place] for place in pane.chart._places}
        assert len(shown) == 3
        assert all(text.count(sign) > 3 for sign in shown)
        await d.press("space")
        await d.until_shown("step 199")
        await d.press("escape", "o")
        await d.until_shown("o adds 2 marked")
        await d.press("o")
        await d.until_shown("iris-001  last")
        await d.press("escape")
        await d.until(lambda: pane.browser.list.has_focus)


async def test_an_overlay_of_its_own(console: Console, runs: list[Run]) -> None:
    async with driven(console()) as d:
        screen = OverlayScreen(runs, "loss", ["loss", "accuracy"])
        d.app.push_screen(screen)
        await d.until_shown("iris-001  last")
        assert "loss" in d.text().splitlines()[0]
        await d.press("down")
        await d.until(lambda: "accuracy" in d.text().splitlines()[0])
        await d.press("space")
        await d.until_shown("step 199")
        await d.press("o")
        await d.until(lambda: any("every run" in said for said in d.said()))
        await d.press("escape", "escape")
        await d.until(lambda: d.app.screen is d.main)
        d.app.push_screen(OverlayScreen(runs, "nothing"))
        await d.until_shown("not logged by any of these runs")
        await d.press("q")
        await d.until(lambda: d.app.screen is d.main)


async def test_a_million_points_close_up(console: Console, home: Paths, history: History) -> None:
    run = put_run(home, history, 1, scalars("loss", lambda n: 1.0, 1))
    put_many(history, run, 1_000_000)
    async with driven(console()) as d:
        pane = await at_metrics(d)
        await d.press("enter")
        await d.until_shown("1,000,000 values")
        await d.until_shown("3 NaN")
        # To single values: 2**14 times closer.
        for _ in range(14):
            await d.press("plus")
        await d.until(lambda: pane.chart.look.window is not None and pane.chart.look.window[0] > 999_900)
        await d.press("space")
        await d.until_shown("step 999,999")
        await d.press("left")
        await d.until_shown("step 999,998")
        await d.press("0", "escape")
        await d.until(lambda: pane.chart.look.window is None and pane.chart.cursor is None)


async def test_what_the_run_used_is_under_a_heading(console: Console, home: Paths, history: History) -> None:
    used = {"cpu": 1.5, "memory": 300.0 * 2**20, "read": 0.0, "write": 2.0 * 2**20}
    records = [MetricRecord(NOW - 30 + 10 * n, "resource", "", {**used, "cpu": n / 2}) for n in range(4)]
    put_run(home, history, 1, [*records, *scalars("loss", lambda n: 1.0 / (n + 1), 5)])
    async with driven(console()) as d:
        pane = await at_metrics(d)
        await d.until_shown("resources of the run's processes")
        text = d.text()
        assert text.index("loss") < text.index("resources of") < text.index("resources/cpu")
        assert all(said in text for said in ("150%", "300MB", "2.0MB/s"))
        # The cursor passes over the heading, and a chart has what it stands for at its axis.
        await d.press("down")
        assert pane.browser.cursor == "resources/cpu"
        await d.press("up")
        assert pane.browser.cursor == "loss"
        await d.press("down", "enter")
        await d.until_shown("100%┤")
        # Its steps mean nothing: it is drawn by time, and what has steps by steps again.
        await d.until_shown("time since the run began")
        await d.press("space")
        await d.until_shown("after 0m30  150%")
        await d.press("up", "escape", "up", "enter")
        await d.until_shown("iris-001 loss   5 values")
        assert pane.chart.look.axis == "step"


async def test_several_metrics_in_one_chart(console: Console, runs: list[Run]) -> None:
    async with driven(console()) as d:
        pane = await at_metrics(d)
        await d.press("space", "down", "space")
        assert pane.browser.chosen == ["loss", "validation loss"]
        await d.press("up", "enter")
        await d.until_shown("loss and validation loss")
        await d.until_shown("validation loss  last")
        await d.press("o")
        await d.until(lambda: any("no other run is marked" in said for said in d.said()))
        await d.press("escape", "end", "space")
        await d.until(lambda: any("no series of numbers" in said for said in d.said()))
        await d.press("escape")
        assert pane.browser.chosen == []


async def test_tables_scroll_and_are_saved(
    console: Console, runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with driven(console(), (80, 24)) as d:
        pane = await at_metrics(d)
        await d.press("down", "down", "down", "down", "enter")
        await d.until_shown("the 2 of 2")
        await d.press("N")
        await d.until_shown("[/x]")
        assert "column 11" not in d.text()
        await d.press("right", "right", "right", "right", "right", "right", "right")
        await d.until_shown("column 11")
        await d.press("0")
        await d.until_shown("versicolor")
        await d.press("W")
        saved = tmp_path / "iris-003-confusion.csv"
        await d.until(saved.is_file)
        assert saved.read_text().splitlines()[1].startswith("setosa,13,0.5")
        await d.press("escape", "down", "enter")
        await d.until_shown("3 rows")
        await d.until_shown("0.700")
        await d.press("escape", "end", "enter")
        await d.until_shown("[bold]it went well[/bold]")
        await d.press("escape")
        await d.until(lambda: pane.browser.list.has_focus)


async def test_an_image_is_a_file_to_save(
    console: Console, runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with driven(console()) as d:
        await at_metrics(d)
        await d.press("end", "up", "enter")
        await d.until_shown("640 x 480 pixels")
        # A name that leads out of the outputs is no file of the run.
        await d.until_shown("../../secret   it is not on this machine")
        await d.press("W")
        await d.until((tmp_path / "iris-003-roc.png").is_file)
        await d.press("W")
        await d.until(lambda: any("was not saved" in said and "exists" in said for said in d.said()))
        await d.press("down", "W")
        await d.until(lambda: any("secret was not saved" in said for said in d.said()))
        assert not list(tmp_path.glob("*secret*"))


async def test_no_key_of_a_chart_is_lost_when_it_becomes_another(
    console: Console, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def slow(*arguments: Any, **more: Any) -> Frame:
        go.wait(10)
        return read_frame(*arguments, **more)

    async with driven(console()) as d:
        pane = await at_metrics(d)
        await d.press("enter")
        await d.until_shown("200 values")
        monkeypatch.setattr(chart_view, "read_frame", slow)
        await d.press("m")
        await d.until(lambda: not pane.chart._changes)
        await d.press("down")
        await d.until(lambda: pane.opened == ("accuracy",))
        go.set()
        await d.until(lambda: pane.chart.frame is not None and pane.chart.look.smooth == 0.6)


async def test_another_run_under_the_same_chart(console: Console, home: Paths, history: History) -> None:
    put_run(home, history, 1, scalars("accuracy", float, 9))
    put_run(home, history, 2, scalars("loss", float, 9))
    async with driven(console()) as d:
        pane = await at_metrics(d)
        await d.press("enter")
        await d.until_shown("iris-002 loss   9 values")
        await d.press("3", "down")
        await d.until_shown("iris-001 loss")
        await d.until_shown("not logged by this run")
        await d.press("up")
        await d.until_shown("iris-002 loss   9 values")
        assert pane.opened == ("loss",)


async def test_without_metrics(console: Console, home: Paths, history: History) -> None:
    put_run(home, history, 1, [])
    async with driven(console()) as d:
        await d.press("enter", "right_square_bracket")
        await d.until_shown("nothing was logged")
        await d.press("enter", "space", "p", "o", "v", "escape")
        await d.until(lambda: d.main.pane == "runs")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_what_it_looks_like(console: Console, runs: list[Run], tmp_path: Path, size: tuple[int, int]) -> None:
    name = f"{size[0]}x{size[1]}"
    async with driven(console(), size) as d:
        await d.press("down", "space", "space", "home")
        pane = await at_metrics(d)
        await d.press("down", "down", "p", "home")
        await d.until(lambda: pane.browser.names_shown()[0] == "validation loss")
        await d.until(lambda: pane._others)
        await check_snapshot(d.app, f"metrics-{name}", tmp_path)
        await d.press("v")
        await d.until(lambda: pane.browser.grid.has_focus)
        await check_snapshot(d.app, f"metrics-grid-{name}", tmp_path)
        await d.press("enter", "m", "m")
        await d.until(lambda: pane.chart.frame is not None and pane.chart.look.smooth == 0.9)
        await d.press("space", *["left"] * 30)
        await d.until(lambda: pane.chart._column is not None)
        await check_snapshot(d.app, f"chart-overlay-{name}", tmp_path)
        await d.press("escape", "o", "m", "m", "down", "down", "down")
        await d.until_shown("2 NaN")
        await check_snapshot(d.app, f"chart-{name}", tmp_path)
        await d.press("escape", "end", "left", "left", "left", "enter")
        await d.until_shown("the 2 of 2")
        await d.press("N")
        await d.until_shown("[/x]")
        await check_snapshot(d.app, f"table-{name}", tmp_path)


@pytest.mark.parametrize("theme", ["aml-light", "ansi-dark"])
async def test_what_an_overlay_looks_like_elsewhere(
    console: Console, runs: list[Run], tmp_path: Path, theme: str
) -> None:
    app = console(ascii=theme == "ansi-dark")
    app.theme = theme
    async with driven(app) as d:
        await d.press("down", "space", "space", "home")
        pane = await at_metrics(d)
        await d.until(lambda: pane._others)
        await d.press("down", "down", "enter")
        await d.until_shown("iris-001  last")
        await d.press("l")
        await d.until_shown("log y")
        await check_snapshot(d.app, f"chart-{theme}-120x40", tmp_path)
