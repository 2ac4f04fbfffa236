"""Order, columns, groups and marks of the run list, by their keys; and that they are there at the next start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State
from tests.tui.driving import driven
from tests.tui.history import busy_history, falling, make_run, scalar
from tests.tui.snapshots import check_snapshot
from tui.filter import parse
from tui.listing import NEWEST, Order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


async def choose(d: Driver, key: str, typed: str, *then: str) -> None:
    """Open a list to choose from, narrow it, press `then`; wait until it is closed."""
    await d.press(key)
    await d.until(lambda: d.app.screen is not d.main)
    await d.type(typed)
    await d.press(*then)
    await d.until(lambda: d.app.screen is d.main)


def numbers(d: Driver) -> list[int]:
    """The runs of the list, by their numbers, without the heads of groups."""
    return [d.app.model.runs[key].number for key in d.main.table.keys if key in d.app.model.runs]


# Order


async def test_order_by_a_column_and_the_other_way(console: Console, history: History) -> None:
    for number, rate in enumerate(("10", "9", "0.5", ""), start=1):
        history.put(make_run(number, arguments=("--rate", rate) if rate else ()))
    async with driven(console()) as d:
        await choose(d, "o", "rate", "enter")
        await d.until(lambda: numbers(d) == [3, 2, 1, 4])
        assert "by --rate, rising" in d.text()
        await choose(d, "o", "rate", "enter")
        await d.until(lambda: numbers(d) == [1, 2, 3, 4])
        await choose(d, "o", "newest", "enter")
        await d.until(lambda: numbers(d) == [4, 3, 2, 1])
        assert d.main.listing.order == NEWEST


async def test_the_order_is_in_the_head_of_its_column(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await choose(d, "o", "state", "enter")
        await d.until_shown("state ▴")
        assert d.app.model.runs[d.main.table.keys[0]].state is State.QUEUED
        await choose(d, "o", "its name", "enter")
        await d.until_shown("run ▴")
        assert numbers(d)[0] == 1


async def test_order_by_a_metric_counts_runs_out_of_sight(console: Console, history: History) -> None:
    history.put(*(make_run(number) for number in range(1, 100)))
    for number in range(1, 100):
        if number != 50:
            history.put_series(make_run(number).id, [scalar("loss", (1.0, number / 100))])
    async with driven(console()) as d:
        await choose(d, "o", "loss", "enter")
        await d.until(lambda: numbers(d) == [*range(99, 50, -1), *range(49, 0, -1), 50])
        history.put_series(make_run(7).id, [scalar("loss", (1.0, 5.0))])
        d.app.model.changed([make_run(7).id])
        await choose(d, "o", "loss", "enter")
        await d.until(lambda: numbers(d)[:3] == [1, 2, 3] and numbers(d)[-1] == 50)


async def test_layout_is_there_at_the_next_start(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await choose(d, "o", "accuracy", "enter")
        await choose(d, "v", "why", "space", "enter")
        await choose(d, "z", "target", "enter")
        await d.press("home", "enter")
        await d.until(lambda: sum(group.folded for group in d.main.table.heads.values()) == 1)
        before = list(d.main.table.keys)
    async with driven(console()) as d:
        await d.until(lambda: list(d.main.table.keys) == before)
        assert d.main.listing.order == Order("metric:accuracy", True)
        assert d.main.table.chosen is not None
        assert "reason" in d.main.table.chosen
        assert d.main.listing.groups == "target"


# Columns


async def test_columns_are_chosen_moved_and_given_back(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        assert d.main.table.metrics == ("loss", "accuracy")
        await choose(d, "v", "", "space", "down", "space", "enter")
        shown = ("target", "script", "age", "metric:loss", "metric:accuracy")
        await d.until(lambda: d.main.table.chosen == shown)
        assert "config" not in d.text().split("╭─ Runs")[1].splitlines()[1]
        await choose(d, "v", "rate", "space", "enter")
        await d.until(lambda: d.main.table.chosen == (*shown, "arg:--rate"))
        assert "--rate" in d.text()
        await choose(d, "v", "rate", *["shift+up"] * 9, "enter")
        await d.until(lambda: d.main.table.chosen == ("arg:--rate", *shown))
        await choose(d, "v", "", "ctrl+r")
        await d.until(lambda: d.main.table.chosen is None)


async def test_a_list_needs_a_column(console: Console, history: History) -> None:
    history.put(make_run(1))
    async with driven(console()) as d:
        await d.press("v", *["space", "down"] * 5, "enter")
        await d.until(lambda: d.said() == ["a list needs a column; ctrl+r shows the usual ones"])
        await d.press("escape")
        assert d.main.table.chosen is None


async def test_columns_that_nobody_changed_go_on_following_the_metrics(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await choose(d, "v", "", "space", "space", "enter")
        assert d.main.table.chosen is None


async def test_what_has_no_room_is_said(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console(), (80, 24)) as d:
        await d.press("v", *["down"] * 7, *["space", "down"] * 5)
        await d.until_shown("no room now")


# Groups


async def test_groups_fold_and_unfold(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await choose(d, "z", "config", "enter")
        heads = list(d.main.table.heads)
        assert [d.main.table.heads[key].title for key in heads] == ["local", "gpu-sweep", "docker"]
        assert "3 by config" in d.text()
        await d.press("home", "enter")
        await d.until(lambda: d.main.table.heads[heads[0]].folded)
        await d.until_shown("▾ gpu-sweep  1 running, 1 preparing")
        # Where the cursor is, without colours too.
        assert "▸▸ local" in d.text()
        assert d.main.table.keys[1] == heads[1]
        assert not d.main.has_class("-zoomed")
        await d.press("right")
        await d.until(lambda: not d.main.table.heads[heads[0]].folded)
        await d.press("down", "down", "left")
        await d.until(lambda: d.main.table.heads[heads[0]].folded)
        assert d.main.table.cursor == heads[0]
        await choose(d, "z", "no groups", "enter")
        await d.until(lambda: list(d.main.table.keys) == list(d.app.model.order))


async def test_enter_on_a_run_of_a_group_opens_it(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await choose(d, "z", "state", "enter")
        await d.press("home", "down", "enter")
        await d.until(lambda: d.main.has_class("-zoomed"))


async def test_a_head_counts_its_runs_as_they_go_on(console: Console, history: History) -> None:
    history.put(make_run(1, State.RUNNING), make_run(2), make_run(3, config="docker"))
    async with driven(console()) as d:
        await choose(d, "z", "config", "enter")
        await d.until_shown("1 running, 1 completed")
        history.put(make_run(1, State.FAILED))
        await d.until_shown("1 failed, 1 completed")
        history.put(make_run(4, State.RUNNING, config="docker"))
        await d.until_shown("1 running, 1 completed")
        assert [group.title for group in d.main.table.heads.values()] == ["docker", "local"]


async def test_the_head_tells_the_best_of_runs_out_of_sight(console: Console, history: History) -> None:
    history.put(*(make_run(number) for number in range(1, 90)))
    for number in range(1, 90):
        history.put_series(make_run(number).id, [scalar("loss", (1.0, 1 + number / 100))])
    async with driven(console()) as d:
        await choose(d, "z", "config", "enter")
        await d.until_shown("loss lowest 1.010, last 1.890")


async def test_a_mark_on_a_head_marks_its_runs(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await choose(d, "z", "config", "enter")
        place = [d.main.table.heads[key].title for key in d.main.table.heads].index("gpu-sweep")
        await d.press("home", "enter", *["down"] * place, "enter", "space")
        await d.until(lambda: {run.number for run in d.main.situation.acted} == {41, 42})
        await d.until_shown("2 marked")
        await d.press("c")
        await d.until_shown("Cancel 2 runs?")


async def test_on_a_head_what_is_done_is_done_to_the_group(console: Console, history: History) -> None:
    history.put(make_run(1), make_run(2, State.RUNNING, config="docker"), make_run(3, State.RUNNING, config="docker"))
    async with driven(console()) as d:
        await choose(d, "z", "config", "enter")
        await d.press("home", "c")
        await d.until_shown("Cancel 2 runs?")
        await d.press("n", "number_sign")
        await d.until_shown("Tags of 2 runs")
        await d.press("escape", "i")
        await d.until(lambda: d.said()[-1:] == ["why: there is no run under the cursor"])


async def test_a_click_on_a_head_orders(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        cell = d.main.table.columns(d.main.table.scrollable_content_region.width).cell("metric:loss")
        assert cell is not None
        await d.pilot.click("#runs", offset=(cell.at + 2, 1))
        await d.until(lambda: d.main.listing.order == Order("metric:loss", True))
        await d.pilot.click("#runs", offset=(cell.at + 2, 1))
        await d.until(lambda: d.main.listing.order == Order("metric:loss", False))
        await d.pilot.click("#runs", offset=(4, 1))
        await d.until(lambda: d.main.listing.order == Order("name", False))


async def test_a_run_that_is_waited_for_unfolds_its_group(console: Console, history: History) -> None:
    history.put(make_run(1), make_run(2))
    async with driven(console()) as d:
        await choose(d, "z", "config", "enter")
        await d.press("home", "enter")
        await d.until(lambda: len(d.main.table.keys) == 1)
        d.main.expect(make_run(1).id)
        await d.until(lambda: d.main.table.cursor == make_run(1).id)


# Marks


async def test_marks_of_a_range_all_and_the_others(console: Console, history: History) -> None:
    history.put(*(make_run(number) for number in range(1, 11)))
    async with driven(console()) as d:
        await d.press("M")
        await d.until(lambda: "nothing was marked last" in d.said()[-1])
        await d.press("space", "down", "down", "M")
        await d.until(lambda: sorted(run.number for run in d.main.situation.acted) == [7, 8, 9, 10])
        await d.press("tilde")
        await d.until(lambda: sorted(run.number for run in d.main.situation.acted) == [1, 2, 3, 4, 5, 6])
        await d.press("asterisk")
        await d.until(lambda: len(d.main.table.marks) == 10)
        await d.press("u", "end", "shift+up", "shift+up")
        await d.until(lambda: sorted(run.number for run in d.main.situation.acted) == [1, 2, 3])


async def test_a_range_over_a_head_is_no_mark_on_its_group(console: Console, history: History) -> None:
    history.put(make_run(1, config="docker"), make_run(2, config="docker"), make_run(3, config="docker"), make_run(4))
    async with driven(console()) as d:
        await choose(d, "z", "config", "enter")
        await d.press("home", "down", "space", "down", "M")
        await d.until(lambda: sorted(run.number for run in d.main.situation.acted) == [3, 4])
        await d.press("u", "home", "down", "shift+down", "shift+down")
        await d.until(lambda: sorted(run.number for run in d.main.situation.acted) == [3, 4])


async def test_what_a_choice_means_is_not_cut(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console(), (80, 24)) as d:
        for key in ("z", "o", "v"):
            await d.press(key)
            await d.until(lambda: d.app.screen is not d.main)
            lines = d.app.screen.lines  # type: ignore[attr-defined]
            await d.until(lambda lines=lines: lines.size.height > 2)
            assert not [text for y in range(lines.size.height) if "…" in (text := lines.render_line(y).text)]
            await d.press("escape")
            await d.until(lambda: d.app.screen is d.main)


async def test_all_means_what_the_filter_lets_through(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.main.listing.set_filter(parse("state:failed"))
        await d.press("asterisk")
        await d.until(lambda: {run.number for run in d.main.situation.acted} == {36, 38})
        await d.main.listing.set_filter(parse("number>40"))
        d.main.show_titles()
        await d.until_shown("2 marked, 2 of them not listed")
        assert d.main.situation.acted == (d.main.current,)


# Ten thousand


async def test_ten_thousand_runs_are_ordered_filtered_and_grouped_quickly(console: Console, history: History) -> None:
    """In this thread's own time, the best of several: the machine is shared."""
    history.put(*(make_run(n, arguments=("--rate", str(n % 97), "--depth", str(n))) for n in range(1, 10_001)))
    async with driven(console()) as d:
        listing, model = d.main.listing, d.app.model
        await d.until(lambda: len(model.runs) == 10_000)
        for order in (Order("arg:--rate"), Order("age", True), Order("script")):
            await listing.set_order(order)
            assert _best(listing.arrange) < 0.05, order
        await listing.set_filter(parse("train state:completed"))
        assert _best(listing.arrange) < 0.05
        for by in ("sweep", "config"):
            listing.set_groups(by)
            assert _best(listing.arrange) < 0.05, by
        changed = make_run(77, State.RUNNING, arguments=("--rate", "5"))
        model.runs[changed.id] = changed
        assert _best(lambda: listing.changed(_news(changed.id))) < 0.05


def _best(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(7):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return min(taken)


def _news(run_id: str) -> object:
    from tui.model import Change

    return Change(runs=frozenset({run_id}))


# Text from outside


NASTY = "[/foo] [bold]x\x1b[2J\x1b]52;c;aGk=\x07 \u202e数据"


async def test_text_from_outside_is_text(console: Console, history: History) -> None:
    for number in (1, 2):
        run = make_run(
            number,
            State.RUNNING,
            config=NASTY,
            target=NASTY,
            script=NASTY,
            arguments=(f"--{NASTY}", NASTY, "--rate", NASTY),
            tags={NASTY: NASTY, "best": NASTY},
            branch=NASTY,
        )
        history.put(run)
        history.put_series(run.id, [scalar(NASTY, falling(3)), scalar("loss", falling(3))])
    async with driven(console()) as d:
        for by in ("sweep", "config", "target", "script", "best"):
            await choose(d, "z", by, "enter")
            assert "\x1b" not in d.text()
            assert "\u202e" not in d.text()
        await d.press("v", *["down", "space"] * 30)
        assert "\x1b" not in d.text()
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main)
        for key in ("o", "number_sign", "i", "at", "f"):
            await d.press(key)
            await d.until(lambda: d.app.screen is not d.main)
            assert "\x1b" not in d.text()
            await d.press("escape")
        await d.press("slash")
        await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
        for typed in ("tag:", "target:", "script:"):
            d.main.filter_bar.input.value = typed  # type: ignore[union-attr]
            await d.until_shown("[bold]x")
            assert "\x1b" not in d.text()


async def test_everything_in_ascii(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console(ascii=True)) as d:
        await choose(d, "z", "config", "enter")
        await choose(d, "o", "age", "enter")
        await d.press("home", "enter", "asterisk")
        await d.until_shown("marked")
        for key in ("v", "o", "z", "number_sign", "i", "at", "f"):
            assert d.text().isascii(), {char for char in d.text() if not char.isascii()}
            await d.press(key)
            assert d.text().isascii(), {char for char in d.text() if not char.isascii()}
            await d.press("escape")
        await d.press("slash")
        await d.until_shown("the state")
        assert d.text().isascii()


# Pictures


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", ["columns", "groups", "order"])
async def test_pictures(console: Console, history: History, tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    busy_history(history)
    for number, tags in ((33, {"stage": "prod"}), (30, {"best": "yes", "stage": "prod"})):
        run = make_run(number, tags=tags)
        history.put(run)
        history.put_series(run.id, [scalar("loss", falling(12)), scalar("accuracy", falling(12))])
    async with driven(console(), size) as d:
        if name == "groups":
            await choose(d, "z", "config", "enter")
            await choose(d, "v", "", *["down"] * 3, "space", "enter")
            await choose(d, "v", "rate", "space", "enter")
            await d.press("home", "enter")
            await d.until(lambda: len(d.main.table.keys) < 10)
        elif name == "columns":
            await d.press("v", "space", *["down"] * 11, "space")
        else:
            await choose(d, "o", "accuracy", "enter")
            await d.press("o")
        await d.until(lambda: name == "groups" or d.app.screen is not d.main)
        if size[0] > 80 and name == "groups":
            await d.until_shown("no run is chosen")
        await check_snapshot(d.app, f"list-{name}-{size[0]}x{size[1]}", tmp_path)


async def test_picture_in_ascii(console: Console, history: History, tmp_path: Path) -> None:
    busy_history(history)
    async with driven(console(ascii=True), (80, 24)) as d:
        await choose(d, "z", "config", "enter")
        await choose(d, "o", "age", "enter")
        await d.press("home", "space")
        await d.until_shown("marked")
        await check_snapshot(d.app, "list-groups-ascii-80x24", tmp_path)
