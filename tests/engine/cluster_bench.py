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
