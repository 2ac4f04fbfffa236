"""Where the ports of a PySpark run on a cluster are, as its head node reaches them.

In cluster mode the driver of a PySpark run is on a node of YARN's. Spark's UI answers YARN's proxy and sends everybody
else there, to an address that only the cluster knows: so it is the proxy that is reached for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import HostError, NothingThere, NotNow
from engine.launchers.yarn import Application, Yarn
from engine.plain import plain
from engine.project.spark_submit import in_cluster_mode
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.hosts.host import Host
    from engine.runs.model import Run, RunPlan

# What a host calls itself.
HERE = "localhost"
# Spark's UI is here, unless another driver of the machine was faster; in cluster mode it is anywhere.
SPARK_UI = 4040
# Whoever sends on says so at once, or is none who does (s); its answer begins with so many bytes.
ANSWERS_WITHIN = 5.0
ANSWER = 4096
_TO_THE_PROXY = re.compile(rb"^HTTP/1\.\d 30\d.*^location:[^\n]*/proxy/[^\n]*application_\d", re.I | re.M | re.S)


@dataclass(frozen=True)
class Place:
    """An address and a port that the host reaches; what a browser puts before and behind its own end of it."""

    address: str
    port: int
    scheme: str = "http"
    path: str = ""


async def application_of(host: Host, run: Run) -> Application | None:
    """What YARN runs of this run now. Raises HostError, HostLost."""
    tag = str((run.handle or {}).get("tag") or "")
    found = await Yarn(host).applications([tag]) if tag else []
    return found[-1] if found and found[-1].state == "RUNNING" else None


class SparkWay:
    """The way to one port of a PySpark run on a cluster. `host` gives the connected one."""

    def __init__(self, run: Run, plan: RunPlan, port: int, host: Callable[[], Awaitable[Host]]) -> None:
        self._run = run
        self._plan = plan
        self._port = port
        self._host = host
        self._proxied = port == SPARK_UI
        self._place: Place | None = None

    async def place(self) -> Place:
        """Raises NotNow where there is none yet, HostError, HostLost."""
        host = await self._host()
        place = await self._look(host)
        if not self._proxied and await _sends_on(host, place):
            self._proxied = True
            place = await self._look(host)
        self._place = place
        return place

    async def _look(self, host: Host) -> Place:
        away = in_cluster_mode(self._plan)
        if not away and not self._proxied:
            return Place(HERE, self._port)
        application = await application_of(host, self._run)
        if self._proxied:
            at = urllib.parse.urlsplit(application.tracking if application else "")
            if not at.hostname:
                raise NotNow(f"{self._run.name} has no Spark UI yet: that comes with its application on YARN.")
            return Place(at.hostname, at.port or (443 if at.scheme == "https" else 80), at.scheme, at.path)
        if application is None or not application.node:
            raise NotNow(f"the driver of {self._run.name} has no container on YARN yet, and so no ports.")
        return Place(application.node, self._port)

    async def dial(self) -> Any:
        """A connection. Another ResourceManager may be at work by now, or another attempt on another node."""
        host = await self._host()
        before = self._place or await self.place()
        try:
            return await host.dial(before.address, before.port)
        except NothingThere:
            now = await self._look(host)
            self._place = now
            if now != before:
                return await host.dial(now.address, now.port)
            if self._proxied or not in_cluster_mode(self._plan):
                raise
            raise NothingThere(
                f"nothing answers at port {now.port} of {plain(now.address)}, the node of {self._run.name}'s driver: "
                "a server there must listen at all addresses (0.0.0.0; TensorBoard: --bind_all).",
                where=self._plan.target,
            ) from None


async def _sends_on(host: Host, place: Place) -> bool:
    """Whether what listens there is Spark's UI, which sends everybody to YARN's proxy."""
    answer = b""
    with contextlib.suppress(HostError, OSError, asyncio.TimeoutError):
        async with timeout(ANSWERS_WITHIN):
            reader, writer = await host.dial(place.address, place.port)
            try:
                writer.write(b"HEAD / HTTP/1.0\r\nHost: localhost\r\n\r\n")
                while b"\r\n\r\n" not in answer and len(answer) < ANSWER:
                    more = await reader.read(ANSWER)
                    if not more:
                        break
                    answer += more
            finally:
                writer.close()
    return _TO_THE_PROXY.search(answer) is not None
