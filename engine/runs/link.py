"""One host as the supervisor sees it: connected or not, since when, and a way to wait until it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from typing import TYPE_CHECKING, Any

from engine.clusters.facts import ClusterFacts
from engine.errors import AmlError, HostLost
from engine.hosts.asking import NEED_PERSON, NeedsPerson
from engine.runs.look import Look
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.hosts.host import Host, RunStatus
    from engine.runs.ledger import Ledger

log = logging.getLogger(__name__)

# Waits between attempts to reach a lost host, seconds: quick at first, then once a minute.
FIRST_WAIT, LONGEST_WAIT = 0.2, 60.0
# Before a shorter wait is over nobody has read when the next try is.
WORTH_TELLING = 2.0
# A connection that lasted no longer was none to speak of: what ended it will end the next one too (s).
SETTLED = 10.0
# How long somebody who asks a question waits for a host that is not there yet, seconds.
ASKED = 30.0


class HostLink:
    """Keeps one host connected while somebody needs it. Losing contact says nothing about the runs there."""

    def __init__(self, name: str, make: Callable[[], Host], ledger: Ledger, changed: Callable[[], None]) -> None:
        self.name = name
        self.state = "not connected"
        self.since = time.time()
        self.reason = ""
        self._why = ""
        self._make = make
        self._ledger = ledger
        self._changed = changed
        self._host: Host | None = None
        self._up = asyncio.Event()
        self._lost = asyncio.Event()
        self._lost.set()
        # Set to try at once what would be tried later, or not before somebody has done something.
        self._again = asyncio.Event()
        # Set when an attempt has failed, until the next one begins.
        self._failed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._sampling = 0.0
        # What a face may want in the samples beside the host's own use, by the key that it has there.
        self._looks = {
            "docker": Look(name, "Docker Engine", self.ready, _docker_counts),
            "yarn": Look(name, "YARN", self.ready, ClusterFacts().told),
        }
        self._statuses: dict[str, Callable[[RunStatus], None]] = {}

    async def ready(self) -> Host:
        """The connected host; waits as long as it takes. The first call begins to connect."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"link {self.name}")
        await self._up.wait()
        assert self._host is not None
        return self._host

    async def reach(self, limit: float = ASKED) -> Host:
        """The connected host, for somebody who waits for an answer: a host known to be away is tried at once.

        Raises HostLost, or NeedsPerson, when it is not to be had now.
        """
        self.retry()
        up = asyncio.ensure_future(self.ready())
        failed = asyncio.ensure_future(self._failed.wait())
        try:
            await asyncio.wait({up, failed}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                return up.result()
            if self.state in NEED_PERSON:
                raise NeedsPerson(self.reason, state=self.state)
            why = self.reason or f"{self.name} cannot be reached: no answer within {limit:.0f} s."
            raise HostLost(why, where="" if self.reason else self.name)
        finally:
            for task in (up, failed):
                task.cancel()

    def retry(self) -> None:
        """Connect now, if this host is needed and not there: a person has answered, or wants to know."""
        if not self._up.is_set():
            self._failed.clear()
            self._again.set()

    def is_current(self, host: Host) -> bool:
        """Whether this is the connection in use; False once contact was lost, even if there is a new one."""
        return self._up.is_set() and self._host is host

    async def lost(self) -> None:
        """Returns when contact is lost; at once when there is none."""
        await self._lost.wait()

    def listen(self, run_id: str, told: Callable[[RunStatus], None]) -> None:
        """Call `told` with each RunStatus that the host pushes for this run."""
        self._statuses[run_id] = told

    def unlisten(self, run_id: str) -> None:
        self._statuses.pop(run_id, None)

    async def sample_every(self, seconds: float) -> None:
        """Ask the host for samples at this interval, or with 0 for none."""
        self._sampling = seconds
        if self._host is not None and self._up.is_set():
            await self._host.samples(seconds)

    async def look_at(self, what: str, seconds: float) -> None:
        """Have what its "docker" or "yarn" says in the samples, asked at this interval; with 0 no more."""
        await self._looks[what].every(seconds)

    async def close(self) -> None:
        for look in self._looks.values():
            await look.close()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        self._up.clear()
        if self._host is not None:
            await self._host.close()
            self._host = None
            await self._say("not connected", "")

    async def _keep(self) -> None:
        wait = FIRST_WAIT
        while True:
            if self.state != "unreachable":
                await self._say("connecting", "")
            self._again.clear()
            self._failed.clear()
            host = self._make()
            self._lost.clear()
            host.on_lost = self._on_lost
            host.on_status(self._on_status)
            host.on_sample(self._on_sample)
            try:
                await host.connect()
                if self._sampling:
                    await host.samples(self._sampling)
            except asyncio.CancelledError:
                await host.close()
                raise
            except NeedsPerson as error:
                await host.close()
                await self._say(error.state, str(error))
                log.warning("%s waits for a person: %s", self.name, error)
                self._failed.set()
                await self._again.wait()
                continue
            except (AmlError, OSError) as error:
                await host.close()
                await self._say("unreachable", str(error))
                log.warning("%s cannot be reached: %s; trying again in %.1f s", self.name, error, wait)
                self._failed.set()
                wait = await self._pause(wait)
                continue
            begun = time.monotonic()
            self._host = host
            await self._say("connected", "")
            self._up.set()
            await self._lost.wait()
            self._up.clear()
            log.warning("contact with %s was lost", self.name)
            await self._say("unreachable", self._why)
            await host.close()
            wait = await self._pause(wait) if time.monotonic() - begun < SETTLED else FIRST_WAIT

    async def _pause(self, wait: float) -> float:
        """Before the next try, unless somebody asks for it now. Returns how long the one after it is."""
        with contextlib.suppress(asyncio.TimeoutError):
            jittered = wait * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
            if jittered >= WORTH_TELLING:
                await self._say_next(time.time() + jittered)
            async with timeout(jittered):
                await self._again.wait()
        return min(wait * 2, LONGEST_WAIT)

    async def _say_next(self, at: float) -> None:
        """Have faces know when it is tried again."""
        try:
            await self._ledger.do(self._ledger.set_next_try, self.name, at)
        except AmlError as error:
            log.warning("%s", error)
        self._changed()

    async def _say(self, state: str, reason: str) -> None:
        if (state, reason) == (self.state, self.reason):
            return
        if state != self.state:
            self.since = time.time()
        self.state, self.reason = state, reason
        try:
            await self._ledger.do(self._ledger.set_target, self.name, state, self.since, reason)
        except AmlError as error:
            # The state of a host is told again at its next change; a full disk must not stop the host's runs.
            log.warning("%s", error)
        self._changed()

    def _on_lost(self, error: HostLost) -> None:
        self._why = error.message
        self._up.clear()
        self._lost.set()

    def _on_status(self, run_id: str, status: RunStatus) -> None:
        told = self._statuses.get(run_id)
        if told is not None:
            told(status)

    def _on_sample(self, sample: dict[str, Any]) -> None:
        sample = {**sample, **{what: look.facts for what, look in self._looks.items() if look.facts}}
        task = asyncio.ensure_future(self._ledger.do(self._ledger.set_sample, self.name, sample))
        task.add_done_callback(self._sampled)

    def _sampled(self, task: asyncio.Future[None]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._changed()


async def _docker_counts(host: Host) -> dict[str, Any]:
    return await (await host.docker()).counts()
