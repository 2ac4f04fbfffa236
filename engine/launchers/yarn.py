"""The applications of runs on YARN: found by their tags, told in words, ended. Livy's way, through the head node."""

from __future__ import annotations

import json
import logging
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import HostError
from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.hosts.host import Host

log = logging.getLogger(__name__)

# What the tags of our applications begin with.
OURS = "aml-"
TERMINAL = frozenset({"FINISHED", "FAILED", "KILLED"})
# So many tags in a query: its line has a limit at the other end.
TAGS = 60
# Longest words of YARN's that are told, characters.
LONGEST = 160
# Where YARN's scheduler says what an application waits for.
_STAMP = re.compile(r"^\[[^\]]*\]\s*")
_DETAILS = re.compile(r"\s*Details : .*", re.DOTALL)
_EXIT = re.compile(r"exited with\s+exitCode: (-?\d+)")
# Of YARN's own exit codes, those for memory; and those of Spark's that tell of the script (ApplicationMaster.scala).
_MEMORY = frozenset({"-103", "-104"})
_OWN = frozenset({"0", "1", "10", "11", "12", "13", "14", "15", "16"})
_CONTAINER = re.compile(r"container_(?:e\d+_)?\d+_\d+_(\d+)_\d+")


@dataclass(frozen=True)
class Application:
    """One application. `state` and `final` as YARN has them ("ACCEPTED", "RUNNING"..., see TERMINAL; "SUCCEEDED"...).

    `memory` in MB, `memory_seconds` in MB s. `attempt` is that of its driver, from 1; 0 before it has a container.
    `preempted`: containers that YARN has taken from it. `node`: the one that its first container is on, where in
    cluster mode the driver is. `tracking`: the address of its own pages (Spark's UI) at YARN's proxy, which brings them
    from wherever they are; both "" before it runs.
    """

    id: str
    state: str
    final: str = "UNDEFINED"
    queue: str = ""
    said: str = ""
    tags: frozenset[str] = frozenset()
    attempt: int = 0
    containers: int = 0
    memory: int = 0
    vcores: int = 0
    preempted: int = 0
    memory_seconds: int = 0
    vcore_seconds: int = 0
    node: str = ""
    tracking: str = ""

    @property
    def over(self) -> bool:
        return self.state in TERMINAL

    @property
    def number(self) -> tuple[int, int]:
        """What orders applications by their start."""
        parts = self.id.split("_")
        return (int(parts[1]), int(parts[2])) if len(parts) == 3 and (parts[1] + parts[2]).isdigit() else (0, 0)

    @property
    def words(self) -> str:
        """What it is at or waits for; "" when it came to its own end."""
        if self.over:
            # A driver on the head node goes on without it, until it wants something of it.
            return {"KILLED": "its application was killed on YARN", "FAILED": "its application failed on YARN"}.get(
                self.state, ""
            )
        again = f"attempt {self.attempt}, " if self.attempt > 1 else ""
        if self.state == "RUNNING":
            count = "1 container" if self.containers == 1 else f"{self.containers} containers"
            taken = f", {self.preempted} taken away by YARN" if self.preempted else ""
            return f"{again}{count}, {self.vcores} vcores, {self.memory / 1024:.1f} GB{taken}"
        if self.containers > 0:
            return f"{again}YARN starts its first container"
        why = _DETAILS.sub("", _STAMP.sub("", self.said)).strip().rstrip(".")
        return f"{again}waits in YARN's queue {self.queue}" + (f": {why[:LONGEST]}" if why else "")

    @property
    def lost_driver(self) -> str:
        """What ended a driver's container from outside, in words; "" when the driver came to an end of its own."""
        code = _EXIT.search(self.said)
        if code is None or code[1] in _OWN:
            return ""
        if code[1] in _MEMORY:
            return (
                "its driver's container had more memory than it may have "
                "(spark.driver.memory, spark.driver.memoryOverhead)"
            )
        why = ", as happens when its machine runs out of memory" if code[1] == "137" else ""
        return f"its driver's container ended with exit code {code[1]}{why}"

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Application:
        """From an `app` of the ResourceManager's REST API, of which old ones tell less."""

        def number(*names: str) -> int:
            return sum(max(0, int(told.get(name) or 0)) for name in names)

        container = _CONTAINER.search(str(told.get("amContainerLogs") or ""))
        tracking = str(told.get("trackingUrl") or "")
        return cls(
            id=str(told.get("id") or ""),
            state=str(told.get("state") or ""),
            final=str(told.get("finalStatus") or "UNDEFINED"),
            queue=plain(str(told.get("queue") or "")),
            said=" ".join(plain(str(told.get("diagnostics") or "")).split()),
            tags=frozenset(str(told.get("applicationTags") or "").split(",")),
            attempt=int(container[1]) if container else 0,
            containers=number("runningContainers"),
            memory=number("allocatedMB"),
            vcores=number("allocatedVCores"),
            preempted=number("numNonAMContainerPreempted", "numAMContainerPreempted"),
            memory_seconds=number("memorySeconds"),
            vcore_seconds=number("vcoreSeconds"),
            node=urllib.parse.urlsplit(f"//{told.get('amHostHttpAddress') or ''}").hostname or "",
            tracking=tracking if "://" in tracking else "",
        )


class Yarn:
    """The ResourceManager of a cluster, asked from its head node. Methods raise HostError, HostLost."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._address = ""

    async def applications(self, tags: Iterable[str]) -> list[Application]:
        """Those that carry one of these tags, in any state, in the order of their start."""
        wanted = sorted(tags)
        found: list[Application] = []
        for first in range(0, len(wanted), TAGS):
            query = urllib.parse.urlencode({"applicationTags": ",".join(wanted[first : first + TAGS])}, safe=",")
            told = await self.ask("GET", f"/ws/v1/cluster/apps?deSelects=resourceRequests&{query}")
            found += map(Application.from_json, (told.get("apps") or {}).get("app") or ())
        return sorted(found, key=lambda one: one.number)

    async def kill(self, application: Application) -> None:
        """Have it end; that it has ended is to be seen by `applications`."""
        path = f"/ws/v1/cluster/apps/{application.id}/state"
        await self.ask("PUT", path, json.dumps({"state": "KILLED"}))

    async def ask(self, method: str, path: str, body: str | None = None) -> Any:
        """What the ResourceManager answers: of several, one is active and the others say so."""
        said = ""
        if self._address:
            told, said = await self._told(self._address, method, path, body)
            if not said:
                return told
        # It may be another one by now.
        for address in await addresses_of(self._host):
            if address == self._address:
                continue
            told, said = await self._told(address, method, path, body)
            if not said:
                self._address = address
                return told
        self._address = ""
        raise HostError(
            f"YARN's ResourceManager does not do what it is asked: {said}.",
            where=self._host.name,
            remedy="See whether the cluster runs (`yarn node -list` on the head node).",
        )

    async def _told(self, address: str, method: str, path: str, body: str | None) -> tuple[Any, str]:
        """What one ResourceManager answers, and ""; None and why it is none otherwise."""
        status, text = await self._host.web(method, f"{address}{path}", body)
        if status not in (200, 202):
            answered = f" answered {status}" if status else ""
            return None, f"{address}{answered}: {plain(text)[:200]}"
        try:
            return (json.loads(text) if text.strip() else {}), ""
        except ValueError:
            return None, f"{address} answered what cannot be read"


async def addresses_of(host: Host) -> list[str]:
    """Base addresses of a cluster's ResourceManagers, by its head node's settings. Raises HostError without any."""
    found = await host.yarn()
    if not found:
        raise HostError(
            "there is no yarn-site.xml on this machine.",
            where=host.name,
            remedy="Is it the head node of a cluster? HADOOP_CONF_DIR there names the folder of its settings.",
        )
    return found
