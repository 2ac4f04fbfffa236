"""What is found in images, without a shell, and that nothing is left of the search."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.environments.builder import ImageBuilder
from engine.environments.probing import PROBE, Probe, probe
from engine.errors import EnvironmentFailed
from engine.hosts.docker.api import DockerApi, DockerError, DockerLost
from engine.project.environment import EnvironmentSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.environments.conftest import Workshop
    from tests.services.docker import DockerEngine

STAND_INS = """\
RUN mkdir -p /opt/conda/bin /opt/spark/bin && cd /opt/conda/bin && printf '#!/bin/sh\\n' > conda \
 && printf '#!/bin/sh\\n' > mamba && chmod 755 conda mamba && cp conda /opt/spark/bin/spark-submit
"""


async def look(workshop: Workshop, image: str, interpreter: str = "") -> Probe:
    there = await workshop.docker.image(image)
    assert there is not None
    before = workshop.engine.containers()
    found = await probe(workshop.docker, there.id, interpreter)
    assert workshop.engine.containers() == before
    return found


async def test_an_image_with_python(workshop: Workshop, python_image: str) -> None:
    found = await look(workshop, python_image)
    assert found.python.startswith("/usr/bin/python")
    assert found.version >= (3, 9)
    assert (found.conda, found.uv, found.spark_submit) == ("", "", "")


async def test_images_without_python_and_without_a_shell(workshop: Workshop, bare_image: str, empty_image: str) -> None:
    bare = await look(workshop, bare_image)
    assert (bare.python, bare.conda, bare.passwd.partition(":")[0]) == ("", "", "root")
    assert await look(workshop, empty_image) == Probe()


async def test_an_image_of_another_user(workshop: Workshop, other_user_image: str) -> None:
    assert (await look(workshop, other_user_image)).python.startswith("/usr/bin/python")


async def test_conda_and_spark_where_they_are_wont_to_be(
    workshop: Workshop, docker_engine: DockerEngine, python_image: str
) -> None:
    image = docker_engine.build("aml-test/stand-ins:1", f"FROM {python_image}\n{STAND_INS}")
    found = await look(workshop, image)
    assert (found.conda, found.spark_submit) == ("/opt/conda/bin/mamba", "/opt/spark/bin/spark-submit")


@pytest.mark.parametrize("path", ["/opt/conda/bin/conda", "/usr/local/bin/micromamba"])
async def test_conda_without_python(
    workshop: Workshop, docker_engine: DockerEngine, bare_image: str, path: str
) -> None:
    folder, _, name = path.rpartition("/")
    made = f"mkdir -p {folder} && printf '#!/bin/sh\\n' > {path} && chmod 755 {path}"
    image = docker_engine.build(f"aml-test/only-{name}:1", f"FROM {bare_image}\nRUN {made}\n")
    found = await look(workshop, image)
    assert (found.python, found.conda) == ("", path)


async def test_the_python_that_a_person_names(workshop: Workshop, python_image: str) -> None:
    assert (await look(workshop, python_image, "/usr/bin/python3")).python
    assert (await look(workshop, python_image, "python3")).python
    assert not (await look(workshop, python_image, "/opt/mine/bin/python")).python


async def test_a_python_that_fails_on_start_is_told_with_its_words(
    workshop: Workshop, docker_engine: DockerEngine, bare_image: str
) -> None:
    said = "#!/bin/sh\\necho no licence >&2\\nexit 9\\n"
    made = f"printf '{said}' > /usr/bin/python && chmod 755 /usr/bin/python"
    image = docker_engine.build("aml-test/exits:1", f"FROM {bare_image}\nRUN {made}\n")
    found = await look(workshop, image)
    assert (found.python, found.trouble) == ("", "/usr/bin/python ended with exit status 9: no licence")
    with pytest.raises(EnvironmentFailed, match=r"has no Python that works: .*exit status 9: no licence"):
        await workshop.ensure(EnvironmentSpec(image))


async def test_an_image_is_looked_into_once(
    workshop: Workshop, python_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = await workshop.docker.image(python_image)
    assert there is not None
    found = await workshop.builder.probed(there.id, "")

    async def again(*_: object, **__: object) -> Probe:
        raise AssertionError("looked into again")

    monkeypatch.setattr("engine.environments.builder.probe", again)
    assert await workshop.builder.probed(there.id, "") == found
    next_engine = ImageBuilder(workshop.docker, "local", workshop.folder, workshop.records.append)
    assert await next_engine.probed(there.id, "") == found


async def test_what_looked_for_an_engine_that_died_is_removed(workshop: Workshop, python_image: str) -> None:
    config = {"Image": python_image, "Cmd": ["true"]}
    await workshop.docker.create("looked", {**config, "Labels": {PROBE: workshop.builder.mark}})
    await workshop.docker.create("anothers", {**config, "Labels": {PROBE: "other"}})
    try:
        await workshop.builder.begin()
        names = workshop.engine.containers()
        assert ("looked" in names, "anothers" in names) == (False, True)
    finally:
        await workshop.docker.remove("anothers", force=True)


async def test_a_daemon_in_trouble_says_nothing_about_an_image(
    workshop: Workshop, python_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = ImageBuilder(workshop.docker, "local", tmp_path, workshop.records.append)
    there = await workshop.docker.image(python_image)
    assert there is not None

    async def full(*_: object) -> None:
        raise DockerError("Docker: write /layer: no space left on device (starting a container).", status=500)

    with monkeypatch.context() as patch:
        patch.setattr(DockerApi, "start", full)
        with pytest.raises(DockerError, match="no space left"):
            await builder.probed(there.id, "")
    assert (await builder.probed(there.id, "")).python


async def test_a_python_that_hangs_holds_up_itself_only(
    workshop: Workshop,
    docker_engine: DockerEngine,
    bare_image: str,
    python_image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = "printf '#!/bin/sh\\nsleep 600' > /usr/bin/python && chmod 755 /usr/bin/python"
    image = docker_engine.build("aml-test/hangs:1", f"FROM {bare_image}\nRUN {made}\n")
    builder = ImageBuilder(workshop.docker, "local", tmp_path, workshop.records.append)
    hangs, healthy = await workshop.docker.image(image), await workshop.docker.image(python_image)
    assert hangs is not None and healthy is not None
    waiting = asyncio.ensure_future(builder.probed(hangs.id, ""))
    assert (await builder.probed(healthy.id, "")).python
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    monkeypatch.setattr("engine.environments.probing.LONGEST", 1.0)
    with pytest.raises(DockerLost, match="did not answer in time"):
        await builder.probed(hangs.id, "")
    assert not [name for name in workshop.engine.containers() if name.startswith("aml-probe")]
