"""The tabs of a run, over a store that the engine's own code wrote."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from engine.runs import points
from engine.runs.ledger import Ledger
from engine.runs.metrics import MetricRecord
from engine.runs.model import Command, Run, RunPlan, State
from engine.runs.request import RunRequest
from tests.tui.driving import Driver, driven
from tests.tui.history import NOW, make_run, make_spec
from tui.widgets.facts_pane import FactsPane

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

TABS = ("Log", "Metrics", "Overview", "Outputs", "Environment", "Commands")


@pytest.fixture
def run(home: Paths, project: Path) -> Run:
    """A completed run with metrics of each kind, a command and outputs."""
    plan = RunPlan(
        project=str(project),
        project_name="iris",
        config="local",
        target="local",
        target_type="local",
        host="local",
        launcher="process",
        framework="Python",
        script="train.py",
        argv=("train.py", "--rate", "a b"),
        interpreter="/usr/bin/python3",
        environment_variables={"MODE": "[/fast]", "API_TOKEN": "hush"},
    )
    ledger = Ledger(home.store)
    made = ledger.create(RunRequest(str(project), "local", "t", tags={"best": "yes"}), plan)
    ledger.record_command(made.id, Command(NOW, "local", ("/usr/bin/python3", "train.py", "a b"), "/runs/1"))
    records = [MetricRecord(NOW + n, "scalar", "loss", math.exp(-n / 30)) for n in range(200)]
    records += [MetricRecord(NOW + n, "scalar", "accuracy", 1 - math.exp(-n / 50)) for n in range(200)]
    records += [MetricRecord(NOW, "scalar", "grad", math.nan), MetricRecord(NOW, "scalar", "grad", 1.0)]
    records += [MetricRecord(NOW, "table", "confusion", {"seen": ["a", "b"], "[/x]": [1, 2]})]
    points.add(ledger, made.id, records, 0, 10, 0)
    moved = made
    for state in (State.QUEUED, State.PREPARING, State.STARTING, State.RUNNING, State.FINALIZING, State.COMPLETED):
        moved = ledger.move(moved, state, "event", "", {"exit_code": 0, "started": NOW - 30, "ended": NOW - 9})
    ledger.change(made.id, created=NOW - 31, state_since=NOW - 9)
    with ledger.writing() as db:
        db.execute("UPDATE transitions SET at = ? + rowid", (NOW - 40,))
    done = ledger.run(made.id)
    ledger.close()
    outputs = home.host_run(done.id) / "outputs"
    (outputs / "plots").mkdir(parents=True)
    (outputs / "model.json").write_text('{"weights": "[/markup]"}\n')
    (outputs / "plots" / "loss.png").write_bytes(b"\x89PNG\0")
    return done


async def tab(driver: Driver, name: str) -> None:
    await driver.press("4")
    await driver.until(lambda: driver.main.run_view is not None and driver.main.run_view.pane is not None)
    view = driver.main.run_view
    assert view is not None
    for _ in range(TABS.index(name)):
        before = view.open_tab
        await driver.press("right_square_bracket")
        await driver.until(lambda before=before: view.open_tab != before and view.pane is not None)
    await driver.until(lambda: view.has_focus_within)


async def test_what_each_tab_says(console: Callable[..., ConsoleApp], run: Run) -> None:
    async with driven(console()) as d:
        await tab(d, "Overview")
        await d.until_shown("Completed, exit code 0")
        await d.until_shown("best=yes")
        await d.press("right_square_bracket")
        await d.until_shown("model.json")
        await d.press("end", "k", "enter")
        await d.press("right_square_bracket")
        await d.until_shown("API_TOKEN=********")
        assert "hush" not in d.text()
        assert "MODE=[/fast]" in d.text()
        await d.press("right_square_bracket")
        await d.until_shown("/usr/bin/python3 train.py 'a b'")


async def test_outputs_that_are_not_kept(console: Callable[..., ConsoleApp], home: Paths, run: Run) -> None:
    ledger = Ledger(home.store)
    with ledger.writing() as db:
        db.execute("UPDATE runs SET plan = json_set(plan, '$.tracked', json('false'))")
    ledger.close()
    async with driven(console()) as d:
        await tab(d, "Outputs")
        await d.until_shown("the run is untracked")
        assert "model.json" not in d.text()


async def test_a_look_into_an_output(console: Callable[..., ConsoleApp], run: Run) -> None:
    async with driven(console()) as d:
        await tab(d, "Outputs")
        await d.until_shown("model.json")
        await d.press("enter")
        await d.until_shown('{"weights": "[/markup]"}')
        await d.press("escape")
        await d.until_shown("loss.png")


async def test_a_console_left_while_its_view_is_made(console: Callable[..., ConsoleApp], run: Run) -> None:
    from tui.widgets.run_view import RunView

    async with driven(console()) as d:
        view = RunView(d.app.model.paths, d.app.clock, d.app.glyphs)
        await view._open(0)
        assert view.pane is None


async def test_a_long_value_goes_on_in_the_next_line(console: Callable[..., ConsoleApp], history: History) -> None:
    path = ":".join(f"/opt/tools-{n}/bin" for n in range(30))
    history.put_container(make_run(2), make_spec("six"))
    history.connection.execute(
        "UPDATE runs SET plan = json_set(plan, '$.environment_variables.PATH', ?, '$.environment_variables.X', '1')",
        (path,),
    )
    async with driven(console()) as d:
        copied: list[str] = []
        d.app.copy_text = copied.append  # type: ignore[method-assign,assignment]
        await d.press("enter")
        await tab(d, "Environment")
        await d.until_shown("X=1")
        pane = d.main.run_view.pane  # type: ignore[union-attr]
        assert isinstance(pane, FactsPane)
        lines = [fact for fact in pane.facts if "/opt/tools" in fact.text]
        assert len(lines) > 3
        assert "".join(fact.text for fact in lines) == f"PATH={path}"
        shown = "".join(line.strip("│ ").removeprefix("variables").strip() for line in d.text().splitlines())
        assert f"PATH={path}" in shown
        pane.move_to(str(pane.facts.index(lines[-1])))
        await d.press("Y")
        assert copied == [f"PATH={path}"]


async def test_nothing_of_a_line_is_lost_to_the_scrollbar(console: Callable[..., ConsoleApp], history: History) -> None:
    path = ":".join(f"/opt/tools-{n}/bin" for n in range(90))
    history.put_container(make_run(2), make_spec("six"))
    history.connection.execute("UPDATE runs SET plan = json_set(plan, '$.environment_variables.PATH', ?)", (path,))
    async with driven(console()) as d:
        await tab(d, "Environment")
        pane = d.main.run_view.pane  # type: ignore[union-attr]
        assert isinstance(pane, FactsPane)
        await d.until(lambda: pane.show_vertical_scrollbar)
        width = pane.scrollable_content_region.width - pane.LABELS - 1
        assert all(len(fact.text) <= width for fact in pane.facts)
        assert f"PATH={path}" in "".join(fact.text for fact in pane.facts)
