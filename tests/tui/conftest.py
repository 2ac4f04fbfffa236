"""A console over a real store and a real project folder, with the clock standing still."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from textual import _wait

from engine.lock import holder, is_held
from tests.tui import history as written
from tests.waiting import until
from tui.app import ConsoleApp, Options
from tui.themes import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.services.docker import DockerEngine

FILES = {
    "local.compute": "type: local\n",
    "docker.compute": "type: docker\nbaseDockerImage: microsoft/mmlspark:plus-0.9.9\n",
    "local.runconfig": 'ArgumentVector:\n  - "$file"\nTarget: local\nFramework: Python\n',
    "docker.runconfig": 'ArgumentVector:\n  - "$file"\nTarget: docker\nFramework: Python\n',
    "sweep.runconfig": 'ArgumentVector:\n  - train.py\n  - --rate\n  - "0.1"\nTarget: local\nFramework: Python\n',
}


@pytest.fixture(scope="session", autouse=True)
def short_waits() -> Iterator[None]:
    """Textual's pilot looks in such steps whether the console is idle, twice for each key: half of all these took."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_wait, "SLEEP_GRANULARITY", 0.005)
        patch.setattr(_wait, "SLEEP_IDLE", 0.005 / 20)
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project named iris with two targets, three configurations and two scripts."""
    folder = tmp_path / "iris"
    (folder / "aml_config").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / "aml_config" / name).write_text(text)
    (folder / "train.py").write_text("print('hello')\n")
    (folder / "score.py").write_text("print('score')\n")
    return folder


@pytest.fixture
def history(home: Paths, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[written.History]:
    """The store, empty; runs made by `make_run` belong to the project."""
    monkeypatch.setattr(written, "PROJECT", str(project))
    made = written.History(home.store)
    yield made
    made.close()


@pytest.fixture
def console(home: Paths, project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ConsoleApp]:
    """Makes the console: `console(readonly=True)`, or `console(None, folder_here=...)` outside a project."""
    monkeypatch.setenv("TERM", "xterm-256color")

    def make(folder: Path | None = project, folder_here: Path | None = None, **options: object) -> ConsoleApp:
        options["folder"] = folder_here
        app = ConsoleApp(home, folder, Options(**options), clock=lambda: written.NOW, start_engine=False)  # type: ignore[arg-type]
        if not os.environ.get("NO_COLOR"):
            app.use_look(BY_NAME["dark"])
        return app

    return make


@pytest.fixture
def engine_home(home: Paths) -> Iterator[Paths]:
    """The engine that the console starts ends with the test."""
    yield home
    if is_held(home.engine_lock):
        os.kill(holder(home.engine_lock)["pid"], signal.SIGTERM)
        until(lambda: not is_held(home.engine_lock), what="the engine to leave")


@pytest.fixture
def docker_host(docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> str:
    """Engines that are started find the tests' Docker Engine."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    return docker_engine.url


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an SSH configuration, and no keyring."""
    folder = tmp_path / "person"
    (folder / ".ssh").mkdir(parents=True)
    (folder / ".ssh" / "config").write_text("Host gpu-box-of-ann\n  User ann\n")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("AML_TUI_KEYRING", "off")
    return folder
