"""A console over a real store and a real project folder, with the clock standing still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui import history as written
from tui.app import ConsoleApp, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.paths import Paths

FILES = {
    "local.compute": "type: local\n",
    "docker.compute": "type: docker\nbaseDockerImage: microsoft/mmlspark:plus-0.9.9\n",
    "local.runconfig": 'ArgumentVector:\n  - "$file"\nTarget: local\nFramework: Python\n',
    "docker.runconfig": 'ArgumentVector:\n  - "$file"\nTarget: docker\nFramework: Python\n',
    "sweep.runconfig": 'ArgumentVector:\n  - train.py\n  - --rate\n  - "0.1"\nTarget: local\nFramework: Python\n',
}


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
        app.theme = "aml-dark"
        return app

    return make
