"""The console's line to the engine: there when an engine is, started when something is asked, never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError, EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from engine.client import Client
    from engine.paths import Paths
    from engine.runs.forecast import Forecast
    from engine.runs.request import RunRequest

# An engine that was started by the command line, or came back, is found within this time.
LOOK_AGAIN = 2.0
# Hosts, those with a Docker Engine that is looked at, those with a YARN.
NOTHING: tuple[tuple[str, ...], ...] = ((), (), ())


class Link(enum.Enum):
    """`NONE`: no engine runs, which is fine while nothing is asked. `LOST`: one was there and does not answer."""

    NONE = "none"
    CONNECTED = "connected"
    LOST = "lost"


class EngineLink:
    """One client, made when needed; it finds its way back to an engine by itself.

    `told` is called with the runs that changed and whether there may be others, `moved` when `state` or `trouble`
    differs. `needed` says whether an engine should be started even though nothing was asked: runs go on and nobody
    follows them. `trouble` is what the engine's machine refuses, in words; "" when all is well.
    """

    def __init__(
        self,
        paths: Paths,
        told: Callable[[list[str], bool], None],
        moved: Callable[[], None],
        needed: Callable[[], bool],
    ) -> None:
        self.state = Link.NONE
        self.trouble = ""
        self._paths = paths
        self._told = told
        self._moved = moved
        self._needed = needed
        self._client: Client | None = None
        self._making = asyncio.Lock()
        self._watched: tuple[str, ...] = ()
        self._sampled = NOTHING

    async def follow(self) -> None:
        """Keep listening to events until cancelled; look for an engine again whenever there is none."""
        while True:
            try:
                client = await self._have(start=self._needed())
                if self.state is Link.LOST and self._needed():
                    # Any request starts an engine where none is; this one changes nothing.
                    await client.cancel([])
                async for event in client.events():
                    # The first one is the client's own: what was wrong before, the engine tells when it is asked.
                    known = event if "trouble" in event else await client.status()
                    self._move(Link.CONNECTED, str(known.get("trouble") or ""))
                    self._told([str(run) for run in event.get("runs", ())], bool(event.get("more")))
            except (AmlError, OSError):
                # No engine now: that is told by the state, and looked into again below.
                pass
            self._move(Link.NONE if self.state is Link.NONE else Link.LOST)
            await asyncio.sleep(LOOK_AGAIN)

    async def plan(self, request: RunRequest, *, start: bool = True) -> Forecast:
        """What a submission would meet. Raises AmlError; EngineUnavailable where none runs and none is started."""
        return await (await self._have(start=start)).plan(request)

    async def submit(self, request: RunRequest) -> dict[str, Any]:
        """Ask for a run; the answer has run_id, number and name. Starts the engine. Raises AmlError."""
        return await (await self._have(start=True)).submit(request)

    async def cancel(self, ids: list[str]) -> dict[str, str]:
        """Begin to end these runs; what was refused: run id -> why. Raises AmlError."""
        return await (await self._have(start=True)).cancel(ids)

    async def delete(self, ids: list[str], *, now: bool = False) -> dict[str, str]:
        """Put ended runs into the bin, or remove them `now`; what was refused: run id -> why. Raises AmlError."""
        return await (await self._have(start=True)).delete(ids, now=now)

    async def restore(self, ids: list[str]) -> dict[str, str]:
        """Bring runs back from the bin; what was refused: run id -> why. Raises AmlError."""
        return await (await self._have(start=True)).restore(ids)

    async def update(self, run_id: str, **changes: Any) -> None:
        """Change tags, description, priority or hidden. Raises AmlError."""
        await (await self._have(start=True)).update(run_id, **changes)

    async def prepare(self, request: RunRequest) -> dict[str, Any]:
        """Have an environment there: `state` "ready", "building" (with its `build`) or "nothing". Raises AmlError."""
        return await (await self._have(start=True)).prepare(request)

    async def stop_builds(self, ids: list[str]) -> dict[str, str]:
        """End builds that were asked for; what was refused: build id -> why. Raises AmlError."""
        return await (await self._have(start=True)).stop_builds(ids)

    async def attempt(self, op: str, **args: Any) -> dict[str, Any]:
        """A word about an attempt to reach a machine: `begin`, `look`, `answer`, `stop`, `now`. Raises AmlError."""
        return await (await self._have(start=True)).attempt(op, **args)

    async def outputs(self, run_id: str, *, start: bool = True) -> list[dict[str, Any]]:
        """What is in a run's outputs, where they are: path, kind, size, target. Raises AmlError."""
        return await (await self._have(start=start)).outputs(run_id)

    async def read_output(self, run_id: str, path: str, most: int) -> dict[str, Any]:
        """The beginning of a file of them: `data` in base64, its `length` in bytes. Raises AmlError."""
        return await (await self._have(start=True)).read_output(run_id, path, most)

    async def fetch(self, run_id: str, path: str, folder: Path) -> dict[str, Any]:
        """Copy outputs (all with path "") into a folder: `files`, `bytes`, `skipped`. Raises AmlError."""
        return await (await self._have(start=True)).fetch(run_id, path, folder)

    async def forwards(self) -> list[dict[str, Any]]:
        """The ports that are forwarded now (`engine.forwards.Forward`). Starts no engine. Raises AmlError."""
        return list((await (await self._have(start=False)).attempt("forwards"))["forwards"])

    async def wake(self) -> None:
        """Have an engine, started if there is none: it then looks at what is on the screen. Raises AmlError."""
        # Any request does; this one changes nothing.
        await self.cancel([])

    async def look_at(
        self, runs: Iterable[str], hosts: Iterable[str], docker: Iterable[str] = (), yarn: Iterable[str] = ()
    ) -> None:
        """Tell the engine what is on the screen, so that it is followed closely. A hint: nothing without an engine.

        `docker`, `yarn`: those of the hosts whose Docker Engine is shown, or the YARN behind them.
        """
        watched, sampled = tuple(sorted(runs)), tuple(tuple(sorted(some)) for some in (hosts, docker, yarn))
        if self._client is None:
            return
        try:
            if watched != self._watched:
                await self._client.watch(list(watched))
                self._watched = watched
            if sampled != self._sampled:
                await self._client.sample(*map(list, sampled))
                self._sampled = sampled
        except (AmlError, OSError):
            # The follower notices a lost engine and says so; the hint is given again then.
            self._watched, self._sampled = (), NOTHING

    async def close(self) -> None:
        """Hang up; the engine and its runs go on."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(AmlError, OSError):
                await client.close()

    async def _have(self, *, start: bool) -> Client:
        async with self._making:
            if self._client is None:
                from engine.client import Client

                try:
                    self._client = await Client.connect(self._paths, start=start)
                except OSError as error:
                    raise EngineUnavailable(
                        f"the engine does not answer: {error}.", remedy="`aml engine status` tells more."
                    ) from error
            return self._client

    def _move(self, state: Link, trouble: str = "") -> None:
        if state is not self.state:
            self._watched, self._sampled = (), NOTHING
        if (state, trouble) != (self.state, self.trouble):
            self.state, self.trouble = state, trouble
            self._moved()
