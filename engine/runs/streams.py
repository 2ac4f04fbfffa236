"""A run's driver log and metrics, from the host's files to the mirror and the store, while it runs and to the end.

With them comes `driver.streams`, which tells stdout from stderr in the log: as a convenience, so that a run that has
none, or whose host does not give it, goes on and ends as any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost, StoreError
from engine.runs import metrics, points
from engine.runs.apart import STREAMS
from engine.runs.finishing import finished
from engine.runs.logs import DRIVER_LOG, METRICS, Mirror
from engine.runs.tails import Tail
from engine.runs.tails import remove as remove_tail
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from engine.hosts.host import Follow
    from engine.launchers.launcher import PlacedRun
    from engine.runs.ledger import Ledger
    from engine.runs.troubles import Troubles

log = logging.getLogger(__name__)

# How often a host sends what has grown, seconds: for a run that somebody looks at, and for one nobody does.
WATCHED, WATCHED_METRICS, UNWATCHED = 0.05, 0.2, 1.0
WATCHED_STREAMS, UNWATCHED_STREAMS = 0.2, 5.0
# The end of a run waits no longer for the rest of `driver.streams`, seconds.
STREAMS_PATIENCE = 3.0
# When more of a log than this is still to come, its end is fetched first: so much of it (bytes).
GAP, TAIL = 1 << 20, 32 << 10
# Between two tries while this machine's disk is full, seconds.
RETRY = 1.0
# Read at once; above the longest line a metric may have, so that one always fits (bytes).
_BATCH = metrics.LONGEST_LINE + (1 << 20)


class Following:
    """The files of one run. `begin` may be called again after contact was lost; it goes on where the mirror ends."""

    def __init__(
        self,
        run_id: str,
        folder: Path,
        ledger: Ledger,
        changed: Callable[[], None],
        troubles: Troubles,
        *,
        keep_metrics: bool,
    ) -> None:
        self.run_id = run_id
        self._troubles = troubles
        self._keep_metrics = keep_metrics
        self._stopping = False
        self._folder = folder
        self._ledger = ledger
        self._changed = changed
        self._mirrors: dict[str, Mirror] = {}
        self._follows: dict[str, Follow] = {}
        self._ingesting = asyncio.Lock()
        self._watched = True
        self._consumed: int | None = None
        self._tail: Tail | None = None
        self._tail_follow: Follow | None = None

    async def begin(self, placed: PlacedRun, log_size: int = 0) -> None:
        """`log_size`: how large the host's log is by now, where that is known."""
        await self.stop()
        self._stopping = False
        if not self._mirrors:
            # What is open must be known, or nobody closes it.
            await finished(asyncio.to_thread(self._open))
            await self._ingest()
        if log_size - self._mirrors[DRIVER_LOG].size > GAP:
            await self._begin_tail(placed, log_size - TAIL)
        early: dict[str, int] = {}

        def cut(name: str, size: int) -> None:
            # A file that is shorter than its mirror is told before `follow` returns; and on the way out nobody minds.
            if name in self._follows:
                self._cut(name, size)
            else:
                early[name] = size

        sinks = {DRIVER_LOG: self._log_grew, METRICS: self._metrics_grew, STREAMS: self._streams_grew}
        for name, mirror in self._mirrors.items():
            try:
                follow = await placed.follow(name, mirror.size, sinks[name], self._interval(name), partial(cut, name))
            except HostError as error:
                if name != STREAMS or isinstance(error, HostLost):
                    raise
                log.info("run %s: what was stdout and what stderr is not told: %s", self.run_id, error)
                continue
            self._follows[name] = follow
            if name in early:
                self._cut(name, early[name])

    async def _begin_tail(self, placed: PlacedRun, offset: int) -> None:
        """The end first, so that one sees how it stands now; its bytes come once more when the mirror gets there."""
        tail = self._tail = await asyncio.to_thread(Tail, self._folder, offset)

        async def grew(offset: int, data: bytes) -> None:
            await self._insist(partial(asyncio.to_thread, tail.write, offset, data))

        self._tail_follow = await placed.follow(DRIVER_LOG, offset, grew, WATCHED, lambda _size: None)

    async def _end_tail(self) -> None:
        follow, self._tail_follow = self._tail_follow, None
        tail, self._tail = self._tail, None
        if follow is not None:
            await follow.stop()
        if tail is not None:
            await asyncio.to_thread(tail.remove)

    def _open(self) -> None:
        remove_tail(self._folder)
        for name in (DRIVER_LOG, METRICS):
            self._mirrors[name] = Mirror(self._folder, name, times=name == DRIVER_LOG)
        with contextlib.suppress(OSError):
            self._mirrors[STREAMS] = Mirror(self._folder, STREAMS)

    @property
    def begun(self) -> bool:
        return bool(self._follows)

    def watch(self, watched: bool) -> None:
        """Somebody looks at this run now, or nobody does any more."""
        self._watched = watched
        for name, follow in self._follows.items():
            follow.set_interval(self._interval(name))

    def _interval(self, name: str) -> float:
        if name == STREAMS:
            return WATCHED_STREAMS if self._watched else UNWATCHED_STREAMS
        if not self._watched:
            return UNWATCHED
        return WATCHED if name == DRIVER_LOG else WATCHED_METRICS

    async def drain(self, log_size: int, metrics_size: int, streams_size: int) -> None:
        """Wait until the mirror has at least these many bytes of each file and the store the metrics in them.

        `driver.streams` is waited for a little, and the run ends without it.
        """
        for name, size in ((DRIVER_LOG, log_size), (METRICS, metrics_size)):
            follow = self._follows.get(name)
            if follow is not None and self._mirrors[name].size < size:
                await follow.drained(size)
        await self._ingest(last=True)
        follow = self._follows.get(STREAMS)
        if follow is not None and self._mirrors[STREAMS].size < streams_size:
            try:
                async with timeout(STREAMS_PATIENCE):
                    await follow.drained(streams_size)
            except (HostError, OSError, ValueError, asyncio.TimeoutError) as error:
                log.warning("run %s: what was stdout and what stderr is not all told: %r", self.run_id, error)

    async def stop(self) -> None:
        self._stopping = True
        await self._end_tail()
        follows, self._follows = self._follows, {}
        for follow in follows.values():
            await follow.stop()

    async def close(self) -> None:
        await self.stop()
        mirrors, self._mirrors = self._mirrors, {}
        for mirror in mirrors.values():
            await asyncio.to_thread(mirror.close)

    def _cut(self, name: str, size: int) -> None:
        """Somebody cut the host's file to `size` bytes. It is the truth, so the mirror is cut to the same place."""
        log.warning("%s of %s was cut to %d bytes on its host", name, self.run_id, size)
        mirror = self._mirrors[name]
        mirror.cut(size)
        self._follows[name].restart(mirror.size)

    async def _log_grew(self, offset: int, data: bytes) -> None:
        await self._insist(partial(asyncio.to_thread, self._mirrors[DRIVER_LOG].write, offset, data))
        if self._tail is not None and offset + len(data) >= self._tail.offset:
            await self._end_tail()

    async def _metrics_grew(self, offset: int, data: bytes) -> None:
        await self._insist(partial(asyncio.to_thread, self._mirrors[METRICS].write, offset, data))
        await self._insist(self._ingest)

    async def _streams_grew(self, offset: int, data: bytes) -> None:
        """The log tells when this machine's disk is full: this only waits."""
        while True:
            try:
                return await asyncio.to_thread(self._mirrors[STREAMS].write, offset, data)
            except OSError:
                if self._stopping:
                    raise
                await asyncio.sleep(RETRY)

    async def _insist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write, and while the disk refuses wait and write again: the host keeps what does not fit here."""
        while True:
            try:
                await write()
                self._troubles.over(self.run_id)
                return
            except (OSError, StoreError) as error:
                if self._stopping:
                    raise
                self._troubles.meet(self.run_id, error)
                log.error("run %s: its mirror cannot be written: %s", self.run_id, error)
                await asyncio.sleep(RETRY)

    async def _ingest(self, *, last: bool = False) -> None:
        """Bring the store up to the mirrored metrics. With `last`, a line without an end counts as one."""
        if not self._keep_metrics:
            return
        async with self._ingesting:
            if self._consumed is None:
                self._consumed = await self._ledger.do(self._ledger.consumed, self.run_id, METRICS)
            mirror = self._mirrors[METRICS]
            while self._consumed < mirror.size:
                data = await asyncio.to_thread(mirror.read, self._consumed, _BATCH)
                if last and self._consumed + len(data) >= mirror.size and not data.endswith(b"\n"):
                    data += b"\n"
                records, used, bad = await asyncio.to_thread(metrics.parse, data)
                if used == 0:
                    break
                after = min(self._consumed + used, mirror.size)
                await self._ledger.do(points.add, self._ledger, self.run_id, records, self._consumed, after, bad)
                self._consumed = after
                self._changed()
