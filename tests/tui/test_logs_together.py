"""Logs of several runs at once: side by side and merged by arrival, while all of them grow."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from engine.runs import outages
from engine.runs.logs import TIMES
from engine.runs.model import State
from tests.tui.driving import Driver, driven
from tests.tui.history import NOW, make_run
from tests.tui.snapshots import check_snapshot
from tui.glyphs import cycled
from tui.screens.logs import LogsScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.tui.history import History
    from tui.app import ConsoleApp


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def going(number: int) -> Run:
    return make_run(number, State.RUNNING, created=NOW - 60, started=NOW - 60)


def arrive(home: Paths, run: Run, text: str, at: float) -> None:
    path = home.driver_log(run.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log, path.with_name("driver.log.times").open("ab") as times:
        times.write(TIMES.pack(log.tell(), at))
        log.write(text.encode())


def epochs(home: Paths, runs: list[Run], count: int = 12) -> None:
    """Each prints an epoch a second, one a little after the other."""
    for epoch in range(1, count + 1):
        for place, run in enumerate(runs):
            arrive(home, run, f"epoch {epoch} loss={1 / (epoch + place):.3f}\n", NOW - 60 + epoch + place * 0.3)


async def opened(d: Driver, count: int) -> LogsScreen:
    """The newest runs marked, their logs shown."""
    # Marking goes on to the next one.
    await d.press(*["space"] * count, "L")
    await d.until(lambda: isinstance(d.app.screen, LogsScreen) and d.app.screen.panes[-1].view is not None)
    assert isinstance(d.app.screen, LogsScreen)
    return d.app.screen


def rows(d: Driver) -> list[str]:
    """Of the merged log: each line without the pane's border."""
    return [line.strip("│ ").rstrip() for line in d.text().splitlines() if re.search(r"iris-\d{3} +\S", line)]


async def test_side_by_side_each_follows(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    runs = [going(1), going(2)]
    history.put(*runs)
    epochs(home, runs, 100)
    async with driven(console()) as d:
        screen = await opened(d, 2)
        await d.until(lambda: d.text().count("epoch 100") == 2)
        assert d.text().count("following") == 2
        assert "2 going on" in d.text()
        arrive(home, runs[1], "only the second\n", NOW)
        await d.until_shown("only the second")
        # The focused one is that of the newest run; the other follows on.
        assert screen.panes[0].has_focus_within
        await d.press("g")
        await d.until(lambda: "epoch 1 " in d.text() and "epoch 100" in d.text())
        await d.press("tab")
        await d.until(lambda: screen.panes[1].has_focus_within)
        await d.press("slash", *"epoch", "enter")
        await d.until_shown("'epoch' 100/100")
        await d.press("tab")
        await d.until(lambda: screen.panes[0].has_focus_within)
        history.put(make_run(1, State.COMPLETED, created=NOW - 60), make_run(2, State.FAILED, created=NOW - 60))
        d.app.model.changed([run.id for run in runs])
        await d.until_shown("all have ended")
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)


async def test_merged_by_arrival_while_all_grow(
    console: Callable[..., ConsoleApp], history: History, home: Paths
) -> None:
    runs = [going(1), going(2), going(3)]
    history.put(*runs)
    epochs(home, runs)
    async with driven(console()) as d:
        await opened(d, 3)
        await d.press("m")
        await d.until_shown("merged by arrival")
        await d.until(lambda: len(rows(d)) == 36)
        # The runs are listed newest first, and printed in the other order.
        assert [line.split()[1:4] for line in rows(d)[:4]] == [
            ["iris-001", "epoch", "1"],
            ["iris-002", "epoch", "1"],
            ["iris-003", "epoch", "1"],
            ["iris-001", "epoch", "2"],
        ]
        signs = {line.split()[1]: line.split()[0] for line in rows(d)}
        assert len(set(signs.values())) == 3
        for place, run in enumerate((runs[2], runs[0], runs[1])):
            arrive(home, run, f"late {place}\n", NOW - 10 + place)
            await d.until_shown(f"late {place}")
        assert [line.split()[1] for line in rows(d)[-3:]] == ["iris-003", "iris-001", "iris-002"]
        await d.press("slash", *"late", "enter")
        await d.until_shown("'late' 3/3")
        await d.press("N")
        await d.until_shown("'late' 3/3")
        await d.press("N")
        await d.until_shown("'late' 2/3")
        await d.press("escape", "ampersand", *"epoch", "space", *"12", "enter")
        await d.until(lambda: len(rows(d)) == 3)
        await d.press("escape", "end", "t")
        await d.until(lambda: re.search(r"22:12:22 \S iris-001", d.text()))
        await d.press("vertical_line")
        await d.until(lambda: any("A pager reads one log" in said for said in d.said()))
        await d.press("W")
        await d.until(lambda: any("One log is saved at a time" in said for said in d.said()))
        copied: list[str] = []
        d.app.copy_text = copied.append  # type: ignore[method-assign]
        await d.press("A")
        await d.until(lambda: copied)
        assert copied[0].splitlines()[-4:] == ["epoch 12 loss=0.071", "late 0", "late 1", "late 2"]
        await d.press("m")
        await d.until_shown("side by side")


async def test_outages_and_errors_of_several(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    runs = [going(1), going(2)]
    history.put(*runs)
    epochs(home, runs, 45)
    outages.note(home.driver_log(runs[0].id).parent, NOW - 45, NOW - 13)
    arrive(home, runs[1], "ERROR of the second\n", NOW - 12)
    arrive(home, runs[0], "ERROR of the first\n", NOW - 11)
    for number in range(40):
        for run in runs:
            arrive(home, run, f"fine {number}\n", NOW - 10 + number * 0.2)
    async with driven(console()) as d:
        await opened(d, 2)
        await d.press("m")
        await d.until(lambda: len(rows(d)) == 36)
        await d.press("E")
        await d.until_shown("ERROR of the first")
        assert "ERROR of the second" not in d.text()
        await d.press("up", "up")
        await d.until_shown("─ ▲ iris-001: no contact with its host from 22:12:35 to 22:13:07 (0m32) ─")
        await d.press("e")
        await d.until(lambda: "ERROR of the second" in d.text() and "no contact" in d.text())
        await d.press("e")
        await d.until(lambda: "ERROR of the second" not in d.text())
        await d.press("e")
        await d.until(lambda: d.said() == ["No error below."])


async def test_the_way_is_remembered(console: Callable[..., ConsoleApp], history: History, home: Paths) -> None:
    runs = [going(1), going(2)]
    history.put(*runs)
    epochs(home, runs)
    async with driven(console()) as d:
        await opened(d, 2)
        await d.press("m")
        await d.until_shown("merged by arrival")
    async with driven(console()) as d:
        await opened(d, 2)
        await d.until_shown("merged by arrival")
        await d.until(lambda: len(rows(d)) == 24)
        await d.press("question_mark")
        await d.until_shown("Merge the logs into one")


async def test_one_run_is_not_several(console: Callable[..., ConsoleApp], history: History) -> None:
    history.put(going(1))
    async with driven(console()) as d:
        await d.press("L")
        await d.until(lambda: d.said() == ["logs together: mark two to eight runs first"])


def test_a_run_keeps_its_sign() -> None:
    assert cycled([41, 42, 43], 8) == [1, 2, 3]
    assert cycled([43, 41], 8) == [3, 1]
    assert cycled([1, 9, 17], 8) == [1, 2, 3]


@pytest.mark.parametrize(
    ("size", "count", "options"),
    [((80, 24), 3, {}), ((120, 40), 3, {}), ((120, 40), 8, {}), ((80, 24), 2, {"ascii": True})],
    ids=["80x24", "120x40", "eight-120x40", "ascii-80x24"],
)
async def test_what_they_look_like(
    console: Callable[..., ConsoleApp],
    history: History,
    home: Paths,
    tmp_path: Path,
    size: tuple[int, int],
    count: int,
    options: dict[str, bool],
    request: pytest.FixtureRequest,
) -> None:
    runs = [going(number) for number in range(41, 41 + count)]
    history.put(*runs)
    epochs(home, runs, 30)
    for run in runs[:1]:
        arrive(home, run, "Traceback (most recent call last):\n  File 'a.py'\nKeyError: 'petal'\n", NOW - 28)
    name = request.node.callspec.id
    async with driven(console(**options), size) as d:
        await opened(d, count)
        await d.until(lambda: d.text().count("epoch 30") == count)
        await check_snapshot(d.app, f"logs-beside-{name}", tmp_path)
        await d.press("m", "t")
        await d.until(lambda: re.search(r"22:12:[345]\d \S iris", d.text()))
        await check_snapshot(d.app, f"logs-merged-{name}", tmp_path)
