"""From a key to a run that really ran: the console, its engine, a script."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
from textual.events import Key
from textual.widgets import Static

from engine.client import call
from engine.runs.model import State
from tests.tui.driving import Driver, driven
from tui import requests
from tui.engine_link import Link
from tui.reading import ConfigView

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


def newest(d: Driver) -> Run:
    return d.app.model.runs[d.app.model.order[0]]


def preview(d: Driver) -> str:
    """What the dialog says below its fields, however it is wrapped."""
    return str(d.app.screen.query_one("#preview", Static).content)


async def test_keys_that_come_in_one_piece_reach_their_fields(console: Console, engine_home: Paths) -> None:
    async with driven(console()) as d:
        await d.press("s")
        await d.until_shown("Submit a run")
        for key in (*"train.py", "tab", *"abc", "tab", *"x"):
            d.app.post_message(Key(key, key if len(key) == 1 else None))
        screen = d.app.screen
        await d.until(lambda: screen.script_input.value == "train.py" and screen.arguments_input.value == "abc")  # type: ignore[attr-defined]


async def test_submit_run_cancel_and_rerun(console: Console, engine_home: Paths, project: Path) -> None:
    (project / "train.py").write_text("import sys, time\nprint('args', sys.argv[1:], flush=True)\ntime.sleep(60)\n")
    (project / "quick.py").write_text("print('done')\n")
    async with driven(console()) as d:
        await d.press("s")
        await d.until_shown("Submit a run")
        await d.type("train.py")
        await d.press("tab")
        await d.type("--rate 0.1 'two words'")
        await d.until_shown("runs")
        await d.press("enter")
        await d.until(lambda: d.app.model.order and newest(d).state is State.RUNNING)
        assert newest(d).arguments == ("--rate", "0.1", "two words")
        assert d.main.table.cursor == newest(d).id
        await d.until(lambda: d.app.link.state is Link.CONNECTED)
        await d.press("c")
        await d.until_shown("Cancel 1 run?")
        await d.press("y")
        await d.until(lambda: newest(d).state is State.CANCELED)
        await d.until_shown("Canceled")

        await d.press("r")
        await d.until(lambda: len(d.app.model.order) == 2 and newest(d).state is State.RUNNING)
        again = newest(d)
        assert again.rerun_of == d.app.model.order[1]
        assert again.arguments == ("--rate", "0.1", "two words")
        await d.press("c")
        await d.until_shown("Cancel 1 run?")
        await d.press("y")
        await d.until(lambda: newest(d).state is State.CANCELED)

        await d.press("D")
        await d.until_shown("Delete 1 run?")
        await d.press("y")
        await d.until(lambda: len(d.app.model.order) == 1)


async def test_the_dialog_says_what_is_wrong_and_keeps_what_was_typed(
    console: Console, engine_home: Paths, project: Path
) -> None:
    async with driven(console()) as d:
        await d.press("s")
        await d.until_shown("Submit a run")
        await d.type("missing.py")
        await d.until(lambda: "there is no script 'missing.py'" in preview(d))
        await d.press("enter")
        await d.until(lambda: "there is no script 'missing.py'" in preview(d))
        assert "Submit a run" in d.text()
        await d.press("tab")
        await d.type("'open")
        await d.until_shown("No closing quotation")
        assert "missing.py" in d.text()
        await d.press("escape")
        assert d.app.screen is d.main
        assert d.app.model.order == ()


async def test_a_script_that_no_run_takes_along_is_told_while_one_types(console: Console, project: Path) -> None:
    (project / ".amlignore").write_text("drafts/\n")
    (project / "drafts").mkdir()
    (project / "drafts" / "old.py").write_text("")
    async with driven(console()) as d:
        await d.press("s")
        await d.until_shown("Submit a run")
        await d.type("drafts/old.py")
        await d.until(lambda: "drafts/old.py" in preview(d) and ".amlignore" in preview(d))
        await d.press("escape")


async def test_the_dialog_names_the_rule_that_leaves_a_script_out(console: Console, project: Path) -> None:
    (project / ".amlignore").write_text("*.csv\nscore*\n")
    async with driven(console()) as d:
        await d.press("s")
        await d.until_shown("Submit a run")
        await d.type("score.py")
        await d.until(lambda: ".amlignore:2" in preview(d) and "`score*` leaves it out" in preview(d))
        await d.press("escape")


async def test_a_configuration_brings_its_script_and_arguments(console: Console, project: Path) -> None:
    async with driven(console()) as d:
        await d.press("2", "down", "down")
        assert d.main.configs.cursor == "sweep"
        await d.press("s")
        await d.until_shown("Submit a run")
        await d.until_shown("--rate 0.1")
        await d.until_shown("train.py --rate 0.1")
        await d.press("escape")


async def test_the_engine_dies_and_the_console_goes_on(console: Console, engine_home: Paths, project: Path) -> None:
    (project / "train.py").write_text("import time\ntime.sleep(60)\n")
    app = console()
    app.start_engine = True
    async with driven(app) as d:
        request = requests.new_request(str(project), ConfigView("local"), "train.py", (), {}, token="one")
        await app.link.submit(request)
        await d.until(lambda: d.app.model.order and newest(d).state is State.RUNNING)
        await d.until(lambda: app.link.state is Link.CONNECTED)
        status = await asyncio.to_thread(call, "status", {}, paths=engine_home, start=False)
        os.kill(status["pid"], signal.SIGKILL)
        await d.until_shown("engine lost")
        await d.press("1", "3")
        assert "Running" in d.text()
        await d.until(lambda: app.link.state is Link.CONNECTED)
        await d.until(lambda: "engine lost" not in d.text())
        assert newest(d).state is State.RUNNING
        await d.until(lambda: d.app.model.targets["local"].state == "connected")
        await app.link.cancel([newest(d).id])
        await d.until(lambda: newest(d).state is State.CANCELED)


def test_what_is_as_configured_is_left_to_the_configuration() -> None:
    config = ConfigView("sweep", script="train.py", arguments=("--rate", "0.1"))
    same = requests.new_request("/p", config, "train.py", ("--rate", "0.1"), {}, token="t")
    assert (same.script, same.arguments) == (None, None)
    other = requests.new_request("/p", config, "train.py", ("--rate", "0.2"), {}, token="t")
    assert (other.script, other.arguments) == (None, ("--rate", "0.2"))
    script = requests.new_request("/p", config, "score.py", ("--rate", "0.1"), {"best": ""}, token="t")
    assert (script.script, script.arguments, script.tags) == ("score.py", ("--rate", "0.1"), {"best": ""})


def test_arguments_and_tags_are_split_as_a_shell_does() -> None:
    assert requests.split_arguments("--name 'a b' \"\" $x") == ("--name", "a b", "", "$x")
    assert requests.split_tags("best owner=ann note='two words'") == {"best": "", "owner": "ann", "note": "two words"}
    with pytest.raises(ValueError, match="quotation"):
        requests.split_arguments("'open")


def test_scripts_for_completion(project: Path) -> None:
    (project / "src").mkdir()
    (project / "src" / "deep.py").write_text("")
    (project / "outputs").mkdir()
    (project / "outputs" / "no.py").write_text("")
    assert requests.scripts(project) == ["score.py", "train.py", "src/deep.py"]


async def test_typing_replaces_the_script_that_is_offered(console: Console) -> None:
    async with driven(console()) as d:
        await d.press("s")
        await d.until(lambda: d.app.screen.script_input.value == "train.py")  # type: ignore[attr-defined]
        await d.type("score.py")
        assert d.app.screen.script_input.value == "score.py"  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", ["tab", "enter"])
async def test_what_is_suggested_in_grey_is_taken(console: Console, key: str) -> None:
    async with driven(console()) as d:
        await d.press("s")
        screen = d.app.screen
        await d.until(lambda: screen.script_input.value == "train.py")  # type: ignore[attr-defined]
        await d.type("sco")
        await d.until_shown("score.py")
        await d.press(key)
        await d.until(lambda: screen.script_input.value == "score.py")  # type: ignore[attr-defined]
        # Enter has not submitted what one had not seen yet.
        assert d.app.screen is screen
        await d.until(lambda: "score.py" in preview(d))
        assert screen.script_input.has_focus == (key == "enter")  # type: ignore[attr-defined]
