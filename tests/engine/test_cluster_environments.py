"""conda_dependencies.yml on a real YARN: an environment of its own in driver and executors, built once, packed once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from engine.runs.model import State
from tests.engine.far_bench import far_bench
from tests.services.wheels import Index, index

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engine.paths import Paths
    from engine.runs.model import BuildRecord, Run
    from tests.engine.ssh_bench import SshBench
    from tests.services.spark_fixtures import MakeHeadNode
    from tests.services.yarn import Yarn

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240)]

COMPUTE = """\
type: cluster
address: {address}
username: {user}
privateKeyFile: {key}
"""
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


@pytest_asyncio.fixture
async def far(
    project: Path,
    home: Paths,
    yarn: Yarn,
    make_head_node: MakeHeadNode,
    wheels: Index,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[SshBench]:
    node = make_head_node(yarn)
    async with far_bench(project, home, node.sshd, node.person, node.key, monkeypatch, 90.0) as one:
        folder = project / "aml_config"
        (folder / "spark_dependencies.yml").write_text(SPARK)
        (folder / "far.compute").write_text(
            COMPUTE.format(address=f"{node.sshd.address}:{node.sshd.port}", user=node.person.name, key=node.key.path)
        )
        configure(one)
        one.script("job.py", JOB)
        one.script("plain.py", PLAIN)
        needs(one, "aml-leaf==1.0")
        yield one


def configure(far: SshBench, framework: str = "PySpark") -> None:
    (far.project / "aml_config/far.runconfig").write_text(CONFIG.format(framework=framework))


def needs(far: SshBench, *pip: str, conda: str = "") -> None:
    lines = "".join(f"    - {one}\n" for one in pip)
    (far.project / "aml_config/conda_dependencies.yml").write_text(f"dependencies:\n{conda}  - pip:\n{lines}")


def told(far: SshBench, run: Run) -> Any:
    return json.loads((far.paths.host_run(run.id) / "outputs/told.json").read_text())


def builds(far: SshBench) -> list[BuildRecord]:
    return far.store.builds()


async def done(far: SshBench, script: str = "job.py") -> Run:
    run = await far.submit(script, config="far")
    ended = await far.end(run, 200)
    assert (ended.state, ended.reason) == (State.COMPLETED, ""), (ended.reason, far.log(run).decode()[-3000:])
    return ended


async def test_driver_and_executor_run_in_it_and_it_is_built_once(far: SshBench, yarn: Yarn) -> None:
    run = await done(far)
    (build,) = builds(far)
    environment = told(far, run)
    prefix = f"{far.root}/environments/{build.fingerprint}/prefix"
    assert environment["driver"] == [f"{prefix}/bin/python", prefix, "1.0"]
    executable, its, version = environment["executor"]
    assert version == "1.0"
    assert executable.endswith("/environment/bin/python")
    assert its != prefix
    assert its.endswith("/environment")
    assert build.state == "ready"
    assert build.image.startswith("hdfs://")
    assert build.size
    log = Path(build.log).read_text()
    assert "Step 2/4 : pip packages: 1 line\n" in log
    assert "Step 4/4 : copying it to the cluster's storage\n" in log
