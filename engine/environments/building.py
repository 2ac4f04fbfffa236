"""What every kind of environment has in common: found, or built once for all who need it, told step by step.

A build is a task that its waiters share; it is canceled with the last of them. Everything it says is in a log of its
own, also when it fails.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import dataclasses
import hashlib
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING

from engine.environments.log import BuildLog
from engine.environments.times import Times
from engine.errors import EnvironmentFailed, HostError, HostLost
from engine.runs.model import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from engine.environments.ready import Kept, Ready
    from engine.project.environment import EnvironmentSpec, Need
    from engine.runs.model import ImageUse

# How often those who wait are told what is at work, seconds.
TELL = 0.5
# Longest words of what a tool says, characters; lines of it that are looked through for what went wrong.
DETAIL, LAST = 100, 200


class Builder(abc.ABC):
    """The environments of one kind on one host.

    `folder` keeps the builds' logs; `record` hears of each change of a build, on the loop.
    """

    def __init__(self, host: str, folder: Path, record: Callable[[BuildRecord], None]) -> None:
        self.host = host
        self.folder = folder
        # Marks this engine's builds, so that those of others are left alone.
        self.mark = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        self.record = record
        self.builds: dict[str, Build] = {}

    @abc.abstractmethod
    async def find(self, spec: EnvironmentSpec) -> Ready | None:
        """The environment if it is there; nothing is fetched or built."""

    @abc.abstractmethod
    async def listed(
        self, uses: Sequence[ImageUse], needs: Sequence[Need], runs: Sequence[tuple[str, str, str]]
    ) -> list[Kept]:
        """All that is kept on this host. `uses`: what the store knows of their use there, the latest first.

        `needs`: what configurations need there; `runs`: (run, fingerprint, image) of what has not ended.
        """

    @abc.abstractmethod
    async def remove(self, fingerprint: str) -> None:
        """Remove one environment. Raises HostError when it cannot be."""

    @abc.abstractmethod
    async def tidy(self, keep: int = ..., but: Build | None = None) -> None:
        """Remove what earlier builds left, but for what the newest `keep` can go on from; not while one is at work.

        `but`: the build that begins, which has made nothing yet.
        """

    @abc.abstractmethod
    async def disk(self) -> int:
        """Bytes that all of it takes."""

    @abc.abstractmethod
    def _build(self, spec: EnvironmentSpec) -> Build:
        """Begin to build."""

    async def ensure(
        self,
        spec: EnvironmentSpec,
        say: Callable[[str], Awaitable[None]],
        began: Callable[[BuildRecord], None] | None = None,
    ) -> Ready:
        """Have it there. `say` hears what is at work, `began` of the build that is waited for.

        Raises EnvironmentFailed when it cannot be built, HostError, HostLost.
        """
        ready = await self.find(spec)
        if ready is not None:
            return ready
        key = spec.content
        build = self.builds.get(key)
        if build is None:
            build = self._begin(spec, key)
        build.waiters += 1
        if began is not None:
            began(build.record)
        try:
            told = ""
            while not build.task.done():
                if build.words != told:
                    told = build.words
                    await say(told)
                await asyncio.wait({build.task}, timeout=TELL)
            return build.task.result()
        finally:
            build.waiters -= 1
            if not build.waiters and not build.task.done():
                # Who asks from now on must not wait for what is on its way out.
                self._forget(key, build)
                build.task.cancel()
                await asyncio.gather(build.task, return_exceptions=True)

    def _begin(self, spec: EnvironmentSpec, key: str) -> Build:
        build = self.builds[key] = self._build(spec)

        def over(task: asyncio.Task[Ready]) -> None:
            self._forget(key, build)
            if not task.cancelled():
                task.exception()

        build.task.add_done_callback(over)
        return build

    def _forget(self, key: str, build: Build) -> None:
        if self.builds.get(key) is build:
            del self.builds[key]


class Build(abc.ABC):
    """A build at work: `task` gives what is ready, `waiters` are those who wait, `record` is how it stands."""

    def __init__(self, builder: Builder, spec: EnvironmentSpec, words: str) -> None:
        self.waiters = 0
        self._owner = builder
        self._spec = spec
        build = uuid.uuid4().hex[:12]
        path = builder.folder / f"{build}.log"
        self._log = BuildLog(path)
        self._times = Times(builder.folder, builder.host)
        # What the step at work says: the last line for those who wait, the last lines for an error.
        self._detail = ""
        self._lines: deque[str] = deque(maxlen=LAST)
        self.record = BuildRecord(build, builder.host, "", "building", time.time(), words=words, log=str(path))
        builder.record(self.record)
        self.task = asyncio.create_task(self._run(), name=f"build {build}")

    @abc.abstractmethod
    async def _made(self) -> Ready:
        """Make it. Raises EnvironmentFailed, HostError, HostLost."""

    @abc.abstractmethod
    async def _size(self, ready: Ready) -> int | None:
        """Bytes of what is ready."""

    @property
    def words(self) -> str:
        """What is at work, for those who wait: "step 4 of 6: pip packages: 3 lines (Collecting numpy)"."""
        record = self.record
        step = f"step {record.step} of {record.steps}: " if record.steps else ""
        return f"{step}{record.words}" + (f" ({self._detail})" if self._detail else "")

    def _change(self, **fields: object) -> None:
        self.record = dataclasses.replace(self.record, **fields)  # type: ignore[arg-type]
        self._owner.record(self.record)

    def _step(self, number: int, of: int, words: str) -> None:
        """The next step begins."""
        self._detail = ""
        self._lines.clear()
        self._change(step=number, steps=of, words=words)

    def _said(self, line: str) -> None:
        """A line of what the step at work says."""
        self._detail = line.strip()[:DETAIL]
        self._lines.append(line)

    async def _run(self) -> Ready:
        try:
            await self._open_log()
            estimate = await asyncio.to_thread(self._times.estimate)
            if estimate is not None:
                self._change(estimate=estimate)
            ready = await self._made()
            size = await self._size(ready)
            if ready.built:
                await asyncio.to_thread(self._times.remember, time.time() - self.record.started)
        except BaseException as error:
            # Cut off with the host, it says nothing of the environment: who needs it builds it again.
            canceled = isinstance(error, asyncio.CancelledError | HostLost)
            text = "canceled" if isinstance(error, asyncio.CancelledError) else str(error)
            self._log.note(text)
            await self._log.close()
            self._change(state="canceled" if canceled else "failed", error=text, words="", ended=time.time())
            with contextlib.suppress(HostError):
                await self._owner.tidy(but=self)
            raise
        await self._log.close()
        self._change(
            state="ready", image=ready.image, fingerprint=ready.fingerprint, words="", ended=time.time(), size=size
        )
        return ready

    async def _open_log(self) -> None:
        try:
            await self._log.open()
        except OSError as error:
            raise EnvironmentFailed(
                f"the log of the build cannot be written: {error.strerror}.",
                where=self.record.log,
                remedy="Make room there, or correct its permissions.",
            ) from error
