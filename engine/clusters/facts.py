"""What a cluster is busy with, while a person looks: a few questions to its ResourceManager, through the head node."""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

from engine.clusters.managers import managers_of
from engine.clusters.queues import queues_of
from engine.errors import HostError, HostLost
from engine.launchers.yarn import OURS, Yarn

if TYPE_CHECKING:
    from engine.hosts.host import Host

MIB = 1 << 20
# Queues are a long answer, and which ResourceManager is active changes once a year: asked for this often (s).
SELDOM = 15.0
LIVING = "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING"


class ClusterFacts:
    """Asks one cluster again and again; `told` is what it says of itself, as `TargetState.sample["yarn"]`."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._yarn: Yarn | None = None
        self._seldom: dict[str, Any] = {}
        self._asked = 0.0

    async def told(self, host: Host) -> dict[str, Any]:
        """Two questions, or four. Raises HostError when no ResourceManager answers, HostLost.

        memory in bytes; `queues` as `Queue.to_json`; `managers`: {"name", "state"} of each; `ours`: how many of the
        applications that have not ended were submitted from here.
        """
        if host is not self._host:
            self._host = host
            self._forget()
        try:
            return await self._told(host)
        except HostLost:
            raise
        except HostError:
            # Another may have taken over since it was asked last.
            self._forget()
            return await self._told(host)

    def _forget(self) -> None:
        self._yarn, self._seldom = None, {}

    async def _told(self, host: Host) -> dict[str, Any]:
        if self._yarn is None:
            self._yarn = Yarn(host)
        user = urllib.parse.quote(host.info.user)
        # The first alone: it finds out who answers.
        metrics = (await self._yarn.ask("GET", "/ws/v1/cluster/metrics")).get("clusterMetrics") or {}
        living = f"/ws/v1/cluster/apps?user={user}&states={LIVING}&deSelects=resourceRequests"
        mine, _ = await asyncio.gather(self._yarn.ask("GET", living), self._ask_seldom(host, self._yarn))
        applications = (mine.get("apps") or {}).get("app") or ()
        return {
            **self._seldom,
            "memory": _count(metrics, "totalMB") * MIB,
            "memory_used": _count(metrics, "allocatedMB") * MIB,
            "vcores": _count(metrics, "totalVirtualCores"),
            "vcores_used": _count(metrics, "allocatedVirtualCores"),
            "nodes": _count(metrics, "activeNodes"),
            "unhealthy": _count(metrics, "unhealthyNodes"),
            "lost": _count(metrics, "lostNodes"),
            "running": _count(metrics, "appsRunning"),
            "pending": _count(metrics, "appsPending"),
            "ours": sum(_is_ours(one) for one in applications),
        }

    async def _ask_seldom(self, host: Host, yarn: Yarn) -> None:
        now = time.monotonic()
        if self._seldom and now - self._asked < SELDOM:
            return
        scheduler, managers = await asyncio.gather(yarn.ask("GET", "/ws/v1/cluster/scheduler"), managers_of(host))
        self._seldom = {
            "version": next((one.version for one in managers if one.version), ""),
            "managers": [{"name": one.name, "state": one.state} for one in managers],
            "queues": [queue.to_json() for queue in queues_of(scheduler)],
        }
        self._asked = now


def _count(metrics: dict[str, Any], key: str) -> int:
    value = metrics.get(key)
    return int(value) if isinstance(value, (int, float)) else 0


def _is_ours(application: dict[str, Any]) -> bool:
    tags = str(application.get("applicationTags") or "").split(",")
    return any(tag.strip().startswith(OURS) for tag in tags)
