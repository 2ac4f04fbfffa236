"""The console's line to the engine: there when an engine is, started when something is asked, never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError, EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.client import Client

    from engine.paths import Paths
    from engine.runs.model import RunRequest

# An engine that was started by the command line, or came back, is found within this time.
LOOK_AGAIN = 2.0


class Link(enum.Enum):
    """`NONE`: no engine runs, which is fine while nothing is asked. `LOST`: one was there and does not answer."""

    NONE = "none"
    CONNECTED = "connected"
    LOST = "lost"


class EngineLink:
    """One client, made when needed. `told` is called with the runs that changed, `moved` when the state differs."""

    def __init__(self, paths: Paths, told: Callable[[list[str]], None], moved: Callable[[], None]) -> None:
        self.state = Link.NONE
        self._paths = paths
        self._told = told
        self._moved = moved
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._watched: tuple[str, ...] = ()

    async def follow(self) -> None:
        """Keep listening to events until cancelled; look for an engine again whenever there is none."""
        while True:
            try:
                client = await self._connect(start=False)
                async for event in client.events():
                    self._move(Link.CONNECTED)
                    self._told([str(run) for run in event.get("runs", ())])
            except (AmlError, OSError):
                pass
            await self._drop()
            self._move(Link.NONE if self.state is Link.NONE else Link.LOST)
            await asyncio.sleep(LOOK_AGAIN)

    async def submit(self, request: RunRequest) -> dict[str, Any]:
        """Ask for a run; the answer has run_id, number and name. Starts the engine. Raises AmlError."""
        return dict(await (await self._connect(start=True)).submit(request))

    async def cancel(self, ids: list[str]) -> None:
        await (await self._connect(start=True)).cancel(ids)

    async def delete(self, ids: list[str]) -> None:
        await (await self._connect(start=True)).delete(ids)

    async def update(self, run_id: str, **changes: Any) -> None:
        await (await self._connect(start=True)).update(run_id, **changes)

    async def watch(self, ids: Iterable[str]) -> None:
        """Tell the engine which runs are looked at, so that their logs follow fast. Nothing without an engine."""
        wanted = tuple(sorted(ids))
        if self._client is None or wanted == self._watched:
            return
        try:
            await self._client.watch(list(wanted))
            self._watched = wanted
        except (AmlError, OSError):
            # A hint only: the follower notices a lost engine and says so.
            self._watched = ()

    async def close(self) -> None:
        await self._drop()

    async def _connect(self, *, start: bool) -> Client:
        async with self._connecting:
            if self._client is None:
                from engine.client import Client

                try:
                    self._client = await Client.connect(self._paths, start=start)
                except OSError as error:
                    raise EngineUnavailable(
                        f"the engine does not answer: {error}.", remedy="`aml engine status` tells more."
                    ) from error
                self._watched = ()
            self._move(Link.CONNECTED)
            return self._client

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(AmlError, OSError):
                await client.close()

    def _move(self, state: Link) -> None:
        if state is not self.state:
            self.state = state
            self._moved()
