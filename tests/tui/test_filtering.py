"""The line one types a filter in: what may come next, earlier and saved filters, what is wrong and where."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import driven, packet
from tests.tui.history import busy_history, make_run
from tests.tui.snapshots import check_snapshot
from tests.waiting import until_async
from tui.widgets.filter_bar import FilterBar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual import events

    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


async def begin(d: Driver, typed: str = "") -> FilterBar:
    """Open the line and type into it."""
    await d.press("slash")
    await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
    await d.type(typed)
    bar = d.main.filter_bar
    assert bar is not None
    return bar


async def use(d: Driver, text: str) -> None:
    """Filter by this text, all at once."""
    bar = await begin(d)
    bar.input.value = text
    await d.press("enter")
    await d.until(lambda: d.main.listing.filter.text == text and d.main.table.has_focus)


async def test_tab_takes_what_is_offered(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        bar = await begin(d, "sta")
        await d.until_shown("the state")
        await d.press("tab")
        assert bar.input.value == "state:"
        await d.type("fai")
        await d.press("tab")
        assert bar.input.value == "state:Failed "
        await d.type("targ")
        await d.press("tab")
        await d.type("loc")
        await d.press("tab", "enter")
        await d.until(lambda: d.main.listing.filter.text == "state:Failed target:local ")
        assert {d.app.model.runs[i].number for i in d.main.listing.shown} == {36, 38}


async def test_arrows_choose_and_enter_takes(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        bar = await begin(d, "state:c")
        await d.until_shown("CancelRequested")
        await d.press("down", "down", "enter")
        assert bar.input.value == "state:Completed "
        assert bar.input.has_focus
        await d.press("enter")
        assert d.main.table.has_focus


async def test_a_metric_is_offered_and_in_quotes_where_needed(console: Console, history: History) -> None:
    from tests.tui.history import falling, scalar

    history.put(make_run(1))
    history.put_series(make_run(1).id, [scalar("Regularization Rate", falling(3))])
    async with driven(console()) as d:
        bar = await begin(d, "regu")
        await d.press("tab")
        assert bar.input.value == '"Regularization Rate"'
        await d.type(">0.1")
        await d.press("enter")
        await d.until(lambda: d.main.listing.filter.text == '"Regularization Rate">0.1')
        assert len(d.main.listing.shown) == 1


async def test_down_without_offers_goes_to_the_runs(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await begin(d, "KeyError")
        await d.until_shown("1 of 45")
        await d.press("down")
        assert d.main.table.has_focus
        assert d.main.listing.filter.text == "KeyError"


async def test_it_is_opened_when_it_is_on_the_screen(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the screen is drawn once more before a new line is in it: keys wait for that, too."""
    busy_history(history)
    late = asyncio.Event()
    composed = FilterBar._on_compose

    async def slow(self: FilterBar, event: events.Compose) -> None:
        await late.wait()
        await composed(self, event)

    monkeypatch.setattr(FilterBar, "_on_compose", slow)
    async with driven(console()) as d:
        packet(d, "/acc")
        await until_async(lambda: d.main.filter_bar is not None and d.app._typed)
        late.set()
        await d.until(lambda: d.main.filter_bar.input.value == "acc")


async def test_what_is_wrong_is_told_below_its_place(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        bar = await begin(d)
        bar.input.value = "target:local state:bogus x"
        await d.until(lambda: bar.wrong.display)
        lines = d.text().splitlines()
        place = next(y for y, line in enumerate(lines) if "bogus" in line)
        column = lines[place].index("bogus")
        assert lines[place + 1][column] == "^" or lines[place + 2][column] == "^"
        assert "there is no state 'bogus'" in d.text()
        bar.input.value = "target:local"
        await d.until(lambda: not bar.wrong.display)


async def test_all_of_what_is_wrong_is_told(console: Console, history: History) -> None:
    """The longest there is, on a narrow screen."""
    history.put(make_run(1))
    async with driven(console(), size=(80, 24)) as d:
        await begin(d, "state:runing")
        await d.until_shown("there is no state 'runing'")
        await d.until_shown("unreachable")


async def test_what_only_goes_on_is_not_wrong(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        bar = await begin(d, "state:")
        await d.until_shown("NotStarted")
        await d.until_shown(" ? ")
        assert not bar.wrong.display
        await d.press("enter")
        await d.until_shown("needs a value")
        assert bar.input.has_focus


@pytest.mark.parametrize("key", ["f1", "question_mark"])
async def test_the_language_is_one_key_away(console: Console, history: History, key: str) -> None:
    busy_history(history)
    async with driven(console()) as d:
        bar = await begin(d)
        await d.press(key)
        await d.until_shown("last value of a metric")
        assert "While typing" in d.text()
        await d.press("escape")
        await d.until(lambda: bar.input.has_focus)
        assert bar.input.value == ""


async def test_earlier_filters_come_back(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        for text in ("state:failed", "target:docker", "tag:best"):
            await use(d, text)
        await use(d, "state:failed")
        await d.press("escape")
        await d.until(lambda: d.main.listing.filter.empty)
        assert d.app.recall("filter history", list) == ["state:failed", "tag:best", "target:docker"]
        bar = await begin(d, "target")
        await d.press("ctrl+r", "enter")
        assert bar.input.value.strip() == "target:docker"
        await d.press("escape")
    async with driven(console()) as d:
        bar = await begin(d)
        await d.until_shown("used before")
        await d.press("up", "down", "enter")
        assert bar.input.value.strip() == "tag:best"


async def test_filters_are_saved_used_listed_and_deleted(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await begin(d, "state:failed")
        await d.press("ctrl+s")
        await d.until_shown("Save the filter under a name")
        await d.type("not!")
        await d.press("enter")
        await d.until_shown("a name is letters")
        await d.press("backspace", "backspace", "backspace", "backspace")
        await d.type("bad")
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main)
        await d.press("escape")
        bar = await begin(d, "@b")
        await d.until_shown("@bad")
        await d.press("tab")
        assert bar.input.value == "@bad "
        await d.type("number>36")
        await d.press("enter")
        await d.until(lambda: [d.app.model.runs[i].number for i in d.main.listing.shown] == [38])
    async with driven(console()) as d:
        await d.press("at")
        await d.until_shown("@bad")
        await d.press("enter")
        await d.until(lambda: len(d.main.listing.shown) == 2)
        await d.press("at", "s")
        await d.until_shown("Save the filter under a name")
        await d.type("same")
        await d.press("enter")
        await d.until_shown("@same")
        await d.press("x")
        await d.until_shown("Delete the saved filter?")
        await d.press("y")
        await d.until(lambda: d.app.recall("filters", dict) == {"same": "@bad"})
        await d.press("escape")
        # What it stood on is gone.
        await d.press("at", "enter")
        await d.until(lambda: "the filter cannot be used: in @same: no filter is saved as @bad" in d.said()[-1])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", ["offers", "wrong"])
async def test_pictures(console: Console, history: History, tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    busy_history(history)
    async with driven(console(), size) as d:
        bar = await begin(d)
        if name == "offers":
            await d.type("not state:c")
            await d.press("down")
        else:
            bar.input.value = "target:local acc>low"
            await d.until(lambda: bar.wrong.display)
        await d.until_shown("?" if name == "wrong" else "of 45")
        await d.until(lambda: name == "wrong" or d.main.listing.filter.text == "not state:c")
        if size[0] > 80:
            run = d.main.current
            await d.until(lambda: run is not None and f"─ {run.name} ─" in d.text())
        await check_snapshot(d.app, f"filter-{name}-{size[0]}x{size[1]}", tmp_path)
