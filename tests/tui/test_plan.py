"""The plan of a submission: in the dialog as one types, and by `I` for a configuration or a run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from engine.runs.forecast import Forecast
from tests.tui.driving import Driver, driven
from tests.tui.history import busy_history
from tests.tui.snapshots import check_snapshot
from tui import requests
from tui.requests import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import RunPlan
    from engine.runs.request import RunRequest
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

FORECAST = Forecast(
    config="gpu-sweep",
    target="gpu-box",
    host="ann@gpu-box",
    state="connected",
    argv=("train.py", "--rate", "0.1"),
    files=214,
    bytes=24_400_000,
    new_files=3,
    new_bytes=1_230_000,
    largest=(("data/iris.csv", 14_000_000), ("data/weights.bin", 9_000_000), ("train.py", 21_000)),
    ignored=("outputs", "notes"),
    ignored_count=2,
    secret=(".env",),
    environment="missing",
    took=95.0,
    slots=4,
    busy=4,
    ahead=2,
    disk_free=48_000_000_000,
    disk_total=500_000_000_000,
    same={"run_id": "iris_1", "name": "iris-041", "state": "Completed", "metrics": [["loss", 0.23]]},
)


def foreseen(d: Driver, monkeypatch: pytest.MonkeyPatch, forecast: Forecast = FORECAST) -> None:
    """What the engine of a far machine would tell: a picture is the same every time."""

    async def plan(request: RunRequest, **_: Any) -> Forecast:
        return forecast

    def resolved(request: RunRequest) -> RunPlan:
        return dataclasses.replace(plan_of(request), interpreter="python3", target="gpu-box")

    monkeypatch.setattr(d.app.link, "plan", plan)
    monkeypatch.setattr(requests, "plan_of", resolved)


async def test_the_dialog_tells_the_plan_while_one_types(console: Console, engine_home: Paths, project: Path) -> None:
    (project / "data.csv").write_text("x" * 5000)
    app = console()
    app.start_engine = True
    async with driven(app) as d:
        await d.press("s")
        await d.until_shown("Submit a run")
        await d.type("train.py")
        await d.until_shown_within(30, "all new to local")
        await d.until_shown("data.csv 4.9 KB")
        await d.until_shown("at once: 0 of 4 slots busy")
        await d.press("tab")
        await d.type("--rate 0.1")
        await d.until(lambda: "--rate 0.1" in d.text())
        # A mistake takes the plan away: it was of something else.
        await d.type(" 'open")
        await d.until_shown("No closing quotation")
        assert "all new to local" not in d.text()
        await d.press("escape")
        assert d.app.model.order == ()


async def test_without_an_engine_that_is_said(console: Console) -> None:
    async with driven(console()) as d:
        await d.press("s")
        await d.type("train.py")
        await d.until_shown("no engine is running")
        await d.press("escape")


async def test_the_plan_of_a_run_once_more_and_of_a_configuration(
    console: Console, engine_home: Paths, project: Path
) -> None:
    (project / "train.py").write_text("from azureml.core import Run\nRun.get_context().log('loss', 0.25)\n")
    async with driven(console()) as d:
        await d.press("I")
        assert any("there is no run under the cursor" in text for text in d.said())
        await d.press("s")
        await d.until_shown("Submit a run")
        await d.type("train.py")
        await d.press("enter")
        await d.until(lambda: d.app.model.order and d.app.model.runs[d.app.model.order[0]].state.ended)
        await d.press("I")
        await d.until_shown("Plan of iris-001, run again")
        await d.until_shown_within(30, "as iris-001, completed, loss 0.25")
        await d.until_shown("all of it is on local")
        (project / "more.csv").write_text("1,2\n")
        await d.press("a")
        await d.until_shown("4 B in 1 file new to local")
        await d.press("escape")
        await d.press("2", "I")
        await d.until_shown("Plan of ")
        await d.press("escape")
        await d.press("down", "down", "I")
        await d.until_shown("Plan of sweep")
        await d.until_shown("train.py --rate 0.1")
        assert len(d.app.model.order) == 1


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_pictures(
    console: Console,
    history: History,
    tmp_path: Path,
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy_history(history)
    async with driven(console(), size) as d:
        foreseen(d, monkeypatch)
        await d.press("2", "down", "down", "s")
        await d.until_shown("Submit a run")
        await d.until_shown("as iris-041, completed, loss 0.23")
        # All of it can be seen, at 80x24 as well.
        await d.until(
            lambda: all(word in d.text() for word in ("data/iris.csv 13 MB", ".env", "1 min 35 s", "2 runs ahead"))
        )
        await d.press("pagedown", "pagedown")
        await d.until_shown("45 GB of 466 GB")
        await d.press("pageup", "pageup")
        await check_snapshot(d.app, f"submit-{size[0]}x{size[1]}", tmp_path)
        await d.press("escape")
        await d.press("I")
        await d.until_shown("Plan of sweep")
        await d.until_shown("as iris-041, completed, loss 0.23")
        await check_snapshot(d.app, f"plan-{size[0]}x{size[1]}", tmp_path)
