"""Work that must not be left half done when the task that waits for it is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


async def finished(work: Coroutine[object, object, T]) -> T:
    """Wait for `work` to its end, whatever happens; a cancel that came meanwhile is passed on after it."""
    task = asyncio.ensure_future(work)
    cancel: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancel = error
        except Exception:
            break
    if cancel is not None:
        if not task.cancelled():
            task.exception()
        raise cancel
    return task.result()
