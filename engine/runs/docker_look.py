"""What a host's Docker Engine says of itself, asked now and then while a face shows it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.hosts.host import Host


log = logging.getLogger(__name__)


class DockerLook:
    """`facts`: what was told last, as `TargetState.sample["docker"]`; empty while nobody looks."""

    def __init__(self, host: str, ready: Callable[[], Awaitable[Host]]) -> None:
        self.facts: dict[str, Any] = {}
        self._host = host
        self._ready = ready
        self._seconds = 0.0
        self._task: asyncio.Task[None] | None = None

    async def every(self, seconds: float) -> None:
        """Ask at this interval, or with 0 no more."""
        self._seconds = seconds
        if seconds and self._task is None:
            self._task = asyncio.create_task(self._look(), name=f"{self._host}: looks at its Docker Engine")
        elif not seconds:
            await self.close()

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.facts = {}

    async def _look(self) -> None:
        while True:
            host = await self._ready()
            try:
                self.facts = await (await host.docker()).counts()
            except (AmlError, OSError) as error:
                remedy = error.remedy if isinstance(error, AmlError) else ""
                message = error.message if isinstance(error, AmlError) else str(error)
                self.facts = {"error": message, "remedy": remedy}
            except Exception:
                log.exception("%s: asking the Docker Engine what it has failed", self._host)
            await asyncio.sleep(self._seconds)
