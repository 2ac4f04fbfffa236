"""The Environment tab of container runs: image, build, what changed since before, the way to the build log."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import pytest

from engine.runs.model import Run, State
from tests.tui.driving import driven
from tests.tui.history import NOW, make_build, make_run, make_spec
from tests.tui.snapshots import check_snapshot
from tests.tui.test_run_view import tab
from tui.screens.build import BuildScreen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]

NASTY = "[/foo] [bold]x\x1b[2J\x1b]52;c;aGk=\x07"
FOLDER = "/home/ann/.local/state/aml-tui/builds"
FIRST = make_build(1, "ready", started=NOW - 7200, ended=NOW - 7110, fingerprint="5b1c9e0d22aa7f31")
SECOND = make_build(
    2, "ready", started=NOW - 2000, ended=NOW - 1958, fingerprint="e07d4410b6c3958f", log=f"{FOLDER}/000000000002.log"
)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are drawn as they are in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def container(number: int, state: State = State.COMPLETED, **fields: object) -> Run:
    return make_run(number, state, config="docker", target="docker", target_type="docker", **fields)


def two_environments(history: History, **changes: object) -> None:
    """An old run with the first environment, and one with the second, which was there when it came."""
    before = make_spec("six==1.16.0", "numpy", conda=["pandas", "pip"], python="=3.10")
    history.put_build(FIRST, SECOND)
    history.put_container(container(1, created=NOW - 7000, started=NOW - 7000, ended=NOW - 6990), before, FIRST)
    history.put_container(
        container(2, created=NOW - 300, started=NOW - 299, ended=NOW - 290),
        make_spec("six==1.17.0", "numpy", **changes),
        SECOND,
    )


async def test_an_environment_of_a_cluster_is_no_image(console: Console, history: History) -> None:
    where = "hdfs://namenode/user/ann/.aml-tui/environments/e07d4410b6c3958f.tar.gz"
    build = dataclasses.replace(SECOND, image=where, host="ann@hdi")
    history.put_build(build, config="hdi")
    run = make_run(2, config="hdi", target="hdi", target_type="cluster", created=NOW - 300, started=NOW - 299)
    history.put_prepared(run, make_spec("six", base_image=""), build, launcher="spark", host="ann@hdi")
    async with driven(console(), (120, 60)) as d:
        await tab(d, "Environment")
        await d.until_shown("e07d4410b6c3958f")
        text = d.text()
        assert "a driver on the head node, executors on YARN" in text
        assert f"archive        {where}" in text
        assert "base image" not in text
        assert "130 MB" in text
        await d.press("b")
        await d.until_shown(f"archive {where[:40]}")


async def test_what_it_has_and_what_changed(console: Console, history: History) -> None:
    two_environments(history, base_image=f"image {NASTY}")
    async with driven(console(), (120, 60)) as d:
        await tab(d, "Environment")
        await d.until_shown("e07d4410b6c3958f")
        text = d.text()
        assert "image          000000000000" in text
        assert "2023-11-14 21:40:42, in 0m42, 130 MB" in text
        assert "yes: it was there 27m38 before this run" in text
        assert "since 5b1c9e0d22aa7f31, which docker used before" in text
        assert "- base image: aml-test/python:1" in text
        assert "+ base image: image [/foo] [bold]x" in text
        assert "- python: =3.10" in text
        assert "- conda: pandas" in text
        assert "- pip: six==1.16.0" in text
        assert "+ pip: six==1.17.0" in text
        assert "numpy" in text
        assert "MODE=fast" in text
        assert "\x1b" not in text


async def test_b_opens_the_log_of_its_build(console: Console, history: History, tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("Step 1/7 : FROM here\n")
    build = make_build(1, "ready", started=NOW - 100, ended=NOW - 50, log=str(log))
    history.put_build(build)
    history.put_container(container(1, created=NOW - 99, started=NOW - 49, ended=NOW - 40), make_spec("six"), build)
    async with driven(console()) as d:
        await tab(d, "Environment")
        await d.until_shown("no: built while this run waited for it")
        await d.until_shown("the first environment of docker")
        await d.press("b")
        await d.until(lambda: isinstance(d.app.screen, BuildScreen))
        await d.until_shown("Step 1/7 : FROM here")
        await d.press("escape")
        await d.until(lambda: d.app.screen is d.main)
        assert d.main.pane == "run"


async def test_an_image_that_nothing_was_installed_into(console: Console, history: History) -> None:
    bare = make_build(3, "ready")
    spec = make_spec(conda=[], python="")
    history.put_container(container(1), spec, bare)
    async with driven(console()) as d:
        await tab(d, "Environment")
        await d.until_shown("the base image as it is: nothing is installed")


async def test_a_run_whose_build_failed(console: Console, history: History) -> None:
    two_environments(history)
    error = f"not built: {NASTY} and {'a-word ' * 30}\n  ERROR: no such package\n Correct the line."
    failed = make_build(4, "failed", started=NOW - 90, ended=NOW - 60, fingerprint="", error=error, log="/b/4.log")
    history.put_build(failed)
    history.put_container(
        container(3, State.FAILED, created=NOW - 95, started=None, ended=NOW - 59), make_spec("sixx", "numpy")
    )
    async with driven(console(), (120, 60)) as d:
        await tab(d, "Environment")
        await d.until_shown("failed after 0m30")
        text = d.text()
        assert "- pip: six==1.17.0" in text
        assert "+ pip: sixx" in text
        assert "build log      /b/4.log" in text
        assert "not built: [/foo] [bold]x and a-word" in text
        assert text.count("a-word") == 30
        assert "  ERROR: no such package" in text
        assert "\x1b" not in text


async def test_a_run_whose_environment_is_being_built(console: Console, history: History) -> None:
    history.put_build(make_build())
    history.put_container(container(1, State.PREPARING, created=NOW - 80), make_spec("six"))
    async with driven(console()) as d:
        await tab(d, "Environment")
        await d.until_shown("being prepared: step 4 of 7")
        history.put_build(make_build(step=5))
        await d.until_shown("being prepared: step 5 of 7")


async def test_no_build_and_no_image(console: Console, history: History) -> None:
    run = container(1, State.FAILED, started=None, reason="it has not been prepared")
    history.put_container(run, make_spec("six"))
    async with driven(console()) as d:
        await tab(d, "Environment")
        await d.until_shown("environment    not there")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_what_it_looks_like(console: Console, history: History, tmp_path: Path, size: tuple[int, int]) -> None:
    two_environments(history)
    async with driven(console(), size) as d:
        await tab(d, "Environment")
        await d.until_shown("+ pip: six==1.17.0")
        await check_snapshot(d.app, f"environment-{size[0]}x{size[1]}", tmp_path)
