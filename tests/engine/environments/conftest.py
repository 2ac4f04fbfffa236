"""Builders on a real Docker Engine."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.environments.builder import ImageBuilder
from engine.environments.images import list_environments
from engine.environments.leftovers import BUILD
from engine.hosts.docker.api import DockerApi
from engine.hosts.docker.finding import Endpoint
from engine.project.environment import EnvironmentSpec, environment_spec
from engine.project.folder import open_project
from tests.services.wheels import Index, index

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from engine.environments.ready import Ready
    from engine.runs.model import BuildRecord
    from tests.services.docker import DockerEngine

CONFIG = "ArgumentVector:\n  - train.py\nTarget: docker\nFramework: Python\nPrepareEnvironment: true\n"


class Workshop:
    """A builder, what it recorded, and what its waiters were told."""

    def __init__(self, docker: DockerApi, engine: DockerEngine, folder: Path) -> None:
        self.docker = docker
        self.engine = engine
        self.folder = folder
        self.records: list[BuildRecord] = []
        self.said: list[str] = []
        self.builder = ImageBuilder(docker, "local", folder, self.records.append)

    async def ensure(self, spec: EnvironmentSpec) -> Ready:
        return await self.builder.ensure(spec, self.say)

    async def say(self, words: str) -> None:
        self.said.append(words)

    @property
    def last(self) -> BuildRecord:
        return self.records[-1]

    def log(self, record: BuildRecord | None = None) -> str:
        return (self.folder / f"{(record or self.last).id}.log").read_text()

    def python(self, ready: Ready, code: str) -> str:
        """What the environment's Python prints."""
        return self.engine.docker("run", "--rm", "--network", "none", ready.image, ready.interpreter, "-c", code)

    async def leftovers(self) -> tuple[list[str], int]:
        """Names of containers, and the number of unfinished builds whose layers are there."""
        label = f"label={BUILD}={self.builder.mark}"
        dangling = self.engine.docker("images", "-q", "--filter", "dangling=true", "--filter", label).split()
        return self.engine.containers(), len(dangling)

    async def environments(self) -> list[str]:
        return [one.fingerprint for one in await list_environments(self.docker, [], {}, self.builder.mark)]


@contextlib.asynccontextmanager
async def workshop_on(engine: DockerEngine, folder: Path) -> AsyncIterator[Workshop]:
    docker = DockerApi(Endpoint(engine.url, "test"), "local")
    await docker.open()
    try:
        yield Workshop(docker, engine, folder)
    finally:
        await docker.close()


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: layers that have the same mark are made once."""
    return tmp_path_factory.mktemp("builds")


@pytest_asyncio.fixture
async def workshop(docker_engine: DockerEngine, builds: Path) -> AsyncIterator[Workshop]:
    async with workshop_on(docker_engine, builds) as one:
        yield one


@pytest.fixture
def wheels(tmp_path: Path) -> Iterator[Index]:
    """An index on loopback, empty."""
    with index(tmp_path / "index") as one:
        yield one


def spec(image: str, *pip: str, **more: object) -> EnvironmentSpec:
    """An environment of pip's lines on an image; a line is said to be in "deps.yml", the first in line 1."""
    places = {line: f"deps.yml:{number}:5" for number, line in enumerate(pip, 1)}
    made = EnvironmentSpec(image, pip=pip, image_place="docker.compute", places=places)
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def spec_of(project: Path, image: str, dependencies: str) -> EnvironmentSpec:
    """An environment as a project's files ask for it: `dependencies` is the text of conda_dependencies.yml."""
    folder = project / "aml_config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docker.compute").write_text(f"type: docker\nbaseDockerImage: {image}\n")
    (folder / "docker.runconfig").write_text(CONFIG)
    (folder / "conda_dependencies.yml").write_text(dependencies)
    opened = open_project(project)
    config = opened.config("docker")
    target = opened.target(config.target)
    return environment_spec(opened, config, target, "aml_config/conda_dependencies.yml", None, "Python")
