"""Where the ports of a PySpark run on a cluster are, as its head node reaches them.

In cluster mode the driver of a PySpark run is on a node of YARN's. Spark's UI answers YARN's proxy and sends everybody
else there, to an address that only the cluster knows: so it is the proxy that is reached for it.
"""

from __future__ import annotations

import asyncio
import re
import time
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
    from pathlib import Path

    from engine.hosts.host import Host
    from engine.runs.model import Run, RunPlan

# What a host calls itself.
HERE = "localhost"
# Spark's UI is here, unless another driver of the machine was faster; in cluster mode it is anywhere. The driver says
# where in its log, before what the script prints becomes long.
SPARK_UI = 4040
LOG_HEAD = 1 << 20
_UI_PORT = re.compile(rb"Successfully started service 'SparkUI' on port (\d+)|'SparkUI' .*Attempting port (\d+)")
# A place is looked up again before a connection when that was so long ago (s).
FRESH = 5.0
# A look takes so long where there is a place to go on with, and where that was none; a connection, so long (s).
LOOK_WITHIN, AGAIN_WITHIN = 3.0, 8.0
DIAL_WITHIN = 6.0


@dataclass(frozen=True)
class Place:
    """An address and a port that the host reaches; what a browser puts before and behind its own end of it."""

    address: str
    port: int
    scheme: str = "http"
    path: str = ""


async def application_of(yarn: Yarn, run: Run) -> Application | None:
    """What YARN runs of this run now. Raises HostError, HostLost."""
    tag = str((run.handle or {}).get("tag") or "")
    found = await yarn.applications([tag]) if tag else []
    return found[-1] if found and found[-1].state == "RUNNING" else None


class SparkWay:
    """The way to one port of a PySpark run on a cluster. `host` gives the connected one, `log` is its driver log here.

    What listens at a port is never asked what it is: it may be a debugger that takes one connection.
    """

    def __init__(self, run: Run, plan: RunPlan, port: int, host: Callable[[], Awaitable[Host]], log: Path) -> None:
        self._run = run
        self._plan = plan
        self._port = port
        self._host = host
        self._log = log
        self._away = in_cluster_mode(plan)
        self._proxied = port == SPARK_UI
        self._place: Place | None = None
        self._looked = 0.0
        # It remembers which ResourceManager is at work.
        self._yarn: tuple[Host, Yarn] | None = None

    async def place(self) -> Place:
        """Raises NotNow where there is none yet, HostError, HostLost."""
        if not self._proxied:
            self._proxied = self._port in await asyncio.to_thread(ui_ports, self._log)
        return await self._look(await self._host())

    async def _look(self, host: Host) -> Place:
        self._place = await self._find(host)
        self._looked = time.monotonic()
        return self._place

    async def _find(self, host: Host) -> Place:
        if not self._away and not self._proxied:
            return Place(HERE, self._port)
        if self._yarn is None or self._yarn[0] is not host:
            self._yarn = host, Yarn(host)
        application = await application_of(self._yarn[1], self._run)
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
        place = self._place
        if place is None:
            place = await self._look(host)
        elif time.monotonic() - self._looked > FRESH:
            place = await self._look_soon(host, place, LOOK_WITHIN)
        try:
            return await self._connection(host, place)
        except NothingThere:
            now = await self._look_soon(host, place, AGAIN_WITHIN)
            if now != place:
                return await self._connection(host, now)
            if self._proxied or not self._away:
                raise
            raise NothingThere(
                f"nothing answers at port {now.port} of {plain(now.address)}, the node of {self._run.name}'s driver: "
                "a server there must listen at all addresses (0.0.0.0; TensorBoard: --bind_all).",
                where=self._plan.target,
            ) from None

    async def _look_soon(self, host: Host, before: Place, within: float) -> Place:
        """While YARN does not answer, what it last said holds."""
        try:
            async with timeout(within):
                return await self._look(host)
        except (HostError, asyncio.TimeoutError):
            self._looked = time.monotonic()
            return before

    async def _connection(self, host: Host, place: Place) -> Any:
        try:
            async with timeout(DIAL_WITHIN):
                return await host.dial(place.address, place.port)
        except asyncio.TimeoutError:
            said = f"port {place.port} of {plain(place.address)} does not answer within {DIAL_WITHIN:.0f} s."
            raise NothingThere(said, where=self._plan.target) from None


def ui_ports(log: Path) -> set[int]:
    """Where Spark says in a driver log that its UI is, or is tried. Blocking; a log that is not there tells nothing."""
    try:
        with log.open("rb") as file:
            head = file.read(LOG_HEAD)
    except OSError:
        return set()
    return {int(port) for found in _UI_PORT.findall(head) for port in found if port}
