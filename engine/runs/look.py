"""What something of a host says of itself, its Docker Engine or its YARN, asked now and then while a face shows it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.hosts.host import Host

    Ask = Callable[[Host], Awaitable[dict[str, Any]]]

log = logging.getLogger(__name__)


class Look:
    """`facts`: what was told last, or {"error", "remedy"}; empty while nobody looks. `what`: of what, in words."""

    def __init__(self, host: str, what: str, ready: Callable[[], Awaitable[Host]], ask: Ask) -> None:
        self.facts: dict[str, Any] = {}
        self._name = f"{host}: looks at its {what}"
        self._ready = ready
        self._ask = ask
        self._seconds = 0.0
        self._task: asyncio.Task[None] | None = None

    async def every(self, seconds: float) -> None:
        """Ask at this interval, or with 0 no more."""
        self._seconds = seconds
        if seconds and self._task is None:
            self._task = asyncio.create_task(self._look(), name=self._name)
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
                self.facts = await self._ask(host)
            except (AmlError, OSError) as error:
                remedy = error.remedy if isinstance(error, AmlError) else ""
                message = error.message if isinstance(error, AmlError) else str(error)
                self.facts = {"error": message, "remedy": remedy}
            except Exception:
                log.exception("%s: that failed", self._name)
            await asyncio.sleep(self._seconds)
