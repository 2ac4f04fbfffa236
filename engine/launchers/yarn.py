"""The applications of a run on YARN: found by their tag, told in words, ended. Livy's way, through the head node."""

from __future__ import annotations

import json
import logging
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import HostError
from engine.plain import plain

if TYPE_CHECKING:
    from engine.hosts.host import Host

log = logging.getLogger(__name__)

TERMINAL = frozenset({"FINISHED", "FAILED", "KILLED"})


@dataclass(frozen=True)
class Application:
    """One application. `state` as YARN has it ("ACCEPTED", "RUNNING"..., see TERMINAL)."""

    id: str
    state: str

    @property
    def over(self) -> bool:
        return self.state in TERMINAL


class Yarn:
    """The ResourceManager of a cluster, asked from its head node. Methods raise HostError, HostLost."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._address = ""

    async def applications(self, tag: str) -> list[Application]:
        """Those that carry this tag, in any state."""
        told = await self.ask("GET", f"/ws/v1/cluster/apps?applicationTags={urllib.parse.quote(tag)}")
        found = (told.get("apps") or {}).get("app") or ()
        return [Application(str(one.get("id") or ""), str(one.get("state") or "")) for one in found]

    async def kill(self, application: Application) -> None:
        """Have it end; that it has ended is to be seen by `applications`."""
        path = f"/ws/v1/cluster/apps/{application.id}/state"
        await self.ask("PUT", path, json.dumps({"state": "KILLED"}))

    async def ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        """What the ResourceManager answers (`/ws/v1/...`): of several, one is active and the others say so."""
        said = ""
        for address in [self._address] if self._address else await self._addresses():
            status, text = await self._host.web(method, f"{address}{path}", body)
            if status in (200, 202):
                try:
                    told = json.loads(text) if text.strip() else {}
                except ValueError:
                    said = f"{address} answered what cannot be read"
                    continue
                self._address = address
                return dict(told)
            said = f"{address} answered {status}: {plain(text)[:200]}" if status else f"{address}: {plain(text)[:200]}"
        self._address = ""
        raise HostError(
            f"YARN's ResourceManager does not do what it is asked: {said}.",
            where=self._host.name,
            remedy="See whether the cluster runs (`yarn node -list` on the head node).",
        )

    async def _addresses(self) -> list[str]:
        found = await self._host.yarn()
        if not found:
            raise HostError(
                "there is no yarn-site.xml on this machine.",
                where=self._host.name,
                remedy="Is it the head node of a cluster? HADOOP_CONF_DIR there names the folder of its settings.",
            )
        return found
