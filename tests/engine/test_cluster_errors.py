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


async def failed(far: SshBench, script: str) -> Run:
    far.script("job.py", script)
    run = await far.submit("job.py", config="far")
    done = await far.end(run, PATIENCE)
    assert done.state is State.FAILED, far.log(run).decode()[-3000:]
    return done


async def test_an_error_in_an_executor(far: SshBench) -> None:
    far.script("parsing.py", PARSING)
    done = await failed(far, EXECUTOR)
    assert done.reason == "in an executor: parsing.BadRow: row 0 is bad: no number (parsing.py:9)"


async def test_an_error_in_an_executor_that_the_script_raises_another_from(far: SshBench) -> None:
    done = await failed(
        far,
        BEGIN
        + "try:\n    context.parallelize([1, 0], 1).map(lambda row: 1 / row).sum()\n"
        + "except Exception as error:\n    raise RuntimeError('could not train') from error\n",
    )
    cause = "in an executor: ZeroDivisionError: division by zero (job.py:5)"
    assert done.reason == f"RuntimeError: could not train ({cause})"


async def test_a_package_that_there_is_not(far: SshBench, project: Path) -> None:
    # Of no repository but one that is empty: nothing is asked of the world.
    package = "{group: org.nowhere, artifact: nothing, version: '1.0'}"
    far.alice.write("ivy.xml", IVY.format(folder=far.alice.home))
    spark_dependencies(project, package, jars_ivySettings=str(far.alice.home / "ivy.xml"))
    done = await failed(far, BEGIN)
    told = "package org.nowhere:nothing:1.0 not found (spark_dependencies.yml names the packages)"
    assert done.reason == told


async def test_a_queue_that_there_is_not(far: SshBench, project: Path) -> None:
    spark_dependencies(project, yarn_queue="nightly")
    done = await failed(far, BEGIN)
    assert done.reason == "YARN has no queue nightly (spark.yarn.queue)"


async def test_executors_without_their_python(far: SshBench, project: Path) -> None:
    spark_dependencies(project, pyspark_python="./environment/bin/python", pyspark_driver_python="python3")
    done = await failed(far, BEGIN + "print(context.parallelize([1], 1).map(str).collect())\n")
    assert done.reason == "in an executor: cannot run ./environment/bin/python: No such file or directory"
