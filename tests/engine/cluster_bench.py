"""An engine with a project on the head node of a real YARN, behind OpenSSH's own server."""

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
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeSshd
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
SPARK = """\
configuration:
  spark.executor.memory: 512m
  spark.executor.instances: 1
  spark.executor.cores: 1
repositories: []
packages: []
"""


@contextlib.asynccontextmanager
async def cluster_bench(
    project: Path,
    home: Paths,
    yarn: Yarn,
    make_sshd: MakeSshd,
    person: Person,
    key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[SshBench]:
    """The configuration `far` is for PySpark on this cluster, with settings that let an application be small."""
    sshd = make_sshd(SetEnv=" ".join(f"{name}={value}" for name, value in yarn.environment.items()))
    async with far_bench(project, home, sshd, person, key, monkeypatch, 90.0) as one:
        config = project / "aml_config"
        (config / "far.runconfig").write_text(CONFIG)
        (config / "spark_dependencies.yml").write_text(SPARK)
        (config / "far.compute").write_text(
            COMPUTE.format(address=f"{sshd.address}:{sshd.port}", user=person.name, key=key.path)
        )
        yield one


def living(yarn: Yarn) -> list[str]:
    """The applications that are not over."""
    return [one["id"] for one in yarn.applications() if one["state"] not in ("FINISHED", "FAILED", "KILLED")]
