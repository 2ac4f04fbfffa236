"""`aml` as people run it: processes in a project, an engine that starts by itself and is ended with the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from engine.client import call
from engine.lock import holder, is_held
from engine.runs.store import StoreReader
from tests.cli.talking import talking
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.cli.bench import Bench

CONFIG = """\
ArgumentVector:
  - "$file"
Target: local
Framework: Python
PrepareEnvironment: false
TrackedRun: true
"""


@dataclass
class Done:
    """A command that ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


class Shell:
    """A person's shell in a project folder."""

    def __init__(self, project: Path, paths: Paths, stack: ExitStack) -> None:
        self.project = project
        self.paths = paths
        self.store = StoreReader(paths.store)
        self._stack = stack

    def script(self, name: str, text: str) -> str:
        (self.project / name).write_text(textwrap.dedent(text))
        return name

    def aml(self, *arguments: str, cwd: Path | None = None, stdin: str = "", **more: Any) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=cwd or self.project,
            input=stdin.encode(),
            capture_output=True,
            timeout=50,
            check=False,
            **more,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode())

    def begin(self, *arguments: str, **more: Any) -> subprocess.Popen[bytes]:
        """A command that is still at work; its streams are pipes."""
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
        )
        self._stack.callback(_end, process)
        return process

    def on_terminal(self, *arguments: str, columns: int = 80) -> str:
        """What a command shows on a terminal of its own."""
        with talking(self.project, *arguments, columns=columns) as talk:
            talk.end()
            return talk.text

    def the_run(self, state: str = "") -> Run:
        """The newest run, once there is one (in this state)."""

        def look() -> Run | None:
            found = self.store.runs(limit=1)
            return found[0] if found and (not state or found[0].state.value == state) else None

        run = until(look, what=f"a run {state}")
        assert run is not None
        return run


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def shell(home: Paths, tmp_path: Path) -> Iterator[Shell]:
    project = tmp_path / "iris"
    (project / "aml_config").mkdir(parents=True)
    (project / "aml_config" / "local.compute").write_text("type: local\n")
    (project / "aml_config" / "local.runconfig").write_text(CONFIG)
    with ExitStack() as stack:
        one = Shell(project, home, stack)
        stack.callback(one.store.close)
        stack.callback(_leave, one)
        yield one


def _leave(shell: Shell) -> None:
    """No run and no engine outlives the test."""
    engine_was_here = shell.paths.engine_lock.exists()
    unfinished = [run.id for run in shell.store.runs(unfinished=True)] if engine_was_here else []
    if unfinished:
        call("cancel", {"ids": unfinished})
        until(lambda: not shell.store.runs(unfinished=True), 40.0, "the runs to end")
    if is_held(shell.paths.engine_lock):
        pid = holder(shell.paths.engine_lock)["pid"]
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
        until(lambda: not is_held(shell.paths.engine_lock), what="the engine to leave")


@pytest.fixture
def bench(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The shell's project, where the engine is a stand-in."""
    # Both need what is defined here.
    from tests.cli.bench import Bench
    from tests.cli.fake_engine import FakeEngine

    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("AML_TUI_SSH_CONFIG", raising=False)
    engine = FakeEngine(shell.paths)
    yield Bench(shell, engine)
    engine.close()
