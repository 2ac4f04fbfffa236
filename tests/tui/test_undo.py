"""What was deleted, brought back by a key: runs by a real engine, files by the console."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Static

from engine.errors import NotNow
from engine.runs.ledger import Ledger
from engine.runs.model import State
from engine.runs.store import StoreReader
from tests.tui.driving import Driver, driven, packet
from tests.tui.history import NOW, make_run
from tests.tui.snapshots import check_snapshot
from tui.screens.bin import BinScreen, DeleteScreen
from tui.screens.confirm import ConfirmScreen
from tui.undo import keep, put_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


def put_runs(history: History, home: Paths, count: int = 4) -> None:
    """Ended runs with something on the disk, as an engine leaves them."""
    for number in range(1, count + 1):
        run = make_run(number)
        history.put_prepared(run, {}, launcher="process")
        file = home.driver_log(run.id)
        file.parent.mkdir(parents=True)
        file.write_bytes(b"." * 200_000)


def note(d: Driver) -> str:
    return str(d.app.screen.query_one(".note", Static).content)


def bring(home: Paths, at: float, *numbers: int) -> None:
    """Into the bin, as an engine that is not there any more did it."""
    ledger = Ledger(home.store)
    ledger.put_in_bin([make_run(number).id for number in numbers], at)
    ledger.close()


async def test_deleted_runs_come_back(console: Console, history: History, home: Paths, engine_home: Paths) -> None:
    put_runs(history, home)
    async with driven(console()) as d:
        first = d.main.table.cursor
        await d.press("U")
        assert d.said() == ["undo: nothing was deleted"]
        await d.press("space", "space", "D")
        await d.until(lambda: isinstance(d.app.screen, DeleteScreen))
        await d.until_shown("Delete 2 runs?")
        await d.until(lambda: "Kept for 7 days, 391KB; U brings them back." in note(d))
        await d.press("n")
        await d.until(lambda: d.app.screen is d.main)
        assert len(d.app.model.order) == 4
        await d.press("D", "y")
        await d.until(lambda: len(d.app.model.order) == 2)
        await d.until(lambda: d.said()[-1] == "2 runs deleted; U brings them back")
        assert first not in d.app.model.order
        await d.until(lambda: d.main.situation.undoable == 1)
        await d.press("U")
        await d.until(lambda: len(d.app.model.order) == 4)
        await d.until(lambda: d.said()[-1] == "2 runs are back")
        await d.until(lambda: d.main.table.cursor == first)
        assert home.driver_log(first or "").exists()
        await d.until(lambda: d.main.situation.undoable == 0)


async def test_what_is_being_deleted_is_what_comes_back(
    console: Console, history: History, home: Paths, engine_home: Paths
) -> None:
    put_runs(history, home)
    bring(home, time.time() - 90, 1)
    async with driven(console()) as d:
        first = d.main.table.cursor
        packet(d, "DyU")
        # The one just deleted is there with the one of before, and neither was brought back unasked.
        await d.until(lambda: isinstance(d.app.screen, BinScreen))
        await d.press("enter")
        await d.until(lambda: d.said() == ["1 run deleted; U brings it back", "iris-004 is back"])
        await d.until(lambda: d.main.table.cursor == first and len(d.app.model.order) == 3)


async def test_the_bin_is_listed_when_there_is_more_than_one(
    console: Console, history: History, home: Paths, engine_home: Paths
) -> None:
    put_runs(history, home)
    # By the clock of the engine, which would not keep what was deleted years ago.
    bring(home, time.time() - 3 * 86_400 - 9, 1, 2)
    bring(home, time.time() - 90, 3)
    app = console()
    app.clock = time.time
    async with driven(app) as d:
        assert len(d.app.model.order) == 1
        await d.press("U")
        await d.until(lambda: isinstance(d.app.screen, BinScreen))
        await d.until(lambda: "195K" in d.text() and "391K" in d.text())
        lines = [line for line in d.text().splitlines() if "ago" in line]
        assert "1m3" in lines[0] and "iris-003" in lines[0] and "6d23h" in lines[0]
        assert "3d00h ago" in lines[1] and "2 runs: iris-002, iris-001" in lines[1] and "3d23h" in lines[1]
        await d.press("j", "D")
        await d.until(lambda: isinstance(d.app.screen, ConfirmScreen))
        await d.until_shown("Remove 2 runs for good?")
        assert "This cannot be" in d.text()
        await d.press("escape")
        await d.until(lambda: isinstance(d.app.screen, BinScreen))
        await d.press("enter")
        await d.until(lambda: d.said()[-1:] == ["2 runs are back"])
        await d.until(lambda: len(d.app.model.order) == 3)
        await d.press("U")
        await d.until(lambda: d.said()[-1:] == ["iris-003 is back"])
        await d.until(lambda: d.main.table.cursor == make_run(3).id)


async def test_runs_are_removed_for_good_from_the_list(
    console: Console, history: History, home: Paths, engine_home: Paths
) -> None:
    put_runs(history, home)
    bring(home, time.time() - 86_400, 1)
    bring(home, time.time() - 90, 3)
    async with driven(console()) as d:
        await d.press("U")
        await d.until(lambda: isinstance(d.app.screen, BinScreen))
        await d.press("D", "y")
        await d.until(lambda: not home.driver_log(make_run(3).id).exists())
        await d.until(lambda: d.said()[-1:] == ["1 run removed for good"])
        await d.until(lambda: isinstance(d.app.screen, BinScreen) and "iris-003" not in d.text())
        await d.press("D", "y")
        await d.until(lambda: d.app.screen is d.main)
        with StoreReader(home.store) as store:
            assert store.bin() == []
            assert store.count() == 2


async def test_what_another_took_out_meanwhile_is_told(console: Console, history: History, home: Paths) -> None:
    put_runs(history, home)
    bring(home, NOW - 86_400, 1)
    bring(home, NOW - 90, 3)
    async with driven(console()) as d:
        await d.press("U")
        await d.until(lambda: isinstance(d.app.screen, BinScreen))
        ledger = Ledger(home.store)
        ledger.take_from_bin(make_run(3).id)
        ledger.close()
        await d.press("enter")
        await d.until(lambda: d.said()[-1:] == ["it is not in the bin any more"])


async def test_the_question_names_where_else_files_are(console: Console, history: History, home: Paths) -> None:
    history.put(make_run(1, target="gpu-box", target_type="remote"))
    async with driven(console()) as d:
        await d.press("D")
        await d.until(lambda: "Kept for 7 days, 0B here, and what gpu-box has; U brings it back." in note(d))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_pictures(
    console: Console, history: History, home: Paths, tmp_path: Path, project: Path, size: tuple[int, int]
) -> None:
    put_runs(history, home)
    bring(home, NOW - 3 * 86_400, 1, 2)
    bring(home, NOW - 90, 3)
    async with driven(console(), size) as d:
        await d.press("2", "G", "x")
        await d.until_shown("Delete the run configuration?")
        await d.press("y")
        await d.until(lambda: not (project / "aml_config" / "sweep.runconfig").exists())
        await d.until(lambda: "sweep" not in d.main.configs.keys)
        await d.press("3", "U")
        await d.until(lambda: "195K" in d.text() and "391K" in d.text())
        await check_snapshot(d.app, f"bin-{size[0]}x{size[1]}", tmp_path)
        await d.press("escape", "D")
        await d.until(lambda: "195KB" in note(d))
        await check_snapshot(d.app, f"delete-{size[0]}x{size[1]}", tmp_path)


async def test_a_run_configuration_comes_back(console: Console, project: Path) -> None:
    file = project / "aml_config" / "sweep.runconfig"
    before = file.read_bytes()
    file.chmod(0o640)
    async with driven(console()) as d:
        await d.press("2", "G", "x")
        await d.until_shown("Delete the run configuration?")
        assert "U brings it back" in d.text()
        await d.press("y")
        await d.until(lambda: "sweep" not in d.main.configs.keys)
        await d.until(lambda: d.said()[-1:] == ["aml_config/sweep.runconfig deleted; U brings it back"])
        file.write_text("Target: local\n")
        await d.press("U")
        await d.until(lambda: "there is a file of this name again" in d.said()[-1])
        assert file.read_text() == "Target: local\n"
        file.unlink()
        await d.press("U")
        await d.until(lambda: d.said()[-1:] == ["the run configuration sweep is back"])
        await d.until(lambda: "sweep" in d.main.configs.keys)
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (before, 0o640)
        await d.press("U")
        assert d.said()[-1] == "undo: nothing was deleted"


async def test_a_target_comes_back(console: Console, project: Path) -> None:
    folder = project / "aml_config"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    async with driven(console()) as d:
        await d.press("1", "k", "X")
        await d.until_shown("Detach local?")
        await d.press("y")
        await d.until(lambda: any("local is detached" in said for said in d.said()))
        assert len(list(folder.iterdir())) == len(before) - 2
        await d.until(lambda: "local" not in d.main.targets.keys)
        await d.press("U")
        await d.until(lambda: d.said()[-1:] == ["the target local is back"])
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        await d.until(lambda: "local" in d.main.targets.keys)


async def test_what_another_project_lost_is_not_offered(console: Console, project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(project, other)
    async with driven(console()) as d:
        await d.press("2", "G", "x", "y")
        await d.until(lambda: d.main.situation.undoable == 1)
        await d.app.model.open(other)
        assert d.main.situation.undoable == 0
        await d.app.model.open(project)
        assert d.main.situation.undoable == 1


async def test_runs_that_go_on_are_not_deleted(console: Console, history: History) -> None:
    history.put(make_run(1, State.RUNNING))
    async with driven(console()) as d:
        await d.press("D")
        assert d.said() == ["delete: it has not ended; cancel it first"]


def test_files_come_back_together_or_not_at_all(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "gone" / "b"
    second.parent.mkdir()
    first.write_text("1")
    second.write_text("2")
    kept = keep([first, second, tmp_path / "none"])
    assert [one.path for one in kept] == [first, second]
    with pytest.raises(NotNow, match="of this name again"):
        put_back(kept)
    first.unlink()
    shutil.rmtree(second.parent)
    with pytest.raises(Exception, match="cannot be written"):
        put_back(kept)
    assert not first.exists()
    second.parent.mkdir()
    put_back(kept)
    assert (first.read_text(), second.read_text()) == ("1", "2")
