"""What is wrong is in the header as long as it lasts, and said once."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from engine.runs.model import State
from engine.runs.troubles import FULL
from tests.tui.driving import driven
from tests.tui.history import make_run
from tui import engine_link
from tui.engine_link import Link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


class Engine:
    """A line to an engine that has this trouble; `tell` sends an event, `leave` hangs up."""

    def __init__(self, trouble: str = "") -> None:
        self.trouble = trouble
        self._events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def tell(self, trouble: str) -> None:
        self.trouble = trouble
        self._events.put_nowait({"event": "changed", "runs": [], "targets": True, "more": False, "trouble": trouble})

    def leave(self) -> None:
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        yield {"event": "changed", "runs": [], "targets": True, "more": True}
        while (event := await self._events.get()) is not None:
            yield event

    async def status(self) -> dict[str, Any]:
        return {"trouble": self.trouble}

    async def cancel(self, ids: list[str]) -> dict[str, str]:
        return {}

    async def watch(self, ids: list[str]) -> None: ...

    async def sample(self, hosts: list[str], docker: list[str], yarn: list[str]) -> None: ...

    async def close(self) -> None: ...


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_full_disk_of_the_engines_machine(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(engine_link, "LOOK_AGAIN", 0.01)
    history.put(make_run(1, State.RUNNING))
    async with driven(console(), size) as d:
        engine = Engine()
        d.app.link._client = engine  # type: ignore[assignment]
        await d.until(lambda: d.app.link.state is Link.CONNECTED)
        engine.tell(FULL)
        await d.until_shown("this machine's disk is full: logs and history cannot be written")
        assert "1 running" in d.text()
        assert d.said() == [FULL]
        engine.tell(FULL)
        engine.tell("")
        await d.until(lambda: "disk is full" not in d.text())
        assert d.said() == [FULL]


async def test_what_was_wrong_before_the_console_came(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_link, "LOOK_AGAIN", 0.01)
    history.put(make_run(1, State.RUNNING))
    async with driven(console()) as d:
        engine = Engine(FULL)
        d.app.link._client = engine  # type: ignore[assignment]
        await d.until_shown("disk is full")
        engine.leave()
        # The next look finds the same again: that is not said anew.
        await d.until(lambda: engine._events.empty() and d.app.link.state is Link.CONNECTED)
        await d.until_shown("disk is full")
        assert d.said() == [FULL]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_history_of_a_newer_release(
    console: Console, history: History, home: Paths, size: tuple[int, int]
) -> None:
    with sqlite3.connect(home.store) as connection:
        connection.execute("PRAGMA user_version = 999")
    async with driven(console(), size) as d:
        await d.until_shown("the run history cannot be read")
        assert "no runs yet" not in d.text()
        shown = "".join(line.partition("││")[2] or line for line in d.text().splitlines())
        words = "".join(shown.replace("│", " ").split())
        assert "".join(d.app.model.trouble.split()) in words
        assert d.said() == [d.app.model.trouble]
