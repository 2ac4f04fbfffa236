"""The environments of one host's Docker Engine: found, or built once for all who need them.

A build is a task that its waiters share; it is canceled with the last of them. Everything it says is in a log of its
own, also when it failed. What was cut off by the death of the engine or the daemon is built again: finished layers are
in the daemon's cache.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import statistics
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.environments import recipe as recipes
from engine.environments.originals import stand_in
from engine.environments.probing import Probe, probe
from engine.errors import AmlError, EnvironmentFailed, HostError, HostLost
from engine.hosts.docker.images import ENVIRONMENT
from engine.plain import plain
from engine.runs.model import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import IO

    from engine.hosts.docker.api import BuildOutput, DockerApi, Image, PullProgress
    from engine.project.environment import EnvironmentSpec

BUILD, INTERPRETER, SPARK = "aml-tui.build", "aml-tui.interpreter", "aml-tui.spark-submit"
REPOSITORY = "aml-tui/environment"
# How often those who wait are told what is at work, seconds.
TELL = 0.5
# Lines of a failed build's log that its error tells; earlier builds that an estimate is made of.
LAST_LINES, EARLIER = 8, 5
_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)", re.MULTILINE)
_CREDENTIALS = re.compile(r"(://)[^/@\s]+@")
_DOCKER_CONFIG = ".docker"


@dataclass(frozen=True)
class Ready:
    """An environment that is there: the image's id, its Python, its spark-submit ("" if none). `built`: just now."""

    image: str
    interpreter: str
    spark_submit: str
    fingerprint: str
    built: bool = False


@dataclass
class _Flight:
    record: BuildRecord
    waiters: int = 0
    task: asyncio.Task[Ready] | None = None
    lines: list[str] = field(default_factory=list)


class Builder:
    """`folder` keeps the builds' logs; `record` hears of each change of a build, on the loop."""

    def __init__(self, docker: DockerApi, host: str, folder: Path, record: Callable[[BuildRecord], None]) -> None:
        self.docker = docker
        self.host = host
        self.folder = folder
        self._record = record
        self._flights: dict[str, _Flight] = {}
        self._probes: dict[tuple[str, str], Probe] = {}

    async def find(self, spec: EnvironmentSpec) -> Ready | None:
        """The environment if it is there; nothing is pulled or built."""
        base = await self._local(spec)
        return None if base is None else await self._there(spec, base)

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
        key = hashlib.sha256(json.dumps(spec.to_json(), sort_keys=True).encode()).hexdigest()
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = self._take_off(spec, key)
        flight.waiters += 1
        task = flight.task
        assert task is not None
        if began is not None:
            began(flight.record)
        try:
            told = ""
            while not task.done():
                if flight.record.words != told:
                    told = flight.record.words
                    await say(told)
                await asyncio.wait({task}, timeout=TELL)
            return task.result()
        finally:
            flight.waiters -= 1
            if not flight.waiters and not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _take_off(self, spec: EnvironmentSpec, key: str) -> _Flight:
        build = uuid.uuid4().hex[:12]
        record = BuildRecord(
            build, self.host, "", "building", time.time(), words="looking for the base image",
            log=str(self.folder / f"{build}.log"), estimate=self._estimate(),
        )  # fmt: skip
        flight = _Flight(record)
        self._record(record)
        flight.task = asyncio.create_task(self._build(flight, spec), name=f"build {build}")

        def landed(task: asyncio.Task[Ready]) -> None:
            del self._flights[key]
            if not task.cancelled():
                task.exception()

        flight.task.add_done_callback(landed)
        return flight

    async def _build(self, flight: _Flight, spec: EnvironmentSpec) -> Ready:
        with await asyncio.to_thread(self._open_log, flight.record.id) as log:
            try:
                ready = await self._made(flight, spec, log)
            except BaseException as error:
                self._tell_end(flight, log, error)
                raise
            image = await self.docker.image(ready.image)
            self._change(
                flight,
                state="ready",
                image=ready.image,
                words="",
                ended=time.time(),
                size=image.size if image else None,
            )
            if ready.built:
                await asyncio.to_thread(self._remember, time.time() - flight.record.started)
            return ready

    def _tell_end(self, flight: _Flight, log: IO[str], error: BaseException) -> None:
        canceled = isinstance(error, asyncio.CancelledError)
        text = "canceled" if canceled else str(error)
        with contextlib.suppress(OSError):
            log.write(f"{text}\n")
        self._change(flight, state="canceled" if canceled else "failed", error=text, words="", ended=time.time())

    async def _made(self, flight: _Flight, spec: EnvironmentSpec, log: IO[str]) -> Ready:
        base = await self._base(flight, spec, log)
        ready = await self._there(spec, base)
        if ready is not None:
            return ready
        await self._clear()
        found = await self._probed(base.id, spec.interpreter)
        digest = recipes.fingerprint(spec, base.id, self.docker.info.platform)
        labels = {ENVIRONMENT: digest, INTERPRETER: f"{recipes.PREFIX}/bin/python", SPARK: found.spark_submit}
        made = recipes.recipe(spec, base.id, found, {BUILD: self._mark})
        self._change(flight, fingerprint=digest, words="building")
        context = self.folder / f"{flight.record.id}.tar"
        try:
            await asyncio.to_thread(recipes.write_context, spec, made, context)
            image = await self.docker.build(
                context,
                labels=labels,
                build_args=self._build_args(log),
                network="" if self.docker.info.bridge else "host",
                on_output=lambda output: self._hear(flight, log, output),
            )
        except HostLost:
            raise
        except (HostError, OSError) as error:
            last = "\n".join(f"  {line}" for line in flight.lines[-LAST_LINES:])
            message = error.message if isinstance(error, AmlError) else str(error)
            raise EnvironmentFailed(
                f"the environment could not be built: {_masked(message)}\n{last}",
                where=self.host,
                remedy=(error.remedy if isinstance(error, AmlError) else "")
                or f"The whole log: `aml environment show {flight.record.id}`.",
            ) from error
        finally:
            await asyncio.to_thread(context.unlink, missing_ok=True)
        await self.docker.tag(image, REPOSITORY, digest)
        return Ready(image, made.interpreter, found.spark_submit, digest, built=True)

    # What is there

    async def _local(self, spec: EnvironmentSpec) -> Image | None:
        image = await self.docker.image(spec.base_image) if spec.base_image else None
        other = stand_in(spec.base_image, spec.spark is not None)
        return image if image is not None or not other else await self.docker.image(other)

    async def _base(self, flight: _Flight, spec: EnvironmentSpec, log: IO[str]) -> Image:
        image = await self._local(spec)
        if image is not None:
            return image
        reference = stand_in(spec.base_image, spec.spark is not None) or spec.base_image
        if spec.base_image and reference != spec.base_image:
            log.write(f"{spec.base_image} cannot be had any more: {reference} takes its place\n")
        log.write(f"pulling {reference}\n")
        self._change(flight, words=f"pulling {reference}")

        def came(progress: PullProgress) -> None:
            part = f", {progress.bytes / 1e6:,.0f} of {progress.total / 1e6:,.0f} MB" if progress.total else ""
            words = f"pulling {reference}, layer {progress.done} of {progress.layers}{part}"
            flight.record = dataclasses.replace(flight.record, words=words)

        try:
            await self.docker.pull(reference, came, Path.home() / _DOCKER_CONFIG)
        except HostLost:
            raise
        except HostError as error:
            raise EnvironmentFailed(
                f"the base image {reference!r} is not on this machine and cannot be pulled: {error.message}",
                where=spec.image_place,
                remedy=error.remedy or "Correct `baseDockerImage`.",
            ) from error
        found = await self.docker.image(reference)
        if found is None:
            raise EnvironmentFailed(f"{reference!r} was pulled and is not there.", where=self.host, remedy="Try again.")
        return found

    async def _there(self, spec: EnvironmentSpec, base: Image) -> Ready | None:
        digest = recipes.fingerprint(spec, base.id, self.docker.info.platform)
        if spec.asks_for_nothing:
            found = await self._probed(base.id, spec.interpreter)
            if not found.python:
                raise EnvironmentFailed(
                    f"the base image {spec.base_image!r} has no Python.",
                    where=spec.image_place,
                    remedy="Name another in `baseDockerImage`, or ask for Python in conda_dependencies.yml.",
                )
            return self._checked(spec, Ready(base.id, found.python, found.spark_submit, digest))
        images = await self.docker.images({ENVIRONMENT: digest})
        if not images:
            return None
        labels = images[0].labels
        return self._checked(spec, Ready(images[0].id, labels[INTERPRETER], labels.get(SPARK, ""), digest))

    def _checked(self, spec: EnvironmentSpec, ready: Ready) -> Ready:
        if spec.spark is not None and not ready.spark_submit:
            raise EnvironmentFailed(
                f"the framework is PySpark, and the image {spec.base_image!r} has no spark-submit.",
                where=spec.image_place,
                remedy="Name an image with Spark in `baseDockerImage`.",
            )
        return ready

    async def _probed(self, image: str, interpreter: str) -> Probe:
        key = (image, interpreter)
        if key not in self._probes:
            self._probes[key] = await probe(self.docker, image, interpreter)
        return self._probes[key]

    # The build

    @property
    def _mark(self) -> str:
        """Marks this engine's builds, so that those of others are left alone."""
        return hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]

    async def _clear(self) -> None:
        """Remove what a build left behind that was cut off with the daemon."""
        if len(self._flights) > 1:
            return
        for container in await self.docker.containers({BUILD: self._mark}):
            if "aml-tui.run" not in container.labels:
                with contextlib.suppress(HostError):
                    await self.docker.remove(container.id, force=True)

    def _build_args(self, log: IO[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in (*recipes.PASSED, *recipes.PROXIES):
            value = os.environ.get(name, "")
            if value and name in recipes.PASSED and _CREDENTIALS.search(value):
                log.write(f"{name} is not passed on: the password in it would stay in the image's history\n")
            elif value:
                found[name] = value
        return found

    def _hear(self, flight: _Flight, log: IO[str], output: BuildOutput) -> None:
        text = _masked(output.text)
        log.write(text)
        log.flush()
        flight.lines += [plain(line) for line in text.splitlines() if line.strip()]
        del flight.lines[: -4 * LAST_LINES]
        step = _STEP.search(text)
        if step:
            words = f"step {step[1]} of {step[2]}: {plain(step[3])}"[:200]
            self._change(flight, step=int(step[1]), steps=int(step[2]), words=words)

    def _change(self, flight: _Flight, **fields: object) -> None:
        flight.record = dataclasses.replace(flight.record, **fields)  # type: ignore[arg-type]
        self._record(flight.record)

    def _open_log(self, build: str) -> IO[str]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / f"{build}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    # How long builds take here

    def _times(self) -> list[float]:
        try:
            return [float(one) for one in json.loads((self.folder / "times.json").read_text())[self.host]]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _estimate(self) -> float | None:
        times = self._times()
        return statistics.median(times) if times else None

    def _remember(self, seconds: float) -> None:
        with contextlib.suppress(OSError):
            times = [*self._times(), round(seconds, 1)][-EARLIER:]
            (self.folder / "times.json").write_text(json.dumps({self.host: times}))


def _masked(text: str) -> str:
    return _CREDENTIALS.sub(r"\1***@", text)
