"""A cluster in the targets pane and in its details: what its YARN said last, or why it says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.runs.model import TargetState
from tests.tui.driving import driven
from tests.tui.history import NOW, busy_history
from tests.tui.snapshots import check_snapshot
from tui.steady import EVERY, Steady

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

GIB = 1 << 30
HOST = "sshuser@hn0"
NASTY = "[/foo] [bold]x\x1b[2J\x1b]52;c;aGk=\x07"
FACTS: dict[str, Any] = {
    "version": "3.1.1",
    "managers": [{"name": "hn0:8088", "state": "active"}, {"name": "hn1:8088", "state": "standby"}],
    "queues": [
        {"name": "default", "state": "RUNNING", "used": 0.183, "share": 0.9, "most": 1.0, "running": 2, "waiting": 1},
        {"name": "thriftsvr", "state": "STOPPED", "used": 0.0, "share": 0.1, "most": 0.1, "running": 0, "waiting": 0},
    ],
    "memory": 64 * GIB,
    "memory_used": 12 * GIB,
    "vcores": 32,
    "vcores_used": 3,
    "nodes": 4,
    "unhealthy": 1,
    "lost": 0,
    "running": 2,
    "pending": 1,
    "ours": 1,
}


@pytest.fixture(autouse=True)
def hdi(project: Path) -> None:
    (project / "aml_config" / "hdi.compute").write_text("type: cluster\naddress: hn0\nusername: sshuser\n")
    (project / "aml_config" / "hdi.runconfig").write_text("ArgumentVector: [train.py]\nTarget: hdi\n")


def put(history: History, yarn: dict[str, Any] | None) -> None:
    sample: dict[str, Any] = {"cpu": 0.12, "mem_used": GIB} | ({} if yarn is None else {"yarn": yarn})
    history.put_target(TargetState(HOST, "connected", NOW - 500, sample=sample))


async def test_how_busy_it_is(console: Console, history: History) -> None:
    put(history, FACTS)
    async with driven(console(), (80, 24)) as d:
        await d.press("1")
        await d.until_shown("● hdi    mem 19% 2 running 1 waiting 1 unhealthy YARN 3.1.1")
        await d.press("down", "down", "enter")
        await d.until_shown("hn0:8088 active, hn1:8088 stands by")
        for words in (
            "12G of 64G lent out",
            "3 of 32 lent out",
            "4 active, 1 unhealthy",
            "2 running, 1 waiting, 1 of ours",
            "default: 18%, share 90% to 100%, 1 waiting",
            "thriftsvr: stopped, 0%, share 10%",
        ):
            assert words in d.text(), words
        put(history, {**FACTS, "running": 0, "pending": 0, "ours": 0})
        await d.until_shown("0 running")


async def test_in_a_narrow_pane_what_has_room(console: Console, history: History) -> None:
    put(history, {**FACTS, "unhealthy": 0})
    async with driven(console()) as d:
        await d.until_shown("● hdi    mem 19% 2 running")


async def test_a_cluster_that_does_not_answer_says_why(console: Console, history: History) -> None:
    put(history, {"error": f"no ResourceManager answers {NASTY}", "remedy": "See whether the cluster runs."})
    async with driven(console(), (80, 24)) as d:
        await d.press("1")
        await d.until_shown("▲ hdi    no ResourceManager answers")
        await d.press("down", "down", "enter")
        await d.until_shown("no ResourceManager answers [/foo] [bold]x")
        assert "See whether the cluster runs." in d.text()
        assert "\x1b" not in d.text()


async def test_what_was_not_asked_is_not_made_up(console: Console, history: History) -> None:
    put(history, None)
    async with driven(console(), (80, 24)) as d:
        await d.press("1")
        await d.until_shown("● hdi    cpu 12% 1.0G")
        await d.press("down", "down", "enter")
        await d.until_shown("not asked yet")


async def test_only_what_is_on_the_screen_is_asked(console: Console, history: History) -> None:
    asked: list[tuple[set[str], set[str]]] = []

    async def look_at(_runs: list[str], hosts: set[str], _docker: set[str], yarn: set[str]) -> None:
        asked.append((hosts, yarn))

    async with driven(console(), (80, 24)) as d:
        d.app.link.look_at = look_at  # type: ignore[method-assign,assignment]
        await d.press("1")
        await d.until(lambda: asked)
        assert asked[-1] == ({"local"}, set())
        put(history, FACTS)
        await d.until(lambda: asked[-1] == ({"local", HOST}, {HOST}))
        await d.press("3")
        await d.until(lambda: asked[-1] == (set(), set()))


@pytest.mark.parametrize(
    ("change", "after", "moves"),
    [
        ({"memory_used": 14 * GIB}, 10 * EVERY, False),
        ({"memory_used": 30 * GIB}, EVERY - 1, False),
        ({"memory_used": 30 * GIB}, EVERY, True),
        ({"queues": [{**FACTS["queues"][0], "used": 0.2}, FACTS["queues"][1]]}, 10 * EVERY, False),
        ({"queues": [{**FACTS["queues"][0], "used": 0.5}, FACTS["queues"][1]]}, EVERY, True),
        # What is counted is told at once.
        ({"running": 3}, 0.0, True),
        ({"managers": [{"name": "hn0:8088", "state": ""}]}, 0.0, True),
        ({"queues": [FACTS["queues"][0]]}, 0.0, True),
        ({"error": "gone"}, 0.0, True),
    ],
)
def test_over_ssh_what_moves_and_when(change: dict[str, Any], after: float, moves: bool) -> None:
    def state(facts: dict[str, Any]) -> dict[str, TargetState]:
        return {HOST: TargetState(HOST, "connected", 5.0, "", {"yarn": facts})}

    steady = Steady()
    assert steady.take(state(FACTS), 100.0) == state(FACTS)
    new = {**FACTS, **change}
    assert steady.take(state(new), 100.0 + after) == state(new if moves else FACTS)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_what_it_looks_like(console: Console, history: History, tmp_path: Path, size: tuple[int, int]) -> None:
    busy_history(history)
    put(history, FACTS)
    async with driven(console(), size) as d:
        await d.press("1")
        await d.until_shown("mem 19%")
        await d.press("down", "down", "enter")
        await d.until_shown("stands by")
        await check_snapshot(d.app, f"cluster-{size[0]}x{size[1]}", tmp_path)
