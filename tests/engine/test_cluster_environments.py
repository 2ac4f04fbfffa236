"""conda_dependencies.yml on a real YARN: an environment of its own in driver and executors, built once, packed once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from engine import paths
from engine.async_client import Client
from engine.engine import Engine
from engine.errors import EnvironmentFailed
from engine.lock import holder, is_held
from engine.runs.model import State
from tests.engine.by_hand import run_again
from tests.engine.cluster_bench import COMPUTE
from tests.engine.conftest import Bench
from tests.engine.far_bench import far_bench
from tests.services import conda, ownership
from tests.services.wheels import Index, index
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engine.paths import Paths
    from engine.runs.model import BuildRecord, Run
    from tests.engine.ssh_bench import SshBench
    from tests.services.spark_fixtures import HeadNode, MakeHeadNode
    from tests.services.yarn import Yarn

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]

CONFIG = """\
ArgumentVector:
  - "$file"
Target: far
Framework: {framework}
PrepareEnvironment: true
"""
SPARK = "configuration:\n  spark.executor.instances: 1\nrepositories: []\npackages: []\n"
# What driver and executor run in, and the version of a package that is nowhere else.
JOB = """\
import json, sys
from pyspark.sql import SparkSession

def seen(_):
    import aml_leaf
    return [sys.executable, sys.prefix, aml_leaf.VERSION]

spark = SparkSession.builder.getOrCreate()
told = {"driver": seen(0), "executor": spark.sparkContext.parallelize([0], 1).map(seen).collect()[0]}
open("outputs/told.json", "w").write(json.dumps(told))
"""
PLAIN = """\
import json, sys
import aml_leaf
open("outputs/told.json", "w").write(json.dumps([sys.executable, sys.prefix, aml_leaf.VERSION]))
"""


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with index(tmp_path / "index") as one:
        monkeypatch.setenv("PIP_INDEX_URL", one.url)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "UV_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        one.add("aml_leaf", "1.0")
        one.add("aml_leaf", "2.0")
        yield one


@pytest.fixture
def node(yarn: Yarn, make_head_node: MakeHeadNode) -> HeadNode:
    """A head node whose own variables name another Python for Spark."""
    one = make_head_node(yarn)
    variables = {**yarn.environment, "PYSPARK_PYTHON": "/nowhere/python", "PYSPARK_DRIVER_PYTHON": "/nowhere/python"}
    variables["PATH"] = f"{one.bin}:{variables['PATH']}"
    one.sshd.set_options(SetEnv=" ".join(f"{name}={value}" for name, value in variables.items()))
    one.sshd.restart()
    return one


@pytest_asyncio.fixture
async def far(
    project: Path, home: Paths, node: HeadNode, wheels: Index, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    async with far_bench(project, home, node.sshd, node.person, node.key, monkeypatch, 90.0) as one:
        (project / "aml_config/spark_dependencies.yml").write_text(SPARK)
        attach(one, "far", node)
        configure(one)
        one.script("job.py", JOB)
        one.script("plain.py", PLAIN)
        needs(one, "aml-leaf==1.0")
        yield one


def attach(far: SshBench, name: str, node: HeadNode) -> None:
    address = f"{node.sshd.address}:{node.sshd.port}"
    (far.project / f"aml_config/{name}.compute").write_text(
        COMPUTE.format(address=address, user=node.person.name, key=node.key.path)
    )


def configure(far: SshBench, framework: str = "PySpark") -> None:
    (far.project / "aml_config/far.runconfig").write_text(CONFIG.format(framework=framework))


def needs(far: SshBench, *pip: str, conda: tuple[str, ...] = (), channel: str = "") -> None:
    """The conda file asks for this; pip's first line is line 3 when conda has none."""
    channels = f"channels:\n  - {channel}\n" if channel else ""
    specs = "".join(f"  - {one}\n" for one in conda)
    lines = "".join(f"    - {one}\n" for one in pip)
    (far.project / "aml_config/conda_dependencies.yml").write_text(f"{channels}dependencies:\n{specs}  - pip:\n{lines}")


def told(far: SshBench, run: Run) -> Any:
    return json.loads((far.paths.host_run(run.id) / "outputs/told.json").read_text())


def builds(far: SshBench) -> list[BuildRecord]:
    """The newest first."""
    return far.store.builds()


def kept(far: SshBench) -> list[str]:
    """Folders of environments on the head node, and runs of builds."""
    folders = [far.root / "environments", *(far.root / "runs").glob("environment-*")]
    return sorted(path.name for path in (*folders[0].glob("*"), *folders[1:]))


def stored(node: HeadNode, build: BuildRecord) -> str:
    """What HDFS tells of the archive: its time and size; "" when it is not there."""
    return node.ssh("hadoop", "fs", "-stat", "%y %b", build.image).stdout.strip()


async def ends_well(far: SshBench, run: Run, seconds: float = 200) -> None:
    ended = await far.end(run, seconds)
    assert (ended.state, ended.reason) == (State.COMPLETED, ""), (ended.reason, far.log(run).decode()[-3000:])


async def done(far: SshBench, script: str = "job.py", config: str = "far") -> Run:
    run = await far.submit(script, config=config)
    await ends_well(far, run)
    return run


async def prepared(far: SshBench) -> BuildRecord:
    answer = await far.engine.prepare(far.request("job.py", config="far"))
    assert answer["state"] == "building"
    await until_async(lambda: far.store.build(answer["build"]).over, 120)
    build = far.store.build(answer["build"])
    assert build.state == "ready", build.error
    return build


async def test_driver_and_executor_run_in_it_and_it_is_built_once(far: SshBench, node: HeadNode) -> None:
    run = await done(far)
    (build,) = builds(far)
    environment = told(far, run)
    prefix = f"{far.root}/environments/{build.fingerprint}/prefix"
    # Run again by its script, without a cluster: in the Python that is named then.
    folder, _ = await run_again(far, run, node, before=f"AML_TUI_SPARK_MASTER='local[2]' PYTHON={prefix}/bin/python")
    alone = json.loads((folder / "outputs/told.json").read_text())
    assert {who: alone[who][0] for who in ("driver", "executor")} == dict.fromkeys(
        ("driver", "executor"), f"{prefix}/bin/python"
    )
    assert environment["driver"] == [f"{prefix}/bin/python", prefix, "1.0"]
    executable, its, version = environment["executor"]
    assert (version, Path(executable).parent, Path(its).name) == ("1.0", Path(its) / "bin", "environment")
    assert its != prefix
    assert (build.state, build.image.startswith("hdfs://"), bool(build.size)) == ("ready", True, True)
    log = Path(build.log).read_text()
    assert "Step 2/4 : pip packages: 1 line\n" in log
    assert "Step 4/4 : copying it to the cluster's storage\n" in log
    # The second run, with its driver on the cluster, finds all of it, also in the storage, where YARN knows its time.
    before = stored(node, build)
    assert before
    with (far.project / "aml_config/far.compute").open("a") as compute:
        compute.write("yarnDeployMode: cluster\n")
    again = await done(far)
    environment = told(far, again)
    assert [environment[who][2] for who in ("driver", "executor")] == ["1.0", "1.0"]
    assert [Path(environment[who][1]).name for who in ("driver", "executor")] == ["environment", "environment"]
    attach(far, "far", node)
    assert (len(builds(far)), stored(node, build)) == (1, before)
    assert far.store.environment_of(again.id) == (build.fingerprint, build.image)
    assert kept(far) == [build.fingerprint]
    # What the files say has changed: another one, beside it.
    needs(far, "aml-leaf==2.0")
    other = await done(far)
    assert [told(far, other)[who][2] for who in ("driver", "executor")] == ["2.0", "2.0"]
    assert sorted(one.fingerprint for one in builds(far)) == kept(far)


async def test_what_is_kept_is_told_and_pruned(far: SshBench, node: HeadNode) -> None:
    build = await prepared(far)
    assert stored(node, build)
    (one,) = (await far.engine.environments(far.host))["environments"]
    assert (one["fingerprint"], one["host"], one["image"]) == (build.fingerprint, far.host, build.image)
    assert (one["configurations"], one["in_use"], one["size"]) == (["iris/far"], [], build.size)
    ready = await far.engine.prepare(far.request("job.py", config="far"))
    assert (ready["state"], ready["image"]) == ("ready", build.image)
    assert (await far.engine.prune(far.host, None, False, False))["removed"] == []
    # Somebody tidied up in the storage: it is packed again from the folder, and nothing is installed again.
    node.ssh("hadoop", "fs", "-rm", "-skipTrash", build.image)
    assert stored(node, build) == ""
    healed = await prepared(far)
    assert (healed.image, healed.steps, bool(stored(node, build))) == (build.image, 2, True)
    needs(far, "aml-leaf==2.0")
    other = await prepared(far)
    (old,) = [one for one in (await far.engine.environments(far.host))["environments"] if not one["configurations"]]
    assert old["fingerprint"] == build.fingerprint
    gone = await far.engine.prune(far.host, None, False, False)
    assert (gone["removed"], gone["freed"], gone["refused"]) == ([build.fingerprint], build.size, {})
    assert (kept(far), stored(node, build), bool(stored(node, other))) == ([other.fingerprint], "", True)


async def test_a_script_of_python_runs_in_it_on_the_head_node(far: SshBench) -> None:
    """Which needs no archive; what PySpark asks for later is packed from the same folder."""
    configure(far, "Python")
    run = await done(far, "plain.py")
    (build,) = builds(far)
    prefix = f"{far.root}/environments/{build.fingerprint}/prefix"
    assert told(far, run) == [f"{prefix}/bin/python", prefix, "1.0"]
    assert (build.image, build.steps) == (prefix, 2)
    configure(far)
    packed = await prepared(far)
    assert (packed.fingerprint, packed.steps) == (build.fingerprint, 2)
    assert packed.image.startswith("hdfs://")


async def test_where_the_storage_takes_nothing_the_archive_is_sent_with_each_run(far: SshBench, node: HeadNode) -> None:
    for name in ("hadoop", "hdfs"):
        node.put(name, "#!/bin/sh\necho 'put: Permission denied: user=somebody' >&2\nexit 1\n")
    run = await done(far)
    (build,) = builds(far)
    assert build.image == f"{far.root}/environments/{build.fingerprint}/environment.tar.gz"
    assert told(far, run)["executor"][2] == "1.0"
    assert "Permission denied: user=somebody\nThe archive stays on the head node" in Path(build.log).read_text()


async def test_a_line_that_cannot_be_had_is_named(far: SshBench) -> None:
    needs(far, "aml-leaf", "aml-thorn==3.1")
    run = await far.submit("job.py", config="far")
    ended = await far.end(run, 120)
    assert ended.state is State.FAILED
    assert "aml_config/conda_dependencies.yml:4:7" in ended.reason
    assert "pip packages: 2 lines" in ended.reason
    assert "aml-thorn==3.1" in ended.reason
    assert kept(far) == []
    (build,) = builds(far)
    assert (build.state, build.error) == ("failed", ended.reason)
    assert "No matching distribution found for aml-thorn" in Path(build.log).read_text()


async def test_a_cancel_ends_the_build(far: SshBench, node: HeadNode, wheels: Index) -> None:
    wheels.gate.clear()
    run = await far.submit("job.py", config="far")
    await until_async(lambda: builds(far) and builds(far)[0].step == 2, 120)
    await until_async(lambda: any("pip install" in line for line in node.person.processes().values()), 60)
    await far.engine.cancel([run.id])
    assert (await far.end(run, 60)).state is State.CANCELED
    assert not any("aml_agent.building" in line or "pip" in line for line in node.person.processes().values())
    assert kept(far) == []
    assert [one.state for one in builds(far)] == ["canceled"]


async def test_contact_is_lost_meanwhile(far: SshBench, node: HeadNode, wheels: Index) -> None:
    """The build does not notice, and no line of its log is missing or there twice."""
    wheels.gate.clear()
    configure(far, "Python")
    run = await far.submit("plain.py", config="far")
    await until_async(lambda: builds(far) and builds(far)[0].step == 2, 120)
    node.sshd.stop()
    node.sshd.drop()
    await until_async(lambda: far.engine.status()["hosts"][far.host] != "connected", 60)
    wheels.gate.set()
    await until_async(lambda: list((far.root / "environments").glob("*/ready.json")), 60)
    node.sshd.start()
    await ends_well(far, run)
    (build,) = builds(far)
    log = Path(build.log).read_text()
    assert [log.count(line) for line in ("Step 1/2", "Step 2/2", "Successfully installed aml-leaf-1.0")] == [1, 1, 1]


async def test_the_engine_is_killed_meanwhile(far: SshBench, wheels: Index) -> None:
    """The next one takes up the same build: nothing is begun twice, and the run completes."""
    await far.engine.stop()
    wheels.gate.clear()
    configure(far, "Python")
    client = await Client.connect(far.paths)
    pid = holder(far.paths.engine_lock)["pid"]
    try:
        run = far.store.run((await client.submit(far.request("plain.py", config="far")))["run_id"])
        await until_async(lambda: builds(far) and builds(far)[0].step == 2, 120)
        process = (far.root / "runs" / f"environment-{builds(far)[0].fingerprint}" / "status/process.json").read_text()
    finally:
        os.kill(pid, signal.SIGKILL)
        await client.close()
        await until_async(lambda: not is_held(far.paths.engine_lock), 30)
        far.engine = Engine(far.paths)
        await far.engine.start()
    await until_async(lambda: builds(far)[0].step == 2 and builds(far)[0].state == "building", 60)
    # Letting go of it does not end it either, as long as a run waits.
    await far.engine.stop()
    far.engine = Engine(far.paths)
    await far.engine.start()
    await until_async(lambda: len(builds(far)) == 3 and builds(far)[0].step == 2, 60)
    folder = far.root / "runs" / f"environment-{builds(far)[0].fingerprint}"
    assert (folder / "status/process.json").read_text() == process
    wheels.gate.set()
    await ends_well(far, run)
    assert [one.state for one in builds(far)] == ["ready", "canceled", "canceled"]
    assert kept(far) == [builds(far)[0].fingerprint]


async def test_two_engines_build_it_once(
    far: SshBench, node: HeadNode, wheels: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one person, on two machines: the second finds the first one's process, and both have the whole log."""
    monkeypatch.setenv("AML_TUI_HOME", str(tmp_path / "another home"))
    other = Bench(far.project, paths.current())
    other.paths.make()
    await other.engine.start()
    try:
        wheels.gate.clear()
        request = far.request("job.py", config="far")
        first, second = await asyncio.gather(far.engine.prepare(request), other.engine.prepare(request))
        records = [(far.store, first["build"]), (other.store, second["build"])]
        await until_async(lambda: all(store.build(build).step == 2 for store, build in records), 120)
        making = [line for line in node.person.processes().values() if "aml_agent.building.main" in line]
        assert len(making) == 1
        wheels.gate.set()
        await until_async(lambda: all(store.build(build).over for store, build in records), 120)
        ended = [store.build(build) for store, build in records]
        assert [(one.state, one.error) for one in ended] == [("ready", ""), ("ready", "")]
        assert ended[0].image == ended[1].image
        assert kept(far) == [ended[0].fingerprint]
        # Each engine's store knows only what its own configurations need.
        for one in ended:
            assert Path(one.log).read_text().count("Successfully installed aml-leaf-1.0") == 1
        told = [await one.engine.environments(far.host) for one in (far, other)]
        assert sorted(bool(one["environments"][0]["in_use"]) for one in told) == [False, True]
    finally:
        await other.close()


async def test_two_people_have_two_environments(far: SshBench, yarn: Yarn, make_head_node: MakeHeadNode) -> None:
    other = make_head_node(yarn)
    attach(far, "other", other)
    known = (far.project.parent / "known_hosts").read_text()
    (far.project.parent / "known_hosts").write_text(known + other.sshd.known_hosts())
    configure(far, "Python")
    config = (far.project / "aml_config/far.runconfig").read_text()
    lines = config.replace("Target: far", "Target: other")
    (far.project / "aml_config/other.runconfig").write_text(f"{lines}CondaDependenciesFile: other.yml\n")
    (far.project / "aml_config/other.yml").write_text("dependencies:\n  - pip:\n    - aml-leaf==2.0\n")
    first, second = await far.submit("plain.py", config="far"), await far.submit("plain.py", config="other")
    await ends_well(far, first)
    await ends_well(far, second)
    assert [told(far, run)[2] for run in (first, second)] == ["1.0", "2.0"]
    assert told(far, first)[0].startswith(str(far.alice.home))
    assert told(far, second)[0].startswith(str(other.person.home))
    assert len({one.host for one in builds(far)}) == 2


@pytest.fixture
def with_conda(node: HeadNode) -> Iterator[str]:
    """The head node has a conda; the address of a channel for it."""
    folder = ownership.new_folder("conda")
    try:
        script, channel = conda.conda_in(folder)
        node.put("conda", script)
        yield channel
    finally:
        ownership.remove_folder(folder)


async def test_conda_and_pip_on_top_of_it(far: SshBench, with_conda: str) -> None:
    needs(far, "aml-leaf==1.0", conda=("python", "aml-hello=1.0"), channel=with_conda)
    far.script(
        "job.py", JOB.replace("import aml_leaf", "import aml_leaf, aml_hello; assert aml_hello.VERSION == '1.0'")
    )
    run = await done(far)
    (build,) = builds(far)
    environment = told(far, run)
    prefix = f"{far.root}/environments/{build.fingerprint}/prefix"
    assert environment["driver"] == [f"{prefix}/bin/python", prefix, "1.0"]
    assert environment["executor"][1:] != environment["driver"][1:]
    assert environment["executor"][2] == "1.0"
    assert "conda packages: 2 specs" in Path(build.log).read_text()


async def test_what_only_conda_has_is_refused_where_there_is_none(far: SshBench) -> None:
    needs(far, "aml-leaf==1.0", conda=("numpy=1.16",))
    with pytest.raises(EnvironmentFailed) as caught:
        await far.engine.prepare(far.request("job.py", config="far"))
        await until_async(lambda: builds(far)[0].over, 60)
        raise EnvironmentFailed(builds(far)[0].error)
    assert "aml_config/conda_dependencies.yml:2:5 numpy=1.16" in str(caught.value)
    assert "has no conda, mamba or micromamba" in str(caught.value)
