"""A Docker Engine whose disk is full: told with what to do, and nothing is held by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State
from tests.services import docker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.launchers.conftest import ContainerBench

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


@pytest.fixture
def docker_host(docker_engine: docker.DockerEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerEngine]:
    """One with room for the image and little more; `docker_engine` says whether there can be one."""
    assert docker_engine.running
    engine = docker.DockerEngine(disk="200m")
    engine.start()
    docker.python_image(engine)
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    yield engine
    engine.close()


async def test_a_project_that_does_not_fit(bench: ContainerBench) -> None:
    bench.script("train.py", "print('hello')\n")
    with (bench.project / "data.bin").open("wb") as file:
        file.truncate(150 << 20)
    full = await bench.end(await bench.submit("train.py", config="copied"), 60)
    assert (full.state, bench.containers(full)) == (State.FAILED, [])
    assert "no space left on device" in full.reason
    assert "aml environment prune" in full.reason
    (bench.project / "data.bin").unlink()
    fits = await bench.end(await bench.submit("train.py", config="copied"), 60)
    assert (fits.state, bench.log(fits)) == (State.COMPLETED, b"hello\n"), fits.reason


async def test_an_environment_that_does_not_fit(bench: ContainerBench) -> None:
    (bench.project / "aml_config" / "conda_dependencies.yml").write_text(
        "dependencies:\n  - python>=3\n  - pip\n  - pip:\n    - ./big-1-py3-none-any.whl\n"
    )
    with (bench.project / "big-1-py3-none-any.whl").open("wb") as file:
        file.truncate(150 << 20)
    bench.script("train.py", "print('hello')\n")
    full = await bench.end(await bench.submit("train.py"), 90)
    assert full.state is State.FAILED
    assert "no space left on device" in full.reason
    assert "prune" in full.reason


async def test_outputs_that_fill_it_are_the_scripts_own_trouble(bench: ContainerBench) -> None:
    bench.script(
        "fill.py",
        """
        with open("outputs/big", "wb") as file:
            for _ in range(400):
                file.write(b"x" * (1 << 20))
        """,
    )
    full = await bench.end(await bench.submit("fill.py", config="copied"), 60)
    # Its log is on the same disk: that it failed is all that is left to tell.
    assert (full.state, full.exit_code, bench.containers(full)) == (State.FAILED, 1, [])
