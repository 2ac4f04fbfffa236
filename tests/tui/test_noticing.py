"""A run that ends is noticed: by the bell, on the desktop, through tmux, and by a person's own command."""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State
from tests.tui.driving import driven
from tests.tui.history import make_run
from tests.waiting import until_async
from tui import clipboard
from tui.hook import HookError, call, told
from tui.sequences import desktop_notice, protocol, through

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.paths import Paths
    from tests.tui.history import History
    from tui.app import ConsoleApp


@pytest.mark.parametrize(
    ("environ", "known"),
    [
        ({"TERM": "xterm-256color"}, "osc9"),
        ({"TERM": "xterm-kitty"}, "osc99"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "osc99"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "osc777"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/t,1,0", "VTE_VERSION": "7600"}, "osc777"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "rxvt-unicode-256color"}, "osc777"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "osc777"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "osc9"),
        ({"TERM": "linux"}, ""),
        ({"TERM": "vt100"}, ""),
    ],
)
def test_what_a_terminal_takes(environ: dict[str, str], known: str) -> None:
    assert protocol(environ) == known


def test_a_notice_is_text_whatever_a_run_is_called() -> None:
    assert desktop_notice("a\x1b]0;b\x07;c", "osc9", {}).count("\x1b") == 1
    assert desktop_notice("a;b", "osc777", {}) == "\x1b]777;notify;aml-tui;a,b\x07"
    assert desktop_notice("a", "osc99", {}) == "\x1b]99;;a\x1b\\"
    assert desktop_notice("a", "auto", {"TERM": "linux"}) == ""
    assert len(desktop_notice("a" * 5000, "osc9", {})) < 300


def test_through_tmux_and_screen() -> None:
    assert through("\x1b]9;a\x07", {"TMUX": "x"}) == "\x1bPtmux;\x1b\x1b]9;a\x07\x1b\\"
    assert through("\x1b]9;a\x07", {"TERM": "screen-256color"}) == "\x1bP\x1b]9;a\x07\x1b\\"
    long = through("a" * 500, {"TERM": "screen"})
    assert "".join(piece.removeprefix("\x1bP") for piece in long.split("\x1b\\")) == "a" * 500
    copied = clipboard.sequence("é\x1b", {"TMUX": "x"})
    assert copied is not None
    assert base64.b64encode("é\x1b".encode()).decode() in copied
    assert clipboard.sequence("a" * 60_000, {}) is None


# Writes down what it was told, in the file that it is given.
NOTES = (
    "import json, os, sys; json.dump({k: v for k, v in os.environ.items() if k[:4] == 'AML_'}, open(sys.argv[1], 'w'))"
)


async def test_the_command_is_told_by_variables(tmp_path: Path) -> None:
    run = make_run(7, State.FAILED, reason="KeyError: $(touch x) 'petal'; \x1b[2J", target="gpu-box")
    file = tmp_path / "told.json"
    await call([sys.executable, "-c", NOTES, str(file)], told(run))
    found = json.loads(file.read_text())
    assert found["AML_RUN"] == "iris-007"
    assert found["AML_STATE"] == "Failed"
    assert found["AML_TARGET"] == "gpu-box"
    assert found["AML_EXIT_CODE"] == "1"
    assert "$(touch x)" in found["AML_REASON"]
    assert "\x1b" not in found["AML_REASON"]


@pytest.mark.parametrize(
    ("command", "limit", "says"),
    [
        (["/no/such/program"], 30.0, "hook /no/such/program: it cannot be started: No such file or directory"),
        ([sys.executable, "-c", "raise SystemExit('no bus\\n')"], 30.0, "it ended with 1: no bus"),
        (["sh", "-c", "exit 3"], 30.0, "it ended with 3."),
        (["sh", "-c", "sleep 600 & wait"], 0.3, "it took longer than 0 s and was ended"),
    ],
)
async def test_what_goes_wrong_is_said(command: list[str], limit: float, says: str) -> None:
    with pytest.raises(HookError) as raised:
        await call(command, {}, limit)
    assert says in str(raised.value)


async def test_a_run_that_ends_calls_the_hook(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, other, short = (make_run(number, State.RUNNING) for number in (1, 2, 4))
    history.put(running, other, short, make_run(3))
    home.config.mkdir(parents=True)
    file = tmp_path / "told.json"
    hook = json.dumps([sys.executable, "-c", NOTES, str(file)])
    (home.config / "config.yaml").write_text(f"hook: {hook}\nnotice_after: 20\n")
    rung: list[str] = []
    async with driven(console()) as d:
        monkeypatch.setattr(d.app, "bell", lambda: rung.append("bell"))
        await d.until(lambda: d.app.settings is not None and d.app.settings.hook)
        history.put(dataclasses.replace(running, state=State.COMPLETED, ended=running.created + 60, exit_code=0))
        d.app.model.changed([running.id])
        await until_async(lambda: file.exists() and file.read_text().endswith("}"), what="the hook's notes")
        assert json.loads(file.read_text())["AML_RUN"] == "iris-001"
        # One looks at the list: no bell.
        assert rung == []
        d.app.on_app_blur()
        history.put(dataclasses.replace(short, state=State.COMPLETED, ended=short.created + 5, exit_code=0))
        d.app.model.changed([short.id])
        await until_async(lambda: '"iris-004"' in file.read_text(), what="the short one's notes")
        assert rung == []
        history.put(dataclasses.replace(other, state=State.FAILED, ended=other.created + 60, exit_code=1))
        d.app.model.changed([other.id])
        await d.until(lambda: rung == ["bell"])
        await until_async(lambda: '"iris-002"' in file.read_text(), what="the other's notes")


async def test_a_hook_that_fails_is_told_once(
    console: Callable[..., ConsoleApp], home: Paths, history: History, tmp_path: Path
) -> None:
    runs = [make_run(number, State.RUNNING) for number in range(1, 4)]
    history.put(*runs)
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text(f"hook: sh -c 'echo no bus >&2; echo x >> {tmp_path}/calls; exit 1'\n")
    async with driven(console()) as d:
        await d.until(lambda: d.app.settings is not None and d.app.settings.hook)
        for count, run in enumerate(runs, start=1):
            history.put(dataclasses.replace(run, state=State.COMPLETED, ended=run.created + 60, exit_code=0))
            d.app.model.changed([run.id])
            await until_async(
                lambda lines=count: (
                    (tmp_path / "calls").exists()
                    and len((tmp_path / "calls").read_text().splitlines()) == lines
                    and not [worker for worker in d.app.workers if worker.group == "hook" and worker.is_running]
                ),
                what=f"{count} calls",
            )
        assert [said for said in d.said() if "no bus" in said] == ["hook sh: it ended with 1: no bus"]
