"""`$` on a run gives the terminal to a shell where the run is, and takes it back: the real program on a terminal."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.terminal import Terminal
from engine.client import call
from engine.runs.model import State
from engine.runs.store import StoreReader
from tests.engine.ssh_bench import COMPUTE, CONFIG, ssh_config
from tests.tui.driving import driven
from tests.tui.history import make_run
from tests.waiting import until
from tui import requests
from tui.reading import ConfigView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd
    from tests.tui.history import History
    from tui.app import ConsoleApp

WAIT = "import os, time\nwhile not os.path.exists('outputs/go'): time.sleep(0.05)\n"


@contextmanager
def at_console(project: Path) -> Iterator[Terminal]:
    environ = {**os.environ, "SHELL": "/bin/sh", "PS1": "at-run> ", "ENV": "/dev/null"}
    with Terminal([str(Path(sys.executable).parent / "aml-tui"), str(project)], environ) as terminal:
        terminal.until(lambda screen: screen.shows("iris-001"), 20)
        yield terminal


def submitted(home: Paths, project: Path, config: str) -> Run:
    """A run that goes on until its outputs have a file `go`."""
    (project / "train.py").write_text(WAIT)
    request = requests.new_request(str(project), ConfigView(config), "train.py", (), {}, token="one")
    call("submit", {"request": request.to_json()}, paths=home)
    with StoreReader(home.store) as store:
        until(lambda: store.last_run(str(project)).state is State.RUNNING, 30)
        return store.last_run(str(project))


def ended(home: Paths, project: Path) -> bool:
    with StoreReader(home.store) as store:
        return store.last_run(str(project)).state.ended


def test_a_shell_in_a_run_of_this_machine(home: Paths, engine_home: Paths, project: Path) -> None:
    run = submitted(home, project, "local")
    with at_console(project) as terminal:
        terminal.press("$")
        terminal.until(lambda screen: screen.shows("in the directory of iris-001; exit comes back"), 20)
        terminal.until(lambda screen: screen.shows("at-run> "), 20)
        terminal.press("echo $AZUREML_RUN_ID-$((40+2))\r")
        terminal.until(lambda screen: screen.shows(f"{run.id}-42"), 20)
        terminal.press("touch ../outputs/go; exit\r")
        terminal.until(lambda screen: screen.shows("Completed"), 20)
        terminal.send("?", lambda screen: screen.shows("Keys"))
        terminal.send("\x1b", lambda screen: not screen.shows("Keys"))
        assert terminal.close("q") == 0


@pytest.mark.timeout(120)
def test_a_shell_in_a_run_of_another_machine(
    home: Paths,
    engine_home: Paths,
    project: Path,
    sshd: Sshd,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(project.parent, sshd)))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    place = COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=alice.name, key=alice_key.path)
    (project / "aml_config/far.compute").write_text(place)
    (project / "aml_config/far.runconfig").write_text(CONFIG)
    alice.set_bashrc("PS1='at-far> '\n")
    submitted(home, project, "far")
    with at_console(project) as terminal:
        terminal.press("$")
        terminal.until(lambda screen: screen.shows("at-far> "), 20)
        terminal.press("echo $(id -un)-$((40+2)); stty size\r")
        terminal.until(lambda screen: screen.shows(f"{alice.name}-42") and screen.shows("40 120"), 20)
        terminal.press("touch ../outputs/go; exit\r")
        terminal.until(lambda screen: screen.shows("Completed"), 20)
        assert terminal.close("q") == 0
    assert ended(home, project)


async def test_where_there_is_none_that_is_said(console: Callable[..., ConsoleApp], history: History) -> None:
    history.put(make_run(1, State.QUEUED))
    async with driven(console()) as d:
        await d.press("dollar_sign")
        assert any("it is Queued and has no directory yet" in text for text in d.said())
    async with driven(console(readonly=True)) as d:
        await d.press("dollar_sign")
        assert any("read-only" in text for text in d.said())
