"""What the console looks like, compared with the pictures in snapshots/."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import driven
from tests.tui.history import busy_history, make_run, write_log
from tests.tui.snapshots import check_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

SCREENS = {
    "help": ["question_mark"],
    "palette": ["colon"],
    "cancel": ["space", "down", "space", "c"],
    "filter": ["slash", *"tag:best"],
}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", sorted(SCREENS))
async def test_screens(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    async with driven(console(), size) as d:
        if size[0] > 80:
            await d.until_shown("epoch 30/30")
        for key in SCREENS[name]:
            await d.press(key)
            if key == "slash":
                await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
        if name == "filter":
            await d.until(lambda: d.main.listing.filter.text == "tag:best")
            if size[0] > 80:
                await d.until_shown("─ iris-037 ─")
                await d.until(lambda: "epoch" not in d.text())
        await check_snapshot(d.app, f"{name}-{size[0]}x{size[1]}", tmp_path)


@pytest.mark.parametrize("theme", ["aml-light", "ansi-dark"])
async def test_themes(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path, theme: str
) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    app = console()
    app.theme = theme
    async with driven(app) as d:
        await d.until_shown("epoch 30/30")
        await check_snapshot(d.app, f"main-{theme}-120x40", tmp_path)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
async def test_main(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path, size: tuple[int, int]
) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    async with driven(console(), size) as d:
        if size[0] > 80:
            await d.until_shown("epoch 30/30")
        await check_snapshot(d.app, f"main-{size[0]}x{size[1]}", tmp_path)


async def test_ascii(console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path) -> None:
    busy_history(history)
    write_log(home, make_run(45))
    async with driven(console(ascii=True)) as d:
        await d.until_shown("epoch 30/30")
        await check_snapshot(d.app, "main-ascii-120x40", tmp_path)
        text = d.text()
        assert text.isascii(), {char for char in text if not char.isascii()}


async def test_notices_in_ascii(console: Callable[..., ConsoleApp]) -> None:
    async with driven(console(ascii=True), notifications=True) as d:
        for severity in ("information", "warning", "error"):
            d.app.tell(f"told as {severity}", severity)
            await d.until_shown(f"told as {severity}")
        assert d.text().isascii(), {char for char in d.text() if not char.isascii()}


async def test_first_start(console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path) -> None:
    from pathlib import Path

    async with driven(console(None, folder_here=Path("/home/ann/thesis"))) as d:
        await d.until_shown("no project has runs yet")
        await check_snapshot(d.app, "first-start-120x40", tmp_path)
