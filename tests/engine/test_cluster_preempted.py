"""A real YARN that takes containers away from an application, for one of a queue that has a right to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.runs.model import State
from tests.engine.cluster_bench import CONFIG, SPARK, cluster_bench, living
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from tests.services.spark_fixtures import MakeHeadNode, MakeYarn

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]

POLICY = "yarn.resourcemanager.monitor.capacity.preemption."
# What YARN does in minutes as it comes, at once.
TAKES = {
    "yarn.resourcemanager.scheduler.monitor.enable": True,
    f"{POLICY}monitoring_interval": 200,
    f"{POLICY}max_wait_before_kill": 200,
    f"{POLICY}total_preemption_per_round": 1.0,
    f"{POLICY}natural_termination_factor": 1.0,
}
SCRIPT = """\
import os, sys, time
from pyspark.sql import SparkSession
context = SparkSession.builder.getOrCreate().sparkContext
print("begins", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
print(context.parallelize(range(100), 2).sum(), flush=True)
"""


async def test_what_is_taken_away_is_told(
    project: Path, home: Paths, make_yarn: MakeYarn, make_head_node: MakeHeadNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room for four containers, half of it by right of either queue."""
    yarn = make_yarn(memory=4096, queues={"default": 50, "night": 50}, properties=TAKES)
    async with cluster_bench(project, home, make_head_node(yarn), monkeypatch) as far:
        config = project / "aml_config"
        for queue, executors in (("default", 3), ("night", 1)):
            asked = f"  spark.yarn.queue: {queue}\n  spark.executor.instances: {executors}\n"
            (config / f"{queue}.yml").write_text(SPARK.format(configuration=asked, packages=""))
            (config / f"{queue}.runconfig").write_text(f"{CONFIG}SparkDependenciesFile: aml_config/{queue}.yml\n")
        far.script("job.py", SCRIPT)
        first_may_end, second_may_end = yarn.layout.scratch / "first", yarn.layout.scratch / "second"
        first = await far.submit("job.py", str(first_may_end), config="default")
        await until_async(lambda: far.run(first).progress.startswith("4 containers, "), 150)
        second = await far.submit("job.py", str(second_may_end), config="night")
        await until_async(lambda: far.run(second).progress.startswith("2 containers, "), 150)
        # What is left of it, and why.
        await until_async(lambda: far.run(first).progress == "2 containers, 2 vcores, 2.0 GB, 2 taken away by YARN", 30)
        second_may_end.touch()
        done = await far.end(second, 90)
        assert (done.state, done.reason) == (State.COMPLETED, ""), far.log(second)[-3000:]
        # It has them again, and goes on as if nothing had been.
        await until_async(lambda: far.run(first).progress == "4 containers, 4 vcores, 4.0 GB, 2 taken away by YARN", 60)
        first_may_end.touch()
        done = await far.end(first, 90)
        assert (done.state, done.reason) == (State.COMPLETED, ""), far.log(first)[-3000:]
        assert b"4950" in far.log(first).splitlines()
        assert living(yarn) == []
