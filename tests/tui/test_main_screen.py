"""The main screen, driven by keys over a real store and a real project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State
from tests.tui.driving import driven
from tests.tui.history import NOW, busy_history, make_run
from tui.screens.edit import EditScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


async def test_opens_on_a_project_with_history(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        text = d.text()
        assert "3 running" in text
        assert "1 queued" in text
        assert "iris-045" in text
        assert "KeyError: 'petal'" in text
        assert "step 4/7 pip" in text
        assert "45 runs" in text
        assert "sweep" in text
        assert "cpu 12%" in text


async def test_without_store_and_engine_it_says_what_to_do(console: Console) -> None:
    async with driven(console()) as d:
        await d.until_shown("no runs yet: s submits a script")


async def test_a_run_that_changes_is_shown(console: Console, history: History) -> None:
    history.put(make_run(1, State.RUNNING))
    async with driven(console()) as d:
        history.put(make_run(1, State.FAILED, reason="KeyError: 'sepal'"))
        await d.until_shown("KeyError: 'sepal'")
        assert "1 running" not in d.text()


async def test_the_cursor_stays_on_its_run(console: Console, history: History) -> None:
    history.put(*(make_run(number) for number in range(1, 30)))
    async with driven(console()) as d:
        await d.press("down", "down")
        chosen = d.main.table.cursor
        history.put(make_run(30, State.RUNNING), make_run(31, State.QUEUED))
        await d.until_shown("iris-031")
        assert d.main.table.cursor == chosen
        assert d.main.table.place == 4


async def test_what_one_looks_at_does_not_move(console: Console, history: History) -> None:
    history.put(*(make_run(number) for number in range(1, 200)))
    async with driven(console()) as d:
        await d.press("end")
        await d.until(lambda: d.main.table.scroll_offset.y > 0)
        seen = list(d.main.table.seen())
        history.put(make_run(200, State.RUNNING))
        await d.until(lambda: len(d.main.table.keys) == 200)
        assert list(d.main.table.seen()) == seen


async def test_panes_by_tab_and_digits(console: Console, history: History) -> None:
    history.put(make_run(1))
    async with driven(console()) as d:
        assert d.main.pane == "runs"
        await d.press("1")
        assert d.main.targets.has_focus
        await d.press("tab")
        assert d.main.configs.has_focus
        await d.press("shift+tab")
        assert d.main.targets.has_focus
        await d.press("3")
        assert d.main.table.has_focus
        await d.press("2", "escape")
        assert d.main.table.has_focus


@pytest.mark.parametrize("size", [(80, 24), (90, 50), (120, 40), (200, 60), (60, 15)])
async def test_every_pane_can_be_reached(console: Console, history: History, size: tuple[int, int]) -> None:
    busy_history(history)
    async with driven(console(), size) as d:
        for key, pane in (("1", "targets"), ("2", "configs"), ("3", "runs"), ("4", "run")):
            await d.press(key)
            widget = d.main.query_one(f"#{pane}")
            assert widget.region.area > 0, pane
            assert d.main.pane == pane
            assert d.app.focused is not None
            assert widget in d.app.focused.ancestors_with_self, pane


async def test_enter_gives_the_run_the_whole_screen(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("enter")
        assert d.main.lower.region.width == 120
        assert not d.main.table.display
        await d.press("escape")
        assert d.main.table.has_focus
        assert d.main.table.region.width == 90


async def test_marks_and_what_is_acted_on(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("space", "down", "space")
        assert len(d.main.table.marks) == 2
        assert {run.number for run in d.main.situation.acted} == {45, 43}
        assert "2 marked" in d.text()
        await d.press("u")
        assert [run.number for run in d.main.situation.acted] == [42]


async def test_filter_narrows_as_one_types(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("slash")
        await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
        await d.type("state:failed")
        await d.until_shown("2 of 45")
        assert {d.app.model.runs[i].number for i in d.main.table.keys} == {36, 38}
        await d.press("enter")
        assert d.main.table.has_focus
        assert "filter: state:failed" in d.text()
        await d.press("escape")
        await d.until(lambda: len(d.main.table.keys) == 45)


async def test_filter_on_a_metric_reads_every_run(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("slash")
        await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
        await d.type("accuracy>0.91")
        await d.press("enter")
        await d.until(lambda: 0 < len(d.main.table.keys) < 45)
        assert all(d.app.model.metrics(i)["accuracy"] > 0.91 for i in d.main.table.keys)
        assert any(d.app.model.runs[i].number < 20 for i in d.main.table.keys)


async def test_a_wrong_filter_says_so_and_changes_nothing(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("slash")
        await d.until(lambda: d.main.filter_bar is not None and d.main.filter_bar.input.has_focus)
        # Pasted at once: typed slowly, "state" alone is a word to look for, and counts until it is wrong.
        d.main.filter_bar.input.value = "state:bogus"  # type: ignore[union-attr]
        await d.until_shown("there is no state 'bogus'")
        assert len(d.main.table.keys) == 45
        await d.press("escape")
        assert d.main.table.has_focus


async def test_cancel_asks_and_names_what_it_hits(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("c")
        await d.until_shown("Cancel 1 run?")
        assert "iris-045" in d.text()
        await d.press("enter", "c")
        assert "Cancel 1 run?" in d.text()
        await d.press("n")
        await d.until(lambda: d.app.screen is d.main)


async def test_what_cannot_be_done_says_why(console: Console, history: History) -> None:
    history.put(make_run(1))
    async with driven(console()) as d:
        await d.press("c")
        assert d.said() == ["cancel: it has ended"]
        assert d.app.screen is d.main


@pytest.mark.parametrize("key", ["s", "p", "c", "r", "R", "D"])
async def test_readonly_refuses(console: Console, history: History, key: str) -> None:
    busy_history(history)
    async with driven(console(readonly=True)) as d:
        await d.press(key)
        assert "read-only" in d.said()[-1]
        assert d.app.screen is d.main


async def test_help_palette_messages_problems_projects_open_and_close(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        for key, shown in (
            ("question_mark", "Keys"),
            ("colon", "Go to, or do"),
            ("ctrl+p", "Go to, or do"),
            ("exclamation_mark", "Messages"),
            ("P", "Nothing is wrong"),
            ("O", "Projects"),
            ("v", "Columns of the list"),
            ("o", "Order of the runs"),
            ("z", "Groups of runs"),
            ("at", "Saved filters"),
            ("i", "It runs,"),
        ):
            await d.press(key)
            await d.until_shown(shown)
            await d.press("escape")
            await d.until(lambda: d.app.screen is d.main, f"{key} closed")


async def test_what_configurations_name_and_nobody_has_is_told(
    console: Console, history: History, project: Path
) -> None:
    folder = project / "aml_config"
    (folder / "ghost.runconfig").write_text("ArgumentVector: [train.py]\nTarget: nowhere\nFramework: Python\n")
    (folder / "lost.runconfig").write_text("ArgumentVector: [gone.py]\nTarget: local\nFramework: Python\n")
    async with driven(console()) as d:
        await d.press("P")
        await d.until_shown("there is no compute target 'nowhere'")
        assert "there is no script 'gone.py'" in d.text()
        await d.press("escape", "2")
        assert d.app.model.project.config("ghost").problem.startswith("aml_config/ghost.runconfig:2:")  # type: ignore[union-attr]
        assert not d.app.model.project.config("lost").problem  # type: ignore[union-attr]
        rows = [line for line in d.text().splitlines() if "ghost" in line or "lost" in line]
        assert "✖ ghost  no compute target…" in rows[0]
        assert "✖ lost   no script 'gone.p…" in rows[1]
        assert "cannot be read" not in d.text()
        await d.press("end", "up", "enter")
        await d.until_shown("Correct the name")
        await d.press("escape")
        (project / "gone.py").write_text("")
        await d.until(lambda: "✖ lost" not in d.text())


async def test_palette_does_an_action(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("colon")
        await d.type("mark or")
        await d.press("enter")
        await d.until(lambda: len(d.main.table.marks) == 1)


NASTY = "[/foo] [bold]x\x1b[2J\x1b]52;c;aGk=\x07 \udcff"


async def test_text_from_outside_is_text(console: Console, history: History, project: Path) -> None:
    name = NASTY.replace("\udcff", "")
    (project / "aml_config" / "[bold].runconfig").write_text("Target: [nowhere\n")
    history.put(
        make_run(
            1,
            State.RUNNING,
            project_name="[/b]\x1b[31miris",
            config=name,
            target=name,
            script=name,
            arguments=(name,),
            reason=name,
            tags={name: name},
            description=name,
        ),
        make_run(2, State.FAILED, reason=name),
    )
    async with driven(console()) as d:
        assert "\x1b" not in d.text()
        assert "[/foo]" in d.text()
        for key in ("c", "question_mark", "P", "O", "b", "1", "2", "enter"):
            await d.press("3", "end", key)
            await d.pilot.pause()
            assert "\x1b" not in d.text()
            await d.press("escape")
        d.app.tell(NASTY, "error")
        d.app.notify(NASTY)
        await d.press("exclamation_mark")
        await d.until_shown("Messages")
        assert "\x1b" not in d.text()


async def test_an_error_in_background_work_is_told(console: Console, history: History) -> None:
    history.put(make_run(1))

    async def fails() -> None:
        raise RuntimeError("[/boom]")

    async with driven(console()) as d:
        d.app.start(fails, group="test", description="testing")
        await d.until(lambda: d.said() == ["testing: RuntimeError: [/boom]"])
        assert d.app.is_running


async def test_leaving_says_what_goes_on(console: Console, history: History) -> None:
    busy_history(history)
    app = console()
    async with driven(app) as d:
        await d.press("q")
    assert app.return_value is not None
    assert "6 runs go on" in app.return_value


async def test_leaving_says_nothing_when_nothing_goes_on(console: Console, history: History) -> None:
    history.put(make_run(1))
    app = console()
    async with driven(app) as d:
        await d.press("q")
    assert app.return_value is None


async def test_first_start_outside_a_project(console: Console, history: History, tmp_path: Path) -> None:
    history.put(make_run(1))
    async with driven(console(None)) as d:
        await d.until_shown("is not a project yet")
        await d.until_shown("1 run")
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main and d.app.model.project.name == "iris")
        await d.until_shown("iris-001")


async def test_a_project_is_made_by_a_key(console: Console, tmp_path: Path) -> None:
    folder = tmp_path / "new-project"
    folder.mkdir()
    async with driven(console(None, folder_here=folder)) as d:
        await d.until_shown("ctrl+n")
        await d.press("ctrl+n")
        await d.until(lambda: d.app.screen is d.main and d.app.model.project.loaded)
        assert (folder / "aml_config" / "local.runconfig").exists()
        await d.until_shown("local")


async def test_a_file_that_changes_is_read_again(console: Console, history: History, project: Path) -> None:
    history.put(make_run(1))
    async with driven(console()) as d:
        (project / "aml_config" / "fresh.runconfig").write_text("Target: local\nFramework: Python\n")
        await d.until_shown("fresh")


async def test_ages_move_alone(console: Console, history: History) -> None:
    history.put(make_run(1, State.RUNNING, started=NOW - 5), make_run(2))
    async with driven(console()) as d:
        table = d.main.table
        table.tick()
        painted: list[object] = []
        table.refresh = lambda *regions, **_: painted.extend(regions)  # type: ignore[method-assign,assignment]
        table.tick()
        assert painted == []
        table.clock = lambda: NOW + 1
        table.tick()
        assert [region.height for region in painted] == [1]  # type: ignore[attr-defined]


async def test_what_a_configuration_runs_is_told_where_there_is_room(console: Console, project: Path) -> None:
    file = project / "aml_config" / "local.runconfig"
    file.write_text("ArgumentVector:\n  - train.py\n  - --token\n  - hidden\nTarget: local\nFramework: Python\n")
    async with driven(console(), (80, 24)) as d:
        await d.press("2")
        await d.until_shown("Python  local  train.py --rate 0.1")
        assert "Python         train.py --token ****" in d.text()
    async with driven(console()) as d:
        await d.until_shown("Python  local")
        assert "train.py" not in d.text()


async def test_run_configurations_are_made_copied_and_deleted(console: Console, project: Path) -> None:
    folder = project / "aml_config"
    async with driven(console()) as d:
        await d.press("2", "n")
        await d.until_shown("New run configuration on local")
        await d.type("bad name!")
        await d.press("enter")
        await d.until_shown("cannot be the name")
        await d.press(*["backspace"] * 9)
        await d.type("fresh")
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main and d.main.configs.cursor == "fresh")
        assert (folder / "fresh.runconfig").exists()
        await d.press("d")
        await d.until_shown("Copy of fresh")
        await d.press("enter")
        await d.until(lambda: d.app.screen is d.main and d.main.configs.cursor == "fresh-2")
        assert (folder / "fresh-2.runconfig").read_bytes() == (folder / "fresh.runconfig").read_bytes()
        await d.press("x")
        await d.until_shown("Delete the run configuration?")
        await d.press("y")
        await d.until(lambda: not (folder / "fresh-2.runconfig").exists())
        await d.until(lambda: "fresh-2" not in d.main.configs.keys)


async def test_enter_opens_a_target_and_the_form_of_a_configuration(console: Console, history: History) -> None:
    busy_history(history)
    async with driven(console()) as d:
        await d.press("1", "enter")
        await d.until_shown("aml_config/local.compute")
        assert "connected for" in d.text()
        await d.press("escape", "2", "enter")
        await d.until(lambda: isinstance(d.app.screen, EditScreen))
        await d.until_shown("aml_config/local.runconfig  form")
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)


async def test_a_question_names_runs_as_they_are_now(console: Callable[..., ConsoleApp], history: History) -> None:
    running = make_run(3, State.RUNNING)
    history.put(running)
    async with driven(console()) as d:
        await d.press("c")
        await d.until_shown("Cancel 1 run?")
        await d.until_shown("iris-003  Running  train.py")
        history.put(make_run(3, State.COMPLETED))
        await d.until_shown("iris-003  Completed  train.py")
        assert "Cancel 1 run?" in d.text()
        # What listened for it listens no more.
        before = len(d.app.model.listeners)
        await d.press("n")
        await d.until(lambda: d.app.screen is d.main)
        await d.until(lambda: len(d.app.model.listeners) == before - 1)
