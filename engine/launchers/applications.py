"""What YARN says of all runs on a cluster, asked in one query every few seconds while there are any."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost
from engine.launchers.stages import stage
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.launchers.yarn import Application, Yarn

log = logging.getLogger(__name__)

# Between two looks (s).
EVERY = 5.0


@dataclass
class _Followed:
    nudge: Callable[[], None]
    found: tuple[Application, ...] = ()
    stage: str = ""
    words: str = field(default="", init=False)


class Applications:
    """The applications of one cluster's runs, by their tags, as they were last seen."""

    def __init__(self, yarn: Yarn, looked_at: Callable[[str], bool]) -> None:
        self.yarn = yarn
        self._looked_at = looked_at
        self._followed: dict[str, _Followed] = {}
        self._trouble = ""
        self._task: asyncio.Task[None] | None = None
        self._soon = asyncio.Event()

    def follow(self, tag: str, nudge: Callable[[], None]) -> None:
        """Look after this tag from now on; `nudge` is called when what is told of it has changed."""
        known = self._followed.get(tag)
        if known is None:
            self._followed[tag] = _Followed(nudge)
        else:
            known.nudge = nudge
        self._soon.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="look at YARN's applications")

    def forget(self, tag: str) -> None:
        self._followed.pop(tag, None)

    def words(self, tag: str) -> str:
        """What the run of this tag is at or waits for, as last seen; "" when nothing is known."""
        known = self._followed.get(tag)
        return known.words if known else ""

    def stop(self) -> None:
        """Look no more; who follows does so with another connection."""
        self._followed.clear()
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        self.stop()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        while self._followed:
            self._soon.clear()
            try:
                await self._once()
                self._trouble = ""
            except HostLost:
                # Who follows will begin again with the next connection.
                return
            except HostError as error:
                self._trouble = f"YARN does not answer: {error.message}"
                log.warning("%s", error)
            except Exception:
                # A mistake of ours, or an answer of another form: what is known stays, and the next look may do.
                log.exception("YARN's applications could not be looked at")
            for one in list(self._followed.values()):
                self._tell(one)
            try:
                async with timeout(EVERY):
                    await self._soon.wait()
            except asyncio.TimeoutError:
                continue

    async def _once(self) -> None:
        tags = list(self._followed)
        found = await self.yarn.applications(tags)
        for tag in tags:
            one = self._followed.get(tag)
            if one is None:
                continue
            one.found = tuple(app for app in found if tag in app.tags)
            running = [app for app in one.found if app.state == "RUNNING"]
            one.stage = await stage(self.yarn, running[-1]) if running and self._looked_at(tag) else ""

    def _tell(self, one: _Followed) -> None:
        parts = [app.words for app in one.found[-1:]]
        words = self._trouble or "; ".join(part for part in (one.stage, *parts) if part)
        if words != one.words:
            one.words = words
            one.nudge()
