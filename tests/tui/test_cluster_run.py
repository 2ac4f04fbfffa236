"""A run in cluster mode in its tabs: where its driver is, where its outputs are meanwhile, what YARN lent it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.runs.model import State
from tests.tui.driving import driven
from tests.tui.history import make_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.tui.history import History
    from tui.app import ConsoleApp

USED = {"Application": "application_1_0002", "VcoreSeconds": "94", "MemoryMegabyteSeconds": "132816"}


def put(history: History, number: int, state: State, **properties: str) -> Run:
    changes = {"config": "hdi", "target": "hdi", "target_type": "cluster", "framework": "PySpark"}
    run = make_run(number, state, **changes)
    history.put_prepared(run, {}, launcher="spark", host="ann@hdi")
    (text,) = history.connection.execute("SELECT plan FROM runs WHERE id = ?", (run.id,)).fetchone()
    plan = {**json.loads(text), "options": {"deploy_mode": "cluster", "spark_submit": ["spark-submit"]}}
    values = (json.dumps(plan), json.dumps(properties), run.id)
    history.connection.execute("UPDATE runs SET plan = ?, properties = ? WHERE id = ?", values)
    return run


async def test_its_driver_is_on_the_cluster(console: Callable[..., ConsoleApp], home: Paths, history: History) -> None:
    ended = put(history, 1, State.COMPLETED, **USED)
    put(history, 2, State.RUNNING)
    folder = home.host_run(ended.id) / "outputs"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}\n")
    async with driven(console(), (120, 70)) as d:
        await d.press("4")
        await d.until(lambda: d.main.run_view is not None and d.main.run_view.has_focus_within)
        await d.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await d.until_shown("they are with its driver on the cluster, and come when it ends")
        await d.press("right_square_bracket")
        await d.until_shown("driver and executors on YARN")
        await d.press("3", "j", "4", "left_square_bracket")
        await d.until_shown("model.json")
        await d.press("left_square_bracket")
        await d.until_shown("94 s of a vcore, 129.7 s of a GB")
        await d.until_shown("application_1_0002")
