"""Fixtures everyone uses, and what every test is held to: no blocking call on a loop, nothing left behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from engine import paths
from tests import leaks
from tests.blocking import Watch
from tests.services import docker
from tests.services.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["tests.services.ssh_fixtures", "tests.services.spark_fixtures"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker has the Docker Engine and one the cluster: each is started once. xdist looks at the marks next."""
    for item in items:
        needs = getattr(item, "fixturenames", ())
        for service, fixture in (("cluster", "yarn_needed"), ("docker", "docker_needed")):
            if fixture in needs:
                item.add_marker(pytest.mark.xdist_group(service))
                break


@pytest.fixture(scope="session")
def blocking_watch() -> Iterator[Watch]:
    watch = Watch()
    watch.start()
    yield watch
    watch.stop()


@pytest.fixture(autouse=True)
def nothing_blocks(request: pytest.FixtureRequest, blocking_watch: Watch) -> Iterator[None]:
    """Our coroutines and callbacks never block their loop, in any test; `blocking(reason)` says where they may."""
    blocking_watch.paused = request.node.get_closest_marker("blocking") is not None
    yield
    blocking_watch.paused = False


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """No thread, process or descriptor outlives the test that made it; `leaves(reason)` says where one may."""
    folder: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    before = leaks.belongings(folder)
    yield
    if request.node.get_closest_marker("leaves") is None:
        left = leaks.check(before, folder)
        if left:
            pytest.fail("left behind:\n  " + "\n  ".join(left), pytrace=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> paths.Paths:
    """An installation of its own: store, blobs, socket and settings under the test's folder."""
    monkeypatch.setenv("AML_TUI_HOME", str(tmp_path / "home"))
    # Never the keyring of whoever runs the tests.
    monkeypatch.setenv("AML_TUI_KEYRING", "off")
    where = paths.current()
    where.make()
    return where


@pytest.fixture(scope="session")
def docker_needed() -> None:
    """Where there can be no Docker Engine, that is said, and in CI it is a failure. Removes what killed tests left."""
    why = docker.missing()
    if why:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"NO DOCKER ENGINE: {why}")
    sweep()


@pytest.fixture(scope="session")
def docker_engine(docker_needed: None) -> Iterator[docker.DockerEngine]:
    """A real Docker Engine of the tests' own."""
    engine = docker.DockerEngine()
    try:
        engine.start()
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="session")
def python_image(docker_engine: docker.DockerEngine) -> str:
    return docker.python_image(docker_engine)


@pytest.fixture(scope="session")
def bare_image(docker_engine: docker.DockerEngine) -> str:
    return docker.bare_image(docker_engine)


@pytest.fixture(scope="session")
def empty_image(docker_engine: docker.DockerEngine) -> str:
    return docker.empty_image(docker_engine)


@pytest.fixture(scope="session")
def other_user_image(docker_engine: docker.DockerEngine) -> str:
    return docker.other_user_image(docker_engine)
