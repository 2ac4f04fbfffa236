"""Runs side by side, by keys: what differs, what it is in full, diffs, curves, files."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from engine.runs.comparing import Comparer
from engine.runs.model import State
from tests.tui.compared import Comparable, many, rerun, three
from tests.tui.driving import Driver, driven, packet
from tests.tui.history import make_run
from tests.tui.snapshots import check_snapshot
from tui.comparing import CODE, METRICS
from tui.screens.compare import CompareScreen
from tui.screens.diff import DiffScreen
from tui.screens.export import ExportScreen
from tui.screens.overlay import OverlayScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


def screen(d: Driver) -> CompareScreen:
    return next(one for one in d.app.screen_stack if isinstance(one, CompareScreen))


def row(d: Driver, name: str) -> str:
    """The line of the screen that begins so, whatever its sign."""
    return next((line for line in d.text().splitlines() if line.strip("│|≠! ").startswith(name)), "")


async def compare(d: Driver, count: int) -> None:
    """Mark the newest runs and compare them."""
    await d.press(*["space"] * count, "m")
    await d.until(lambda: isinstance(d.app.screen, CompareScreen) and screen(d).comparison is not None)


async def test_marked_runs_are_compared_the_oldest_is_the_baseline(
    console: Console, history: History, home: Paths
) -> None:
    three(history, home)
    async with driven(console()) as d:
        await compare(d, 3)
        await d.until_shown("baseline, Completed")
        assert screen(d).comparison.labels == ("iris-001", "iris-002", "iris-003")  # type: ignore[union-attr]
        assert "step 12, loss: 0.301 / 0.241" in row(d, "parts first")
        assert row(d, "--rate").split("│")[1].split() == ["≠", "--rate", "0.1", "0.2", "0.1"]
        assert "(another)" in row(d, "--api-key") and "secret-" not in d.text()
        assert "Failed, exit code 1" in row(d, "state")
        assert row(d, "--epochs") == "", "only what differs is shown"
        await d.press("d")
        await d.until_shown("--epochs")
        lines = [line for line in d.text().splitlines() if line.startswith("│")]
        signs = ["≠" in line for line in lines if line.strip("│ ")][2:]
        assert signs == sorted(signs, reverse=True), "what differs is first"
        await d.press("d")
        await d.until(lambda: row(d, "--epochs") == "")
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)


async def test_keys_typed_behind_it_are_for_what_is_read_first(
    console: Console, history: History, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(history, home)
    read, go = Comparer.read, threading.Event()

    def slow(*given: Any) -> Any:
        go.wait(10)
        return read(*given)

    monkeypatch.setattr(Comparer, "read", slow)
    async with driven(console()) as d:
        await d.press("space", "space")
        packet(d, "m4\r")
        asyncio.get_running_loop().call_later(0.2, go.set)
        await d.until(lambda: isinstance(d.app.screen, OverlayScreen))


async def test_a_rerun_is_compared_with_what_it_repeats(console: Console, history: History, home: Paths) -> None:
    first, *_ = three(history, home)
    rerun(history, first, 4)
    async with driven(console()) as d:
        await d.press("m")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen) and screen(d).comparison is not None)
        assert screen(d).comparison.labels == ("iris-001", "iris-004")  # type: ignore[union-attr]


@pytest.mark.parametrize(("count", "why"), [(1, "mark two or more with space"), (9, "at most 8 are compared, 9 are")])
async def test_what_cannot_be_compared_says_why(console: Console, history: History, count: int, why: str) -> None:
    history.put(*(make_run(number) for number in range(1, 10)))
    async with driven(console()) as d:
        await d.press(*["space"] * count, "m")
        assert why in d.said()[-1]
        assert d.app.screen is d.main


async def test_a_run_that_was_deleted_is_told(console: Console, history: History, home: Paths) -> None:
    first, *_ = three(history, home)
    rerun(history, first, 4)
    history.connection.execute("UPDATE runs SET deleted_at = 5 WHERE id = ?", (first.id,))
    async with driven(console()) as d:
        await d.press("m")
        await d.until(lambda: any("was deleted" in said for said in d.said()))
        await d.until_shown("was deleted")
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)


async def test_the_environment_package_by_package(console: Console, history: History, home: Paths) -> None:
    three(history, home)
    async with driven(console()) as d:
        await compare(d, 3)
        await d.press("2")
        await d.until_shown("pip torch")
        assert row(d, "pip torch").split("│")[1].split() == ["≠", "pip", "torch", "==2.0", "==2.1", "==2.0"]
        assert row(d, "pip numpy") == ""
        await d.press("d")
        await d.until_shown("pip numpy")


async def test_the_code_and_the_diff_of_a_file(console: Console, history: History, home: Paths) -> None:
    three(history, home)
    async with driven(console()) as d:
        await compare(d, 2)
        await d.press("3")
        await d.until(lambda: screen(d).part == CODE)
        await d.until_shown("train.py")
        assert row(d, "train.py").split("│")[1].split()[-1] != "same"
        await d.press("home", "enter")
        await d.until(lambda: any("model.bin: binary: 2 bytes, then 3 bytes" in said for said in d.said()))
        await d.press("j", "enter")
        await d.until(lambda: isinstance(d.app.screen, DiffScreen))
        await d.until_shown("+rate = 0.1")
        assert "-rate = float(sys.argv[2])" in d.text()
        assert "train.py  iris-002, iris-003" in d.text()
        assert len(list(home.cache.glob("compare-*.diff"))) == 1
        await d.press("escape")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen))
        await d.until(lambda: not list(home.cache.glob("compare-*.diff")))


async def test_metrics_side_by_side_and_where_they_part(console: Console, history: History, home: Paths) -> None:
    three(history, home)
    async with driven(console()) as d:
        await compare(d, 3)
        await d.press("4")
        await d.until(lambda: screen(d).part == METRICS)
        await d.until_shown("loss")
        names = [line.name for line in screen(d).table.lines.values() if not line.minor]
        assert names == ["loss", "accuracy"]
        assert row(d, "loss").split("│")[1].split() == [
            "≠", "loss", "0.0550232", "0.0440186", "-20.0%", "0.0715302", "+30.0%",
        ]  # fmt: skip
        assert row(d, "parts").split("│")[1].strip().endswith("step 20: 0.135 / 0.176")
        assert row(d, "values").split("│")[1].split() == ["values", "30", "30", "30"]
        await d.press("v")
        await d.until(lambda: row(d, "values") == "")
        await d.press("d")
        await d.until_shown("learning rate")
        assert "≠" not in row(d, "learning rate")


async def test_values_in_full_and_the_tolerance(console: Console, history: History, home: Paths) -> None:
    three(history, home)
    async with driven(console(), (80, 24)) as d:
        await compare(d, 3)
        await d.press("4")
        await d.until_shown("loss")
        await d.press("i")
        await d.until_shown("iris-003  0.071530")
        assert "0.0550232201" in d.text()
        await d.press("escape")
        for shown in ("1e-06", "0.001", "0.01", "exact", "tolerance 1e-09"):
            await d.press("t")
            await d.until_shown(shown)
            await d.until(lambda: screen(d).comparison.tolerance == screen(d).tolerance)  # type: ignore[union-attr]


async def test_another_baseline(console: Console, history: History, home: Paths) -> None:
    three(history, home)
    async with driven(console()) as d:
        await compare(d, 3)
        await d.press("right", "b")
        await d.until(lambda: screen(d).comparison.labels == ("iris-003", "iris-001", "iris-002"))  # type: ignore[union-attr]
        await d.until(lambda: row(d, "--rate").split("│")[1].split()[-3:] == ["0.1", "0.1", "0.2"])
        assert "step 20, loss: 0.176 / 0.135" in row(d, "parts first")
        await d.press("b")
        await d.until(lambda: screen(d).comparison.labels == ("iris-001", "iris-003", "iris-002"))  # type: ignore[union-attr]


async def test_many_runs_move_sideways(console: Console, history: History, home: Paths) -> None:
    many(history, home, 8)
    async with driven(console(), (80, 24)) as d:
        await compare(d, 8)
        await d.until_shown("run 1 and 2 to 3 of 8")
        assert "iris-001" in d.text() and "iris-003" in d.text() and "iris-004" not in d.text()
        await d.press(*["right"] * 6)
        await d.until_shown("run 1 and 7 to 8 of 8")
        assert "iris-001" in d.text() and "iris-008" in d.text() and "iris-006" not in d.text()
        assert "0.8" in row(d, "--rate")
        await d.press("right", "left", "left")
        await d.until_shown("run 1 and 5 to 6 of 8")


async def test_the_curves_of_a_metric(console: Console, history: History, home: Paths) -> None:
    three(history, home)
    async with driven(console()) as d:
        await compare(d, 3)
        await d.press("4")
        await d.until_shown("accuracy")
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, OverlayScreen))
        for place in (1, 2, 3):
            await d.until_shown(f"iris-00{place}")
        assert "loss" in d.text()
        await d.press("down")
        await d.until_shown("accuracy")
        await d.press("escape")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen))


async def test_runs_that_go_on_are_followed(console: Console, history: History, home: Paths) -> None:
    made = Comparable(history, home)
    one = made.run(1, 0.1, "2.0", b"a\n")
    other = made.run(2, 0.1, "2.0", b"a\n", State.RUNNING)
    made.log(one, "loss", [1.0, 0.5, 0.25])
    made.log(other, "loss", [1.0])
    async with driven(console()) as d:
        await compare(d, 2)
        await d.press("4")
        await d.until_shown("nowhere in 1 value")
        painted: list[str] = []
        table = screen(d).table
        refresh = table.refresh_line
        table.refresh_line = lambda y: (painted.append(table.drawn_at(y) or ""), refresh(y))[1]  # type: ignore[method-assign,func-returns-value]
        made.log(other, "loss", [0.5])
        await d.until_shown("nowhere in 2 values")
        assert set(painted) <= {f"metric loss{part}" for part in ("", " min", " max", " values", " parts")}
        made.log(other, "loss", [0.3])
        await d.until_shown("step 2: 0.25 / 0.3")
        ended = make_run(2, State.FAILED, arguments=other.arguments, config="docker", target="docker")
        history.connection.execute(
            "UPDATE runs SET state = 'Failed', exit_code = 3, ended = ? WHERE id = ?", (ended.ended, other.id)
        )
        await d.press("1")
        await d.until_shown("Failed, exit code 3")


@pytest.mark.parametrize("kind", ["md", "csv", "json"])
async def test_a_comparison_is_written_into_a_file(
    console: Console, history: History, home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    three(history, home)
    file = tmp_path / f"compare-iris-002-iris-003.{kind}"
    async with driven(console()) as d:
        await compare(d, 2)
        await d.press("w")
        await d.until(lambda: isinstance(d.app.screen, ExportScreen))
        await d.until_shown("compare-iris-002-iris-003.md")
        if kind != "md":
            await d.press("tab", *["right"] * ("csv", "json").index(kind), "right")
            await d.until_shown(file.name)
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen))
        text = file.read_text()
        assert "--rate" in text and "step" in text and "+rate = 0.1" in text and "secret-" not in text
        assert kind != "json" or json.loads(text)["baseline"] == "iris-002"
        await d.press("w")
        await d.until_shown(file.name)
        await d.press("enter")
        await d.until_shown("Write over this file?")
        file.write_text("mine")
        await d.press("n")
        await d.until(lambda: isinstance(d.app.screen, ExportScreen))
        assert file.read_text() == "mine"
        await d.press("enter")
        await d.until_shown("Write over this file?")
        await d.press("y")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen))
        assert file.read_text() == text


async def test_a_file_that_cannot_be_written_says_why(
    console: Console, history: History, home: Paths, tmp_path: Path
) -> None:
    three(history, home)
    async with driven(console()) as d:
        await compare(d, 2)
        await d.press("w")
        await d.until(lambda: isinstance(d.app.screen, ExportScreen))
        await d.press("ctrl+u")
        await d.press("enter")
        await d.until_shown("Name a file.")
        await d.type(str(tmp_path / "none" / "x.csv"))
        await d.until_shown("CSV")
        await d.press("enter")
        await d.until_shown("It cannot be written: No such file or directory.")


async def test_what_was_chosen_is_remembered(console: Console, history: History, home: Paths) -> None:
    three(history, home)
    async with driven(console()) as d:
        await compare(d, 2)
        await d.press("4", "d", "v", "escape")
        await d.until(lambda: d.app.screen is d.main)
        await d.press("m")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen) and screen(d).comparison is not None)
        assert (screen(d).part, screen(d).only, screen(d).short) == (METRICS, False, True)


async def test_hostile_text_is_text(console: Console, history: History, home: Paths) -> None:
    made = Comparable(history, home)
    ugly = "[/x]\x1b]52;c;aGk=\x07\x1b[2J\u202e名" + "w" * 5000
    runs = []
    for number in (1, 2):
        run = make_run(number, arguments=(f"--{number}{ugly}", ugly), tags={ugly: ugly}, reason=ugly)
        history.put(run)
        made.log(run, ugly, [1.0 * number])
        made.code(run, {f"{ugly[:90]}.py": b"\x1b[2J%d\n" % number})
        runs.append(run)
    async with driven(console(), (80, 24)) as d:
        await compare(d, 2)
        for key in "134":
            await d.press(key)
            await d.until(lambda: "\x1b" not in d.text() and "\u202e" not in d.text())
            await d.press("i")
            await d.until(lambda: not isinstance(d.app.screen, CompareScreen))
            await d.press("escape")
            await d.until(lambda: isinstance(d.app.screen, CompareScreen))
        await d.press("3", "enter")
        await d.until(lambda: isinstance(d.app.screen, DiffScreen))
        await d.press("escape")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen))
        await d.press("4", "enter")
        await d.until(lambda: isinstance(d.app.screen, OverlayScreen))
        await d.until(lambda: "\x1b" not in d.text())


async def test_help_and_the_edges_of_a_small_screen(console: Console, history: History, home: Paths) -> None:
    many(history, home, 4)
    async with driven(console(), (80, 24)) as d:
        await compare(d, 4)
        await d.press("question_mark")
        await d.until_shown("Comparing runs")
        await d.press("escape")
        await d.press("4", "end")
        await d.until_shown("parts")
        await d.press("tab")
        await d.until_shown("--rate")
        await d.press("shift+tab")
        await d.until(lambda: screen(d).part == METRICS)
        assert screen(d).table.place == len(screen(d).table.keys) - 1, "the cursor is where it was"
        for size in ((40, 10), (20, 6), (200, 60)):
            await d.pilot.resize_terminal(*size)
            await d.until(lambda size=size: d.app.size == size)  # type: ignore[misc]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_pictures(console: Console, history: History, home: Paths, tmp_path: Path, size: tuple[int, int]) -> None:
    three(history, home)
    name = f"{size[0]}x{size[1]}"
    async with driven(console(), size) as d:
        await compare(d, 3)
        await d.until_shown("parts first")
        await check_snapshot(d.app, f"compare-summary-{name}", tmp_path)
        await d.press("3")
        await d.until_shown("train.py")
        await check_snapshot(d.app, f"compare-code-{name}", tmp_path)
        await d.press("4", "d")
        await d.until_shown("learning rate")
        await check_snapshot(d.app, f"compare-metrics-{name}", tmp_path)


async def test_picture_in_ascii_and_light(console: Console, history: History, home: Paths, tmp_path: Path) -> None:
    three(history, home)
    app = console(ascii=True)
    app.theme = "aml-light"
    async with driven(app) as d:
        await compare(d, 3)
        await d.press("4")
        await d.until_shown("loss")
        assert d.text().isascii(), {char for char in d.text() if not char.isascii()}
        await check_snapshot(d.app, "compare-metrics-ascii-light-120x40", tmp_path)
