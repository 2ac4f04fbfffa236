"""Environments made by conda: a real solver with a channel of the tests', and what other tools are asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import EnvironmentFailed
from tests.engine.environments.conftest import spec, spec_of
from tests.services.conda import CHANNEL, conda_image, stand_in_for_conda

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.environments.conftest import Workshop
    from tests.services.docker import DockerEngine
    from tests.services.wheels import Index

DEPENDENCIES = """\
name: iris
channels:
  - {channel}
dependencies:
  - python
  - aml-hello<2
  - pip:
    - --index-url {index}
    - {pip}
"""
# What is there afterwards has the command line in it, and a Python that does what it is told: nothing.
RECORDED = """\
mkdir -p /opt/aml-env/bin
echo "$0 $*" > /opt/aml-env/asked
printf '#!/bin/sh\\necho "$0 $*" > /opt/aml-env/pip\\n' > /opt/aml-env/bin/python
chmod 755 /opt/aml-env/bin/python
"""


@pytest.mark.timeout(180)
async def test_conda_and_pip_together_and_a_changed_pip_line(
    workshop: Workshop, docker_engine: DockerEngine, wheels: Index, tmp_path: Path
) -> None:
    image = conda_image(docker_engine)
    wheels.add("aml_first")
    wheels.add("aml_second")
    one = spec_of(tmp_path, image, DEPENDENCIES.format(channel=CHANNEL, index=wheels.url, pip="aml_first"))
    ready = await workshop.ensure(one)
    assert workshop.last.steps == 6
    code = "import sys, aml_hello, aml_first; print(sys.prefix, aml_hello.VERSION)"
    assert workshop.python(ready, code) == "/opt/aml-env 1.0"
    assert "Installing aml-data 1.0" in workshop.log()

    other = spec_of(tmp_path, image, DEPENDENCIES.format(channel=CHANNEL, index=wheels.url, pip="aml_second"))
    changed = await workshop.ensure(other)
    assert changed.built
    assert workshop.python(changed, "import aml_hello, aml_second; print(aml_hello.VERSION)") == "1.0"
    assert "Installing aml-data" not in workshop.log()

    wrong = spec_of(
        tmp_path, image, DEPENDENCIES.format(channel=CHANNEL, index=wheels.url, pip="x").replace("<2", ">=7")
    )
    with pytest.raises(EnvironmentFailed) as failed:
        await workshop.ensure(wrong)
    text = str(failed.value)
    assert "conda packages: 2 specs" in text
    assert "Cannot solve the request" in text
    assert failed.value.where == "aml_config/conda_dependencies.yml:6:5"
    assert "aml_config/conda_dependencies.yml:6:5: aml-hello>=7" in text
    assert (await workshop.leftovers())[0] == []


@pytest.mark.parametrize(
    ("programs", "taken"),
    [
        (["conda"], "conda"),
        (["micromamba"], "micromamba"),
        (["conda", "micromamba"], "micromamba"),
        (["conda", "micromamba", "mamba"], "mamba"),
    ],
)
async def test_the_tool_that_is_there_is_asked(
    workshop: Workshop, docker_engine: DockerEngine, bare_image: str, programs: list[str], taken: str
) -> None:
    image = bare_image
    for program in programs:
        image = stand_in_for_conda(docker_engine, image, f"with-{'-'.join(programs)}", RECORDED, program)
    ready = await workshop.ensure(
        spec(image, "six", python=">=3.6,<3.8", conda=("a::glue", "numpy=1.2"), channels=("x", "file:///y z"))
    )
    said = docker_engine.docker("run", "--rm", ready.image, "cat", "/opt/aml-env/asked", "/opt/aml-env/pip")
    assert said.splitlines() == [
        f"/opt/conda/bin/{taken} create -y -q -p /opt/aml-env --override-channels -c x -c file:///y z"
        " python>=3.6,<3.8 a::glue numpy=1.2 pip",
        "/opt/aml-env/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-input"
        " -r /opt/aml-build/requirements.txt",
    ]


async def test_the_person_who_is_asked_for_conda_is_told_which_lines_need_it(
    workshop: Workshop, python_image: str, tmp_path: Path
) -> None:
    asked = spec_of(tmp_path, python_image, "dependencies:\n  - python\n  - numpy=1.2\n  - pip:\n    - six\n")
    with pytest.raises(EnvironmentFailed, match=r"aml_config/conda_dependencies\.yml:3:5 numpy=1\.2"):
        await workshop.ensure(asked)
    assert workshop.last.state == "failed"
