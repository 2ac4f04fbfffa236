"""PySpark on a real YARN, behind OpenSSH's own server, laid out as a head node is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.drivers import SPARK_UI
from engine.engine import Engine
from engine.runs.model import State
from tests.engine.by_hand import got, run_again, typed
from tests.engine.cluster_bench import cluster_bench, living
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.spark_fixtures import HeadNode
    from tests.services.yarn import Yarn

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240)]

JOB = """\
import os, sys, time
from azureml.core import Run
from pyspark.sql import SparkSession
import helping

run = Run.get_context()
spark = SparkSession.builder.getOrCreate()
print("driver begins", spark.sparkContext.applicationId, sys.argv[1:], flush=True)
total = spark.sparkContext.parallelize(range(100), 2).map(helping.double).sum()
print("total", total, flush=True)
run.log("total", total)
open("outputs/total.txt", "w").write(str(total))
while len(sys.argv) > 1 and not os.path.exists(sys.argv[1]):
    time.sleep(0.1)
"""


@pytest_asyncio.fixture
async def far(
    project: Path, home: Paths, head_node: HeadNode, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    async with cluster_bench(project, home, head_node, monkeypatch) as one:
        one.script("helping.py", "def double(x):\n    return 2 * x\n")
        yield one


async def test_the_whole_way(far: SshBench, yarn: Yarn, head_node: HeadNode) -> None:
    far.script("job.py", JOB)
    go = far.alice.home / "go"
    run = await far.submit("job.py", str(go), "--api-key", "k3y", config="far")
    await until_async(lambda: b"total 9900" in far.log(run), 150)
    # By hand, while it runs: Spark's own pages of this very run, and a shell where its driver is.
    address = (await far.engine.hands.forward(run.id, SPARK_UI, None))["address"]
    assert f"{run.name} - Spark Jobs" in await got(address)
    where, shown = await typed(far, run, f"pwd; echo id=$AZUREML_RUN_ID; touch {go}; exit\n")
    assert where == f"in the directory of {run.name} on far"
    assert f"{far.root}/runs/{run.id}/project\r\n" in shown and f"\nid={run.id}" in shown
    done = await far.end(run, 150)
    text = far.log(run).decode()
    assert (done.state, done.reason) == (State.COMPLETED, ""), text[-3000:]
    assert "total 9900\n" in text
    assert [value for _, _, value in far.store.points(run.id, "total")] == [9900]
    assert (far.paths.host_run(run.id) / "outputs/total.txt").read_text() == "9900"
    (application,) = yarn.applications(applicationTags=f"aml-{run.id.lower()}")
    assert (application["state"], application["finalStatus"]) == ("FINISHED", "SUCCEEDED")
    assert application["name"] == done.name
    again, said = await run_again(far, run, head_node, before="API_KEY=k3y")
    assert (again / "outputs/total.txt").read_text() == "9900"
    assert "total 9900\n" in said
    assert '"total"' in (again / "metrics.jsonl").read_text()
    tag = f"aml-{run.id.lower()}-again"
    assert len(yarn.applications(applicationTags=tag)) == 1
    # Without the cluster, where that is wanted.
    again, said = await run_again(far, run, head_node, before="API_KEY=k3y AML_TUI_SPARK_MASTER='local[2]'")
    assert "driver begins local-" in said and "total 9900\n" in said
    assert len(yarn.applications(applicationTags=tag)) == 1


async def test_cancel_ends_with_the_application(far: SshBench, yarn: Yarn) -> None:
    far.script("job.py", JOB)
    run = await far.submit("job.py", str(far.alice.home / "never"), config="far")
    await until_async(lambda: b"total 9900" in far.log(run), 150)
    assert living(yarn)
    await far.engine.cancel([run.id])
    assert (await far.end(run, 60)).state is State.CANCELED
    assert living(yarn) == []


async def test_an_engine_that_died_finds_it_and_a_script_error_is_told(far: SshBench, yarn: Yarn) -> None:
    go = far.alice.home / "go"
    far.script("job.py", JOB + 'raise KeyError("petal")\n')
    run = await far.submit("job.py", str(go), config="far")
    await until_async(lambda: b"total 9900" in far.log(run), 150)
    await far.engine.stop()
    far.engine = Engine(far.paths)
    await far.engine.start()
    go.write_text("")
    done = await far.end(run, 60)
    assert (done.state, done.reason) == (State.FAILED, "KeyError: 'petal'")
    assert living(yarn) == []
