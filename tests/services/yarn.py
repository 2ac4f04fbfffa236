"""A Hadoop cluster of the tests' own, YARN with HDFS, which a head node submits Spark to.

What YARN starts runs as a user of the cluster's, not as the one who submits it: so it is on HDInsight too.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from typing import IO, TYPE_CHECKING, Any

from tests.services import hadoop, ownership
from tests.services.people import Person
from tests.services.program import Program
from tests.services.sshd import free_port
from tests.services.yarn_layout import JAVA_OPTIONS, Layout, port_names
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.services.network import FarMachine

# Ports are looked up free and then taken; somebody may be faster.
ATTEMPTS = 3
LIVING = ("NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING")


class Ended(RuntimeError):
    """A server did not come up, or did not stay."""


class Daemon(Program):
    """One of the cluster's servers, which can be killed, stopped, frozen and started again on its ports."""

    def __init__(self, cluster: Yarn, name: str, main: str, manager: str = "") -> None:
        self._cluster = cluster
        self._main, self._manager = main, manager
        super().__init__(cluster.layout.root / "logs" / f"{name}.log")

    def start(self) -> None:
        """Without waiting until it answers: see `Yarn.wait`."""
        assert not self.running
        with self.log_file.open("ab") as log:
            self._process = self._cluster.begin(self._main, log, self._manager)

    def check(self) -> None:
        if self.gone:
            raise Ended(f"{self._main} ended:\n{self.log()[-3000:]}")

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class Yarn:
    """ResourceManager, NodeManager, NameNode, DataNode. On loopback, or on a machine of its own at its address.

    `memory` (MB) and `cores`: what its only node lends out; nothing is taken until something runs. `queues`: name and
    percentage of each. `properties`: more for yarn-site.xml, and for capacity-scheduler.xml those that begin with
    `yarn.scheduler.capacity.`. `pair`: a second ResourceManager stands by, as on HDInsight: see `fail_over`.

    `environment` is that of a head node; the programs find everything without it if `layout.bin` is on the path.
    """

    def __init__(
        self,
        *,
        memory: int = 16384,
        cores: int = 8,
        queues: Mapping[str, int] | None = None,
        machine: FarMachine | None = None,
        properties: Mapping[str, object] | None = None,
        pair: bool = False,
    ) -> None:
        self._memory, self._cores = memory, cores
        self._queues = dict(queues or {"default": 80, "thriftsvr": 20})
        self._machine = machine
        self._properties = dict(properties or {})
        java = hadoop.java_home()
        assert java is not None
        self.address = machine.address if machine else "127.0.0.1"
        self.layout = Layout(ownership.new_folder("yarn"), java, self.address)
        self.user = Person("yarn")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._ports: dict[str, int] = {}
        self._managers = ("rm1", "rm2") if pair else ("",)
        self._active = 0
        self.name_node = Daemon(self, "namenode", "hdfs.server.namenode.NameNode")
        self.data_node = Daemon(self, "datanode", "hdfs.server.datanode.DataNode")
        self.node_manager = Daemon(self, "nodemanager", "yarn.server.nodemanager.NodeManager")
        self.resource_managers = [self._manager(ident) for ident in self._managers]

    def _manager(self, ident: str) -> Daemon:
        return Daemon(self, f"resourcemanager{ident}", "yarn.server.resourcemanager.ResourceManager", ident)

    @property
    def resource_manager(self) -> Daemon:
        """The active one."""
        return self.resource_managers[self._active]

    @property
    def daemons(self) -> list[Daemon]:
        return [*self.resource_managers, self.name_node, self.data_node, self.node_manager]

    # Its life.

    def start(self) -> None:
        """Start all of it and wait until an application can be submitted."""
        self.layout.make()
        for attempt in range(ATTEMPTS):
            try:
                self._start()
                return
            except Ended:
                for daemon in self.daemons:
                    daemon.kill()
                if attempt + 1 == ATTEMPTS:
                    raise

    def _start(self) -> None:
        # On a machine of its own all are free, and these are as good as others.
        self._ports = {name: free_port() for name in port_names(self._managers)}
        self.layout.configure(self._ports, self._managers, self._memory, self._cores, self._queues, self._properties)
        data = self.layout.data
        shutil.rmtree(data, ignore_errors=True)
        for folder in (data, data / "tmp"):
            folder.mkdir(mode=0o755)
            os.chown(folder, self.user.uid, self.user.gid)
        # The ResourceManager takes longest, and needs no file system to start.
        for daemon in self.resource_managers:
            daemon.start()
        self._run("hdfs.server.namenode.NameNode", "-format", "-force", "-nonInteractive")
        for daemon in (self.name_node, self.data_node, self.node_manager):
            daemon.start()
        self._until(self._has_folders, "HDFS")
        if len(self._managers) > 1:
            self._activate(0)
        self.wait()

    def wait(self) -> None:
        """Until all of it works together."""
        self._until(self._has_blocks, "HDFS")
        self._until(self._lends, "YARN")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        def holds() -> bool:
            for daemon in self.daemons:
                daemon.check()
            try:
                return condition()
            except OSError:
                return False

        until(holds, 120, what)

    def _has_folders(self) -> bool:
        """Everybody makes the folder of their own, where Spark puts what an application starts from."""
        for path in ("user", "tmp", "app-logs"):
            self._ask("nn-web", f"/webhdfs/v1/{path}?op=MKDIRS&permission=1777&user.name={self.user.name}", "PUT")
        return True

    def _has_blocks(self) -> bool:
        found = self._ask("nn-web", "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")
        beans = json.loads(found)["beans"]
        return bool(beans and beans[0]["NumLiveDataNodes"])

    def _lends(self) -> bool:
        """The scheduler hears of the node a moment after the ResourceManager."""
        return bool(self.get("/ws/v1/cluster/metrics")["clusterMetrics"]["totalMB"])

    def fail_over(self) -> None:
        """The active ResourceManager is lost, and the other takes over; the lost one can be started to stand by."""
        self.resource_manager.kill()
        self._activate(1 - self._active)
        self.wait()

    def _activate(self, number: int) -> None:
        self._active = number
        self._until(lambda: bool(self.get("/ws/v1/cluster/info")), "a ResourceManager stands by")
        self._run("yarn.client.cli.RMAdminCLI", "-transitionToActive", "--forceactive", self._managers[number])

    def close(self) -> None:
        """End all of it and what it runs; remove it."""
        for daemon in self.daemons:
            daemon.kill()
        self.user.remove()
        ownership.remove_folder(self.layout.root)

    # Its programs.

    def begin(self, main: str, log: IO[bytes], manager: str = "") -> subprocess.Popen[bytes]:
        """A class of Hadoop starts as the cluster's user."""
        return subprocess.Popen(
            self._command(main, manager=manager),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=self._environment,
            cwd=self.layout.root,
        )

    def _run(self, main: str, *arguments: str) -> None:
        command = self._command(main, *arguments)
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment, cwd=self.layout.root)
        if done.returncode:
            raise RuntimeError(f"{main} {' '.join(arguments)}: {done.stderr[-2000:]}")

    def _command(self, main: str, *arguments: str, manager: str = "") -> list[str]:
        """Its pid is Java's."""
        words = ["setpriv", f"--reuid={self.user.uid}", f"--regid={self.user.gid}", "--clear-groups"]
        words += [str(self.layout.java / "bin/java"), *JAVA_OPTIONS, f"-Djava.io.tmpdir={self.layout.data}/tmp"]
        words += ["-cp", self.layout.class_path(manager), f"org.apache.hadoop.{main}", *arguments]
        if self._machine:
            # Java must find its host's name, which no other machine knows.
            named = ("unshare", "--uts", "sh", "-c", 'hostname localhost && exec "$@"', "-")
            words = self._machine.command(*named, *words)
        return words

    @property
    def _environment(self) -> dict[str, str]:
        """Containers inherit some of it."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.user.home),
            "USER": self.user.name,
            "LANG": "C.UTF-8",
            "MALLOC_ARENA_MAX": "4",
            "JAVA_HOME": str(self.layout.java),
            "HADOOP_CONF_DIR": str(self.layout.hadoop_conf),
            "SPARK_LOCAL_IP": self.address,
        }

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.layout.bin}:/usr/local/bin:/usr/bin:/bin",
            "SPARK_HOME": str(self.layout.spark_home),
            "HADOOP_CONF_DIR": str(self.layout.hadoop_conf),
            "YARN_CONF_DIR": str(self.layout.hadoop_conf),
            "JAVA_HOME": str(self.layout.java),
        }

    # What is where, and what the ResourceManager tells.

    @property
    def url(self) -> str:
        """The active ResourceManager's, for its pages and `/ws/v1/cluster`."""
        return f"http://{self.address}:{self._ports[self._web]}"

    @property
    def _web(self) -> str:
        ident = self._managers[self._active]
        return f"rm-web.{ident}" if ident else "rm-web"

    @property
    def file_system(self) -> str:
        """`hdfs://...`, where paths are that name none."""
        return f"hdfs://{self.address}:{self._ports['nn']}"

    def _ask(self, port: str, path: str, method: str = "GET", data: object = None) -> bytes:
        body = None if data is None else json.dumps(data).encode()
        url = f"http://{self.address}:{self._ports[port]}{path}"
        asked = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
        with self._opener.open(asked, timeout=10) as answer:
            return bytes(answer.read())

    def get(self, path: str) -> Any:
        """The ResourceManager's answer: `get("/ws/v1/cluster/metrics")`."""
        return json.loads(self._ask(self._web, path))

    def requests(self) -> list[str]:
        """What came to the ResourceManagers over HTTP since the start, from here too: "GET /ws/v1/cluster/info"."""
        logs = sorted(self.layout.data.glob("requests.*"))
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        return [line.split('"')[1].rpartition(" ")[0] for line in lines if line.count('"') > 1]

    def applications(self, **query: str) -> list[dict[str, Any]]:
        """Those it knows, newest first: `applicationTags="a"`, `states="RUNNING,ACCEPTED"`, `user=...`."""
        told = self.get(f"/ws/v1/cluster/apps?{urllib.parse.urlencode(query)}")
        found: list[dict[str, Any]] = (told["apps"] or {}).get("app", [])
        return sorted(found, key=lambda one: str(one["id"]), reverse=True)

    def application(self, ident: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/ws/v1/cluster/apps/{ident}")["app"]
        return found

    def wait_for_application(self, tag: str, *states: str, seconds: float = 60) -> dict[str, Any]:
        """The newest application with this tag, as soon as it is in one of these states (any, if none is given)."""

        def look() -> dict[str, Any] | None:
            found = self.applications(applicationTags=tag)
            return found[0] if found and (not states or found[0]["state"] in states) else None

        found = until(look, seconds, f"an application tagged {tag} is {' or '.join(states) or 'there'}")
        assert found is not None
        return found

    def wait_for_logs(self, ident: str) -> None:
        """Until `yarn logs` has all of what has ended."""
        done = ("SUCCEEDED", "FAILED", "TIME_OUT", "DISABLED")
        until(lambda: self.application(ident)["logAggregationStatus"] in done, 60, f"logs of {ident} are in one place")

    def kill(self, ident: str) -> None:
        """As its owner would."""
        owner = urllib.parse.quote(self.application(ident)["user"])
        self._ask(self._web, f"/ws/v1/cluster/apps/{ident}/state?user.name={owner}", "PUT", {"state": "KILLED"})

    def end_applications(self, user: str = "") -> None:
        """Kill what has not ended, and wait until that has."""
        query = {"states": ",".join(LIVING), **({"user": user} if user else {})}
        for one in self.applications(**query):
            self.kill(one["id"])
        until(lambda: not self.applications(**query), 30, "applications have ended")

    def containers(self) -> dict[int, str]:
        """Pid and command line of what YARN runs now."""
        mine = {daemon.pid for daemon in self.daemons if daemon.running}
        return {pid: line for pid, line in self.user.processes().items() if pid not in mine}
