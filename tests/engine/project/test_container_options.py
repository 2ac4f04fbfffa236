"""Arguments for `docker run` are checked where they are written, not when a container is made."""

from __future__ import annotations

import pytest

from engine.errors import ProjectError
from engine.project.container_options import docker_arguments


def test_arguments_as_people_write_them() -> None:
    written = ["--shm-size", "2g", "-m=512m", "--ulimit nofile=1024:2048", "-e", "A=b c", "--rm", "-it", "--privileged"]
    assert docker_arguments(written, "x.runconfig") == {
        "shm_size": 2 << 30,
        "memory": 512 << 20,
        "ulimits": ["nofile=1024:2048"],
        "variables": ["A=b c"],
        "privileged": True,
    }
    assert docker_arguments(["--memory-swap", "-1", "--gpus", "device=0,1", "--cpus=1.5"], "") == {
        "memory_swap": -1,
        "gpus": "device=0,1",
        "cpus": 1.5,
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["--ulimit", "nofile=abc"], "nofile=1024:2048"),
        (["--gpus", "some"], "`all`"),
        (["--cpus", "-1"], "above 0"),
        (["--cpus", "many"], "above 0"),
        (["-m", "1k"], "6m or more"),
        (["--memory", "lots"], "size"),
        (["--memory"], "no value"),
        (["--name", "mine"], "not taken by runs"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(written: list[str], said: str) -> None:
    with pytest.raises(ProjectError) as told:
        docker_arguments(written, "aml_config/x.runconfig")
    assert said in told.value.message
    assert told.value.where == "aml_config/x.runconfig"
    assert told.value.remedy
