"""A cluster for a measurement: a real YARN with its head node, a machine of its own that is reached over SSH."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bench.far import FarHosts
from tests.services import hadoop
from tests.services.yarn import Yarn

if TYPE_CHECKING:
    from bench.far import FarHost, Master
    from bench.installation import Installation

COMPUTE = "type: cluster\naddress: {address}\nusername: {user}\nprivateKeyFile: {key}\nslots: {slots}\n"
RUNCONFIG = 'ArgumentVector:\n  - "$file"\nTarget: far\nFramework: PySpark\nPrepareEnvironment: {prepare}\n'
# One executor each, as small as they are: what is measured is not their work.
SPARK = """\
configuration:
  spark.executor.instances: 1
  spark.executor.cores: 1
  spark.executor.memory: 512m
repositories: []
packages: []
"""
# An application that is there to be followed: its driver in a container of YARN's, with no executor and little of Java.
SMALL = """\
configuration:
  spark.submit.deployMode: cluster
  spark.driver.memory: 512m
  spark.driver.extraJavaOptions: -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k
  spark.dynamicAllocation.enabled: true
  spark.dynamicAllocation.shuffleTracking.enabled: true
  spark.dynamicAllocation.minExecutors: 0
repositories: []
packages: []
"""
# What one application takes of YARN: MB of its executor and of its master, with what is around their Java.
EACH = 3072


class Cluster:
    """`applications`: as many as there is room for at once. `head`: its head node, whose configuration is `far`."""

    def __init__(self, applications: int = 2) -> None:
        why = hadoop.missing()
        if why:
            raise SystemExit(f"NO YARN: {why}")
        self._stack = contextlib.ExitStack()
        try:
            self.hosts = self._stack.enter_context(FarHosts())
            self.head: FarHost = self.hosts.all[0]
            self.yarn = Yarn(machine=self.head.machine, memory=EACH * applications, cores=3 * applications)
            self._stack.callback(self.yarn.close)
            self.yarn.start()
            variables = " ".join(f"{name}={value}" for name, value in self.yarn.environment.items())
            self.head.sshd.set_options(SetEnv=variables)
            self.head.sshd.restart()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """First what could submit more."""
        with contextlib.suppress(AttributeError):
            self.head.person.end_processes()
        self._stack.close()

    def serve(self, place: Installation, *, slots: int = 4, prepare: bool = False) -> None:
        """Let an installation submit to it, from now on by itself. `prepare`: the conda file's environment is made.

        The configuration `far-away` is the same with its driver in a container of YARN's, `far-small` is `SMALL`.
        """
        self.hosts.serve(place)
        folder = place.project / "aml_config"
        address, user = self.head.machine.address, self.head.person.name
        compute = COMPUTE.format(address=address, user=user, key=self.head.key.path, slots=slots)
        (folder / "far.compute").write_text(compute, encoding="utf-8")
        config = RUNCONFIG.format(prepare=str(prepare).lower())
        (folder / "far.runconfig").write_text(config, encoding="utf-8")
        (folder / "spark_dependencies.yml").write_text(SPARK, encoding="utf-8")
        away = SPARK.replace("configuration:\n", "configuration:\n  spark.submit.deployMode: cluster\n")
        for name, spark in (("away", away), ("small", SMALL)):
            (folder / f"{name}.yml").write_text(spark, encoding="utf-8")
            named = f"SparkDependenciesFile: aml_config/{name}.yml\n"
            (folder / f"far-{name}.runconfig").write_text(config + named, encoding="utf-8")

    def master(self) -> Master:
        """An open connection of OpenSSH's client to the head node."""
        return self.hosts.master(self.head)

    def running(self) -> int:
        """Applications that run now."""
        return len(self.yarn.applications(states="RUNNING"))

    def asked(self) -> list[str]:
        """What the ResourceManager was asked so far: "GET /ws/v1/cluster/apps"."""
        return [line.partition("?")[0] for line in self.yarn.requests()]
