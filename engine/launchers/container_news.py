"""What the Docker Engine of a host says of containers, to whoever waits for one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost
from engine.launchers.container_config import LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.hosts.docker.api import DockerApi

log = logging.getLogger(__name__)

# Waits between two tries to listen again, seconds.
FIRST, LONGEST = 0.2, 5.0
TOLD = ("die", "destroy", "oom", "stop", "kill")


class ContainerNews:
    """One stream of events for all containers of a Docker Engine, open while anybody listens."""

    def __init__(self, docker: DockerApi) -> None:
        self.docker = docker
        self._nudges: dict[str, Callable[[], None]] = {}
        self._task: asyncio.Task[None] | None = None

    def listen(self, run_id: str, nudge: Callable[[], None]) -> None:
        """Call `nudge` when the container of this run may have changed, and when nothing is heard any more."""
        self._nudges[run_id] = nudge
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._hear(), name=f"{self.docker.name}: events of containers")

    def unlisten(self, run_id: str) -> None:
        self._nudges.pop(run_id, None)
        if not self._nudges and self._task is not None:
            self._task.cancel()
            self._task = None

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _hear(self) -> None:
        wait = FIRST
        while True:
            try:
                await self.docker.open()
                async for action, labels in self.docker.events({LABEL: ""}):
                    wait = FIRST
                    if not action:
                        # Only now is heard what happens; what happened before must be looked at.
                        self._nudge_all()
                    elif action in TOLD and (nudge := self._nudges.get(labels.get(LABEL, ""))):
                        nudge()
            except HostLost:
                self._nudge_all()
            except HostError as error:
                log.warning("%s", error)
            except Exception:
                # A mistake must not make every run of this host unheard.
                log.exception("%s: listening to events failed", self.docker.name)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST)

    def _nudge_all(self) -> None:
        for nudge in list(self._nudges.values()):
            nudge()
