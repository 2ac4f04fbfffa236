"""A small project on disk and an engine inside the test's own process, on the real local host."""

from __future__ import annotations

import textwrap
import uuid
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.project.shell import shell_environ
from engine.runs.request import RunRequest
from engine.runs.store import StoreReader
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run, State

LOCAL_COMPUTE = "type: local\n"
LOCAL_CONFIG = """\
ArgumentVector:
  - "$file"
Target: local
Framework: Python
PrepareEnvironment: false
TrackedRun: true
"""


class Bench:
    """A project, an engine and a reader of its store."""

    def __init__(self, project: Path, paths: Paths) -> None:
        self.project = project
        self.paths = paths
        self.engine = Engine(paths)
        self.store = StoreReader(paths.store)

    def script(self, name: str, text: str) -> str:
        (self.project / name).write_text(textwrap.dedent(text))
        return name

    def request(self, script: str, *arguments: str, **more: object) -> RunRequest:
        fields = {"config": "local", "environ": shell_environ(), **more}
        return RunRequest(
            project=str(self.project),
            token=uuid.uuid4().hex,
            script=script,
            arguments=arguments,
            **fields,  # type: ignore[arg-type]
        )

    async def submit(self, script: str, *arguments: str, **more: object) -> Run:
        return await self.engine.submit(self.request(script, *arguments, **more))

    def run(self, run: Run) -> Run:
        return self.store.run(run.id)

    async def until(self, run: Run, *states: State, timeout: float = 30.0) -> Run:
        await until_async(lambda: self.run(run).state in states, timeout, f"{run.id} in {states}")
        return self.run(run)

    async def end(self, run: Run, timeout: float = 30.0) -> Run:
        await until_async(lambda: self.run(run).state.ended, timeout, f"{run.id} to end")
        return self.run(run)

    def log(self, run: Run) -> bytes:
        path = self.paths.driver_log(run.id)
        return path.read_bytes() if path.exists() else b""

    async def close(self, seconds: float = 30.0) -> None:
        """End every run, then the engine."""
        for run in self.store.runs(unfinished=True):
            await self.engine.cancel([run.id])
        for run in self.store.runs(unfinished=True):
            await self.end(run, seconds)
        await self.engine.stop()
        self.store.close()

    def host_log(self, run: Run) -> bytes:
        return (self.paths.host_run(run.id) / "logs" / "driver.log").read_bytes()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "iris"
    (folder / "aml_config").mkdir(parents=True)
    (folder / "aml_config" / "local.compute").write_text(LOCAL_COMPUTE)
    (folder / "aml_config" / "local.runconfig").write_text(LOCAL_CONFIG)
    return folder


@pytest_asyncio.fixture
async def bench(project: Path, home: Paths) -> AsyncIterator[Bench]:
    one = Bench(project, home)
    await one.engine.start()
    yield one
    await one.close()
