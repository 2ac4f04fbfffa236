"""Runs in containers on a machine over SSH: a real Docker Engine behind OpenSSH's own server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.runs.model import State
from tests.engine import telling
from tests.engine.far_bench import far_bench
from tests.services import docker
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.docker import DockerEngine
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeDockerEngine, MakeSshd

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

COMPUTE = """\
type: remotedocker
address: {address}
username: {user}
privateKeyFile: {key}
baseDockerImage: {image}
sharedVolumes: {shared}
nativeSharedDirectory: {share}
"""


@pytest_asyncio.fixture
async def far(
    project: Path,
    home: Paths,
    make_sshd: MakeSshd,
    make_docker_engine: MakeDockerEngine,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[SshBench, DockerEngine]]:
    engine = make_docker_engine(group=alice.name)
    sshd = make_sshd(SetEnv=[f"DOCKER_HOST={engine.url}"])
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch, 60.0) as one:
        image = docker.python_image(engine)
        for name, shared in (("far", "true"), ("copied", "false")):
            (project / f"aml_config/{name}.compute").write_text(
                COMPUTE.format(
                    address=f"{sshd.address}:{sshd.port}",
                    user=alice.name,
                    key=alice_key.path,
                    image=image,
                    shared=shared,
                    share="~/share" if shared == "true" else "",
                )
            )
        text = (
            (project / "aml_config/far.runconfig")
            .read_text()
            .replace("PrepareEnvironment: false", "PrepareEnvironment: true")
        )
        (project / "aml_config/far.runconfig").write_text(text)
        (project / "aml_config/copied.runconfig").write_text(text.replace("Target: far", "Target: copied"))
        yield one, engine


SCRIPT = """
import os
from azureml.core import Run
run = Run.get_context()
print("in a container:", os.path.exists("/.dockerenv"), os.getuid(), os.environ["AZUREML_TARGET_TYPE"])
print("share:", os.environ.get("AZUREML_NATIVE_SHARE_DIRECTORY"))
if "AZUREML_NATIVE_SHARE_DIRECTORY" in os.environ:
    open(os.environ["AZUREML_NATIVE_SHARE_DIRECTORY"] + "kept", "w").write("x")
run.log("loss", 0.5)
open("outputs/model.txt", "w").write("weights")
"""


@pytest.mark.parametrize("config", ["far", "copied"])
async def test_the_whole_way(far: tuple[SshBench, DockerEngine], config: str) -> None:
    bench, engine = far
    bench.script("train.py", SCRIPT)
    run = await bench.submit("train.py", config=config)
    done = await bench.end(run, 60)
    assert (done.state, done.reason) == (State.COMPLETED, "")
    assert f"in a container: True {bench.alice.uid} remotedocker\n" in bench.log(run).decode()
    assert bench.log(run) == bench.host_log(run)
    assert [value for _, _, value in bench.store.points(run.id, "loss")] == [0.5]
    assert (bench.paths.host_run(run.id) / "outputs/model.txt").read_text() == "weights"
    if config == "far":
        assert (bench.alice.home / f"share/{bench.project.name}/kept").stat().st_uid == bench.alice.uid
    assert engine.docker("ps", "-aq") == ""
    assert len(bench.sshd.logins) == 1


@pytest.mark.parametrize("config", ["far", "copied"])
async def test_stdout_and_stderr_are_told_apart(far: tuple[SshBench, DockerEngine], config: str) -> None:
    bench, _ = far
    bench.script("both.py", telling.SCRIPT)
    telling.check(bench.paths, await bench.end(await bench.submit("both.py", config=config), 60))


async def test_a_run_in_a_container_outlives_its_connection(far: tuple[SshBench, DockerEngine]) -> None:
    bench, engine = far
    bench.script(
        "train.py",
        """
        import os, time
        print("begun", flush=True)
        while not os.path.exists("/azureml-share/go"):
            time.sleep(0.05)
        print("the end", flush=True)
        """,
    )
    run = await bench.submit("train.py", config="far")
    await until_async(lambda: b"begun" in bench.log(run), 120)
    bench.sshd.drop()
    (bench.alice.home / f"share/{bench.project.name}/go").write_text("")
    done = await bench.end(run, 60)
    assert (done.state, done.exit_code) == (State.COMPLETED, 0)
    assert bench.log(run) == b"begun\nthe end\n"
    assert engine.docker("ps", "-aq") == ""
