"""What the editors look like, compared with the pictures in snapshots/."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import driven
from tests.tui.snapshots import check_snapshot
from tests.tui.test_edit_screen import opened, to_row
from tui.screens.edit_dialogs import ConflictScreen, SaveScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

SIZES = [(80, 24), (120, 40)]
NAMES = ["80x24", "120x40"]
WRITTEN = """\
# Rates by the score of all, on this machine.
ArgumentVector:
  - train.py   # the script
  - --rate
  - 0.05
Target: local
Framework: Python
EnvironmentVariables:
  DB_PASSWORD: hunter2
  OMP_NUM_THREADS: 4
CondaDependenciesFile: aml_config/conda_dependencies.yml
PrepareEnvironment: false
UseSampling: true
"""
CONDA = """\
name: project_environment
channels:
  - conda-forge
dependencies:
  - python=3.11
  - numpy>=1.26,<2
  - pip:
      - scikit-learn=1.4   # pinned
      - --extra-index-url https://packages.example.org/simple
"""


@pytest.fixture
def written(home: Paths, project: Path) -> Path:
    """A configuration with something of everything, and its dependency file."""
    file = project / "aml_config" / "local.runconfig"
    file.write_text(WRITTEN)
    (project / "aml_config" / "conda_dependencies.yml").write_text(CONDA)
    return file


async def shot(d: Driver, name: str, size: tuple[int, int], folder: Path) -> None:
    await check_snapshot(d.app, f"{name}-{size[0]}x{size[1]}", folder)


@pytest.mark.parametrize("size", SIZES, ids=NAMES)
async def test_form(console: Console, written: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    async with driven(console(), size) as d:
        screen = await opened(d)
        await d.until(lambda: screen.found)
        await to_row(d, "Framework")
        await shot(d, "edit-form", size, tmp_path)


@pytest.mark.parametrize(("theme", "ascii"), [("aml-light", False), ("ansi-dark", True)], ids=["light", "ascii"])
async def test_form_elsewhere(console: Console, written: Path, tmp_path: Path, theme: str, ascii: bool) -> None:
    app = console(ascii=ascii)
    app.theme = theme
    async with driven(app) as d:
        screen = await opened(d)
        await d.until(lambda: screen.found)
        await to_row(d, "Target")
        await d.press("enter")
        await d.until(lambda: screen.inline is not None and screen.inline.has_focus)
        await d.type("s")
        await d.until_shown("there is no compute target 'locals'")
        await shot(d, f"edit-form-{theme}", (120, 40), tmp_path)


@pytest.mark.parametrize("size", SIZES, ids=NAMES)
async def test_text_with_a_problem(console: Console, written: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    async with driven(console(), size) as d:
        screen = await opened(d)
        await d.press("ctrl+t")
        await d.until(lambda: screen.area.has_focus)
        screen.area.move_cursor((5, 13))
        await d.type("-2")
        await d.until_shown("there is no compute target 'local-2'")
        await shot(d, "edit-text", size, tmp_path)


@pytest.mark.parametrize("size", SIZES, ids=NAMES)
async def test_difference(console: Console, written: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    async with driven(console(), size) as d:
        screen = await opened(d)
        await to_row(d, "Target")
        await d.press("right")
        await d.until(lambda: screen.changed)
        await to_row(d, "ArgumentVector/1")
        await d.press("delete")
        await to_row(d, "ArgumentVector/1")
        await d.press("delete")
        await d.until(lambda: "ArgumentVector/1" not in screen.lines.rows)
        await d.until(lambda: [one.line for one in screen.found] == [11])
        await d.press("ctrl+s")
        await d.until(lambda: isinstance(d.app.screen, SaveScreen))
        await shot(d, "edit-save", size, tmp_path)


@pytest.mark.parametrize("size", SIZES, ids=NAMES)
async def test_conflict(console: Console, written: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    async with driven(console(), size) as d:
        screen = await opened(d)
        await d.until(lambda: screen.found)
        await to_row(d, "Framework")
        await d.press("right")
        await d.until(lambda: screen.changed)
        written.write_text(WRITTEN.replace("0.05", "0.01"))
        await d.until_shown("It was changed on disk meanwhile")
        await d.press("ctrl+r")
        await d.until(lambda: isinstance(d.app.screen, ConflictScreen))
        await d.until(lambda: len(screen.found) == 2)
        await shot(d, "edit-conflict", size, tmp_path)


@pytest.mark.parametrize("size", SIZES, ids=NAMES)
async def test_dependencies(console: Console, written: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    async with driven(console(), size) as d:
        await d.press("f5")
        await d.until_shown("conda_dependencies.yml")
        await d.until_shown("has one `=`: pip wants two of them.")
        await to_row(d, "dependencies.pip/0")
        await shot(d, "edit-conda", size, tmp_path)
