"""An engine with a project whose target `far` is the head node of a real YARN."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.engine.far_bench import far_bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.spark_fixtures import HeadNode
    from tests.services.yarn import Yarn

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
Framework: PySpark
PrepareEnvironment: false
"""
# For a person who left nothing out: `packages` as `- group: ...`, `configuration` one setting a line.
SPARK = """\
configuration:
  spark.executor.memory: 512m
{configuration}repositories: []
packages: [{packages}]
"""
AWAY = """\
configuration:
  spark.submit.deployMode: cluster
  spark.executor.memory: 512m
  spark.executor.instances: 1
  spark.executor.cores: 1
repositories: []
packages: []
"""
JOB = """\
import os, sys, time
from azureml.core import Run
from pyspark.sql import SparkSession
import helping
from parts import halving

class Petal(object):
    def double(self, x):
        return halving.half(helping.double(2 * x))

run = Run.get_context()
spark = SparkSession.builder.getOrCreate()
print("driver begins", sys.argv, os.environ["EXAMPLE"], os.path.exists("data/rows.txt"), flush=True)
os.write(1, b"bytes \\xff\\xfe <&>\\n")
total = spark.sparkContext.parallelize(range(100), 2).map(Petal().double).sum()
run.log("total", total)
print("total", total, flush=True)
os.makedirs("outputs/deep", exist_ok=True)
open("outputs/deep/total: 1%.txt", "w").write(str(total))
number = 0
while len(sys.argv) > 2 and not os.path.exists(sys.argv[2]):
    print("line", number, flush=True)
    run.log("number", number)
    number += 1
    time.sleep(0.05)
print("the end after", number, flush=True)
if "fail" in sys.argv:
    raise KeyError("petal")
if "three" in sys.argv:
    sys.exit(3)
"""
# What a script may take from its submission to its end (s).
PATIENCE = 150.0


@contextlib.asynccontextmanager
async def cluster_bench(
    project: Path, home: Paths, head: HeadNode, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    """`SshBench` at work, with the configuration `far`: PySpark in the Python that the head node has."""
    async with far_bench(project, home, head.sshd, head.person, head.key, monkeypatch, 90.0) as one:
        config = project / "aml_config"
        (config / "far.runconfig").write_text(CONFIG)
        address = f"{head.sshd.address}:{head.sshd.port}"
        (config / "far.compute").write_text(COMPUTE.format(address=address, user=head.person.name, key=head.key.path))
        if not (config / "spark_dependencies.yml").exists():
            spark_dependencies(project)
        yield one


def spark_dependencies(project: Path, packages: str = "", **configuration: str) -> None:
    """`configuration`: names after `spark.`, with `_` for the dots."""
    settings = "".join(f"  spark.{name.replace('_', '.')}: {value}\n" for name, value in configuration.items())
    text = SPARK.format(configuration=settings, packages=packages)
    (project / "aml_config" / "spark_dependencies.yml").write_text(text)


def living(yarn: Yarn) -> list[str]:
    """The applications that are not over."""
    return [one["id"] for one in yarn.applications() if one["state"] not in ("FINISHED", "FAILED", "KILLED")]


def with_a_job(bench: SshBench) -> None:
    """The script `job.py`, which `far` runs in cluster mode, and `near` in client mode."""
    config = bench.project / "aml_config"
    plain = (config / "far.runconfig").read_text()
    (config / "away.yml").write_text(AWAY)
    variables = 'EnvironmentVariables:\n  EXAMPLE: "a secret word"\n'
    (config / "near.runconfig").write_text(plain + variables)
    (config / "far.runconfig").write_text(f"{plain}SparkDependenciesFile: aml_config/away.yml\n{variables}")
    with (config / "far.compute").open("a") as file:
        file.write("slots: 8\n")
    bench.script("helping.py", "def double(x):\n    return 2 * x\n")
    (bench.project / "parts").mkdir()
    (bench.project / "parts/__init__.py").write_text("")
    (bench.project / "parts/halving.py").write_text("def half(x):\n    return x // 2\n")
    (bench.project / "data").mkdir()
    (bench.project / "data/rows.txt").write_text("1\n")
    bench.script("job.py", JOB)


def lines(log: bytes) -> list[bytes]:
    """What the job counts."""
    return [line for line in log.splitlines() if line.startswith(b"line ")]
