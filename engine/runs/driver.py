"""One run from its submission to its end. Each step can be done again after a death at any moment.

The driver asks the store for the run's state, does that state's step, and lets `lifecycle.decide` say what follows.
It keeps nothing that the store or the host does not have.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError, HostError, HostLost, StoreError, is_full
from engine.launchers.launcher import Home
from engine.project import snapshot as snapshots
from engine.project.outputs import not_kept
from engine.runs import endings, lifecycle, outages
from engine.runs.finishing import finished
from engine.runs.lifecycle import Do
from engine.runs.model import State
from engine.runs.queue import Place
from engine.runs.shipping import ship
from engine.runs.streams import Following

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.hosts.host import Host, RunStatus
    from engine.launchers.launcher import Launcher, PlacedRun
    from engine.paths import Paths
    from engine.runs.captures import Captures
    from engine.runs.ledger import Ledger
    from engine.runs.link import HostLink
    from engine.runs.model import Run, RunPlan
    from engine.runs.slots import Slots
    from engine.runs.troubles import Troubles

log = logging.getLogger(__name__)

# A host that is away for less than this is not worth a mark on the screen, seconds.
PATIENCE = 2.0
# The host tells when a run ends; asking again now and then costs little and trusts nobody, seconds.
LOOK_AGAIN = 300.0
# Between two tries when this machine's own disk refuses, seconds.
RETRY_FIRST, RETRY_LONGEST = 1.0, 5.0
# After so many refusals a run ends without what its host does not give.
REFUSALS = 4


class Moved(Exception):
    """The run's state changed while a step was at work: look again."""


class Driver:
    """Drives one run; `drive` returns when it has ended. `cancel` may come at any time."""

    def __init__(
        self,
        run: Run,
        plan: RunPlan,
        *,
        paths: Paths,
        ledger: Ledger,
        link: HostLink,
        slots: Slots,
        captures: Captures,
        troubles: Troubles,
        launcher: Launcher,
        changed: Callable[[str], None],
    ) -> None:
        self.run_id = run.id
        self.plan = plan
        self.captured = asyncio.Event()
        self._run = run
        self._paths = paths
        self._ledger = ledger
        self._link = link
        self._slots = slots
        self._captures = captures
        self._troubles = troubles
        self._launcher = launcher
        self._changed = changed
        self._lock = asyncio.Lock()
        self._nudge = asyncio.Event()
        self._step: asyncio.Task[None] | None = None
        self._interrupted: asyncio.Task[None] | None = None
        self._refused = 0
        self._mistakes = 0
        self._place = Place(plan.host, plan.target)
        self._following = Following(
            run.id, paths.mirror(run.id), ledger, lambda: changed(run.id), troubles, keep_metrics=plan.tracked
        )

    @property
    def state(self) -> State:
        return self._run.state

    def watch(self, watched: bool) -> None:
        self._following.watch(watched)
        self._launcher.look(self.run_id, watched)

    async def drive(self) -> None:
        wait = RETRY_FIRST
        try:
            while True:
                self._run = await self._ledger.do(self._ledger.run, self.run_id)
                if self._run.state is not State.NOT_STARTED:
                    self.captured.set()
                if self._run.state.ended:
                    return
                try:
                    await self._do_step_or_wait()
                    wait = RETRY_FIRST
                    self._troubles.over(self.run_id)
                except Moved:
                    continue
                except Exception as error:
                    # A full disk, a host that refuses, a mistake of ours: the run itself goes on, so does the try.
                    known = isinstance(error, AmlError | OSError)
                    log.error("run %s: %s; trying again in %.0f s", self.run_id, error, wait, exc_info=not known)
                    await self._following.stop()
                    await self._tell_obstacle(error, known)
                    await asyncio.sleep(wait)
                    wait = min(wait * 2, RETRY_LONGEST)
        finally:
            self._troubles.over(self.run_id)
            self._link.unlisten(self.run_id)
            self._slots.leave(self.run_id)
            await finished(self._following.close())
            with contextlib.suppress(StoreError):
                await self._slots.tell(self._place)

    async def _tell_obstacle(self, error: Exception, known: bool) -> None:
        """Say why the run does not get on; a mistake of ours that stays is not tried for ever before it began."""
        if isinstance(error, StoreError | OSError) or (isinstance(error, HostError) and error.disk_full):
            self._troubles.meet(self.run_id, error)
        if isinstance(error, StoreError | OSError):
            return
        words = str(error)
        if not known:
            self._mistakes += 1
            words = f"{type(error).__name__}: {error} (a mistake of ours; the engine's log has more)"
        with contextlib.suppress(StoreError, Moved):
            if self._run.state is State.PREPARING and self._mistakes >= REFUSALS:
                await self._apply(lifecycle.StepFailed(words))
            else:
                # What it ended with is in the reason by then, and decides how it ends.
                await self._say(**{"progress" if self._run.state is State.FINALIZING else "reason": words})

    async def cancel(self) -> None:
        """A person wants this run to end. Raises NotNow when it has ended, is ending, or is being canceled."""
        before = self._run.state
        away = self._link.state != "connected"
        await self._apply(lifecycle.CancelAsked(time.time(), away))
        # Launching is not interrupted: what it started must be known before it can be ended.
        if before in (State.NOT_STARTED, State.QUEUED, State.PREPARING) and self._step is not None:
            self._interrupted = self._step
            self._step.cancel()
        self._nudge.set()

    async def _do_step_or_wait(self) -> None:
        try:
            await self._do_step()
        except HostLost:
            await self._following.stop()
            await self._wait_for_contact()

    async def _do_step(self) -> None:
        step = {
            Do.CAPTURE: self._capture,
            Do.QUEUE: self._queue,
            Do.PREPARE: self._prepare,
            Do.LAUNCH: self._launch,
            Do.FOLLOW: self._follow,
            Do.KILL: self._kill,
            Do.FINALIZE: self._finalize,
        }[lifecycle.WORK[self._run.state]]
        self._step = asyncio.ensure_future(step())
        try:
            await asyncio.shield(self._step)
        except asyncio.CancelledError:
            if self._interrupted is self._step and self._step.done():
                # Our own cancel() stopped the step; the state has moved already.
                raise Moved from None
            self._step.cancel()
            await asyncio.gather(self._step, return_exceptions=True)
            raise
        finally:
            self._step = None

    async def _apply(self, event: lifecycle.Event) -> None:
        """Decide and write, one at a time. Raises Moved when the event no longer fits the run's state."""
        async with self._lock:
            run = await self._ledger.do(self._ledger.run, self.run_id)
            try:
                decision = lifecycle.decide(
                    run.state, event, cancel_requested=run.cancel_requested, exit_code=run.exit_code
                )
            except lifecycle.Impossible as error:
                log.info("run %s: %s", self.run_id, error)
                raise Moved from error
            self._run = await self._ledger.do(
                self._ledger.move, run, decision.after, event.name, decision.reason, decision.fields
            )
        if self._run.state not in (State.PREPARING, State.STARTING, State.RUNNING, State.CANCEL_REQUESTED):
            self._slots.leave(self.run_id)
        self._changed(self.run_id)

    async def _say(self, **fields: str | float | dict[str, str] | None) -> None:
        await self._ledger.do(lambda: self._ledger.change(self.run_id, **fields))
        self._changed(self.run_id)

    async def _wait_for_contact(self) -> None:
        """Until the host answers again; a longer absence is marked on the run, its state stays what it was last."""
        since = time.time()
        contact = asyncio.ensure_future(self._contact())
        try:
            await asyncio.wait({contact}, timeout=PATIENCE)
            if not contact.done():
                await self._say(unreachable_since=since)
                await contact
                await asyncio.to_thread(outages.note, self._paths.mirror(self.run_id), since, time.time())
                await self._say(unreachable_since=None)
        finally:
            contact.cancel()

    async def _contact(self) -> None:
        while True:
            host = await self._link.ready()
            try:
                return await self._launcher.place(host, self._run, self.plan).reach()
            except HostLost:
                continue

    async def _placed(self) -> PlacedRun:
        return self._launcher.place(await self._link.ready(), self._run, self.plan)

    # The steps

    async def _capture(self) -> None:
        async with self._captures.taking():
            await self._take_snapshot()

    async def _take_snapshot(self) -> None:
        try:
            taken = await asyncio.to_thread(
                snapshots.take_snapshot, Path(self.plan.project), self._paths.blobs, self._paths.cache
            )
        except AmlError as error:
            await self._apply(lifecycle.StepFailed(str(error)))
            return
        await asyncio.to_thread(snapshots.save, taken, self._paths.snapshots)
        properties = {"SnapshotFiles": str(taken.files), "SnapshotBytes": str(taken.bytes)}
        if taken.warnings:
            properties["SnapshotWarnings"] = "\n".join(taken.warnings)
        fields: dict[str, object] = {"snapshot": taken.id, "properties": {**self._run.properties, **properties}}
        if taken.git is not None:
            fields.update(commit=taken.git.commit, branch=taken.git.branch, dirty=taken.git.dirty)
        await self._apply(lifecycle.Captured(fields))

    async def _queue(self) -> None:
        await self._slots.wait(self._place, self._run, self.plan.slots)
        await self._apply(lifecycle.SlotGranted())

    async def _prepare(self) -> None:
        self._slots.enter(self._place, self._run)
        host = await self._link.ready()
        placed = self._launcher.place(host, self._run, self.plan)
        try:
            handle = await self._ready(host, placed)
        except HostLost:
            raise
        except AmlError as error:
            with contextlib.suppress(HostError):
                await host.remove_run(self.run_id)
            await self._apply(lifecycle.StepFailed(str(error)))
            return
        await self._apply(lifecycle.Prepared(handle))

    async def _ready(self, host: Host, placed: PlacedRun) -> dict[str, Any]:
        """What the launcher needs. The files go to the host while the environment is looked for or built."""
        assert self._run.snapshot is not None
        shipping = asyncio.ensure_future(ship(host, placed, self._run.snapshot, self._paths, self._say_progress))
        try:
            handle = await placed.prepare(self._say_progress)
            await shipping
            return handle
        finally:
            shipping.cancel()
            await asyncio.gather(shipping, return_exceptions=True)

    async def _launch(self) -> None:
        self._slots.enter(self._place, self._run)
        placed = await self._placed()
        if not await self._ledger.do(self._ledger.has_commands, self.run_id):
            await self._ledger.do(self._ledger.record_command, self.run_id, placed.command())
        try:
            handle = await placed.launch()
        except HostLost:
            raise
        except AmlError as error:
            await self._apply(lifecycle.StepFailed(str(error)))
            return
        await self._apply(lifecycle.Started(handle, time.time()))

    async def _follow(self) -> None:
        """Until the script has ended, or somebody wants it to."""
        self._slots.enter(self._place, self._run)
        host = await self._link.ready()
        placed = self._launcher.place(host, self._run, self.plan)
        await self._listen(placed)
        if not self._following.begun:
            begun_before = await asyncio.to_thread(self._paths.driver_log(self.run_id).exists)
            await self._following.begin(placed, (await placed.inspect()).log_size if begun_before else 0)
            # A script that says nothing writes nothing here that would show it.
            self._troubles.over(self.run_id)
        status = await self._ended(host, placed)
        if status is not None:
            await self._apply(endings.event_of(status))

    async def _listen(self, placed: PlacedRun) -> None:
        self._link.listen(self.run_id, lambda _status: self._nudge.set())
        await placed.watch(self._nudge.set)

    async def _ended(self, host: Host, placed: PlacedRun) -> RunStatus | None:
        """The status of the ended run; None when the run's state has moved meanwhile (a cancel)."""
        while True:
            self._nudge.clear()
            # Whoever changed the state before this line has been forgotten with the nudge: look, then ask.
            if self._run.state is not State.RUNNING:
                return None
            status = await placed.inspect()
            if status.phase in ("exited", "vanished", "absent", "laid"):
                if not await placed.take_up(status):
                    return status
                continue
            told = (self._run.reason, self._run.progress)
            if told != ("", status.words) and self._run.state is State.RUNNING:
                self._run = dataclasses.replace(self._run, reason="", progress=status.words)
                await self._say(reason="", progress=status.words)
            await self._until_nudged(host)

    async def _until_nudged(self, host: Host) -> None:
        """Until the host says something of this run, a cancel comes, `LOOK_AGAIN` passes, or contact is lost."""
        if not self._link.is_current(host):
            raise HostLost(f"contact with {host.name} was lost.", where=host.name)
        nudged = asyncio.ensure_future(self._nudge.wait())
        lost = asyncio.ensure_future(self._link.lost())
        try:
            await asyncio.wait({nudged, lost}, timeout=LOOK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
            if lost.done() and not nudged.done():
                raise HostLost(f"contact with {host.name} was lost.", where=host.name)
        finally:
            nudged.cancel()
            lost.cancel()

    async def _kill(self) -> None:
        """Interrupt, terminate, kill, each with its time; ends when death is seen."""
        self._slots.enter(self._place, self._run)
        host = await self._link.ready()
        placed = self._launcher.place(host, self._run, self.plan)
        await self._listen(placed)
        status = await placed.inspect()
        if status.phase != "absent" and not self._following.begun:
            await self._following.begin(placed, status.log_size)
        asked = self._run.cancel_requested or time.time()
        if status.phase == "exited" and status.exit and status.exit.ended < asked + host.info.clock_skew:
            await self._apply(endings.event_of(status))
            return
        if status.phase in ("absent", "laid", "starting") and await placed.forbid():
            await self._apply(lifecycle.Dead(time.time()))
            return
        status = await endings.end_processes(placed, asked, lambda words: self._say(reason=words))
        await self._apply(endings.death_of(status))

    async def _say_progress(self, progress: str) -> None:
        await self._say(progress=progress)

    async def _finalize(self) -> None:
        """Everything home: outputs, the rest of the log and the metrics; then the end in words."""
        host = await self._link.ready()
        placed = self._launcher.place(host, self._run, self.plan)
        home = await self._bring_home(host, placed)
        if home.moved:
            await self._following.stop()
        status = await placed.inspect()
        if status.phase != "absent":
            if not self._following.begun:
                await self._following.begin(placed, status.log_size)
            await self._following.drain(status.log_size, status.metrics_size, status.streams_size)
        reason = await asyncio.to_thread(endings.reason, self._run, self._paths.driver_log(self.run_id))
        properties = endings.properties(status)
        if left := (*home.left, *status.left):
            properties["NotBroughtHome"] = "\n".join(left)
        if properties:
            known = (await self._ledger.do(self._ledger.run, self.run_id)).properties
            await self._say(properties={**known, **properties})
        await placed.unwatch()
        await self._apply(lifecycle.Finalized(reason))

    async def _bring_home(self, host: Host, placed: PlacedRun) -> Home:
        """Everything, or after some tries what can be had: a host that refuses for good must not hold the run."""
        try:
            home = await placed.bring_home()
            if not_kept(self.plan):
                return home
            left = await host.collect(self.run_id, self._paths.host_run(self.run_id) / "outputs")
            return Home(home.moved, (*home.left, *left))
        except HostLost:
            raise
        except (HostError, OSError) as error:
            self._refused += 1
            if is_full(error) or self._refused < REFUSALS:
                raise
            log.error("run %s: not everything was brought home: %s", self.run_id, error)
            return Home(left=(f"everything else: {error}",))
