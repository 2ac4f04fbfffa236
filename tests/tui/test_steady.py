"""Over SSH the figures of hosts stand still; everywhere a host's load is said once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.runs.model import TargetState
from tests.tui.driving import driven
from tui.steady import EVERY, Steady

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

GIB = 2**30
FIRST: dict[str, Any] = {
    "cpu": 0.12,
    "mem_used": 3 * GIB,
    "mem_total": 16 * GIB,
    "gpus": [{"name": "T4", "util": 0.5, "mem_used": GIB, "mem_total": 15 * GIB, "holders": []}],
}


def state(sample: dict[str, Any], word: str = "connected") -> dict[str, TargetState]:
    return {"local": TargetState("local", word, 5.0, "", sample)}


def gpu(**changes: Any) -> dict[str, Any]:
    return {"gpus": [{**FIRST["gpus"][0], **changes}]}


@pytest.mark.parametrize(
    ("change", "after", "moves"),
    [
        ({"cpu": 0.9}, EVERY - 1, False),
        ({"cpu": 0.9}, EVERY, True),
        ({"cpu": 0.16}, 10 * EVERY, False),
        ({"mem_used": 3.5 * GIB}, 10 * EVERY, False),
        ({"mem_used": 4 * GIB}, 10 * EVERY, True),
        (gpu(util=0.53), 10 * EVERY, False),
        (gpu(util=0.9), 10 * EVERY, True),
        (gpu(mem_used=9 * GIB), 10 * EVERY, True),
        # What is no figure is told at once.
        (gpu(holders=[4711]), 0.0, True),
        ({"gpus": []}, 0.0, True),
        ({"docker": {"images": 3}}, 0.0, True),
        ({"cpu": None}, EVERY, True),
    ],
)
def test_what_moves_and_when(change: dict[str, Any], after: float, moves: bool) -> None:
    steady = Steady()
    assert steady.take(state(FIRST), 100.0) == state(FIRST)
    new = {**FIRST, **change}
    assert steady.take(state(new), 100.0 + after) == state(new if moves else FIRST)


def test_a_state_is_told_at_once() -> None:
    steady = Steady()
    steady.take(state(FIRST), 100.0)
    assert steady.take(state(FIRST, "unreachable"), 100.5)["local"].state == "unreachable"
    assert steady.take({}, 101.0) == {}
    other = {**FIRST, "cpu": 0.9}
    assert steady.take(state(other), 101.5) == state(other)


async def test_an_idle_console_over_ssh_draws_nothing(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    history.put_target(TargetState("local", "connected", 0.0, sample={"cpu": 0.12, "mem_used": 3 * GIB}))
    async with driven(console()) as d:
        await d.until_shown("cpu 12%")
        told: list[object] = []
        d.app.model.listeners.append(told.append)
        for place in range(5):
            sample = {"cpu": 0.1 + place / 5, "mem_used": (3 + place) * GIB}
            history.put_target(TargetState("local", "connected", 0.0, sample=sample))
            await d.app.model.look()
        assert told == []
        assert "cpu 12%" in d.text()


async def test_a_machine_says_its_load_once(console: Console, history: History, project: Path) -> None:
    for name in ("second", "third"):
        (project / "aml_config" / f"{name}.compute").write_text("type: local\n")
    history.put_target(TargetState("local", "connected", 0.0, sample={"cpu": 0.12, "mem_used": 3 * GIB}))
    async with driven(console()) as d:
        await d.until_shown("cpu 12%")
        assert d.text().count("cpu 12%") == 1
        assert "third  local" in d.text()
