"""Environments of pip's packages, built for real on a real Docker Engine."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import stat
from typing import TYPE_CHECKING

import pytest

from engine.errors import EnvironmentFailed
from engine.project.dependencies import SparkDependencies
from engine.project.environment import EnvironmentSpec
from tests.engine.environments.conftest import spec, spec_of, workshop_on
from tests.services.conda import stand_in_for_conda
from tests.services.wheels import make_wheel
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.environments.conftest import Workshop
    from tests.services.docker import DockerEngine
    from tests.services.wheels import Index

VERSIONS = "import {0}; print({0}.VERSION)"


async def test_versions_urls_named_files_and_wheels_of_this_machine(
    workshop: Workshop, python_image: str, wheels: Index, tmp_path: Path
) -> None:
    wheels.add("aml_one", "1.0")
    wheels.add("aml_one", "2.0")
    wheels.add("aml_extra", requires=("aml_one",))
    (wheels.folder / "files").mkdir()
    make_wheel(wheels.folder / "files", "aml_linked")
    make_wheel(wheels.folder / "files", "aml_named")
    project = tmp_path / "iris"
    make_wheel(project / "with a blank", "aml_sent", requires=("aml_extra",))
    asked = spec_of(
        project,
        python_image,
        f"""\
dependencies:
  - pip
  - pip:
    - --index-url {wheels.url}
    - aml_one<2   # not the newest
    - {wheels.url.replace("/simple", "/files")}/aml_linked-1.0-py3-none-any.whl
    - aml_named @ {wheels.url.replace("/simple", "/files")}/aml_named-1.0-py3-none-any.whl
    - ./with a blank/aml_sent-1.0-py3-none-any.whl
""",
    )
    ready = await workshop.ensure(asked)
    assert ready.built
    assert workshop.python(ready, VERSIONS.format("aml_one")) == "1.0"
    workshop.python(ready, "import aml_linked, aml_named, aml_sent, aml_extra")
    record = workshop.last
    assert (record.state, record.image, record.fingerprint) == ("ready", ready.image, ready.fingerprint)
    assert (record.step, record.steps, record.words, record.error) == (6, 6, "", "")
    assert record.size
    assert record.ended
    told = [(one.step, one.words) for one in workshop.records if one.state == "building" and one.step]
    assert list(dict.fromkeys(told)) == [
        (1, "base image"),
        (2, "settings of the build"),
        (3, "a virtual environment"),
        (4, "files for pip"),
        (5, "pip packages: 5 lines"),
        (6, "its name"),
    ]
    log = workshop.log()
    assert "Successfully installed" in log
    assert stat.S_IMODE((workshop.folder / f"{record.id}.log").stat().st_mode) == 0o600
    assert [one.name for one in workshop.folder.glob("*.tar")] == []

    count = len(workshop.records)
    again = await workshop.ensure(asked)
    assert again == dataclasses.replace(ready, built=False)
    assert await workshop.builder.find(asked) == again
    assert len(workshop.records) == count


async def test_an_extra_index(workshop: Workshop, python_image: str, wheels: Index, tmp_path: Path) -> None:
    wheels.add("aml_main")
    (wheels.folder / "more").mkdir()
    make_wheel(wheels.folder / "more" / "aml-other", "aml_other")
    more = wheels.url.replace("/simple", "/more")
    ready = await workshop.ensure(
        spec(python_image, f"--index-url {wheels.url}", f"--extra-index-url {more}", "aml_main", "aml_other")
    )
    workshop.python(ready, "import aml_main, aml_other")


async def test_indexes_of_the_engines_own_environment(
    workshop: Workshop, python_image: str, wheels: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels.add("aml_by_variable")
    monkeypatch.setenv("PIP_INDEX_URL", wheels.url)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"http://anna:s3cret@{wheels.address}/none")
    ready = await workshop.ensure(spec(python_image, "aml_by_variable"))
    workshop.python(ready, "import aml_by_variable")
    assert "PIP_EXTRA_INDEX_URL is not passed on" in workshop.log()
    history = workshop.engine.docker("history", "--no-trunc", ready.image)
    records = json.dumps([one.to_json() for one in workshop.records])
    for told in (workshop.log(), history, records, *workshop.said):
        assert "s3cret" not in told


async def test_what_pip_prints_of_addresses_has_no_password(
    workshop: Workshop, bare_image: str, docker_engine: DockerEngine
) -> None:
    said = "printf 'Looking in http://anna:s3'; sleep 0.1; echo 'cret@host/simple'; exit 1"
    image = stand_in_for_conda(docker_engine, bare_image, "telling", said)
    with pytest.raises(EnvironmentFailed) as failed:
        await workshop.ensure(spec(image, conda=("numpy",)))
    assert "http://***@host/simple" in str(failed.value)
    for told in (workshop.log(), str(failed.value), json.dumps([one.to_json() for one in workshop.records])):
        assert "s3cret" not in told


async def test_a_changed_pip_line_reuses_what_is_below(workshop: Workshop, python_image: str, wheels: Index) -> None:
    wheels.add("aml_first")
    wheels.add("aml_second")
    index = f"--index-url {wheels.url}"
    first = await workshop.ensure(spec(python_image, index, "aml_first"))
    second = await workshop.ensure(spec(python_image, index, "aml_first", "aml_second"))
    assert second.built
    assert second.image != first.image
    steps = workshop.log().split("Step ")
    assert "Using cache" in next(one for one in steps if one.startswith("3/6"))
    assert "Using cache" not in next(one for one in steps if one.startswith("5/6"))


async def test_two_who_need_the_same_build_once(workshop: Workshop, python_image: str, wheels: Index) -> None:
    wheels.add("aml_shared")
    asked = spec(python_image, f"--index-url {wheels.url}", "aml_shared")
    began: list[str] = []

    async def one() -> str:
        ready = await workshop.builder.ensure(asked, workshop.say, began=lambda record: began.append(record.id))
        return ready.image

    images = await asyncio.gather(*(one() for _ in range(5)))
    assert len(set(images)) == 1
    assert len(began) == 5
    assert len(set(began)) == 1
    assert [path for path, _ in wheels.asked if path.endswith(".whl")] == [
        "/simple/aml-shared/aml_shared-1.0-py3-none-any.whl"
    ]


async def test_those_who_wait_are_told_the_step_and_what_the_tool_says(
    workshop: Workshop, docker_engine: DockerEngine, bare_image: str
) -> None:
    image = stand_in_for_conda(
        docker_engine, bare_image, "slow", "echo Solving environment; echo Step 9/9 : not ours; sleep 600"
    )
    building = asyncio.create_task(workshop.ensure(spec(image, conda=("numpy",))))
    wanted = "step 3 of 4: conda packages: 2 specs (Step 9/9 : not ours)"
    await until_async(lambda: wanted in workshop.said, 30, "the words of the tool")
    assert (workshop.last.words, workshop.last.step, workshop.last.steps) == ("conda packages: 2 specs", 3, 4)
    building.cancel()
    await asyncio.gather(building, return_exceptions=True)


async def test_a_failing_line_is_told_with_its_place_and_the_last_words(
    workshop: Workshop, python_image: str, wheels: Index
) -> None:
    wheels.add("aml_there")
    asked = spec(python_image, f"--index-url {wheels.url}", "aml_there", "aml-nowhere==3")
    with pytest.raises(EnvironmentFailed) as failed:
        await workshop.ensure(asked)
    text = str(failed.value)
    assert failed.value.where == "deps.yml:3:5"
    assert "pip packages: 3 lines" in text
    assert "status 1" in text
    assert "deps.yml:3:5: aml-nowhere==3" in text
    assert "No matching distribution found for aml-nowhere==3" in text
    record = workshop.last
    assert (record.state, record.error, record.words, record.step) == ("failed", text, "", 5)
    log = workshop.log()
    assert "Collecting aml_there" in log
    assert "No matching distribution" in log
    assert await workshop.builder.find(asked) is None
    assert (await workshop.leftovers())[0] == []


async def test_layers_of_failed_attempts_do_not_pile_up(workshop: Workshop, python_image: str, wheels: Index) -> None:
    for number in range(6):
        with pytest.raises(EnvironmentFailed):
            await workshop.ensure(spec(python_image, f"--index-url {wheels.url}", f"aml-nowhere=={number}"))
        steps = workshop.log().split("Step ")
        # The cache of what went well lives on.
        assert number == 0 or "Using cache" in next(one for one in steps if one.startswith("3/6"))
    assert (await workshop.leftovers())[1] <= 4
    await workshop.builder.tidy(0)
    assert await workshop.leftovers() == ([], 0)


async def test_the_last_who_waits_takes_the_build_with_him(
    workshop: Workshop, docker_engine: DockerEngine, bare_image: str
) -> None:
    image = stand_in_for_conda(docker_engine, bare_image, "slow", "echo begun; sleep 600")
    asked = spec(image, conda=("numpy",))
    one, other = (asyncio.create_task(workshop.ensure(asked)) for _ in range(2))
    await until_async(lambda: "step 3 of 4: conda packages: 2 specs (begun)" in workshop.said, 30, "the step")
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    assert workshop.last.state == "building"
    assert docker_engine.containers()
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert (workshop.last.state, workshop.last.error) == ("canceled", "canceled")
    await until_async(lambda: not docker_engine.containers(), 30, "the container to go")
    assert await workshop.builder.find(asked) is None
    assert "canceled" in workshop.log()


async def test_who_comes_while_a_build_is_canceled_begins_another(
    workshop: Workshop, docker_engine: DockerEngine, bare_image: str
) -> None:
    image = stand_in_for_conda(docker_engine, bare_image, "slow", "echo begun; sleep 600")
    asked = spec(image, conda=("scipy",))
    words = "step 3 of 4: conda packages: 2 specs (begun)"
    one = asyncio.create_task(workshop.ensure(asked))
    await until_async(lambda: words in workshop.said, 30, "the step")
    workshop.said.clear()
    one.cancel()
    other = asyncio.create_task(workshop.ensure(asked))
    await asyncio.gather(one, return_exceptions=True)
    await until_async(lambda: words in workshop.said, 30, "the step of the second build")
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert len({record.id for record in workshop.records}) == 2
    await until_async(lambda: not docker_engine.containers(), 30, "the containers to go")


async def test_a_container_that_somebody_started_from_an_environment_is_left_alone(
    workshop: Workshop, docker_engine: DockerEngine, python_image: str, wheels: Index
) -> None:
    wheels.add("aml_mine")
    ready = await workshop.ensure(spec(python_image, f"--index-url {wheels.url}", "aml_mine"))
    docker_engine.docker("run", "-d", "--name", "mine", ready.image, "sleep", "600")
    try:
        await workshop.builder.tidy(0)
        assert docker_engine.containers() == ["mine"]
    finally:
        docker_engine.docker("rm", "-f", "mine")


async def test_an_image_that_is_right_as_it_is(
    workshop: Workshop, python_image: str, bare_image: str, other_user_image: str
) -> None:
    ready = await workshop.ensure(EnvironmentSpec(python_image))
    assert not ready.built
    assert workshop.records == []
    assert workshop.python(ready, "print(1)") == "1"
    with pytest.raises(EnvironmentFailed, match="has no Python") as failed:
        await workshop.ensure(EnvironmentSpec(bare_image, image_place="docker.compute:2:1"))
    assert failed.value.where == "docker.compute:2:1"
    with pytest.raises(EnvironmentFailed, match="no Python '/opt/mine/bin/python'"):
        await workshop.ensure(EnvironmentSpec(python_image, interpreter="/opt/mine/bin/python"))


async def test_a_base_image_of_another_user(workshop: Workshop, other_user_image: str, wheels: Index) -> None:
    wheels.add("aml_other_user")
    ready = await workshop.ensure(spec(other_user_image, f"--index-url {wheels.url}", "aml_other_user"))
    workshop.python(ready, "import aml_other_user")


async def test_a_base_image_in_whose_volume_packages_would_be_lost(
    workshop: Workshop, docker_engine: DockerEngine, python_image: str
) -> None:
    image = docker_engine.build("aml-test/volume:1", f"FROM {python_image}\nVOLUME /opt\n")
    with pytest.raises(EnvironmentFailed, match="declares `VOLUME /opt`"):
        await workshop.ensure(spec(image, "six"))
    assert not (await workshop.ensure(EnvironmentSpec(image))).built


async def test_spark_is_looked_for(workshop: Workshop, python_image: str) -> None:
    with pytest.raises(EnvironmentFailed, match="has no spark-submit"):
        await workshop.ensure(EnvironmentSpec(python_image, spark=SparkDependencies({}, (), ())))


async def test_a_base_image_that_cannot_be_had(workshop: Workshop) -> None:
    with pytest.raises(EnvironmentFailed) as failed:
        await workshop.ensure(spec("127.0.0.1:9/nobody/nothing:1", "six"))
    assert "'127.0.0.1:9/nobody/nothing:1' is not on this machine and cannot be pulled" in failed.value.message
    assert failed.value.where == "docker.compute"
    assert "`docker load` the image" in failed.value.remedy
    assert "pulling 127.0.0.1:9/nobody/nothing:1" in workshop.log()
    assert workshop.last.state == "failed"


async def test_what_stands_in_for_an_original_is_said(
    workshop: Workshop, docker_engine: DockerEngine, python_image: str, wheels: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels.add("aml_original")
    docker_engine.docker("tag", python_image, "aml-test/stand-in:1")
    monkeypatch.setattr("engine.environments.originals.PYTHON", "aml-test/stand-in:1")
    asked = spec("microsoft/mmlspark:plus-0.9.9", f"--index-url {wheels.url}", "aml_original")
    ready = await workshop.ensure(asked)
    assert ready.built
    assert "microsoft/mmlspark:plus-0.9.9 cannot be had any more: aml-test/stand-in:1 takes its place" in workshop.log()


async def test_what_somebody_made_from_an_environment_is_not_ours(
    workshop: Workshop, docker_engine: DockerEngine, python_image: str, wheels: Index
) -> None:
    wheels.add("aml_parent")
    asked = spec(python_image, f"--index-url {wheels.url}", "aml_parent")
    ready = await workshop.ensure(asked)
    name = f"aml-tui/environment:{ready.fingerprint}"
    docker_engine.build("somebodys:1", f"FROM {name}\nENV A=b\n")
    again = await workshop.ensure(asked)
    assert (again.image, again.built) == (ready.image, False)
    assert (await workshop.environments()).count(ready.fingerprint) == 1

    # Without a name it is newer than ours, and has every label of it.
    container = docker_engine.docker("create", name, "true")
    committed = docker_engine.docker("commit", container)
    docker_engine.docker("rm", container)
    assert (await workshop.ensure(asked)).image == ready.image
    assert (await workshop.environments()).count(ready.fingerprint) == 1
    docker_engine.docker("rmi", committed)

    # The other way round: the environment's own name is lost.
    docker_engine.docker("rmi", name)
    assert (await workshop.ensure(asked)).image == ready.image
    assert docker_engine.has(name)
    docker_engine.docker("rmi", "somebodys:1")


async def test_an_estimate_from_earlier_builds(workshop: Workshop, python_image: str, wheels: Index) -> None:
    wheels.add("aml_timed")
    index = f"--index-url {wheels.url}"
    await workshop.ensure(spec(python_image, index, "aml_timed"))
    took = workshop.last
    assert took.ended
    await workshop.ensure(spec(python_image, index, "aml_timed==1.0"))
    assert workshop.last.estimate
    assert workshop.last.estimate > 0


async def test_a_log_that_cannot_be_written_is_said(
    docker_engine: DockerEngine, python_image: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    async with workshop_on(docker_engine, tmp_path / "file") as workshop:
        with pytest.raises(EnvironmentFailed, match="the log of the build cannot be written"):
            await workshop.ensure(spec(python_image, "six"))
        assert workshop.last.state == "failed"
