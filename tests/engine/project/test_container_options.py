"""Arguments for `docker run` are checked where they are written, not when a container is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ProjectError
from engine.project.check import check
from engine.project.container_options import docker_arguments

if TYPE_CHECKING:
    from pathlib import Path


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


def test_what_submit_refuses_is_told_by_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "aml_config"
    folder.mkdir()
    (folder / "copied.compute").write_text(
        "type: docker\nbaseDockerImage: python:3\nsharedVolumes: false\nnativeSharedDirectory: ~/shared\n"
    )
    (folder / "limited.compute").write_text("type: docker\nbaseDockerImage: python:3\nmemory: 1k\n")
    (tmp_path / "train.py").write_text("")
    for name, target in (("copied", "copied"), ("again", "copied"), ("limited", "limited")):
        text = f"ArgumentVector:\n  - train.py\nTarget: {target}\nFramework: Python\nPrepareEnvironment: true\n"
        (folder / f"{name}.runconfig").write_text(text)
    assert [str(one) for one in check(tmp_path)] == [
        "aml_config/copied.compute: nativeSharedDirectory needs `sharedVolumes: true` on a Docker target. "
        "Set `sharedVolumes: true`, or take `nativeSharedDirectory` out.",
        "aml_config/limited.compute: --memory must be 6m or more, not '1k'. Correct it.",
    ]
