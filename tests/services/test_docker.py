"""The services of the tests are what they claim to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.services import ownership
from tests.services.docker import DockerEngine, wait_for_state
from tests.services.docker import bare_image as load_bare_image
from tests.services.sweeping import sweep

if TYPE_CHECKING:
    from tests.services.ssh_fixtures import MakeDockerEngine, MakeMachine, MakePerson

KILLED = """
from tests.services.docker import DockerEngine, bare_image
engine = DockerEngine()
engine.start()
engine.docker("run", "-d", "--name", "one", bare_image(engine), "sleep", "600")
print(engine.root, engine.docker("inspect", "-f", "{{.State.Pid}}", "one"), flush=True)
input()
"""


def test_python_of_the_image_makes_environments(docker_engine: DockerEngine, python_image: str) -> None:
    said = docker_engine.docker(
        "run",
        "--rm",
        "--network",
        "none",
        python_image,
        "sh",
        "-c",
        "python -m venv /tmp/v && /tmp/v/bin/pip --version",
    )
    assert said.startswith("pip ")


def test_the_bare_image_has_a_shell_and_the_empty_one_has_none(
    docker_engine: DockerEngine, bare_image: str, empty_image: str
) -> None:
    assert docker_engine.docker("run", "--rm", bare_image, "sh", "-c", "which python || echo none") == "none"
    assert docker_engine.docker("run", "--rm", empty_image, "/busybox", "echo", "hello") == "hello"


@pytest.mark.leaves("the daemon that the session goes on with")
def test_containers_outlive_a_killed_engine(bare_image: str, docker_engine: DockerEngine) -> None:
    docker_engine.docker("run", "-d", "--init", "--name", "outlives", bare_image, "sleep", "600")
    try:
        docker_engine.kill()
    finally:
        docker_engine.start()
    wait_for_state(docker_engine, "outlives", "running")
    docker_engine.docker("rm", "-f", "outlives")


def test_nothing_is_left_of_a_closed_engine() -> None:
    engine = DockerEngine()
    engine.start()
    engine.kill()
    engine.close()
    assert not engine.root.exists()
    assert str(engine.root) not in Path("/proc/self/mounts").read_text()


def test_nothing_is_left_of_a_killed_test_process(docker_needed: None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        root, pid = other.stdout.readline().split()
        other.kill()
    assert Path("/proc", pid).exists()
    sweep()
    assert not Path(root).exists()
    assert root not in Path("/proc/self/mounts").read_text()
    assert ownership.processes(lambda entry: entry.name == pid) == []


def test_an_engine_of_another_machine_for_who_is_in_a_group(
    make_docker_engine: MakeDockerEngine, make_machine: MakeMachine, make_person: MakePerson
) -> None:
    machine, member, other = make_machine("gpu-a"), make_person("member"), make_person("other")
    engine = make_docker_engine(machine, member.name)
    assert member.run("docker", "-H", engine.url, "info", "--format", "{{.Name}}") == "gpu-a"
    with pytest.raises(subprocess.CalledProcessError) as refused:
        other.run("docker", "-H", engine.url, "info")
    assert b"permission denied" in refused.value.stderr
    said = engine.docker("run", "--rm", "--network", "host", load_bare_image(engine), "ip", "addr")
    assert machine.address in said
