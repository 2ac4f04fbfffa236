"""The steps of a test that are a cluster's: spark-submit, YARN, its queue, its storage, what makes environments."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

from engine.clusters import storage
from engine.clusters.managers import ACTIVE, Manager, managers_of
from engine.clusters.queues import DEFAULT, RUNNING, find, queues_of
from engine.errors import HostError, HostLost
from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from engine.clusters.queues import Queue
    from engine.hosts.head import Head
    from engine.hosts.host import Host

    Say = Callable[[str, str, str, str], None]
    """Takes a step's name, its state, a detail and a remedy."""

# A Java on a busy machine takes its time to say its version (s).
PATIENCE = 60.0
# Less room than this is worth a word (bytes).
LITTLE_ROOM = 2 << 30
IN_SETTINGS = "`spark.yarn.queue` in spark_dependencies.yml"
_NO_QUEUE = f"Name another with {IN_SETTINGS}."


class ClusterCheckup:
    """One look at one head node. `queues`: those that the project's settings name; the cluster's own without one."""

    def __init__(self, host: Host, say: Say, *, spark_submit: str, queues: Sequence[str], python: str) -> None:
        self._host = host
        self._tell = say
        self._spark_submit = spark_submit
        self._queues = queues
        self._python = python or "python3"

    def _say(self, name: str, state: str, detail: str = "", remedy: str = "") -> None:
        self._tell(name, state, detail, remedy)

    async def run(self) -> None:
        """Every step in turn. Raises HostError at the first that fails, HostLost.

        Each program of Java's takes seconds to start: they start together, and are told of in their order.
        """
        self._say("spark", "working")
        head = await self._host.head(self._spark_submit)
        if not head.spark:
            raise HostError(
                f"there is no {self._spark_submit} on the PATH of this machine.",
                remedy="Is it the head node? Name it with `sparkSubmitLocation` in the .compute file.",
            )
        steps: dict[str, Coroutine[Any, Any, tuple[str, str, str]]] = {
            "spark": self._spark(head),
            "yarn": self._yarn(),
            "queue": self._queue(head),
            "storage": self._storage(head),
            "conda": self._conda(head),
        }
        tasks = {name: asyncio.create_task(step, name=f"test of {name}") for name, step in steps.items()}
        try:
            for name, task in tasks.items():
                self._say(name, "working")
                self._say(name, *await task)
        finally:
            for task in tasks.values():
                task.cancel()
            # Those that nobody has asked may have failed too.
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _spark(self, head: Head) -> tuple[str, str, str]:
        said = await self._host.program([head.spark, "--version"], seconds=PATIENCE)
        # An art of letters has it in its fourth line; other distributions write other art.
        found = re.search(r"version\s+v?(\d\S*)", said.err + said.out)
        if said.status != 0 or found is None:
            why = (plain(said.err).strip() or plain(said.out).strip())[-200:]
            how = "did not end" if said.status is None else f"ended with status {said.status}"
            raise HostError(
                f"{head.spark} --version {how}{f': {why}' if why else '.'}",
                remedy="Type it on the head node: JAVA_HOME or SPARK_HOME may be missing there.",
            )
        return "ok", f"{plain(found.group(1))}, {head.spark}", ""

    async def _yarn(self) -> tuple[str, str, str]:
        managers = await managers_of(self._host)
        active = _active(managers)
        told = await self._ask(active, "/ws/v1/cluster/metrics")
        metrics: dict[str, Any] = told.get("clusterMetrics") or {}

        def count(key: str) -> int:
            return int(metrics.get(key) or 0)

        nodes = count("activeNodes")
        if not nodes:
            raise HostError(
                f"{active.name} is active, and no node of the cluster is: applications would wait for ever.",
                remedy="Start its NodeManagers (`yarn node -list -all` on the head node shows how they stand).",
            )
        others = [one.words for one in managers if one is not active]
        detail = ", ".join([f"{active.version} at {active.name}", *others])
        memory = f"{count('allocatedMB') / 1024:.1f} of {count('totalMB') / 1024:.1f} GB"
        cores = f"{count('allocatedVirtualCores')} of {count('totalVirtualCores')} vcores"
        detail += f"; {_counted(nodes, 'node')}, {memory} and {cores} in use"
        silent = [one for one in managers if not one.state]
        if silent:
            remedy = f"Start {silent[0].name} again ({silent[0].why}): nothing takes over while it is away."
            return "warning", detail, remedy
        bad = [f"{number} {what}" for what in ("unhealthy", "lost") if (number := count(f"{what}Nodes"))]
        if bad:
            detail += f"; {' and '.join(bad)}"
            return "warning", detail, "`yarn node -list -all -showDetails` on the head node says which nodes, and why."
        return "ok", detail, ""

    async def _queue(self, head: Head) -> tuple[str, str, str]:
        active = _active(await managers_of(self._host))
        queues = queues_of(await self._ask(active, "/ws/v1/cluster/scheduler"))
        if not queues:
            return "warning", "this scheduler does not tell of its queues", "Whether one is there shows with a run."
        wanted = dict.fromkeys(self._queues, "the project names it")
        if not wanted and head.queue:
            wanted = {plain(head.queue): f"{plain(head.queue_from)} names it"}
        details, remedy = [], ""
        for name, why in (wanted or {DEFAULT: "nothing names another"}).items():
            queue = find(queues, name)
            if queue is None:
                others = ", ".join(one.name for one in queues)
                raise HostError(f"there is no queue {plain(name)}; {why}. There are: {others}.", remedy=_NO_QUEUE)
            if queue.state != RUNNING:
                raise HostError(f"the queue {queue.path} is {queue.state} and takes nothing; {why}.", remedy=_NO_QUEUE)
            may = await self._may_submit(active, queue, head)
            if may is False:
                raise HostError(
                    f"{self._host.info.user} may not submit to the queue {queue.path}; {why}.",
                    remedy=f"{_NO_QUEUE} Or have yourself added to its list of submitters.",
                )
            details.append(_used(queue) + ("" if may else "; whether you may submit it does not tell"))
            if queue.full:
                remedy = "What is submitted waits until something there ends."
        return "warning" if remedy else "ok", "; ".join(details), remedy

    async def _may_submit(self, active: Manager, queue: Queue, head: Head) -> bool | None:
        """None when it is not told: YARN answers this to those who look after a queue, and to all without lists."""
        user = urllib.parse.quote(self._host.info.user)
        asked = f"user={user}&queue-acl-type=SUBMIT_APPLICATIONS"
        path = f"/ws/v1/cluster/queues/{urllib.parse.quote(queue.name)}/access?{asked}"
        status, text = await self._host.web("GET", f"{active.url}{path}")
        if status == 200:
            try:
                return str(json.loads(text)["allowed"]).lower() == "true"
            except (ValueError, KeyError, TypeError):
                return None
        # Who looks after a queue may submit to it as well: the lists are for the others. Older ones know no question.
        return queue.allows(self._host.info.user, head.groups) if status == 403 else None

    async def _storage(self, head: Head) -> tuple[str, str, str]:
        if not storage.is_shared(head.storage):
            detail = f"fs.defaultFS is {plain(head.storage)}" if head.storage else "core-site.xml names none"
            return "warning", f"{detail}: nodes see no common files", "Executors find only what is sent with a run."
        if not head.files:
            raise HostError(
                f"there is neither `hadoop` nor `hdfs` on the PATH of this machine, to reach {head.storage} with.",
                remedy="Is it the head node? Have ~/.bashrc put Hadoop's bin folder on the PATH.",
            )
        room = await storage.try_out(self._host, head)
        detail = f"{storage.words_of(head.storage)}: a file was written, listed and removed"
        if room is None:
            return "ok", detail, ""
        detail += f"; {room.free / 1e9:.1f} of {room.total / 1e9:.1f} GB free"
        return ("warning", detail, "Make room there.") if room.free < LITTLE_ROOM else ("ok", detail, "")

    async def _conda(self, head: Head) -> tuple[str, str, str]:
        if head.conda:
            said = await self._host.program([head.conda, "--version"], seconds=PATIENCE)
            if said.status == 0:
                words = plain(said.out or said.err).split()
                return "ok", f"{words[-1] if words else 'version not told'}, {head.conda}", ""
        python = self._host.info.absolute(self._python)
        try:
            said = await self._host.program([python, "-c", "import venv, ensurepip"], seconds=PATIENCE)
            there = said.status == 0
        except HostLost:
            raise
        except HostError:
            there = False
        if there:
            return "ok", f"none; {self._python} makes environments of pip packages (venv)", ""
        broken = f"{head.conda} does not work, and " if head.conda else "none, and "
        return (
            "warning",
            f"{broken}{self._python} there makes no environments (venv)",
            "Install micromamba into ~/.local/bin there, or python3-venv.",
        )

    async def _ask(self, manager: Manager, path: str) -> dict[str, Any]:
        status, text = await self._host.web("GET", f"{manager.url}{path}")
        if status == 200:
            try:
                return dict(json.loads(text))
            except (ValueError, TypeError):
                text = "it cannot be read"
        raise HostError(
            f"{manager.name} does not tell what it is asked ({path}): {status or ''} {plain(text)[:200]}".rstrip(),
            remedy="See the ResourceManager's log on its machine.",
        )


def _active(managers: Sequence[Manager]) -> Manager:
    found = next((one for one in managers if one.state == ACTIVE), None)
    if found is not None:
        return found
    told = "; ".join(one.words + (f" ({one.why})" if one.why else "") for one in managers)
    if any(one.state for one in managers):
        raise HostError(
            f"no ResourceManager is active: {told}.",
            remedy="See why none takes over: `yarn rmadmin -getAllServiceState` on the head node, and ZooKeeper.",
        )
    raise HostError(
        f"no ResourceManager answers: {told}.",
        remedy="Start it, or see in Ambari why it does not run. Is the address in yarn-site.xml right?",
    )


def _used(queue: Queue) -> str:
    most = f", up to {queue.most:.0%}" if queue.most > queue.share else ""
    waiting = f", {queue.waiting} waiting" if queue.waiting else ""
    return f"{queue.path} has {queue.used:.0%} of the cluster (its share {queue.share:.0%}{most}){waiting}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
