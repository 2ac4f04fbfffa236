"""A first start: whatever is not there yet, the screen says what to do, and doing that helps."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widgets import Static

from tests.tui.driving import driven, packet
from tests.tui.history import make_run
from tests.tui.snapshots import check_snapshot
from tui.screens.attach_kind import KindScreen
from tui.screens.projects import ProjectsScreen
from tui.screens.submit import SubmitScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp


def said(app: ConsoleApp) -> str:
    """What the dialog of projects says first, however its lines are broken."""
    found = app.screen.query("#welcome").results(Static)
    return " ".join(str(one.content) for one in found)


async def test_no_project(console: Callable[..., ConsoleApp], home: Paths, tmp_path: Path) -> None:
    here = tmp_path / "thesis"
    here.mkdir()
    async with driven(console(None, folder_here=here)) as d:
        await d.until(lambda: "so it is not a project yet" in said(d.app))
        await d.press("escape")
        await d.until_shown("no project is open: O opens one, or makes one")
        await d.press("O")
        await d.until(lambda: isinstance(d.app.screen, ProjectsScreen) and d.app.screen.path.has_focus)
        await d.press("ctrl+n")
        await d.until_shown("no runs yet: s submits a script")
        assert (here / "aml_config" / "local.runconfig").exists()
        await d.press("s")
        await d.until(lambda: isinstance(d.app.screen, SubmitScreen))


async def test_an_empty_project(console: Callable[..., ConsoleApp], home: Paths, tmp_path: Path) -> None:
    here = tmp_path / "thesis"
    (here / "aml_config").mkdir(parents=True)
    (here / "aml_config" / "notes.txt").write_text("mine\n")
    async with driven(console(here)) as d:
        await d.until_shown("no compute target: a")
        await d.until_shown("─ Run ─")
        await check_snapshot(d.app, "empty-project-120x40", tmp_path)
        assert "they need a compute target and a run configuration. O, then ctrl+n," in d.text()
        await d.press("a")
        await d.until(lambda: isinstance(d.app.screen, KindScreen))
        await d.press("escape", "O")
        await d.until(lambda: "has neither a compute target nor a run configuration yet" in said(d.app))
        await d.until(lambda: isinstance(d.app.screen, ProjectsScreen) and d.app.screen.path.has_focus)
        await d.press("ctrl+n")
        await d.until_shown("no runs yet: s submits a script")
        await d.until(lambda: len(d.app.model.project.configs) == 2)
        assert (here / "aml_config" / "notes.txt").read_text() == "mine\n"


async def test_a_target_without_a_configuration(
    console: Callable[..., ConsoleApp], home: Paths, tmp_path: Path
) -> None:
    here = tmp_path / "thesis"
    (here / "aml_config").mkdir(parents=True)
    (here / "aml_config" / "local.compute").write_text("type: local\n")
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text("keys: {new: N}\n")
    async with driven(console(here), (80, 24)) as d:
        await d.until_shown("no runs yet: they need a run configuration. 2, then N, makes one.")
        await d.press("2")
        await d.until_shown("no run configuration: N makes one here")
        await d.press("N")
        await d.until_shown("New run configuration on local")
        await d.type("first")
        await d.press("enter")
        await d.until(lambda: d.main.configs.cursor == "first")
        await d.press("3")
        await d.until_shown("no runs yet: s submits a script")


async def test_projects_that_are_gone_come_last_and_a_path_is_typed_at_once(
    console: Callable[..., ConsoleApp], history: History, project: Path, tmp_path: Path
) -> None:
    history.put(make_run(1))
    history.put(make_run(2, project=str(tmp_path / "was here"), project_name="older"))
    history.put(make_run(3, project=str(tmp_path / "was there"), project_name="newest"))
    async with driven(console(), (120, 40)) as d:
        await d.press("O")
        screen = d.app.screen
        assert isinstance(screen, ProjectsScreen)
        await d.until(lambda: len(screen.lines.keys) == 3 and screen.lines.has_focus)
        assert screen.lines.keys[0] == str(project)
        assert [screen.lines.rows[key][1].endswith(", folder gone") for key in screen.lines.keys] == [False, True, True]
        packet(d, "~/thesis")
        await d.until(lambda: screen.path.value == "~/thesis")


async def test_a_folder_that_does_not_answer_holds_up_no_reading(
    console: Callable[..., ConsoleApp], history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system of a machine that is away."""
    history.put(make_run(1, project=str(tmp_path / "away")))
    asked, answers = threading.Event(), threading.Event()
    is_dir = Path.is_dir

    def slow(self: Path) -> bool:
        if self.name == "away":
            asked.set()
            answers.wait(60)
        return is_dir(self)

    monkeypatch.setattr(Path, "is_dir", slow)
    async with driven(console()) as d:
        await d.press("O")
        screen = d.app.screen
        assert isinstance(screen, ProjectsScreen)
        await d.until(asked.is_set)
        try:
            assert await asyncio.wait_for(d.app.model.ask(int), 30) == 0
        finally:
            answers.set()
        await d.until(lambda: screen.lines.keys)


async def test_read_only_says_so(console: Callable[..., ConsoleApp], home: Paths, tmp_path: Path) -> None:
    async with driven(console(None, folder_here=tmp_path, readonly=True)) as d:
        await d.until(lambda: "so it is not a project yet" in said(d.app))
        await d.press("ctrl+n")
        await d.until_shown("opened read-only")
        assert not (tmp_path / "aml_config").exists()


async def test_a_project_that_is_moved_away(
    console: Callable[..., ConsoleApp], history: History, project: Path
) -> None:
    history.put(make_run(1))
    async with driven(console(), (200, 60)) as d:
        project.rename(project.with_name("elsewhere"))
        await d.until(lambda: "there is no project in" in d.main.targets.empty_text)
        assert str(project) in d.main.targets.empty_text
        assert "iris-001" in d.text()
        project.with_name("elsewhere").rename(project)
        await d.until(lambda: "local" in d.main.targets.keys)
