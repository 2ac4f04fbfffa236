"""`--readonly`: what changes something is refused where it is asked for, a file that would be written included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.runs.metrics import MetricRecord
from tests.tui.charts_of import put_run
from tests.tui.driving import driven
from tests.tui.history import NOW, write_log
from tui.screens.compare import CompareScreen
from tui.widgets.log_pane import LogPane
from tui.widgets.logged_view import LoggedView
from tui.widgets.metrics_pane import MetricsPane
from tui.widgets.outputs_pane import OutputsPane

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


@pytest.fixture
def here(home: Paths, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder one is in, with nothing in it; two runs have a log, a table and outputs."""
    for number in (1, 2):
        run = put_run(home, history, number, [MetricRecord(NOW, "table", "confusion", {"seen": ["setosa"]})])
        write_log(home, run)
        outputs = home.host_run(run.id) / "outputs"
        outputs.mkdir(parents=True)
        (outputs / "model.json").write_text("{}")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


async def refused(d: Driver, key: str, doing: str) -> None:
    on = d.app.screen
    await d.press(key)
    assert d.said()[-1] == f"{doing}: the console was opened read-only"
    assert d.app.screen is on


async def test_no_file_is_written(console: Console, here: Path) -> None:
    async with driven(console(readonly=True)) as d:
        await refused(d, "f", "fetch")
        await refused(d, "S", "reproduce.sh")
        view = d.main.run_view
        assert view is not None
        await d.press("enter")
        await d.until(lambda: isinstance(view.pane, LogPane) and view.has_focus_within)
        await d.until_shown("epoch")
        await refused(d, "W", "save")
        await d.press("right_square_bracket")
        await d.until(lambda: isinstance(view.pane, MetricsPane) and view.has_focus_within)
        await d.until_shown("confusion")
        await d.press("enter")
        await d.until(lambda: isinstance(d.app.focused, LoggedView))
        await d.until_shown("setosa")
        await refused(d, "W", "save")
        await d.press("right_square_bracket", "right_square_bracket")
        await d.until(lambda: isinstance(view.pane, OutputsPane) and view.has_focus_within)
        await d.until_shown("model.json")
        inks = {text.strip(): ink for text, ink in d.main.keys_line._left}
        assert (inks["enter"], inks["w"], inks["W"]) == ("key", "off", "off")
        for key, doing in (("w", "copy"), ("W", "copy"), ("E", "$EDITOR")):
            await refused(d, key, doing)
    assert list(here.iterdir()) == []


async def test_no_comparison_is_written(console: Console, here: Path) -> None:
    async with driven(console(readonly=True)) as d:
        await d.press("space", "space", "m")
        await d.until(lambda: isinstance(d.app.screen, CompareScreen) and d.app.screen.comparison is not None)
        await refused(d, "w", "write")
    assert list(here.iterdir()) == []


async def test_the_form_is_looked_at(console: Console, here: Path, project: Path) -> None:
    before = {file: file.read_bytes() for file in (project / "aml_config").iterdir()}
    async with driven(console(readonly=True)) as d:
        await d.press("2", "enter")
        await d.until_shown("local.runconfig  form  read-only")
        for key, doing in (("enter", "edit"), ("a", "edit"), ("delete", "edit"), ("E", "$EDITOR"), ("ctrl+s", "save")):
            await refused(d, key, doing)
    assert {file: file.read_bytes() for file in (project / "aml_config").iterdir()} == before
