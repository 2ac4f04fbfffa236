"""The console's data, apart from any widget: what was read from the store and the project, and who wants to know.

Everything that blocks runs in one thread of its own; the values handed out are frozen. Widgets never ask the store.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.errors import AmlError
from engine.timeouts import timeout
from tui.host_load import HostLoad
from tui.reading import HistoryReading, ProjectView, absent, read_project
from tui.steady import Steady

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.bin import Batch, Binned
    from engine.runs.model import Run, Series, TargetState
    from engine.runs.request import RunRequest
    from tui.environments import BuildView
from tui.reading import Reading

T = TypeVar("T")
# The store is looked at this often; an event of the engine brings the look forward.
POLL = 0.5
# Events come in bursts: one look serves all that arrive within this time.
GATHER = 0.1
# The project's files are compared this often.
PROJECT_POLL = 2.0
# Series are read for at most this many runs in one turn of the thread, so that a look at the store never waits long.
CHUNK = 400


@dataclass(frozen=True)
class Change:
    """What is new. `order`: runs came or went; `runs`: these rows differ; `series`: these runs' metrics differ.

    `builds`: these builds of environments differ.
    """

    order: bool = False
    runs: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()
    builds: frozenset[str] = frozenset()
    targets: bool = False
    project: bool = False
    trouble: bool = False


class ConsoleModel:
    """Lives on the console's loop. `listeners` are called there with each `Change`."""

    def __init__(self, paths: Paths, project: Path | None, clock: Callable[[], float] = time.time) -> None:
        self.paths = paths
        self.clock = clock
        self.folder = project
        self.project = ProjectView(name=project.name if project else "", path=str(project or ""))
        self.runs: dict[str, Run] = {}
        self.order: tuple[str, ...] = ()
        self.series: dict[str, tuple[Series, ...]] = {}
        self.targets: dict[str, TargetState] = {}
        self.builds: dict[str, BuildView] = {}
        self.load_of_hosts = HostLoad()
        self.batches: tuple[Batch, ...] = ()
        self.loaded = False
        self.trouble = ""
        self.listeners: list[Callable[[Change], None]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="console-reading")
        self._history = HistoryReading(paths.store)
        self._hints: set[str] = set()
        self._more = False
        self._nudge = asyncio.Event()
        self._seen: frozenset[str] = frozenset()
        self._stamp: object = None
        self._steady = Steady() if "SSH_CONNECTION" in os.environ else None

    async def ask(self, question: Callable[..., T], *values: object) -> T:
        """Run a blocking question in the reading thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, *values)

    async def close(self) -> None:
        """Stop reading: the thread ends after the question it is busy with."""
        await self.ask(self._history.close)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    def changed(self, runs: Iterable[str], more: bool = False) -> None:
        """The engine says that these runs changed, or that others may have too: look now."""
        self._hints.update(runs)
        self._more = self._more or more
        self._nudge.set()

    async def open(self, project: Path | None) -> None:
        """Show another project folder (None: every run there is)."""
        self.folder = project
        self.runs, self.order, self.series, self.builds = {}, (), {}, {}
        self.batches = ()
        self.loaded = False
        self._stamp = None
        self.project = ProjectView(name=project.name if project else "", path=str(project or ""))
        self._tell(Change(order=True, project=True, targets=True))
        await self.load()

    async def load(self) -> None:
        """Read the newest runs, then the project, then the rest of the history."""
        reading = await self._read(self._history.first, self._key())
        if reading is not None:
            self._take(reading)
        self.loaded = True
        self._tell(Change(order=True, targets=True))
        await self.read_project()
        if reading is not None and reading.more:
            rest = await self._read(self._history.rest)
            if rest is not None:
                self._take(rest)

    async def follow(self) -> None:
        """Look for changes until cancelled."""
        project_at = time.monotonic()
        while True:
            try:
                async with timeout(POLL):
                    await self._nudge.wait()
                await asyncio.sleep(GATHER)
            except (TimeoutError, asyncio.TimeoutError):
                pass
            self._nudge.clear()
            await self.look()
            if time.monotonic() - project_at > PROJECT_POLL:
                project_at = time.monotonic()
                await self.read_project()

    async def look(self) -> None:
        """One look at the store: what changed is taken over and told."""
        hints, self._hints = self._hints, set()
        more, self._more = self._more, False
        reading = await self._read(self._history.changes, hints)
        if reading is None:
            return
        self._take(reading)
        if more or await self._read(self._history.count) not in (None, len(self.runs)):
            rest = await self._read(self._history.rest)
            if rest is not None:
                self._take(rest)
        moving = {run.id for run in reading.runs if not run.state.ended} | hints
        await self.load_series(self._seen & moving | (self._seen - self.series.keys()))

    async def see(self, ids: Iterable[str]) -> None:
        """These rows are on the screen: have their metrics at hand and keep them fresh."""
        self._seen = frozenset(ids)
        await self.load_series(self._seen - self.series.keys())

    async def load_all_series(self) -> None:
        """The metrics of every run, for a filter or an order that needs them."""
        await self.load_series([run for run in self.order if run not in self.series])

    async def load_series(self, ids: Iterable[str]) -> None:
        """Read the metrics of these runs again, and tell which differ."""
        wanted = list(ids)
        for start in range(0, len(wanted), CHUNK):
            part = wanted[start : start + CHUNK]
            found = await self._read(self._history.series, part)
            if found is None:
                return
            fresh = {run: found.get(run, ()) for run in part if self.series.get(run) != found.get(run, ())}
            self.series.update(fresh)
            if fresh:
                self._tell(Change(series=frozenset(fresh)))

    async def read_project(self) -> None:
        """Read the project's files when they changed on disk, or a script that they name came or went."""
        folder = self.folder
        if folder is None:
            return
        stamp = await self.ask(_stamp, folder)
        if stamp == self._stamp and await self.ask(absent, folder, self.project.configs) == self.project.absent:
            return
        project = await self.ask(read_project, folder)
        if folder != self.folder:
            return
        self._stamp = stamp
        self.project = project
        self._tell(Change(project=True))

    async def request(self, run_id: str) -> RunRequest:
        """What was asked for when this run was submitted. Raises AmlError."""
        return await self.ask(self._history.request, run_id)

    async def bin(self) -> list[Binned]:
        """The project's runs that were deleted and can be brought back. Raises AmlError."""
        return await self.ask(self._history.bin)

    async def build(self, build: str) -> BuildView:
        """A build of an environment, also one that is not at hand. Raises AmlError."""
        return await self.ask(self._history.build, build)

    async def build_of_run(self, run: Run) -> BuildView | None:
        """The build that a run's environment came from. Raises AmlError."""
        return await self.ask(self._history.build_of_run, run)

    async def projects(self) -> list[tuple[str, str, int, float]]:
        """Folders with runs: path, name, count, time of the newest."""
        return await self._read(self._history.projects) or []

    def metrics(self, run_id: str) -> dict[str, float]:
        """The last value of each scalar metric of a run, as far as it was read."""
        return {s.name: s.last for s in self.series.get(run_id, ()) if s.kind == "scalar" and s.last is not None}

    def unfinished(self) -> list[Run]:
        return [run for run in self.runs.values() if not run.state.ended]

    def last_of(self, config: str) -> Run | None:
        """The newest run of a configuration: with `$file` for its script, what one most likely runs next."""
        return next((run for run in map(self.runs.get, self.order) if run is not None and run.config == config), None)

    def builds_for(self, *configs: str) -> list[BuildView]:
        """The builds at hand that these configurations asked for, newest first."""
        return [one for one in self.builds.values() if any(name in configs for name in one.configs)]

    def preparing(self) -> dict[str, BuildView]:
        """The build at work for each configuration that waits for one."""
        return {name: one for one in self.builds.values() if not one.record.over for name in one.configs}

    def _key(self) -> str | None:
        return str(self.folder) if self.folder is not None else None

    async def _read(self, question: Callable[..., T], *values: object) -> T | None:
        """A question to the store; trouble is told once and None comes back, as history may return."""
        try:
            answer = await self.ask(question, *values)
        except AmlError as error:
            if self.trouble != str(error):
                self.trouble = str(error)
                self._tell(Change(trouble=True))
            return None
        if self.trouble:
            self.trouble = ""
            self._tell(Change(trouble=True))
        return answer

    def _take(self, reading: Reading) -> None:
        fresh = {run.id: run for run in reading.runs}
        if reading.everything:
            gone = self.runs.keys() - fresh.keys()
            differ = frozenset(i for i, run in fresh.items() if self.runs.get(i) != run)
        else:
            fresh = {i: run for i, run in fresh.items() if not run.hidden}
            gone = self.runs.keys() & reading.gone
            differ = frozenset(i for i, run in fresh.items() if self.runs.get(i) != run)
        order = bool(gone) or any(i not in self.runs for i in differ)
        for run_id in gone:
            del self.runs[run_id]
            self.series.pop(run_id, None)
        self.runs.update((i, fresh[i]) for i in differ)
        if order:
            newest = sorted(self.runs.values(), key=lambda run: (run.created, run.number), reverse=True)
            self.order = tuple(run.id for run in newest)
        states = self._steady.take(reading.targets, self.clock()) if self._steady is not None else reading.targets
        self.load_of_hosts.take(reading.targets)
        targets = states != self.targets
        self.targets = states
        builds = frozenset(i for i, one in reading.builds.items() if self.builds.get(i) != one)
        self.builds = reading.builds
        self.batches = reading.batches
        if order or differ or targets or builds:
            self._tell(Change(order=order, runs=differ, targets=targets, builds=builds))

    def _tell(self, change: Change) -> None:
        for listener in list(self.listeners):
            listener(change)


def _stamp(folder: Path) -> object:
    """Changes when a file of the project's configuration does: names, times and sizes."""
    return [_stamps(folder / name) for name in ("aml_config", ".azureml")]


def _stamps(folder: Path) -> list[tuple[str, int, int]]:
    try:
        found = [(entry.name, entry.stat()) for entry in sorted(folder.iterdir())]
    except OSError:
        return []
    return [(name, status.st_mtime_ns, status.st_size) for name, status in found]
