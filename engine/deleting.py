"""Deleting runs: into the bin first, and for good when their time there is over or somebody wants it now."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from typing import TYPE_CHECKING

from engine.errors import AmlError, NotFound, NotNow
from engine.project.sweeping import sweep
from engine.runs.bin import KEPT, REMOVING
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from engine.hosts.host import Host
    from engine.paths import Paths
    from engine.runs.captures import Captures
    from engine.runs.ledger import Ledger
    from engine.runs.model import RunPlan

log = logging.getLogger(__name__)

# How often the bin is looked through, seconds; also whenever a host is there again.
EVERY = 86_400.0


class Deleting:
    """`reach` connects the host of a run; `there` tells whether that needs nobody and no connection to be made.

    `busy`: a run that is still in hand. `changed` is called with the runs that came or went.
    Not for several loops; one thing at a time, so that nothing is brought back while it is removed.
    """

    def __init__(
        self,
        paths: Paths,
        ledger: Ledger,
        captures: Captures,
        *,
        reach: Callable[[RunPlan], Awaitable[Host]],
        there: Callable[[str], bool],
        busy: Callable[[str], bool],
        changed: Callable[[set[str]], None],
    ) -> None:
        self._paths = paths
        self._ledger = ledger
        self._captures = captures
        self._reach = reach
        self._there = there
        self._busy = busy
        self._changed = changed
        self._one = asyncio.Lock()
        self._look = asyncio.Event()
        # Hosts that were there when they were last heard of.
        self._known: set[str] = set()

    async def put_in_bin(self, run_ids: Iterable[str]) -> dict[str, str]:
        """Delete ended runs for now; no host is needed. Returns what could not be done: run id -> why."""
        refused: dict[str, str] = {}
        async with self._one:
            found: list[str] = []
            for run_id in dict.fromkeys(run_ids):
                try:
                    await self._ended(run_id)
                    found.append(run_id)
                except AmlError as error:
                    refused[run_id] = str(error)
            await self._ledger.do(self._ledger.put_in_bin, found, time.time())
        self._changed(set(found))
        return refused

    async def restore(self, run_ids: Iterable[str]) -> dict[str, str]:
        """Bring runs back from the bin. Returns refusals as `put_in_bin` does."""
        refused: dict[str, str] = {}
        ids = list(dict.fromkeys(run_ids))
        async with self._one:
            for run_id in ids:
                try:
                    await self._ledger.do(self._ledger.run, run_id)
                    if not await self._ledger.do(self._ledger.take_from_bin, run_id):
                        going = run_id in await self._ledger.do(self._ledger.in_bin_since, REMOVING)
                        raise NotNow("it is being removed for good." if going else "the run is not in the bin.")
                except NotFound:
                    refused[run_id] = "it was removed for good."
                except AmlError as error:
                    refused[run_id] = str(error)
        self._changed(set(ids) - refused.keys())
        return refused

    async def remove(self, run_ids: Iterable[str]) -> dict[str, str]:
        """Remove ended runs for good, in the bin or not: their directories on the host, mirrors and history.

        Returns refusals as `put_in_bin` does; a run whose host is not there stays as it is.
        """
        return await self._remove_all(list(dict.fromkeys(run_ids)), None)

    async def _remove_all(self, ids: list[str], due: float | None) -> dict[str, str]:
        """`due`: only those that are in the bin since then still; one may have been brought back meanwhile."""
        refused: dict[str, str] = {}
        away: dict[str, AmlError] = {}
        async with self._one:
            if due is not None:
                still = set(await self._ledger.do(self._ledger.in_bin_since, due))
                ids = [run_id for run_id in ids if run_id in still]
            for run_id in ids:
                try:
                    await self._ended(run_id)
                    await self._remove(run_id, away)
                except AmlError as error:
                    refused[run_id] = str(error)
                except (OSError, TypeError, ValueError) as error:
                    log.warning("run %s could not be removed", run_id, exc_info=error)
                    refused[run_id] = f"it could not be removed: {error}."
        self._changed(set(ids))
        if len(refused) < len(ids):
            await self.sweep()
        return refused

    async def keep_clean(self) -> None:
        """Remove what was in the bin for long enough: now, once a day, and what a host has when it is there again."""
        while True:
            self._look.clear()
            try:
                await self._remove_due()
            except Exception as error:
                # Whatever it was: it is tried again, and the bin is not left alone for good.
                log.warning("the bin could not be emptied", exc_info=error)
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                async with timeout(EVERY):
                    await self._look.wait()

    def heard(self, host: str, there: bool) -> None:
        """How a host stands: what it has may be removed when it is there again."""
        if not there:
            self._known.discard(host)
        elif host not in self._known:
            self._known.add(host)
            self._look.set()

    async def sweep(self) -> None:
        """Contents that only removed runs took along go as well."""
        async with self._captures.sweeping():
            needed = await self._ledger.do(self._ledger.snapshots)
            try:
                freed = await asyncio.to_thread(sweep, self._paths.blobs, self._paths.snapshots, needed)
            except OSError as error:
                log.warning("the content store could not be swept: %s", error)
            else:
                log.info("the content store was swept: %d bytes freed", freed)

    async def _remove_due(self) -> None:
        limit = time.time() - KEPT
        ids = []
        for run_id in await self._ledger.do(self._ledger.in_bin_since, limit):
            try:
                plan = await self._ledger.do(self._ledger.plan, run_id)
            except (AmlError, TypeError, ValueError) as error:
                log.warning("run %s stays in the bin: %s", run_id, error)
                continue
            # A machine is not connected, and nobody asked for a password, to remove what nobody wants.
            if self._there(plan.host):
                ids.append(run_id)
        if ids:
            refused = await self._remove_all(ids, limit)
            log.info("%d runs were to be removed from the bin, %d were not", len(ids), len(refused))

    async def _ended(self, run_id: str) -> None:
        run = await self._ledger.do(self._ledger.run, run_id)
        if self._busy(run_id) or not run.state.ended:
            raise NotNow(f"the run has not ended ({run.state}).", remedy="Cancel it first.")

    async def _remove(self, run_id: str, away: dict[str, AmlError]) -> None:
        """`away`: hosts that could not be reached just now; one is not waited for again and again."""
        plan = await self._ledger.do(self._ledger.plan, run_id)
        if plan.host in away:
            raise away[plan.host]
        try:
            host = await self._reach(plan)
        except AmlError as error:
            away[plan.host] = error
            raise
        if (await host.inspect([run_id]))[run_id].phase in ("starting", "running"):
            # Its host would refuse, and a run that is marked is nowhere to be seen.
            raise NotNow("it is still running on its host, whatever the history says.", where=host.name)
        await self._ledger.do(self._ledger.mark_removing, run_id)
        await host.remove_run(run_id)
        for folder in (self._paths.mirror(run_id), self._paths.host_run(run_id)):
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(shutil.rmtree, folder)
        await self._ledger.do(self._ledger.delete, run_id)
