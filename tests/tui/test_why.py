"""Why a run waits, failed or ended, in words."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State, TargetState, Transition
from tests.tui.driving import driven
from tests.tui.history import NOW, busy_history, make_build, make_run, write_log
from tests.tui.snapshots import check_snapshot
from tui import why
from tui.why import Around, Read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.tui.history import History
    from tui.app import ConsoleApp

    Console = Callable[..., ConsoleApp]


def words(run: Run, beside: Around | None = None, found: Read | None = None) -> str:
    """Everything that is told, a line each."""
    lines = why.told(run, beside or Around(), found or Read(), NOW, lambda action: f"<{action}>")
    return "\n".join(line.text for line in lines)


def test_a_queued_run_says_who_is_before_it() -> None:
    runs = {
        run.id: run
        for run in (
            make_run(9, State.QUEUED, reason="waits for a free slot on local (2 of 2 busy), 2 ahead of it"),
            make_run(8, State.QUEUED, priority=-1),
            make_run(7, State.QUEUED),
            make_run(6, State.QUEUED),
            make_run(5, State.RUNNING, started=NOW - 100),
            make_run(4, State.RUNNING, target="docker"),
            make_run(3),
        )
    }
    queued = next(iter(runs.values()))
    text = words(queued, why.around(queued, runs, list(runs)))
    assert text.startswith("It waits for its turn, ")
    assert "2 of 2 busy" in text
    assert "At work on local: iris-005 (Running, 1m40)." in text
    assert "Its turn comes after iris-006 and iris-007." in text
    assert "Runs of local took about 0m09." in text
    assert "<cancel>" in text


def test_many_before_it_are_counted() -> None:
    runs = {run.id: run for run in [make_run(n, State.QUEUED) for n in range(1, 10)]}
    last = runs[make_run(9).id]
    assert "after iris-001, iris-002, iris-003 and 5 more" in words(last, why.around(last, runs, list(runs)))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (make_build(), 'step 4 of 7: RUN ["pip", "install"]'),
        (make_build(), "For 1m11; earlier ones took 1m35, about 0m24 to go."),
        (make_build(estimate=10.0), "longer than those before it"),
        (make_build(estimate=None), "nobody knows how long it takes"),
        (make_build(state="ready"), "The environment is ready after 0m42."),
    ],
)
def test_a_run_whose_environment_is_made_says_how_far_it_is(build: object, said: str) -> None:
    run = make_run(1, State.PREPARING, progress="step 4/7 pip")
    assert said in words(run, Around(build=build))  # type: ignore[arg-type]


def test_a_host_that_is_away() -> None:
    run = make_run(1, State.RUNNING, target="gpu-box", unreachable_since=NOW - 12)
    away = TargetState("ann@gpu-box", "unreachable", NOW - 12, "no route to host")
    text = words(run, Around(target=away))
    assert text.startswith("gpu-box cannot be asked for 0m12; the run was Running then, and may go on")
    assert "gpu-box is unreachable since 0m12: no route to host" in text
    assert "tried again by itself" in text
    assert "<connect> tries now" in text
    soon = TargetState("ann@gpu-box", "unreachable", NOW - 12, "no route to host", {"next_try": NOW + 31})
    assert "It is tried again by itself, next in 0m31." in words(run, Around(target=soon))
    login = TargetState("ann@gpu-box", "authentication needed", NOW - 5)
    text = words(make_run(2, State.QUEUED, target="gpu-box"), Around(target=login))
    assert "authentication needed" in text
    assert "t asks for what it needs" in text


def test_a_cluster_that_is_busy() -> None:
    yarn = {
        "memory": 100.0,
        "memory_used": 95.0,
        "pending": 3,
        "queues": [{"name": "default", "used": 1.0, "waiting": 3}, {"name": "idle", "used": 0.0, "waiting": 0}],
    }
    target = TargetState("head", "connected", NOW - 5, sample={"yarn": yarn})
    text = words(make_run(1, State.STARTING, progress="ACCEPTED"), Around(target=target))
    assert "The cluster has lent out 95% of its memory; 3 applications wait." in text
    assert "Queue default: 100% in use, 3 waiting in it." in text
    assert "idle" not in text
    broken = TargetState("head", "connected", NOW - 5, sample={"yarn": {"error": "no ResourceManager answers"}})
    assert "no ResourceManager answers" in words(make_run(1, State.STARTING), Around(target=broken))


@pytest.mark.parametrize(
    ("changes", "log", "said"),
    [
        ({"reason": "ModuleNotFoundError: No module named 'torch'"}, (), "The environment lacks a package"),
        ({"reason": "RuntimeError: CUDA out of memory. Tried to allocate"}, (), "The GPU's memory was not enough"),
        ({"reason": "OSError: [Errno 28] No space left on device"}, (), "The disk is full: <delete>"),
        ({"reason": "FileNotFoundError: [Errno 2] No such file or directory: 'x'"}, (), "A file is missing"),
        ({"reason": "exit code 1"}, ("requests.exceptions.ConnectionError: no",), "asked over the network"),
        ({"reason": "stopped: it ran longer than its maxRunDurationSeconds"}, (), "limits how long it may run"),
        ({"exit_code": None, "exit_signal": 9}, (), "an unknown amount of memory at most"),
        ({"exit_code": None, "exit_signal": 9, "properties": {"PeakMemoryBytes": "3221225472"}}, (), "used 3.0G of"),
        ({"exit_code": 139}, (), "touched memory that is not its own"),
        ({"exit_code": 3}, (), "<open> shows the whole log; <rerun_changed>"),
    ],
)
def test_a_failure_says_what_next(changes: dict[str, object], log: tuple[str, ...], said: str) -> None:
    run = make_run(1, State.FAILED, **changes)
    assert said in words(run, found=Read(log=log))


def test_what_counts_is_the_reason_not_what_else_was_logged() -> None:
    run = make_run(1, State.FAILED, reason="KeyError: 'petal'")
    text = words(run, found=Read(log=("warning: out of memory soon", "KeyError: 'petal'")))
    assert "not enough memory" in text
    run = make_run(1, State.FAILED, reason="MemoryError")
    text = words(run, found=Read(log=("No module named 'x', going on",)))
    assert "not enough memory" in text
    assert "lacks a package" not in text


def test_a_build_that_failed_is_why_the_run_did() -> None:
    run = make_run(1, State.FAILED, started=None, exit_code=None, reason="its environment could not be made")
    build = make_build(state="failed", error="no package called sklern\nmore")
    text = words(run, Around(build=build), Read(log=("ERROR: sklern",), of_build=True))
    assert "Its script was not started." in text
    assert "Its environment could not be made: no package called sklern" in text
    assert "The end of the build's log\nERROR: sklern" in text
    assert "<prepare> tries it again" in text


def test_runs_that_ended_well_or_were_canceled() -> None:
    text = words(make_run(1), Around(metrics=(("loss", 0.25), ("acc", 0.9))))
    assert "It ran for 0m09, exit code 0." in text
    assert "At the end loss was 0.250 and acc was 0.900." in text
    assert "It printed nothing." in text
    canceled = make_run(2, State.CANCELED, reason="canceled", exit_code=None, exit_signal=2, ended=NOW - 5)
    asked = Transition(NOW - 8, State.RUNNING, State.CANCEL_REQUESTED, "cancel")
    text = words(canceled, found=Read((asked,)))
    assert "It was Running when that was asked for; 3.0 s later nothing of it lived." in text
    left = make_run(3, properties={"LeftBehind": "77 sleep", "NotBroughtHome": "big.bin: 9 GB\nother"})
    text = words(left)
    assert "Left behind on its machine: 77 sleep" in text
    assert "Not brought home: other" in text


def test_every_state_has_words() -> None:
    for state in State:
        assert words(make_run(1, state))


def test_text_from_outside_is_text() -> None:
    nasty = "[bold]x\x1b[2J\x1b]52;c;aGk=\x07"
    target = TargetState("h", "unreachable", NOW, nasty)
    for state in State:
        run = make_run(1, state, reason=nasty, progress=nasty, target=nasty, config=nasty)
        assert "\x1b" not in words(run, Around(target=target, earlier=(1.0,), metrics=((nasty, 1.0),)))


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    assert why.last_lines(log) == ()
    log.write_bytes(b"first\n" * 9000 + b"\x1b[31mred\x1b[0m\n\n  \n10%\r50%\r100%\nKeyError: \xff\n")
    lines = why.last_lines(log, tmp_path)
    assert lines[-3:] == ("red", "100%", "KeyError: \ufffd")
    assert len(lines) == why.LINES
    assert set(lines[:-3]) == {"first"}
    # While the middle is on its way the end is beside it.
    (tmp_path / "driver.log.tail").write_bytes(struct.pack("<Q", 10**6) + b"newest\n")
    assert why.last_lines(log, tmp_path) == ("newest",)


def test_files_of_the_project_are_told_as_such() -> None:
    line = 'File "/data/runs/iris_17/project/src/train.py", line 3, in <module>'
    assert why.shortened(line, "iris_17") == 'File "src/train.py", line 3, in <module>'
    assert why.shortened(line, "iris_18") == line


async def test_the_dialog_goes_on_with_the_run(console: Console, history: History, home: Paths) -> None:
    run = make_run(1, State.QUEUED, reason="waits for a free slot on local (4 of 4 busy), next in line")
    history.put(run)
    async with driven(console()) as d:
        await d.press("i")
        await d.until_shown("next in line")
        history.put(make_run(1, State.RUNNING, started=NOW - 3))
        await d.until_shown("It runs, 0m03 so far")
        log = home.driver_log(run.id)
        log.parent.mkdir(parents=True)
        log.write_text("epoch 1\n")
        await d.until_shown("epoch 1")
        with log.open("a") as file:
            file.write("Traceback\nKeyError: 'petal'\n")
        history.put(make_run(1, State.FAILED, reason="KeyError: 'petal'"))
        await d.until_shown("It failed")
        await d.until_shown("Traceback")
        await d.press("i")
        await d.until(lambda: d.app.screen is d.main)


async def test_keys_are_told_as_a_person_has_them(console: Console, history: History, home: Paths) -> None:
    history.put(make_run(1, State.FAILED))
    home.config.mkdir(parents=True, exist_ok=True)
    (home.config / "config.yaml").write_text("keys: {rerun: ctrl+y}\n")
    async with driven(console()) as d:
        await d.press("i")
        await d.until_shown("ctrl+y")


async def test_a_long_line_is_cut_without_unicode(console: Console, history: History, home: Paths) -> None:
    run = make_run(1, State.FAILED, reason="KeyError: 'petal'")
    history.put(run)
    write_log(home, run)
    with home.driver_log(run.id).open("a") as file:
        file.write(f"{'long ' * 40}\n")
    async with driven(console(ascii=True), (80, 24)) as d:
        await d.press("i")
        await d.until_shown("long long")
        assert d.text().isascii()


async def test_there_must_be_a_run(console: Console) -> None:
    async with driven(console()) as d:
        await d.press("i")
        assert d.said() == ["why: there is no run under the cursor"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", ["waits", "failed"])
async def test_pictures(
    console: Console, history: History, home: Paths, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    busy_history(history)
    place = {"waits": 40, "failed": 38}[name]
    failed = make_run(38)
    write_log(home, failed)
    with home.driver_log(failed.id).open("a") as file:
        file.write("Traceback (most recent call last):\n  File \"train.py\", line 12, in <module>\nKeyError: 'petal'\n")
    os.utime(home.driver_log(failed.id))
    async with driven(console(), size) as d:
        d.main.table.move_to(make_run(place).id)
        if size[0] > 80:
            await d.until_shown(f"─ iris-0{place} ─")
            await d.until_shown("KeyError: 'petal'" if name == "failed" else "nothing printed yet")
        await d.press("i")
        await d.until_shown("Traceback (most" if name == "failed" else "makes room")
        await check_snapshot(d.app, f"why-{name}-{size[0]}x{size[1]}", tmp_path)
