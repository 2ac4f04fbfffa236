"""A host's load while one looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.runs.model import TargetState
from tests.tui.driving import driven
from tests.tui.history import NOW
from tui.glyphs import ASCII
from tui.host_load import HostLoad

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tui.history import History
    from tui.app import ConsoleApp

GIB = 2**30


def state(at: float, cpu: float) -> TargetState:
    gpus = [{"index": 0, "util": cpu / 2, "mem_used": None, "mem_total": GIB}]
    memory = {"mem_used": 3 * GIB, "mem_total": 16 * GIB, "disk_free": GIB, "disk_total": 4 * GIB}
    return TargetState("local", "connected", NOW, sample={"at": at, "cpu": cpu, "gpus": gpus, **memory})


def test_samples_become_a_line_between_nothing_and_all() -> None:
    load = HostLoad()
    assert list(load.lines("local", ASCII.spark)) == []
    for n in range(5):
        load.take({"local": state(NOW + 2 * n, n / 4)})
        # The same sample seen again is none.
        load.take({"local": state(NOW + 2 * n, n / 4)})
    lines = dict(load.lines("local", ASCII.spark))
    assert lines["cpu lately"] == "_-=+#  0% to 100% in 0m08"
    assert lines["memory lately"].endswith("19% to 19% in 0m08")
    assert lines["disk lately"].startswith("+++++")
    assert set(lines) == {"cpu lately", "memory lately", "disk lately", "GPU 0 lately"}


def test_after_a_pause_it_begins_anew() -> None:
    load = HostLoad()
    load.take({"local": state(NOW, 0.5)})
    load.take({"local": state(NOW + 2, 0.5)})
    load.take({"local": state(NOW + 600, 0.5)})
    assert list(load.lines("local", ASCII.spark)) == []


async def test_a_targets_details_have_it(console: Callable[..., ConsoleApp], history: History) -> None:
    history.put_target(state(NOW, 0.1))
    async with driven(console()) as d:
        await d.press("1", "home")
        await d.until(lambda: d.main.targets.cursor == "docker" or d.main.targets.cursor == "local")
        d.main.targets.move_to("local")
        await d.press("enter")
        await d.until_shown("disk left")
        assert "lately" not in d.text()
        history.put_target(state(NOW + 2, 0.9))
        await d.until_shown("10% to 90% in 0m02")
