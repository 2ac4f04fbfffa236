"""Slots of compute targets: runs wait here until they may start, and are told why they wait."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from engine.runs.queue import Place, Waiting, choose

if TYPE_CHECKING:
    from engine.runs.ledger import Ledger
    from engine.runs.model import Run


class Slots:
    """Who is at work on which target, and who is waiting. A slot is held from its grant until `leave`.

    A target is a name on a host: the `gpu-box` of two projects is one when both reach the same machine.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._active: dict[Place, dict[str, str]] = {}
        self._waiting: dict[str, tuple[Waiting, asyncio.Future[None]]] = {}
        self._told: dict[str, str] = {}

    def enter(self, place: Place, run: Run) -> None:
        """A run found at work by a new engine holds its slot already."""
        self._active.setdefault(place, {})[run.id] = run.project

    def leave(self, run_id: str) -> None:
        """Give the slot back, or stop waiting for one; the next ones are granted at once."""
        self._waiting.pop(run_id, None)
        self._told.pop(run_id, None)
        for place, active in self._active.items():
            if active.pop(run_id, None) is not None:
                self._grant(place)

    async def wait(self, place: Place, run: Run, slots: int) -> None:
        """Return once the run holds a slot of this target, which allows `slots` runs at once."""
        if run.id in self._active.get(place, {}):
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        one = Waiting(run.id, place, run.project, run.priority, run.created, slots)
        self._waiting[run.id] = (one, granted)
        self._grant(place)
        if not granted.done():
            await self.tell(place)
        try:
            await granted
        except asyncio.CancelledError:
            self.leave(run.id)
            raise

    def reprioritise(self, run_id: str, priority: int) -> None:
        known = self._waiting.get(run_id)
        if known is not None:
            one, granted = known
            self._waiting[run_id] = (
                Waiting(one.run_id, one.place, one.project, priority, one.since, one.slots),
                granted,
            )
            self._grant(one.place)

    def foresee(self, place: Place, project: str, priority: int, slots: int) -> tuple[int, int | None]:
        """What a run submitted now would meet: busy slots, and the runs that start before it (None: it starts at once).

        Nothing is changed by asking.
        """
        active = self._active.get(place, {})
        # Last come, after all that waits: no time is later than this one, and no id is empty.
        one = Waiting("", place, project, priority, math.inf, slots)
        choice = choose([*(other for other, _ in self._waiting.values()), one], active, place)
        if one.run_id in choice.grants:
            return len(active), None
        return len(active), list(choice.reasons).index(one.run_id)

    def waiting(self) -> int:
        return len(self._waiting)

    def _grant(self, place: Place) -> None:
        active = self._active.setdefault(place, {})
        choice = choose((one for one, _ in self._waiting.values()), active, place)
        for run_id in choice.grants:
            one, granted = self._waiting.pop(run_id)
            self._told.pop(run_id, None)
            active[run_id] = one.project
            if not granted.done():
                granted.set_result(None)

    async def tell(self, place: Place) -> None:
        """Write down why each run that waits for this target does, where that has changed."""
        choice = choose((one for one, _ in self._waiting.values()), self._active.get(place, {}), place)
        news = {run_id: reason for run_id, reason in choice.reasons.items() if self._told.get(run_id) != reason}
        if news:
            self._told.update(news)
            await self._ledger.do(self._ledger.set_reasons, news)
