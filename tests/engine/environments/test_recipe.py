"""From what is asked for to the steps of a build, without a Docker Engine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from engine.environments.commands import name_of, satisfies
from engine.environments.probing import Probe
from engine.environments.recipe import Recipe, fingerprint, recipe, write_context
from engine.errors import EnvironmentFailed
from engine.project.dependencies import SparkDependencies
from engine.project.requirements import SentFile
from tests.engine.environments.conftest import spec

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.environment import EnvironmentSpec

BASE, PLATFORM = "sha256:aaaa", "linux/amd64"
PYTHON = Probe("/usr/bin/python3", (3, 11, 2))
CONDA = Probe("/opt/conda/bin/python", (3, 12, 1), conda="/opt/conda/bin/mamba")


def made(asked: EnvironmentSpec, found: Probe, **more: object) -> Recipe:
    options = {"mark": {"m": "1"}, "labels": {"print": "ab", "say": 'a "b"'}, **more}
    return recipe(asked, found, BASE, **options)  # type: ignore[arg-type]


def commands(one: Recipe) -> list[list[str]]:
    return [json.loads(step.instruction[4:]) for step in one.steps if step.instruction.startswith("RUN ")]


def words(one: Recipe) -> list[str]:
    return [step.words for step in one.steps]


def test_a_fingerprint_is_that_of_the_content() -> None:
    asked = spec("python:3.9", "six", "tomli", conda=("numpy",), python="=3.9", channels=("a", "b"))
    same = fingerprint(asked, BASE, PLATFORM)
    assert len(same) == 16
    elsewhere = dataclasses.replace(asked, base_image="python@sha256:1", places={}, image_place="")
    spark = dataclasses.replace(asked, spark=SparkDependencies({}, (), ()))
    assert {fingerprint(one, BASE, PLATFORM) for one in (asked, elsewhere, spark)} == {same}
    others = [
        fingerprint(dataclasses.replace(asked, pip=("tomli", "six")), BASE, PLATFORM),
        fingerprint(dataclasses.replace(asked, channels=("b", "a")), BASE, PLATFORM),
        fingerprint(dataclasses.replace(asked, python="=3.10"), BASE, PLATFORM),
        fingerprint(dataclasses.replace(asked, conda=("numpy=1.2",)), BASE, PLATFORM),
        fingerprint(asked, "sha256:bbbb", PLATFORM),
        fingerprint(asked, BASE, "linux/arm64"),
    ]
    assert len({same, *others}) == 7


def test_conda_comes_before_pip_and_the_labels_last() -> None:
    one = made(
        spec("image", "six==1.0", "tomli", conda=("conda-forge::numpy>=1.2,<2",), python="=3.9", channels=("x", "y")),
        CONDA,
    )
    assert words(one) == [
        "base image",
        "settings of the build",
        "conda packages: 2 specs",
        "files for pip",
        "pip packages: 2 lines",
        "its name",
    ]
    conda, pip = commands(one)
    assert conda == [
        "/opt/conda/bin/mamba", "create", "-y", "-q", "-p", "/opt/aml-env", "--override-channels", "-c", "x", "-c", "y",
        "python=3.9", "conda-forge::numpy>=1.2,<2", "pip",
    ]  # fmt: skip
    assert pip[:4] == ["/opt/aml-env/bin/python", "-m", "pip", "install"]
    assert pip[-1].endswith("/requirements.txt")
    assert one.requirements == "six==1.0\ntomli\n"
    assert one.dockerfile.startswith(f'FROM {BASE}\nLABEL "m"="1"\nRUN ')
    assert one.dockerfile.endswith('LABEL "print"="ab" "say"="a \\"b\\""\n')


def test_a_changed_pip_line_leaves_everything_before_as_it_is() -> None:
    before = made(spec("image", "six", conda=("numpy",)), CONDA, labels={"print": "1"})
    after = made(spec("image", "six", "tomli", conda=("numpy",)), CONDA, labels={"print": "2"})
    assert [one.instruction for one in before.steps[:3]] == [one.instruction for one in after.steps[:3]]


def test_only_what_is_needed_is_a_step() -> None:
    assert [one.instruction.split()[0] for one in made(spec("image", conda=("numpy",)), CONDA).steps] == [
        "FROM", "LABEL", "RUN", "LABEL",
    ]  # fmt: skip
    one = made(spec("image", "six"), PYTHON, user="4321:4321")
    assert one.dockerfile.splitlines()[2] == "USER root"
    for root in ("", "0", "0:0", "root"):
        assert "USER" not in made(spec("image", "six"), PYTHON, user=root).dockerfile


def test_variables_are_declared_where_they_are_needed_first() -> None:
    passed = ["PIP_INDEX_URL", "CONDA_CHANNEL_ALIAS"]
    one = made(spec("image", "six", conda=("numpy",)), CONDA, passed=passed)
    assert [step.instruction.split('"')[0].strip() for step in one.steps] == [
        f"FROM {BASE}", "LABEL", "ARG CONDA_CHANNEL_ALIAS", "RUN [",
        "ARG PIP_INDEX_URL", "COPY . /opt/aml-build", "RUN [", "LABEL",
    ]  # fmt: skip


def test_a_venv_where_there_is_no_conda() -> None:
    one = made(spec("image", "six", conda=("pip=23", "setuptools"), python=">=3.6"), PYTHON)
    venv, pip = commands(one)
    assert venv == ["/usr/bin/python3", "-m", "venv", "/opt/aml-env"]
    assert pip[0] == "/opt/aml-env/bin/python"
    venv, pip = commands(made(spec("image", "six"), dataclasses.replace(PYTHON, uv="/bin/uv")))
    assert venv == ["/bin/uv", "venv", "--python", "/usr/bin/python3", "/opt/aml-env"]
    assert pip[:3] == ["/bin/uv", "pip", "install"]


def test_lines_that_need_conda_are_named_with_their_places() -> None:
    asked = spec(
        "python:3.9", "six", conda=("numpy=1.2", "pip", "r::glue"), image_place="docker.compute",
        places={"numpy=1.2": "deps.yml:5:5", "r::glue": "deps.yml:7:5"},
    )  # fmt: skip
    with pytest.raises(EnvironmentFailed) as failed:
        made(asked, PYTHON)
    assert "deps.yml:5:5 numpy=1.2; deps.yml:7:5 r::glue" in failed.value.message
    assert "python:3.9" in failed.value.message
    assert failed.value.where == "docker.compute"
    assert "baseDockerImage" in failed.value.remedy


def test_a_python_that_the_image_does_not_have() -> None:
    with pytest.raises(EnvironmentFailed, match=r"python=3\.9 is asked for.* has 3\.11\.2 and no conda") as failed:
        made(spec("image", "six", python="=3.9", places={"python": "deps.yml:3:5"}), PYTHON)
    assert failed.value.where == "deps.yml:3:5"
    with pytest.raises(EnvironmentFailed, match="neither Python nor conda"):
        made(spec("image", "six"), Probe())


def test_a_python_that_fails_is_not_told_as_missing() -> None:
    broken = Probe(trouble="/usr/bin/python ended with exit status 9: no licence")
    told = "that works: /usr/bin/python ended with exit status 9: no licence"
    with pytest.raises(EnvironmentFailed, match=told):
        made(spec("image", "six"), broken)
    with pytest.raises(EnvironmentFailed, match=r"exit status 9: no licence.*need it"):
        made(spec("image", conda=("numpy",)), broken)


@pytest.mark.parametrize("volume", ["/opt", "/opt/", "/opt/aml-env", "/"])
def test_a_volume_in_which_packages_would_be_lost(volume: str) -> None:
    with pytest.raises(EnvironmentFailed, match=f"`VOLUME {volume}`.*/opt/aml-env") as failed:
        made(spec("image", "six", image_place="docker.compute:2:1"), PYTHON, volumes=["/data", volume])
    assert failed.value.where == "docker.compute:2:1"
    assert "without that volume" in failed.value.remedy


def test_other_volumes_are_no_matter() -> None:
    assert made(spec("image", "six"), PYTHON, volumes=["/data", "/opt/aml"])


@pytest.mark.parametrize(
    ("version", "constraint", "meets"),
    [
        ("3.9.18", "", True),
        ("3.9.18", "*", True),
        ("3.9.18", "=3.9", True),
        ("3.9.18", "3.9.*", True),
        ("3.9.18", "==3.9", True),
        ("3.9.18", "==3.9.18", True),
        ("3.9.18", "==3.9.1", False),
        ("3.11.2", "=3.1", False),
        ("3.9.18", ">=3.6,<3.8", False),
        ("3.7.1", ">=3.6, <3.8", True),
        ("3.9.18", ">3.9", True),
        ("3.9.0", ">3.9", False),
        ("3.9.18", "<=3.9", False),
        ("3.9.0", "<=3.9", True),
        ("3.9.18", "!=3.9.*", False),
        ("3.9.18", "!=3.9", True),
        ("3.9.18", "~=3.6", True),
        ("3.9.18", "~=3.9.2", True),
        ("3.10.0", "~=3.9.2", False),
        ("3.9.18", "=3.8|=3.9", True),
        ("3.9.18", "=3.9.18=h123_0", True),
        ("3.9.18", "<3", False),
    ],
)
def test_constraints_of_versions(version: str, constraint: str, meets: bool) -> None:
    assert satisfies(tuple(map(int, version.split("."))), constraint) is meets


def test_names_of_packages() -> None:
    assert [name_of(one) for one in ("Numpy>=1", "r::glue=2", "tomli[x]>1", "a-b @ https://x/y.whl")] == [
        "numpy", "glue", "tomli", "a-b",
    ]  # fmt: skip


def test_the_context_is_the_same_bytes_for_the_same_content(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    wheel.write_bytes(b"wheel")
    digest = hashlib.sha256(b"wheel").hexdigest()
    name = f"sent/{digest[:16]}/a.whl"
    asked = spec("image", f"./{name}[x]", f"-c ./{name}", "six", sent=(SentFile(str(wheel), name, digest),))
    one = made(asked, PYTHON)
    assert one.requirements == f"/opt/aml-build/{name}[x]\n-c /opt/aml-build/{name}\nsix\n"
    write_context(asked, one, tmp_path / "1.tar")
    write_context(asked, one, tmp_path / "2.tar")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    with tarfile.open(tmp_path / "1.tar") as tar:
        assert tar.getnames() == ["Dockerfile", ".dockerignore", "requirements.txt", name]
    assert stat.S_IMODE((tmp_path / "1.tar").stat().st_mode) == 0o600
    wheel.write_bytes(b"other")
    with pytest.raises(EnvironmentFailed, match="changed meanwhile"):
        write_context(asked, one, tmp_path / "3.tar")
