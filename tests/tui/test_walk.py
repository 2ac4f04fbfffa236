"""A walk of random keys and sizes over a busy history: nothing breaks, nothing hangs, `escape` always leads back.

A short one here; `AML_WALK_SECONDS=300 AML_WALK_SEEDS=1,2,3` makes it longer and another.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from typing import TYPE_CHECKING

import pytest
from rich.color import ColorSystem
from textual import events

from bench.screen import Screen
from engine.errors import EngineUnavailable
from engine.runs.model import State
from tests.tui.driving import Driver, driven
from tests.tui.history import busy_history, falling, make_build, make_run, scalar, write_log
from tests.tui.test_hostile import character, home_again, press
from tui.actions import ACTIONS
from tui.engine_link import EngineLink
from tui.painting import Painter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

SECONDS = float(os.environ.get("AML_WALK_SECONDS", "8"))
SEEDS = [int(seed) for seed in os.environ.get("AML_WALK_SEEDS", "1,2").split(",")]
SIZES = ((120, 40), (80, 24), (200, 60), (100, 30), (40, 10), (20, 5), (1, 1), (3, 2), (300, 100), (161, 29))
MOVING = ("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "tab", "shift+tab", "enter", "escape")
OTHERS = ("backspace", "delete", "ctrl+a", "ctrl+k", "ctrl+s", "ctrl+t", "ctrl+n", "ctrl+c", "f1", "ctrl+w", "space")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789é漢.-/[]"


class Walk:
    """Its steps come from the seed alone; what fails can be walked again."""

    def __init__(self, seed: int, driver: Driver, history: History, home: Paths) -> None:
        self.source = random.Random(seed)
        self.driver = driver
        self.history = history
        self.home = home
        self.steps: list[str] = []
        self.number = 100

    async def step(self) -> None:
        kind = self.source.random()
        if kind < 0.04:
            size = self.source.choice(SIZES)
            self.steps.append(f"{size[0]}x{size[1]}")
            await self.driver.pilot.resize_terminal(*size)
        elif kind < 0.15:
            self.steps.append("news")
            self.news()
        else:
            keys = [self.key() for _ in range(self.source.choice((1, 1, 1, 2, 5)))]
            self.steps.append(" ".join(keys))
            for key in keys:
                self.driver.app.post_message(events.Key(key, character(key)))
        if self.source.random() < 0.3:
            await self.driver.pilot.pause()
        else:
            # Once round the loop: what comes next finds the console in the middle of something.
            await asyncio.sleep(0)

    def key(self) -> str:
        kind = self.source.random()
        if kind < 0.4:
            keys = self.source.choice(ACTIONS).keys
            return self.source.choice(keys)
        if kind < 0.7:
            return self.source.choice(MOVING)
        if kind < 0.75:
            return self.source.choice(OTHERS)
        return self.source.choice(LETTERS)

    def news(self) -> None:
        """What an engine does meanwhile: runs come, change and go, logs and metrics grow, builds move on."""
        kind = self.source.random()
        if kind < 0.3:
            self.number += 1
            self.history.put(make_run(self.number, self.source.choice(list(State))))
        elif kind < 0.5:
            number = self.source.randint(1, self.number)
            self.history.put(make_run(number, self.source.choice(list(State)), reason="because"))
        elif kind < 0.6:
            self.history.drop(make_run(self.source.randint(1, self.number)).id)
        elif kind < 0.8:
            log = self.home.driver_log(make_run(self.source.randint(30, 45)).id)
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as out:
                out.write(b"epoch \x1b[32m1\x1b[0m loss=0.1\r50%\r100%\n" * self.source.randint(1, 200))
        elif kind < 0.9:
            known = {row[0] for row in self.history.connection.execute("SELECT id FROM runs")}
            run = make_run(self.source.randint(1, self.number))
            if run.id in known:
                self.history.put_series(run.id, [scalar("loss", falling(self.source.randint(1, 60)))])
        else:
            self.history.put_build(make_build(self.source.randint(1, 4), self.source.choice(("building", "ready"))))


@pytest.mark.timeout(SECONDS * 2 + 60)
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_walk(
    console: Callable[..., ConsoleApp],
    history: History,
    home: Paths,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    seed: int,
) -> None:
    async def none(*_: object, **__: object) -> None:
        raise EngineUnavailable("there is no engine in this test", remedy="walk on")

    monkeypatch.setattr(EngineLink, "_have", none)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    busy_history(history)
    write_log(home, make_run(42))
    history.put_build(make_build(1))
    painter, shown = Painter(), {}

    def painted(_: object, update: object) -> None:
        if update is not None and hasattr(update, "render_segments"):
            painter.take(update)  # type: ignore[arg-type]
            size = app.size
            if shown.get("size") != size:
                shown.update(size=size, screen=Screen(size.width, size.height))
                painter.forget()
            shown["screen"].feed(painter.paint((0, 0), ColorSystem.TRUECOLOR).encode())
        app.post_display_hook()

    app = console()
    monkeypatch.setattr(app, "_display", painted)
    # By `q`, or by the palette: the walk goes on.
    monkeypatch.setattr(app, "leave", lambda: None)
    async with driven(app, notifications=True) as d:
        walk = Walk(seed, d, history, home)
        until = time.monotonic() + SECONDS
        try:
            while time.monotonic() < until:
                await walk.step()
                if len(walk.steps) % 100 == 0:
                    await back(d)
                    await d.until(lambda: shown["screen"].text() == d.text().split("\n"), "the terminal shows it")
        except Exception as error:
            trail = "\n  ".join(walk.steps[-40:])
            told = (
                f"seed {seed}, after {len(walk.steps)} steps, the last of them:\n  {trail}\n{d.app.focused}\n{d.text()}"
            )
            raise AssertionError(told) from error


async def back(driver: Driver) -> None:
    """From wherever the walk is, to a main screen that answers."""
    if driver.app.size.height < 24 or driver.app.size.width < 80:
        await driver.pilot.resize_terminal(80, 24)
    await driver.until(lambda: driver.app._turn is None and not driver.app._typed, "every key to be handled")
    await home_again(driver)
    await press(driver, "2")
    await driver.until(lambda: driver.main.pane == "configs", "the second pane")
