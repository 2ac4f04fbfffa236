"""What is done to several runs at once, with a real engine: tags, outputs fetched, run again, refused in part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import NotNow
from engine.runs.model import State
from engine.runs.tags import tag_problem
from tests.tui.driving import driven
from tests.tui.history import make_run
from tests.tui.snapshots import check_snapshot
from tui.screens.run_actions import refusals
from tui.screens.tags import changes_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.driving import Driver
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

SCRIPT = """\
import os, sys
os.makedirs("outputs/deep")
open("outputs/model.txt", "w").write(sys.argv[1])
open("outputs/deep/more.txt", "w").write("more")
print("wrote", sys.argv[1])
"""


def tags(d: Driver) -> dict[int, dict[str, str]]:
    return {run.number: run.tags for run in d.app.model.runs.values() if run.tags}


async def test_tags_are_put_on_and_taken_away(console: Console, engine_home: Paths, history: History) -> None:
    history.put(make_run(1), make_run(2, tags={"old": "", "stage": "dev"}), make_run(3))
    async with driven(console()) as d:
        await d.press("space", "space", "number_sign")
        await d.until_shown("Tags of 2 runs")
        await d.until_shown("1 of 2")
        await d.type("best")
        await d.press("space")
        await d.until_shown("will be put on")
        await d.type("stage=prod")
        await d.press("space")
        await d.type("old")
        await d.press("space", "space", *["backspace"] * 3, "enter")
        await d.until(lambda: d.app.screen is d.main)
        await d.until(lambda: tags(d).get(3) == {"best": "", "stage": "prod"})
        assert tags(d) == {
            3: {"best": "", "stage": "prod"},
            2: {"best": "", "stage": "prod", "old": ""},
        }
        assert "tags of 2 runs changed" in d.said()
        await d.press("u", "home", "number_sign")
        await d.until_shown("Tags of iris-003")
        await d.type("best")
        await d.press("enter")
        await d.until(lambda: tags(d).get(3) == {"stage": "prod"})


async def test_what_is_no_tag_is_refused(console: Console, history: History) -> None:
    history.put(make_run(1))
    async with driven(console()) as d:
        await d.press("number_sign")
        await d.type("a!b")
        await d.press("enter")
        await d.until(lambda: "a tag is one word" in d.said()[-1])
        await d.press("escape")
        assert d.app.screen is d.main


async def test_tags_are_not_changed_read_only(console: Console, history: History) -> None:
    history.put(make_run(1))
    async with driven(console(readonly=True)) as d:
        await d.press("number_sign")
        assert "read-only" in d.said()[-1]


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("best", "", False),
        ("stage", "pre prod", False),
        ("größe", "1", False),
        ("", "x", True),
        ("two words", "", True),
        ("-minus", "", True),
        ("x" * 41, "", True),
        ("a:b", "", True),
        ("a", "x\x1b[2J", True),
        ("a", "x" * 101, True),
    ],
)
def test_tags_are_short_words(name: str, value: str, wrong: bool) -> None:
    assert bool(tag_problem(name, value)) is wrong


def test_only_what_differs_is_changed() -> None:
    run = make_run(1, tags={"best": "", "stage": "dev"})
    assert changes_of(run, {"best": True, "stage=prod": True}) == {"stage": "prod"}
    assert changes_of(run, {"stage=dev": False, "stage=prod": True}) == {"stage": "prod"}
    assert changes_of(run, {"stage=prod": True, "stage=dev": False}) == {"stage": "prod"}
    assert changes_of(run, {"stage=other": False, "best": False}) == {"best": None}


def test_runs_refused_for_one_reason_are_told_together() -> None:
    runs = [make_run(number) for number in range(1, 8)]
    refused = {run.id: "it has ended" for run in runs[:2]} | {run.id: "gone" for run in runs[2:]}
    assert refusals(runs, refused) == {
        "it has ended": "iris-001 and iris-002",
        "gone": "iris-003, iris-004, iris-005 and 2 more",
    }


async def submit(d: Driver, word: str) -> None:
    from engine.runs.request import RunRequest

    folder = str(d.app.model.folder)
    answer = await d.app.link.submit(RunRequest(folder, "local", f"token-{word}", "train.py", (word,)))
    run_id = str(answer["run_id"])
    d.app.model.changed([run_id])
    await d.until(lambda: run_id in d.app.model.runs and d.app.model.runs[run_id].state is State.COMPLETED)


async def test_outputs_of_several_runs_are_fetched(
    console: Console, engine_home: Paths, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "train.py").write_text(SCRIPT)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    async with driven(console()) as d:
        await submit(d, "one")
        await submit(d, "two")
        await d.press("home", "f")
        await d.until_shown("./iris-002-outputs")
        await d.press("enter")
        await d.until(lambda: any("3 files" in text for text in d.said()))
        assert (here / "iris-002-outputs" / "model.txt").read_text() == "two"
        assert (here / "iris-002-outputs" / "deep" / "more.txt").read_text() == "more"
        assert (here / "iris-002-outputs" / "driver_log").read_text() == "wrote two\n"

        await d.press("f", "enter")
        await d.until_shown("there is something in it already")
        await d.press("enter")
        await d.until(lambda: sum("3 files" in text for text in d.said()) == 2)

        await d.press("asterisk", "f")
        await d.until_shown("Copy the outputs of 2 runs into")
        await d.press("enter")
        await d.until(lambda: any("6 files of 2 runs" in text for text in d.said()))
        assert (here / "outputs" / "iris-001-outputs" / "model.txt").read_text() == "one"
        assert (here / "outputs" / "iris-002-outputs" / "driver_log").exists()


async def test_where_outputs_cannot_go(console: Console, history: History, tmp_path: Path) -> None:
    history.put(make_run(1))
    file = tmp_path / "file"
    file.write_text("")
    async with driven(console()) as d:
        await d.press("f")
        await d.until_shown("iris-001-outputs")
        name = d.app.screen.query_one("#name")
        name.value = str(file)  # type: ignore[attr-defined]
        await d.press("enter")
        await d.until_shown("that is a file; name a folder")
        name.value = "  "  # type: ignore[attr-defined]
        await d.press("enter")
        await d.until_shown("name a folder")
        await d.press("escape")
        assert d.app.screen is d.main


async def test_one_that_cannot_run_again_does_not_keep_the_others(
    console: Console, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.put(*(make_run(number) for number in range(1, 5)))
    async with driven(console()) as d:
        asked = []

        async def answer(request: object) -> dict[str, str]:
            asked.append(request)
            if len(asked) == 2:
                raise NotNow("the target is being detached.")
            return {"run_id": f"iris_{len(asked)}", "name": f"iris-10{len(asked)}"}

        monkeypatch.setattr(d.app.link, "submit", answer)
        await d.press("asterisk", "r")
        await d.until_shown("Run 4 runs again?")
        await d.press("y")
        await d.until(lambda: len(asked) == 4)
        await d.until(lambda: "iris-003 not run again: the target is being detached." in d.said())
        assert sum("submitted, again as" in text for text in d.said()) == 3


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_picture_of_tags(console: Console, history: History, tmp_path: Path, size: tuple[int, int]) -> None:
    history.put(make_run(1), make_run(2, tags={"best": "", "stage": "dev"}), make_run(3, tags={"stage": "dev"}))
    async with driven(console(), size) as d:
        if size[0] > 80:
            await d.until_shown("nothing (")
        await d.press("asterisk", "number_sign")
        await d.type("night")
        await d.press("space")
        await d.until_shown("will be put on")
        await check_snapshot(d.app, f"tags-{size[0]}x{size[1]}", tmp_path)
