"""The palette: everything found by a few letters, the best first, and gone to."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State
from tests.tui.driving import driven
from tests.tui.history import busy_history, make_run, write_log
from tests.tui.snapshots import check_snapshot
from tui.matching import match
from tui.screens.palette import PaletteScreen
from tui.things import SHOWN, Finder, Thing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp


def score(typed: str, text: str) -> float:
    found = match(typed.split(), text)
    return found.score if found is not None else -1.0


def test_where_it_is_found_counts() -> None:
    assert score("sub", "submit a script") > score("sub", "a submarine") > score("sub", "absubmit") > 0
    assert score("sbmt", "submit") > 0 > score("loc", "the terminal's own 16 colours")
    assert score("can", "cancel the run") > score("can", "a copy and no cat")
    assert score("xyz", "submit") < 0
    assert score("tra lr", "iris-042 train.py --lr 0.1") > 0
    assert score("tra nope", "iris-042 train.py --lr 0.1") < 0


def test_the_letters_found_are_told() -> None:
    found = match(["run"], "rerun, run")
    assert found is not None
    assert found.places == {7, 8, 9}
    apart = match(["cnl"], "a copy, cancel")
    assert apart is not None
    assert apart.places == {8, 10, 13}


async def test_a_sign_narrows_and_what_cannot_be_done_is_behind() -> None:
    things = [
        Thing("action", "one", "copy it", why="not now"),
        Thing("action", "two", "a copy of it"),
        Thing("target", "copybox", "copybox"),
    ]
    finder = Finder(things, [make_run(1, script="copy.py")])

    async def found(typed: str) -> list[str]:
        return [one.thing.id for one in await finder.find(typed)]

    run = make_run(1).id
    assert await found("copy") == ["copybox", "two", run, "one"]
    assert await found(">copy") == ["two", "one"]
    assert await found("#copy") == [run]
    assert await found("@") == ["copybox"]
    assert await found("") == ["two", "one"]
    assert await found("#" + run) == [run]
    assert await found("#completed") == [run]
    assert await found("%copy") == []


async def test_ten_thousand_runs_hold_up_nothing() -> None:
    runs = [make_run(number, arguments=("--rate", f"0.{number}")) for number in range(10_000)]
    finder = Finder([], runs)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, before = max(longest, now - before), now

    # The console takes what stays out of the collector's rounds; here there is what other tests left.
    gc.collect()
    gc.freeze()
    watching = asyncio.create_task(watch())
    assert len(await finder.find("iris")) == SHOWN
    found = await finder.find("9876")
    watching.cancel()
    gc.unfreeze()
    assert found[0].thing.id == runs[9876].id
    # Of the processor's time, which other programs do not lengthen: a turn is 8 ms, putting in order comes on top.
    assert longest < 0.1


async def opened(d: Driver, typed: str) -> None:
    await d.press("colon")
    await d.until(lambda: isinstance(d.app.screen, PaletteScreen))
    await d.type(typed)
    await d.press("enter")
    await d.until(lambda: d.app.screen is d.main)


async def test_things_are_gone_to(console: Callable[..., ConsoleApp], home: Paths, history: History) -> None:
    busy_history(history)
    history.put(make_run(90, project="/home/ann/other", project_name="other"))
    async with driven(console()) as d:
        await d.press("slash", *"state:running", "enter")
        await d.until(lambda: d.main.listing.filter.text == "state:running")
        await opened(d, "iris-031")
        await d.until(lambda: d.main.current is not None and d.main.current.number == 31)
        assert d.main.listing.filter.empty
        await opened(d, "best=yes")
        await d.until(lambda: d.main.current is not None and d.main.current.number == 37)
        await opened(d, "@dock")
        assert (d.main.pane, d.main.targets.cursor) == ("targets", "docker")
        await opened(d, "=sweep")
        assert (d.main.pane, d.main.configs.cursor) == ("configs", "sweep")
        await opened(d, "$accuracy")
        assert d.main.table.metrics == ("loss",)
        await opened(d, "$accuracy")
        assert d.main.table.metrics == ("loss", "accuracy")
        await opened(d, "%contrast-light")
        await d.until(lambda: d.app.theme == "aml-contrast-light")
        await opened(d, ">go to the targets")
        assert d.main.pane == "targets"
        await d.press("colon")
        await d.until(lambda: isinstance(d.app.screen, PaletteScreen))
        await d.until(lambda: any(one.kind == "project" for one in d.app.screen.finder.things))  # type: ignore[attr-defined]
        await d.type("~other")
        await d.until_shown("/home/ann/other")
        await d.press("enter")
        await d.until(lambda: str(d.app.model.folder) == "/home/ann/other")


async def test_the_one_under_the_cursor_is_taken(console: Callable[..., ConsoleApp], history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("colon")
        await d.type("#iris")
        await d.until_shown("iris-045")
        await d.press("down", "pagedown", "pageup", "down", "enter")
        await d.until(lambda: d.app.screen is d.main)
        await d.until(lambda: d.main.current is not None and d.main.current.number == 43)
        await d.press("colon")
        await d.type("qqqq")
        await d.until_shown("nothing of that name")
        await d.press("enter", "escape")
        assert d.app.screen is d.main


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_picture(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path, size: tuple[int, int]
) -> None:
    busy_history(history)
    history.put(make_run(46, State.FAILED, script="[red]local.py", reason="x"))
    write_log(home, make_run(45))
    async with driven(console(ascii=size[0] == 80), size) as d:
        await d.press("colon")
        await d.type("loc")
        await d.until_shown("[red]local.py")
        await check_snapshot(d.app, f"palette-found-{size[0]}x{size[1]}", tmp_path)
