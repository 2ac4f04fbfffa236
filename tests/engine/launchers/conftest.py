"""A project with Docker targets, an engine inside the test's process, and a real Docker Engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.engine.conftest import Bench
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from engine.runs.request import RunRequest
    from tests.services.docker import DockerEngine

CONFIG = """\
ArgumentVector:
  - "$file"
Target: {target}
Framework: Python
PrepareEnvironment: true
TrackedRun: true
"""


class ContainerBench(Bench):
    """The configurations `docker` and `copied` differ in `sharedVolumes`; further lines of a target by `target`."""

    def __init__(self, project: Path, paths: Paths, docker: DockerEngine, image: str) -> None:
        super().__init__(project, paths)
        self.docker = docker
        self.image = image
        self.target("docker")
        self.target("copied", "sharedVolumes: false")

    def target(self, name: str, *lines: str, image: str = "", config: str = CONFIG) -> None:
        """Write a target and a configuration of the same name."""
        folder = self.project / "aml_config"
        text = "\n".join(["type: docker", f"baseDockerImage: {image or self.image}", *lines])
        (folder / f"{name}.compute").write_text(f"{text}\n")
        (folder / f"{name}.runconfig").write_text(config.format(target=name))

    def request(self, script: str, *arguments: str, **more: object) -> RunRequest:
        return super().request(script, *arguments, **{"config": "docker", **more})

    def containers(self, run: Run) -> list[str]:
        """Containers of this run, whatever their state."""
        return self.docker.docker("ps", "-aq", "--filter", f"label=aml-tui.run={run.id}").split()

    async def printed(self, run: Run, text: bytes, timeout: float = 30.0) -> None:
        """Until the mirror of its log has this."""
        await until_async(lambda: text in self.log(run), timeout, f"{text!r} in the log of {run.id}")


@pytest.fixture
def docker_host(docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerEngine]:
    """The tests' Docker Engine is the one that is found."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    yield docker_engine
    if not docker_engine.running:
        docker_engine.start()


@pytest_asyncio.fixture
async def bench(
    project: Path, home: Paths, docker_host: DockerEngine, python_image: str
) -> AsyncIterator[ContainerBench]:
    one = ContainerBench(project, home, docker_host, python_image)
    await one.engine.start()
    yield one
    if not docker_host.running:
        docker_host.start()
    await one.close(60.0)
    assert docker_host.docker("ps", "-aq", "--filter", f"label=aml-tui.root={home.data}") == ""
