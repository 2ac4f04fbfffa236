"""The ResourceManagers of a cluster: which of them is active, and what it says, asked through the head node."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.launchers.yarn import addresses_of
from engine.plain import plain
from engine.timeouts import timeout

if TYPE_CHECKING:
    from engine.hosts.host import Host

INFO = "/ws/v1/cluster/info"
ACTIVE, STANDBY = "active", "standby"
# One that says nothing for so long does not answer (s).
PATIENCE = 8.0
# Of what a web service answers in the place of what was asked for (characters).
MOST = 160


@dataclass(frozen=True)
class Manager:
    """`url` is its web address. `state`: "active", "standby" or another word of YARN's; "" when it does not answer.

    `why` it does not, in words.
    """

    url: str
    state: str = ""
    version: str = ""
    why: str = ""

    @property
    def name(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]

    @property
    def words(self) -> str:
        """How it stands, in a few."""
        known = {ACTIVE: "is active", STANDBY: "stands by", "": "does not answer"}
        return f"{self.name} {known.get(self.state, f'is {self.state}')}"


async def managers_of(host: Host) -> list[Manager]:
    """All that the head node's settings name, each asked for itself. Raises HostError where none are named, HostLost.

    One that stands by would send other questions on to the active one; this one it answers.
    """
    return list(await asyncio.gather(*(_asked(host, url) for url in await addresses_of(host))))


async def _asked(host: Host, url: str) -> Manager:
    try:
        async with timeout(PATIENCE):
            status, text = await host.web("GET", f"{url}{INFO}")
    except asyncio.TimeoutError:
        return Manager(url, why=f"nothing within {PATIENCE:.0f} s")
    if status != 200:
        return Manager(url, why=f"it answers {status}" if status else plain(text)[:MOST])
    try:
        told: dict[str, Any] = json.loads(text)["clusterInfo"]
    except (ValueError, KeyError, TypeError):
        return Manager(url, why="it answers what no ResourceManager does")
    # One that is alone says that it is active.
    state = plain(str(told.get("haState") or told.get("state") or "unknown")).lower()
    return Manager(url, state, plain(str(told.get("resourceManagerVersion") or "")))
