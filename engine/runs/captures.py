"""Snapshots being taken, and the sweep of the content store, which must not meet one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Captures:
    """Any number of snapshots at a time, or one sweep. A sweep that waits lets no new snapshot begin."""

    def __init__(self) -> None:
        self._taken = 0
        self._none = asyncio.Condition()
        self._sweeping = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def taking(self) -> AsyncIterator[None]:
        async with self._sweeping:
            self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            async with self._none:
                self._none.notify_all()

    @contextlib.asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        async with self._sweeping, self._none:
            await self._none.wait_for(lambda: not self._taken)
            yield
