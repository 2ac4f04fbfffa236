"""The engine as one object: what a face can ask for. `service.py` puts it behind a socket; tests use it as it is."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.attempts import Attempts
from engine.deleting import Deleting
from engine.environing import Environments
from engine.errors import AmlError, NotFound, NotNow, Unsupported
from engine.hands import Hands
from engine.hosts.ssh.answers import Answers
from engine.launchers.container import ContainerLauncher
from engine.launchers.process import ProcessLauncher
from engine.launchers.spark import SparkLauncher
from engine.machines import LOCAL, Machines
from engine.planning import Planning
from engine.project.outputs import not_kept
from engine.project.resolve import resolve
from engine.runs.captures import Captures
from engine.runs.driver import Driver
from engine.runs.ledger import Ledger
from engine.runs.link import HostLink
from engine.runs.model import State
from engine.runs.queue import Place
from engine.runs.slots import Slots
from engine.runs.troubles import Troubles
from engine.secrets import KeyStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from pathlib import Path

    from engine.hosts.host import Host, Output
    from engine.hosts.ssh.host import SshHost
    from engine.launchers.launcher import Launcher
    from engine.paths import Paths
    from engine.project.machine import Machine
    from engine.runs.forecast import Forecast
    from engine.runs.model import Run, RunPlan
    from engine.runs.request import RunRequest

log = logging.getLogger(__name__)

# Host samples are sent this often while a face looks, seconds.
SAMPLE_EVERY = 2.0
# What is behind a host is asked this often meanwhile: its answer costs it more.
LOOK_EVERY = {"docker": 4.0, "yarn": 5.0}
_CHANGEABLE = frozenset({"tags", "description", "priority", "hidden"})


class Engine:
    """Runs, hosts, slots. `on_change(run ids, targets)` is called on the loop after each change, often."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.on_change: Callable[[set[str], bool], None] = lambda _runs, _targets: None
        self._started = time.time()
        self._drivers: dict[str, Driver] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._links: dict[str, HostLink] = {}
        self._watches: dict[str, frozenset[str]] = {}
        self._samplers: dict[str, frozenset[str]] = {}
        self._lookers: dict[str, dict[str, frozenset[str]]] = {what: {} for what in LOOK_EVERY}
        self._launchers: dict[str, Launcher] = {}
        self._keys = KeyStore(paths)
        self._machines = Machines(paths, self._keys, Answers())
        self._attempts = Attempts(self._machines, self._reached)
        self._captures = Captures()
        self._troubles = Troubles(lambda: self.on_change(set(), True))
        self._minor: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the store and take every unfinished run in hand again. Raises StoreError."""
        await asyncio.to_thread(self.paths.make)
        self._ledger = await asyncio.to_thread(Ledger, self.paths.store)
        self._slots = Slots(self._ledger)
        self._environments = Environments(
            self.paths,
            self._ledger,
            lambda host: self._link_named(host).ready(),
            lambda host: self._link_named(host).reach(),
            lambda: self.on_change(set(), True),
        )
        self._launchers = {
            "process": ProcessLauncher(self._environments),
            "container": ContainerLauncher(self._environments, self.paths),
            "spark": SparkLauncher(self.paths, self._environments),
        }
        self._deleting = Deleting(
            self.paths,
            self._ledger,
            self._captures,
            reach=lambda plan: self._link(plan).reach(),
            there=lambda host: host == LOCAL or self._state_of(host) == "connected",
            busy=self._drivers.__contains__,
            changed=lambda runs: self.on_change(runs, False),
        )
        self._planning = Planning(self.paths, self._slots, self._environments, self._connected)
        self.hands = Hands(self.paths, self._ledger, lambda plan: self._link(plan).reach(), self._host_of)
        await self._environments.start()
        found = await self._ledger.do(self._ledger.unfinished)
        plans = [(run, plan) for run in found if (plan := await self._plan_of(run)) is not None]
        for run, plan in plans:
            if run.state.value not in ("NotStarted", "Queued", "Finalizing"):
                self._slots.enter(Place(plan.host, plan.target), run)
        for run, plan in plans:
            log.info("taking up run %s, %s", run.id, run.state)
            self._drive(run, plan).watch(False)
        self._beside(self._deleting.keep_clean(), "keep the bin clean")

    async def _plan_of(self, run: Run) -> RunPlan | None:
        """The plan of an unfinished run; one that cannot be read ends the run, not the engine."""
        try:
            plan = await self._ledger.do(self._ledger.plan, run.id)
            if plan.launcher in self._launchers:
                return plan
            why = f"this release cannot take up runs on targets of type {plan.target_type!r}"
        except (TypeError, ValueError) as error:
            why = f"its plan in the run history cannot be read ({error})"
        log.error("run %s: %s", run.id, why)
        await self._ledger.do(self._ledger.move, run, State.FAILED, "not taken up", why, {"reason": why})
        return None

    async def stop(self) -> None:
        """Let go of everything. Runs go on; the next engine finds them."""
        self._environments.leave()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._attempts.close()
        await self.hands.close()
        for small in self._minor:
            small.cancel()
        await asyncio.gather(*self._minor, return_exceptions=True)
        await self._environments.close()
        for launcher in self._launchers.values():
            await launcher.close()
        for link in self._links.values():
            await link.close()
        await self._machines.close()
        await asyncio.to_thread(self._ledger.close)

    def unfinished(self) -> int:
        return len(self._tasks)

    def building(self) -> int:
        """Builds of environments that nobody's run waits for."""
        return self._environments.building()

    @property
    def trouble(self) -> str:
        """What this machine refuses, so that runs wait: "" or some words. Every event to a face has it."""
        return self._troubles.text

    def status(self) -> dict[str, Any]:
        """pid, version, uptime in seconds, runs in hand by state, hosts and how they stand."""
        states: dict[str, int] = {}
        for driver in self._drivers.values():
            states[driver.state.value] = states.get(driver.state.value, 0) + 1
        return {
            "pid": os.getpid(),
            "version": __version__,
            "uptime": round(time.time() - self._started, 3),
            "runs": len(self._drivers),
            "states": states,
            "trouble": self.trouble,
            "hosts": {name: link.state for name, link in self._links.items()},
            "store": str(self.paths.store),
            "log": str(self.paths.engine_log),
        }

    async def plan(self, request: RunRequest) -> Forecast:
        """What a submission would meet (`Planning.forecast`)."""
        return await self._planning.forecast(request)

    async def submit(self, request: RunRequest) -> Run:
        """Resolve, record, and take the snapshot; returns once the project may change again.

        Asked twice with one token, gives the same run. Raises what `resolve` raises, and StoreError.
        """
        known = await self._ledger.do(self._ledger.by_token, request.token)
        if known is None:
            plan = await asyncio.to_thread(resolve, request, keys=self._keys)
            self._machines.use_agent(request.environ.get("SSH_AUTH_SOCK", ""))
            if plan.launcher not in self._launchers:
                raise Unsupported(
                    f"this release cannot start runs on a target of type {plan.target_type!r} yet.",
                    where=plan.target,
                    remedy="Use a target of another type.",
                )
            known = await self._ledger.do(self._ledger.create, request, plan)
            if known.id not in self._drivers and not known.state.ended:
                self._drive(known, plan)
                self.on_change({known.id}, False)
        driver = self._drivers.get(known.id)
        if driver is not None:
            await driver.captured.wait()
        return await self._ledger.do(self._ledger.run, known.id)

    async def cancel(self, run_ids: Iterable[str]) -> dict[str, str]:
        """Begin to end these runs. Returns what could not be done: run id -> why."""
        refused: dict[str, str] = {}
        for run_id in run_ids:
            driver = self._drivers.get(run_id)
            try:
                if driver is None:
                    run = await self._ledger.do(self._ledger.run, run_id)
                    raise NotNow(f"the run has ended ({run.state}).")
                await driver.cancel()
            except (NotNow, NotFound) as error:
                refused[run_id] = str(error)
        return refused

    async def delete(self, run_ids: Iterable[str], *, now: bool = False) -> dict[str, str]:
        """Put ended runs into the bin, or remove them for good `now`. Returns refusals as `cancel` does."""
        return await (self._deleting.remove(run_ids) if now else self._deleting.put_in_bin(run_ids))

    async def restore(self, run_ids: Iterable[str]) -> dict[str, str]:
        """Bring runs back from the bin. Returns refusals as `cancel` does."""
        return await self._deleting.restore(run_ids)

    async def update(self, run_id: str, changes: dict[str, Any]) -> Run:
        """Change tags, description, priority or hidden of a run. Raises NotFound, AmlError for other fields.

        `retag`: tags to set, and with None to remove; the others stay.
        """
        retag = changes.pop("retag", {})
        unknown = changes.keys() - _CHANGEABLE
        if unknown:
            raise AmlError(f"a run's {', '.join(sorted(unknown))} cannot be changed.")
        await self._ledger.do(self._ledger.run, run_id)
        await self._ledger.do(lambda: self._ledger.change(run_id, **changes))
        if retag:
            await self._ledger.do(self._ledger.retag, run_id, retag)
        if "priority" in changes:
            self._slots.reprioritise(run_id, int(changes["priority"]))
        self.on_change({run_id}, False)
        return await self._ledger.do(self._ledger.run, run_id)

    def watch(self, face: str, run_ids: Iterable[str]) -> None:
        """Which runs a face looks at now; their logs are followed closely. An empty list when it leaves."""
        seen = _wanted(self._watches, face, run_ids)
        for run_id, driver in self._drivers.items():
            driver.watch(run_id in seen)

    async def sample(self, face: str, hosts: Iterable[str], **looks: Iterable[str]) -> None:
        """Which hosts a face wants live samples of, and in `looks` those whose "docker" or "yarn" it wants too."""
        wanted = _wanted(self._samplers, face, hosts)
        looked = {what: _wanted(of, face, looks.get(what, ())) for what, of in self._lookers.items()}
        if LOCAL in wanted:
            self._link_named(LOCAL)
        for name in wanted & self._links.keys():
            # Other machines are not connected only because somebody looks at a list with their names.
            await self._links[name].sample_every(SAMPLE_EVERY)
        for name, link in self._links.items():
            if name not in wanted:
                await link.sample_every(0.0)
            for what, seconds in LOOK_EVERY.items():
                await link.look_at(what, seconds if name in wanted and name in looked[what] else 0.0)

    async def connect(self, host: str) -> None:
        """Connect a host now, without waiting for a run that needs it. Raises HostLost, NeedsPerson, NotFound."""
        await self._link_named(host).reach()

    def attempt(self, machine: Machine, args: dict[str, Any]) -> str:
        """Begin to reach a machine while a person looks; the id of the attempt (`engine.attempts`)."""
        self._machines.use_agent(str(args.get("agent") or ""))
        return self._attempts.begin(machine, args)

    async def look(self, attempt: str, seen: int) -> dict[str, Any]:
        """How an attempt stands, when there is news after `seen`."""
        return await self._attempts.named(attempt).look(seen)

    def answer(self, attempt: str, question: int, text: str | None, keep: bool) -> None:
        """What a person answered to the question of an attempt; None: nothing."""
        self._attempts.named(attempt).answer(question, text, keep)

    async def stop_attempt(self, attempt: str) -> None:
        await self._attempts.stop(attempt)

    async def outputs(self, run_id: str) -> list[Output]:
        """What is in the run's outputs now; nothing where they are not kept."""
        plan = await self._ledger.do(self._ledger.plan, run_id)
        return [] if not_kept(plan) else await (await self._host_of(run_id, plan)).list_outputs(run_id)

    async def fetch(self, run_id: str, path: str, dest: Path) -> dict[str, Any]:
        """Copy outputs (all with path "") into the folder `dest` here. Raises NotFound where none are kept."""
        plan = await self._ledger.do(self._ledger.plan, run_id)
        why = not_kept(plan)
        if why:
            raise NotFound(f"there are no outputs: {why}.")
        fetched = await (await self._host_of(run_id, plan)).fetch_outputs(run_id, dest, path)
        return {"files": fetched.files, "bytes": fetched.bytes, "skipped": list(fetched.skipped)}

    async def prepare(self, request: RunRequest) -> dict[str, Any]:
        """Begin to prepare the environment of a configuration (`Environments.prepare`)."""
        plan = await asyncio.to_thread(resolve, request, keys=self._keys, scripted=False)
        self._machines.learn(plan)
        return await self._environments.prepare(plan)

    async def environments(self, host: str | None) -> dict[str, Any]:
        """What is prepared on a host, or on all (`Environments.listed`)."""
        return await self._environments.listed(host)

    async def prune(self, host: str | None, ids: Iterable[str] | None, everything: bool, force: bool) -> dict[str, Any]:
        """Remove environments that nothing needs (`Environments.prune`)."""
        return await self._environments.prune(host, None if ids is None else list(ids), everything, force)

    async def stop_builds(self, ids: Iterable[str]) -> dict[str, str]:
        """Let go of builds that `prepare` began. Returns what could not be done: build id -> why."""
        return await self._environments.stop_builds(ids)

    # Inside

    def _drive(self, run: Run, plan: RunPlan) -> Driver:
        launcher = self._launchers[plan.launcher]
        self._machines.learn(plan)
        driver = Driver(
            run,
            plan,
            paths=self.paths,
            ledger=self._ledger,
            link=self._link(plan),
            slots=self._slots,
            captures=self._captures,
            troubles=self._troubles,
            launcher=launcher,
            changed=lambda run_id: self.on_change({run_id}, False),
        )
        self._drivers[run.id] = driver
        task = asyncio.create_task(driver.drive(), name=f"run {run.id}")
        self._tasks[run.id] = task
        task.add_done_callback(lambda done: self._over(run.id, done))
        return driver

    def _over(self, run_id: str, task: asyncio.Task[None]) -> None:
        driver = self._drivers.pop(run_id, None)
        self._tasks.pop(run_id, None)
        self.hands.over(run_id)
        if driver is not None:
            driver.captured.set()
        if not task.cancelled() and task.exception() is not None:
            # The run stays unfinished in the store: the next engine takes it up again.
            log.error("the driver of run %s failed", run_id, exc_info=task.exception())
        self.on_change({run_id}, False)

    def _reached(self, machine: Machine, host: SshHost) -> None:
        """An attempt got there: its connection is the one that everything uses, unless there is one already."""
        link = self._link_named(self._machines.know(machine))
        before = self._machines.offer(host)
        if before is not None:
            self._beside(before.close(), f"close {link.name}")
        link.retry()
        self._beside(self._settle(link), f"hand over {link.name}")

    async def _settle(self, link: HostLink) -> None:
        await link.ready()
        # It was connected already, or by itself in the same moment: one connection is enough.
        await self._machines.withdraw(link.name)

    def _beside(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Something small that nobody waits for; it ends with the engine."""
        task = asyncio.create_task(work, name=name)
        self._minor.add(task)
        task.add_done_callback(self._minor.discard)

    def _link(self, plan: RunPlan) -> HostLink:
        self._machines.learn(plan, anew=False)
        return self._link_named(plan.host)

    def _link_named(self, name: str) -> HostLink:
        link = self._links.get(name)
        if link is None:
            self._machines.check(name)
            link = HostLink(name, lambda: self._machines.host(name), self._ledger, lambda: self._moved(name))
            self._links[name] = link
        return link

    def _state_of(self, host: str) -> str:
        link = self._links.get(host)
        return link.state if link is not None else ""

    def _moved(self, host: str) -> None:
        """A host's state or sample differs."""
        self._deleting.heard(host, self._state_of(host) == "connected")
        self.on_change(set(), True)

    async def _connected(self, name: str) -> Host | None:
        """A host that is there already; this machine always is."""
        link = self._link_named(LOCAL) if name == LOCAL else self._links.get(name)
        if link is None or (name != LOCAL and link.state != "connected"):
            return None
        return await link.reach()

    async def _host_of(self, run_id: str, plan: RunPlan) -> Host:
        """Where a run's outputs can be had: its host, or this machine when they were brought home and it is away."""
        link = self._link(plan)
        if link.state != "connected" and await asyncio.to_thread((self.paths.host_run(run_id) / "outputs").is_dir):
            link = self._link_named(LOCAL)
        return await link.reach()


def _wanted(faces: dict[str, frozenset[str]], face: str, names: Iterable[str]) -> frozenset[str]:
    """Note what one face wants, and tell what all of them do."""
    faces[face] = frozenset(names)
    if not faces[face]:
        del faces[face]
    return frozenset().union(*faces.values())
