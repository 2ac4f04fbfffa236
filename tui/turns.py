"""Keys in turn: one is handled, with all that it opens, before the next is looked at.

Over a slow line several keys come in one packet. Textual hands each at once to whoever has the focus then, so what is
typed behind a key that opens something would reach what it opens only if it came later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import App

from engine.timeouts import timeout

if TYPE_CHECKING:
    from textual.message_pump import MessagePump
    from textual.worker import Worker

# Who is busy for longer does not hold up the keys (s).
PATIENCE = 0.5
# How often work beside the keys is looked at (s): waiting for a worker would cancel it when the patience ends.
STEP = 0.005


class TurnApp(App[Any]):
    """An app whose keys are handled one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key] = deque()
        self._turn: asyncio.Task[None] | None = None
        self.patience = PATIENCE
        # Work of a key that opens something: what is typed behind it is for that.
        self.opening: list[Worker[Any]] = []

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        if self._turn is not None:
            self._typed.append(event)
            return
        self._turn = asyncio.create_task(self._take_turns(), name="keys in turn")
        await super().on_event(event)

    async def _take_turns(self) -> None:
        """Until the key at work has done what it does; then the next one, as long as there are any."""
        try:
            while True:
                with contextlib.suppress(asyncio.TimeoutError):
                    async with timeout(self.patience):
                        await self._settled()
                if not self._typed or not self.is_running:
                    return
                # By the app itself, as if it came now; those that do come now wait behind it.
                self.call_next(super().on_event, self._typed.popleft())
                await _idle(self)
        finally:
            self._turn = None

    async def _settled(self) -> None:
        # From the one with the focus outwards, as a key goes that nobody takes; then the app, which moves the focus.
        before = self.screen
        node: Any = self.focused or before
        while node is not None:
            await _idle(node)
            node = node.parent
        while self.opening:
            if self.opening[-1].is_finished:
                self.opening.pop()
            else:
                await asyncio.sleep(STEP)
        if self.screen is not before:
            await _idle(self.screen)
        await _idle(self)


async def _idle(pump: MessagePump) -> None:
    """Until it has handled what was sent to it so far."""
    done = asyncio.Event()
    if pump.call_later(done.set):
        await done.wait()
