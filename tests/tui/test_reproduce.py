"""`S` writes the script that runs a run again; the script is run."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

from tests.tui.driving import Driver, driven

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from engine.paths import Paths
    from tui.app import ConsoleApp


async def a_run(d: Driver) -> None:
    await d.press("s")
    await d.until_shown("Submit a run")
    await d.type("train.py")
    await d.press("enter")
    await d.until(lambda: d.app.model.order and d.app.model.runs[d.app.model.order[0]].state.ended)


async def test_the_script_is_written_and_runs(
    console: Callable[..., ConsoleApp],
    engine_home: Paths,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (project / "train.py").write_text("print('seen', open('score.py').read())\n")
    monkeypatch.chdir(tmp_path)
    async with driven(console()) as d:
        await d.press("S")
        assert any("there is no run under the cursor" in text for text in d.said())
        await a_run(d)
        log = engine_home.driver_log(d.app.model.order[0]).read_text()
        await d.press("S")
        await d.until_shown("Write what runs iris-001 again")
        await d.press("enter")
        await d.until(lambda: any("written:" in text for text in d.said()))
        assert d.app.screen is d.main
        command = ["sh", "reproduce.sh"]
        done = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, log), done.stderr
        assert (tmp_path / "iris-001-again/project/score.py").exists()

        # One that is there is not replaced without a yes.
        (tmp_path / "reproduce.sh").write_text("mine")
        await d.press("S")
        await d.until_shown("Write what runs iris-001 again")
        await d.press("enter")
        await d.until_shown("Replace this file?")
        await d.press("n")
        await d.until_shown("stays as it is")
        assert (tmp_path / "reproduce.sh").read_text() == "mine"
        await d.press("enter")
        await d.until_shown("Replace this file?")
        await d.press("y")
        await d.until(lambda: d.app.screen is d.main)
        assert (tmp_path / "reproduce.sh").read_text().startswith("#!/bin/sh")
