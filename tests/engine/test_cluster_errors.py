"""What a PySpark script died of is the reason of its run: real Spark on a real YARN, through sshd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.runs.model import State
from tests.engine.cluster_bench import PATIENCE, cluster_bench, spark_dependencies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.engine.ssh_bench import SshBench
    from tests.services.spark_fixtures import HeadNode

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240)]

BEGIN = """\
from pyspark.sql import SparkSession

context = SparkSession.builder.getOrCreate().sparkContext
"""
# A module beside the script reaches executors by itself; the error is made there.
PARSING = """\
class BadRow(Exception):
    pass


def parse(row):
    try:
        return 1 / row
    except ZeroDivisionError as error:
        raise BadRow("row %r is bad:\\n  \\x1b[31mno number" % row) from error
"""
IVY = """\
<ivysettings>
  <settings defaultResolver="none"/>
  <resolvers>
    <filesystem name="none"><artifact pattern="{folder}/none/[artifact]-[revision].[ext]"/></filesystem>
  </resolvers>
</ivysettings>
"""
EXECUTOR = BEGIN + "import parsing\nprint(context.parallelize([1, 0], 1).map(parsing.parse).sum())\n"


@pytest_asyncio.fixture
async def far(
    project: Path, home: Paths, head_node: HeadNode, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    async with cluster_bench(project, home, head_node, monkeypatch) as one:
        yield one


async def begun(far: SshBench, name: str, script: str, packages: str = "", **configuration: str) -> Run:
    """A run of this script, with these settings of its own."""
    spark_dependencies(far.project, packages, **configuration)
    far.script(f"{name}.py", script)
    return await far.submit(f"{name}.py", config="far")


async def test_what_it_died_of(far: SshBench) -> None:
    far.script("parsing.py", PARSING)
    # Of no repository but one that is empty: nothing is asked of the world.
    far.alice.write("ivy.xml", IVY.format(folder=far.alice.home))
    inner = "ZeroDivisionError: division by zero"
    package = "{group: org.nowhere, artifact: nothing, version: '1.0'}"
    runs = {
        "in an executor: parsing.BadRow: row 0 is bad: no number (parsing.py:9)": await begun(
            far, "in_executor", EXECUTOR
        ),
        f"RuntimeError: could not train (in an executor: {inner} (raised.py:5))": await begun(
            far,
            "raised",
            BEGIN
            + "try:\n    context.parallelize([1, 0], 1).map(lambda row: 1 / row).sum()\n"
            + "except Exception as error:\n    raise RuntimeError('could not train') from error\n",
        ),
        "package org.nowhere:nothing:1.0 not found (spark_dependencies.yml names the packages)": await begun(
            far, "packaged", BEGIN, package, jars_ivySettings=str(far.alice.home / "ivy.xml")
        ),
        "YARN has no queue nightly (spark.yarn.queue)": await begun(far, "queued", BEGIN, yarn_queue="nightly"),
        "in an executor: cannot run ./environment/bin/python: No such file or directory": await begun(
            far,
            "without_python",
            BEGIN + "print(context.parallelize([1], 1).map(str).collect())\n",
            pyspark_python="./environment/bin/python",
            pyspark_driver_python="python3",
        ),
    }
    for reason, run in runs.items():
        done = await far.end(run, PATIENCE)
        assert (done.state, done.reason) == (State.FAILED, reason), far.log(run).decode()[-3000:]
