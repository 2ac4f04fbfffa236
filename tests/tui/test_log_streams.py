"""stdout and stderr of a run, by the key o."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State
from tests.tui.driving import driven
from tests.tui.history import NOW, make_run
from tests.tui.snapshots import check_snapshot
from tests.tui.test_log_keys import arrive, copied
from tests.tui.test_log_pane import RUN_ID, opened, pane, running, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def wrote(home: Paths, stream: str, text: str) -> None:
    """Add to the log, and note the stream as its host does."""
    path = home.driver_log(RUN_ID)
    begin = path.stat().st_size if path.exists() else 0
    write(home, text)
    with path.with_name("driver.streams").open("a") as file:
        file.write(f"{stream} {begin} {path.stat().st_size}\n")


async def only(driver: Driver, shown: str, hidden: str) -> None:
    await driver.until(lambda: shown in driver.text() and hidden not in driver.text())


async def test_one_stream_after_the_other(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    for number in range(100):
        wrote(home, "o", f"epoch {number}\n")
        wrote(home, "e", f"warning {number}\n")
    write(home, "who knows\n")
    os.utime(home.driver_log(RUN_ID), (NOW - 9, NOW - 9))
    async with driven(console()) as d:
        await opened(d, "who knows")
        assert "epoch 99" in d.text() and "warning 99" in d.text()
        await d.press("o")
        await only(d, "epoch 99", "warning 99")
        await d.until_shown("stdout or unknown")
        assert "who knows" in d.text()
        wrote(home, "e", "another warning\n")
        wrote(home, "o", "epoch 100\n")
        await only(d, "epoch 100", "another warning")
        await d.press("o")
        await only(d, "another warning", "epoch")
        await d.until_shown("stderr or unknown")
        await d.press("home")
        await only(d, "warning 0", "epoch")
        await d.press("slash", *"warning 7", "enter")
        await d.until_shown("'warning 7' 1/11")
        await d.press("n", "n")
        await d.until_shown("'warning 7' 3/11")
        await d.press("escape", "o")
        await d.until(lambda: "epoch" in d.text() and "only" not in d.text())


async def test_copied_and_saved_alone(
    console: Callable[..., ConsoleApp],
    history: History,
    home: Paths,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    history.put(running())
    wrote(home, "o", "one\n")
    wrote(home, "e", "two\n")
    wrote(home, "o", "three\n")
    async with driven(console()) as d:
        await opened(d, "three")
        found = copied(d, monkeypatch)
        await d.press("o")
        await only(d, "three", "two")
        await d.press("A")
        await d.until(lambda: found == ["one\nthree\n"])
        await d.press("o")
        await only(d, "two", "three")
        await d.press("W")
        await d.until(lambda: any("saved to" in said for said in d.said()))
    assert (tmp_path / "iris-007.stderr.log").read_text() == "two\n"


async def test_with_filter_and_errors(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    wrote(home, "o", "ERROR that was printed\n" + "good\n" * 200)
    wrote(home, "e", "ERROR that was logged\n" + "fine\n" * 200)
    async with driven(console()) as d:
        await opened(d, "fine")
        await d.press("o", "o")
        await d.until_shown("stderr only")
        await d.press("E")
        await d.until_shown("that was logged")
        await d.press("E")
        await d.until(lambda: "No error above." in d.said())
        await d.press("ampersand", *"ERROR", "enter")
        await only(d, "that was logged", "that was printed")
        await d.press("o")
        await d.until(lambda: "that was logged" in d.text() and "that was printed" in d.text())


async def test_nothing_was_written_to_it(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    wrote(home, "o", "one\n")
    async with driven(console()) as d:
        await opened(d, "one")
        await d.press("o", "o")
        await d.until_shown("nothing of this log was written to stderr")


async def test_a_run_of_before_it_was_noted(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    history.put(running())
    write(home, "one\n")
    async with driven(console()) as d:
        await opened(d, "one")
        await d.press("o")
        await d.until(lambda: d.said() == ["Which lines of this log were stdout and which stderr is not known."])
        assert "one" in d.text() and "only" not in d.text()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
async def test_picture(
    console: Callable[..., ConsoleApp], history: History, home: Paths, tmp_path: Path, width: int, height: int
) -> None:
    history.put(make_run(7, State.FAILED, created=NOW - 60, started=NOW - 60, ended=NOW - 1))
    arrive(home, "", NOW - 50)
    wrote(home, "o", "epoch 1/10 loss=0.693\n")
    arrive(home, "", NOW - 40)
    wrote(home, "e", "WARNING: the learning rate is high\n")
    arrive(home, "", NOW - 30)
    wrote(home, "o", "epoch 2/10 loss=0.512\n")
    write(home, "nobody knows where this went\n")
    wrote(
        home, "e", "Traceback (most recent call last):\n  File \"train.py\", line 7, in <module>\nKeyError: 'petal'\n"
    )
    os.utime(home.driver_log(RUN_ID), (NOW - 9, NOW - 9))
    async with driven(console(), (width, height)) as d:
        if width == 80:
            await d.press("4")
        await opened(d, "KeyError: 'petal'")
        await d.press("t")
        await d.until_shown("2> WARNING")
        lines = pane(d).lines
        assert [strip.text[9:12] for strip in lines._strips] == ["   ", "2> ", "   ", "   ", "2> ", "2> ", "2> "]
        await check_snapshot(d.app, f"log-streams-{width}x{height}", tmp_path)
