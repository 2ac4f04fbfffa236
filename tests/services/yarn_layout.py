"""The folders of a Hadoop cluster and of the head node that submits Spark to it.

On an HDInsight head node `spark-submit`, `yarn` and `hdfs` are scripts on the path of everybody, before programs in
`/usr/hdp/current`, with their configuration in `/etc/hadoop/conf` and `/etc/spark3/conf`; here all of that is below the
folder of the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tests.services import hadoop
from tests.services.spark import spark_home

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# For a Java that lives a short time, beside others, and leaves nothing in /tmp.
QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
# What Hadoop 3.3 needs of Java 17.
JAVA_OPTIONS = ("-Xmx256m", *QUICK, "--add-opens=java.base/java.lang=ALL-UNNAMED")
LOG = """\
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
"""
# Of what comes to the ResourceManager's pages and `/ws/v1`; only its own process opens the file.
REQUEST_LOG = """\
log4j.logger.http.requests.resourcemanager=INFO,resourcemanagerrequestlog
log4j.appender.resourcemanagerrequestlog=org.apache.hadoop.http.HttpRequestLogAppender
log4j.appender.resourcemanagerrequestlog.Filename={data}/requests.yyyy_mm_dd
"""
# The classes behind the commands, and what comes before their arguments: as Hadoop's own scripts have them.
COMMANDS = {
    "yarn": {
        "application": "yarn.client.cli.ApplicationCLI application",
        "app": "yarn.client.cli.ApplicationCLI app",
        "applicationattempt": "yarn.client.cli.ApplicationCLI applicationattempt",
        "container": "yarn.client.cli.ApplicationCLI container",
        "logs": "yarn.client.cli.LogsCLI",
        "node": "yarn.client.cli.NodeCLI",
        "queue": "yarn.client.cli.QueueCLI",
        "rmadmin": "yarn.client.cli.RMAdminCLI",
        "top": "yarn.client.cli.TopCLI",
        "version": "util.VersionInfo",
    },
    "hdfs": {
        "dfs": "fs.FsShell",
        "getconf": "hdfs.tools.GetConf",
        "dfsadmin": "hdfs.tools.DFSAdmin",
        "version": "util.VersionInfo",
    },
    "hadoop": {"fs": "fs.FsShell", "version": "util.VersionInfo"},
}
SPARK_COMMANDS = ("spark-submit", "pyspark", "spark-shell", "spark-sql", "spark-class")
# The ResourceManager's property for each of its ports.
MANAGER_PORTS = {
    "rm": "address",
    "scheduler": "scheduler.address",
    "tracker": "resource-tracker.address",
    "admin": "admin.address",
    "rm-web": "webapp.address",
}
OTHER_PORTS = ("nm", "localizer", "nm-web", "nn", "nn-web", "dn", "dn-web", "dn-ipc")
CAPACITY = "yarn.scheduler.capacity."


@dataclass(frozen=True)
class Layout:
    """Where what is, below `root`; `java` is JAVA_HOME."""

    root: Path
    java: Path
    address: str

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def hadoop_home(self) -> Path:
        return self.root / "hdp/current/hadoop-client"

    @property
    def spark_home(self) -> Path:
        return self.root / "hdp/current/spark3-client"

    @property
    def hadoop_conf(self) -> Path:
        return self.root / "etc/hadoop/conf"

    @property
    def spark_conf(self) -> Path:
        return self.root / "etc/spark3/conf"

    @property
    def scratch(self) -> Path:
        """What drivers and submissions keep while they run."""
        return self.root / "scratch"

    @property
    def data(self) -> Path:
        """What the servers keep."""
        return self.root / "data"

    def class_path(self, manager: str = "") -> str:
        """`manager`: the id of one of several ResourceManagers."""
        own = f"{self._conf_of(manager)}:" if manager else ""
        return f"{own}{self.hadoop_conf}:{self.hadoop_home}:{self.hadoop_home}/lib/*"

    def _conf_of(self, manager: str) -> Path:
        return self.root / "etc/hadoop" / manager

    def make(self) -> None:
        """All but the configuration."""
        hadoop.copy(hadoop.hadoop_jars(), self.hadoop_home / "lib")
        hadoop.copy(spark_home(), self.spark_home)
        # The pages of HDFS are in no jar, and it does not start without the folders of them.
        for name in ("hdfs", "datanode", "static"):
            (self.hadoop_home / "webapps" / name).mkdir(parents=True)
        for folder in (self.bin, self.hadoop_conf, self.spark_conf, self.root / "logs", self.scratch):
            folder.mkdir(parents=True)
        self.scratch.chmod(0o1777)
        (self.spark_home / "conf").symlink_to(self.spark_conf)
        for name in SPARK_COMMANDS:
            self._script(name, f'export SPARK_HOME="{self.spark_home}"\nexec "$SPARK_HOME/bin/{name}" "$@"\n')
        for name, commands in COMMANDS.items():
            self._script(name, self._dispatch(name, commands))

    def _script(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{text}")
        (self.bin / name).chmod(0o755)

    def _dispatch(self, name: str, commands: Mapping[str, str]) -> str:
        """What Hadoop's script of this name does: find the class of the command."""
        cases = ""
        for command, line in commands.items():
            main, _, first = line.partition(" ")
            cases += f'{command}) main=org.apache.hadoop.{main}; set -- {first} "$@" ;;\n'
        class_path = f"${{HADOOP_CONF_DIR:-{self.hadoop_conf}}}:{self.hadoop_home}/lib/*"
        return (
            f'command=$1\n[ $# -eq 0 ] || shift\ncase "$command" in\n{cases}'
            f'classpath) echo "{class_path}"; exit ;;\n'
            '*) echo "ERROR: $command is not COMMAND nor fully qualified CLASSNAME." >&2; exit 1 ;;\nesac\n'
            f'exec "{self.java}/bin/java" {" ".join(JAVA_OPTIONS)} -Dproc_{name} -cp "{class_path}" $main "$@"\n'
        )

    def configure(
        self,
        ports: Mapping[str, int],
        managers: tuple[str, ...],
        memory: int,
        cores: int,
        queues: Mapping[str, int],
        properties: Mapping[str, object],
    ) -> None:
        """`managers`: the ids of the ResourceManagers, or "" for a single one; see Yarn for the others."""
        at = {name: f"{self.address}:{port}" for name, port in ports.items()}
        core = {"fs.defaultFS": f"hdfs://{at['nn']}", "hadoop.tmp.dir": self.data / "hadoop"}
        hdfs = {
            "dfs.replication": 1,
            "dfs.namenode.name.dir": f"file://{self.data}/name",
            "dfs.namenode.http-address": at["nn-web"],
            "dfs.datanode.data.dir": f"file://{self.data}/blocks",
            "dfs.datanode.address": at["dn"],
            "dfs.datanode.http.address": at["dn-web"],
            "dfs.datanode.ipc.address": at["dn-ipc"],
            "dfs.namenode.datanode.registration.ip-hostname-check": False,
        }
        capacity = _capacity(queues)
        yarn = {**self._managers(at, managers), **self._node(at, memory, cores)}
        for name, value in properties.items():
            (capacity if name.startswith(CAPACITY) else yarn)[name] = value
        _write(self.hadoop_conf / "core-site.xml", core)
        _write(self.hadoop_conf / "hdfs-site.xml", hdfs)
        _write(self.hadoop_conf / "yarn-site.xml", yarn)
        for one in filter(None, managers):
            # By its address, as elsewhere, it could not tell which of them it is.
            self._conf_of(one).mkdir(exist_ok=True)
            _write(self._conf_of(one) / "yarn-site.xml", {**yarn, "yarn.resourcemanager.ha.id": one})
        _write(self.hadoop_conf / "capacity-scheduler.xml", capacity)
        (self.hadoop_conf / "log4j.properties").write_text(LOG + REQUEST_LOG.format(data=self.data))
        self._configure_spark()

    def _managers(self, at: Mapping[str, str], managers: tuple[str, ...]) -> dict[str, object]:
        prefix = "yarn.resourcemanager."
        found: dict[str, object] = {
            f"{prefix}hostname": self.address,
            # Applications outlive a restart.
            f"{prefix}recovery.enabled": True,
            f"{prefix}store.class": "org.apache.hadoop.yarn.server.resourcemanager.recovery.FileSystemRMStateStore",
            f"{prefix}fs.state-store.uri": f"file://{self.data}/state",
            "yarn.node-attribute.fs-store.root-dir": f"file://{self.data}/attributes",
            f"{prefix}connect.retry-interval.ms": 500,
            f"{prefix}nodemanagers.heartbeat-interval-ms": 200,
        }
        for one in managers:
            suffix = f".{one}" if one else ""
            found |= {f"{prefix}{name}{suffix}": at[f"{port}{suffix}"] for port, name in MANAGER_PORTS.items()}
        if any(managers):
            found |= {
                f"{prefix}ha.enabled": True,
                f"{prefix}ha.rm-ids": ",".join(managers),
                f"{prefix}cluster-id": "tests",
                f"{prefix}ha.automatic-failover.enabled": False,
            }
        return found

    def _node(self, at: Mapping[str, str], memory: int, cores: int) -> dict[str, object]:
        return {
            "yarn.scheduler.minimum-allocation-mb": 256,
            "yarn.scheduler.maximum-allocation-mb": memory,
            "yarn.scheduler.maximum-allocation-vcores": cores,
            "yarn.nodemanager.address": at["nm"],
            "yarn.nodemanager.localizer.address": at["localizer"],
            "yarn.nodemanager.webapp.address": at["nm-web"],
            "yarn.nodemanager.resource.memory-mb": memory,
            "yarn.nodemanager.resource.cpu-vcores": cores,
            "yarn.nodemanager.local-dirs": self.data / "local",
            "yarn.nodemanager.log-dirs": self.data / "logs",
            "yarn.nodemanager.vmem-check-enabled": False,
            "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99.9,
            # What runs in containers stays at this address too.
            "yarn.nodemanager.env-whitelist": "JAVA_HOME,HADOOP_CONF_DIR,PATH,LANG,SPARK_LOCAL_IP",
            "yarn.log-aggregation-enable": True,
            "yarn.nodemanager.remote-app-log-dir": "/app-logs",
        }

    def _configure_spark(self) -> None:
        quick = " ".join(QUICK)
        defaults = {
            "spark.master": "yarn",
            "spark.submit.deployMode": "client",
            # As on HDInsight: every node has them, and none are sent there with each application.
            "spark.yarn.jars": f"local:{self.spark_home}/jars/*",
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.executor.instances": "1",
            "spark.executor.cores": "1",
            "spark.driver.defaultJavaOptions": quick,
            "spark.executor.defaultJavaOptions": quick,
            "spark.yarn.am.extraJavaOptions": quick,
        }
        (self.spark_conf / "spark-defaults.conf").write_text("".join(f"{k} {v}\n" for k, v in defaults.items()))
        variables = {
            "JAVA_HOME": self.java,
            "HADOOP_CONF_DIR": self.hadoop_conf,
            "YARN_CONF_DIR": self.hadoop_conf,
            "SPARK_LOCAL_IP": self.address,
            "SPARK_LOCAL_DIRS": self.scratch,
            "SPARK_LAUNCHER_OPTS": quick,
            "SPARK_SUBMIT_OPTS": f"{quick} -Djava.io.tmpdir={self.scratch}",
        }
        (self.spark_conf / "spark-env.sh").write_text("".join(f'export {k}="{v}"\n' for k, v in variables.items()))


def port_names(managers: tuple[str, ...]) -> list[str]:
    """What needs a port each."""
    return [*(f"{name}.{one}" if one else name for one in managers for name in MANAGER_PORTS), *OTHER_PORTS]


def _capacity(queues: Mapping[str, int]) -> dict[str, object]:
    found: dict[str, object] = {
        f"{CAPACITY}root.queues": ",".join(queues),
        # So that drivers do not take what their executors need.
        f"{CAPACITY}maximum-am-resource-percent": 0.5,
    }
    for name, percent in queues.items():
        found[f"{CAPACITY}root.{name}.capacity"] = percent
        found[f"{CAPACITY}root.{name}.maximum-capacity"] = 100
        found[f"{CAPACITY}root.{name}.user-limit-factor"] = 10
    return found


def _write(file: Path, properties: Mapping[str, object]) -> None:
    lines = [
        f"<property><name>{escape(name)}</name><value>{escape(_text(value))}</value></property>\n"
        for name, value in properties.items()
    ]
    file.write_text(f"<configuration>\n{''.join(lines)}</configuration>\n")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
