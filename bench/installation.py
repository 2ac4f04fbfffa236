"""An installation of its own for a measurement: home, project, the real programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.terminal import Terminal
from engine import paths
from engine.client import call
from engine.runs.request import RunRequest
from engine.runs.store import StoreReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from engine.runs.model import Run

BIN = Path(sys.executable).parent
AML, CONSOLE = str(BIN / "aml"), str(BIN / "aml-tui")

SUBMIT = ("experiment", "submit", "--async", "-c")

# What a person's shell may have and a measurement must not: it changes what the console writes.
NOT_PASSED = ("SSH_CONNECTION", "SSH_TTY", "NO_COLOR", "TMUX", "STY", "COLORFGBG", "AZUREML_RUN_ID", "COLUMNS", "LINES")


class Installation:
    """A home and a project `bench` with a `local` configuration. Everything goes when it is left."""

    def __init__(self, *, slots: int = 4, interpreter: str = sys.executable) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aml-bench-"))
        self.project = self.folder / "bench"
        (self.project / "aml_config").mkdir(parents=True)
        (self.project / "aml_config" / "local.compute").write_text(
            f"type: local\npythonLocation: {interpreter}\nslots: {slots}\n", encoding="utf-8"
        )
        (self.project / "aml_config" / "local.runconfig").write_text(
            'ArgumentVector:\n  - "$file"\nTarget: local\nFramework: Python\n', encoding="utf-8"
        )
        self.config = "local"
        os.environ["AML_TUI_HOME"] = str(self.folder / "home")
        self.paths = paths.current()
        self.paths.make()
        self.environ = {name: value for name, value in os.environ.items() if name not in NOT_PASSED}

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.run("engine", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.paths.runtime, ignore_errors=True)

    def use_docker(self, url: str, image: str, *, shared: bool = True, slots: int = 4, volume: str = "") -> None:
        """Submit to containers from now on: configuration `docker`. `volume`: a folder that they see as it is here."""
        folder = self.project / "aml_config"
        (folder / "docker.compute").write_text(f"type: docker\nslots: {slots}\n", encoding="utf-8")
        docker = {"enabled": True, "baseImage": image, "sharedVolumes": shared}
        if volume:
            docker["arguments"] = ["-v", f"{volume}:{volume}"]
        config = {
            "script": "$file",
            "target": "docker",
            "framework": "Python",
            "environment": {"docker": docker, "python": {"userManagedDependencies": True}},
        }
        (folder / "docker.runconfig").write_text(json.dumps(config, indent=1), encoding="utf-8")
        self.environ["DOCKER_HOST"] = os.environ["DOCKER_HOST"] = url
        self.config = "docker"

    def script(self, name: str, text: str) -> None:
        (self.project / name).write_text(text, encoding="utf-8")

    def run(self, *arguments: str, check: bool = True) -> str:
        """`aml` with these arguments in the project; its standard output. Raises with its complaint when it fails."""
        done = subprocess.run(
            [AML, *arguments],
            cwd=self.project,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"aml {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def submit(self, *arguments: str) -> str:
        """Submit without following; the run id."""
        return self.run(*SUBMIT, self.config, *arguments).strip()

    def begin_submit(self, *arguments: str, config: str = "") -> subprocess.Popen[str]:
        """The same without waiting: the run id is what the process writes."""
        return subprocess.Popen(
            [AML, *SUBMIT, config or self.config, *arguments],
            cwd=self.project,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, script: str, *arguments: str, config: str = "") -> str:
        """Ask the engine for a run, as the console does; the run id once the snapshot is taken."""
        token = os.urandom(16).hex()
        request = RunRequest(str(self.project), config or self.config, token, script=script, arguments=arguments)
        return str(call("submit", {"request": request.to_json()}, paths=self.paths)["run_id"])

    def took(self, argv: Sequence[str]) -> float:
        """Seconds that a command takes as a whole, in the project. Raises when it fails."""
        begun = time.monotonic()
        subprocess.run(
            argv,
            cwd=self.project,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return time.monotonic() - begun

    def engine(self) -> dict[str, Any]:
        """What `aml engine status` says of the engine."""
        status: dict[str, Any] = json.loads(self.run("engine", "status", "-o", "json"))
        return status

    def console(self, *, columns: int = 120, lines: int = 40) -> Terminal:
        return Terminal([CONSOLE, str(self.project)], self.environ, cwd=self.project, columns=columns, lines=lines)

    def runs(self) -> list[Run]:
        with StoreReader(self.paths.store) as store:
            return store.runs()

    def until_running(self, run_ids: list[str], within: float) -> None:
        """Until every one of them runs. Raises TimeoutError."""
        with StoreReader(self.paths.store) as store:

            def running() -> bool:
                return all(str(run.state) == "Running" for run in store.by_ids(run_ids))

            wait_for(running, within, "every run to start")

    def until_ended(self, run_ids: list[str], within: float) -> dict[str, Run]:
        """The runs once every one has ended. Raises TimeoutError."""
        with StoreReader(self.paths.store) as store:

            def ended() -> dict[str, Run] | None:
                found = {run.id: run for run in store.by_ids(run_ids)}
                return found if all(run.state.ended for run in found.values()) else None

            result: dict[str, Run] = wait_for(ended, within, "every run to end")
            return result

    def same_bytes(self, run_id: str) -> bool:
        """Whether the mirror of the driver log is the host's file, byte by byte."""
        return same_bytes(self.paths.driver_log(run_id), self.paths.host_run(run_id) / "logs" / "driver.log")


def wait_for(condition: Callable[[], Any], within: float, what: str) -> Any:
    """The first truthy value of `condition`, asked every 20 ms. Raises TimeoutError."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within:.0f} s: {what}")
        time.sleep(0.02)


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files have the same content; a missing one is like no other."""
    try:
        with one.open("rb") as left, other.open("rb") as right:
            while True:
                first, second = left.read(1 << 20), right.read(1 << 20)
                if first != second:
                    return False
                if not first:
                    return True
    except FileNotFoundError:
        return False
