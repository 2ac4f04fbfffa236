"""A script by spark-submit on a cluster's head node, its executors on YARN.

In client mode the driver is a process of the head node, so log, metrics, outputs and the exit code are those of a run
there. In cluster mode it is in a container of YARN's, and a relay (hosts/agent/relay.py) stands for it on the head
node. What YARN has of a run carries a tag that is written down before anything is started; so it is found, and ended,
whatever died meanwhile.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

from engine.errors import HostError, HostLost
from engine.hosts.agent_source import CLUSTER_PACKAGE
from engine.hosts.host import Proc
from engine.launchers.applications import Applications
from engine.launchers.launcher import Home
from engine.launchers.process import ProcessRun, run_environment
from engine.launchers.yarn import OURS, Yarn
from engine.project import modules
from engine.project import snapshot as snapshots
from engine.project.spark_submit import ARCHIVE, in_cluster_mode, submit_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.hosts.host import Host, RunExit, RunStatus
    from engine.launchers.launcher import Say
    from engine.launchers.prepared import Environments
    from engine.launchers.yarn import Application
    from engine.paths import Paths
    from engine.project.snapshot import Snapshot
    from engine.runs.model import Run, RunPlan

# An application may end by itself once its driver has: so long it is waited for, then it is killed (s).
ENDS_WITHIN = 10.0
LOOK = 0.5
# While YARN says nothing, an ended run waits for it, since it may have an application of it still: so long (s).
SILENT = 600.0
LONGEST_TAG = 80
# Linux takes no longer variable than 128 KiB: so many characters, each of up to four bytes.
VARIABLE = 30_000
# What a driver in a container of YARN's has of its own.
PLACES = ("AZUREML_OUTPUT_DIRECTORY", "AML_METRICS_FILE", "AZUREML_NATIVE_SHARE_DIRECTORY")


class SparkRun(ProcessRun):
    """One run: its driver's process on the head node, or the relay that stands for it, and its applications."""

    def __init__(self, launcher: SparkLauncher, host: Host, run: Run, plan: RunPlan) -> None:
        super().__init__(host, run, plan, launcher.environments)
        self._launcher = launcher
        self._applications = launcher.applications(host)
        self._yarn = self._applications.yarn
        self._away = in_cluster_mode(plan)

    async def prepare(self, say: Say) -> dict[str, Any]:
        """The tag, before there is anything that could carry it, which files executors get, and the environment."""
        assert self.run.snapshot is not None
        taken = await asyncio.to_thread(snapshots.load, self._launcher.paths.snapshots, self.run.snapshot)
        along = modules.names(taken, self.plan.script)
        return {"tag": tag_of(self.run.id), "modules": along, **await super().prepare(say)}

    async def lay(self, snapshot: Snapshot) -> None:
        paths = self._launcher.paths
        packed = await asyncio.to_thread(modules.pack, snapshot, self.plan.script, paths.blobs, paths.cache)
        if packed is not None:
            file, entry = packed
            try:
                if await self.host.missing_blobs([str(entry.sha256)]):
                    await self.host.put_blobs([(str(entry.sha256), file)])
            finally:
                await asyncio.to_thread(file.unlink)
            snapshot = dataclasses.replace(snapshot, entries=(*snapshot.entries, entry))
        await super().lay(snapshot)

    @property
    def _tag(self) -> str:
        return str(self.run.handle.get("tag") or "")

    def _argv(self) -> tuple[str, ...]:
        info = self.host.info
        submit, *words = submit_words(
            self.plan,
            self.run.handle,
            name=self.run.name,
            tag=self._tag,
            interpreter=info.absolute(self.plan.interpreter),
            archive=self._archive,
            driver=f"{info.runtime}/{CLUSTER_PACKAGE}/cluster_driver.py",
        )
        return (info.absolute(submit), *words)

    @property
    def _archive(self) -> str:
        return f"{self.host.info.run_folder(self.run.id)}/{ARCHIVE}"

    async def launch(self) -> dict[str, Any]:
        return {**self.run.handle, **await self._start(adopt=False)}

    async def _start(self, *, adopt: bool) -> dict[str, Any]:
        argv = self._argv()
        return await self.host.start(self.run.id, self._relay(argv, adopt) if self._away else self._spec(argv))

    def _relay(self, submit: tuple[str, ...], adopt: bool) -> dict[str, Any]:
        """What stands on the head node for a driver on the cluster."""
        info = self.host.info
        variables = run_environment(self.run, self.plan, "", info)
        order = {
            "run": self.run.id,
            "tag": self._tag,
            "submit": submit,
            "environment": self.plan.environment_variables,
            "archive": self._archive,
            # So many words at the end of `submit` are the script's.
            "script": len(self.plan.argv),
            "variables": {name: value for name, value in variables.items() if name not in PLACES},
            "adopt": adopt,
        }
        spec = self._spec((info.executable, "-m", f"{CLUSTER_PACKAGE}.relay", self._tag))
        if spec["max_duration"] and self.run.started:
            spec["max_duration"] = max(1.0, spec["max_duration"] - (time.time() - self.run.started))
        # Not among the project's files: what is called like a module of Python's would be taken for it.
        text = json.dumps(order, ensure_ascii=False)
        parts = [text[at : at + VARIABLE] for at in range(0, len(text), VARIABLE)]
        variables = {f"AML_RELAY_{number}": part for number, part in enumerate(parts)}
        # Its own use says nothing of the driver's, and it alone may write to the metrics.
        return {**spec, "cwd": "status", "env": variables, "measure": False}

    async def watch(self, nudge: Callable[[], None]) -> None:
        await super().watch(nudge)
        if self._tag:
            self._applications.follow(self._tag, nudge)

    async def unwatch(self) -> None:
        self._applications.forget(self._tag)
        await super().unwatch()

    async def inspect(self) -> RunStatus:
        status = await super().inspect()
        if status.phase in ("starting", "running"):
            return dataclasses.replace(status, words=self._applications.words(self._tag))
        if "process" not in self.run.handle:
            return status
        if status.phase == "absent":
            here = self.host.info.hostname
            why = f"its run directory is not on {here}: it was removed, or began on another head node"
            return dataclasses.replace(status, why=why)
        if status.exit is None:
            return status
        if self._away and status.exit.signal is not None and not status.exit.timed_out:
            # Not the driver's end, but of what stands for it here.
            why = "what followed its driver on the head node was killed"
            return dataclasses.replace(status, phase="vanished", exit=None, why=why)
        return await self._ended(status, status.exit)

    async def take_up(self, status: RunStatus) -> bool:
        """Have another relay, which goes on where the last one was and submits nothing that was submitted."""
        if not self._away or status.phase == "exited":
            return False
        if status.phase == "absent":
            if not await self._yarn.applications([self._tag]):
                return False
            await self.host.lay(self.run.id, [])
        elif status.handle is not None:
            await self.host.anew(self.run.id, status.handle["process"])
        await self._start(adopt=status.phase == "absent")
        await self.host.watch_runs([self.run.id])
        return True

    async def _ended(self, status: RunStatus, exit_: RunExit) -> RunStatus:
        """The same with what YARN knows of the end: spark-submit tells nothing of an application that was killed."""
        try:
            last = (await self._yarn.applications([self._tag]))[-1:]
        except HostLost:
            raise
        except HostError:
            if exit_.code == 0 and self.run.cancel_requested is None:
                raise
            return status
        if not last:
            return status
        (one,) = last
        why = ""
        if one.state == "KILLED" and self.run.cancel_requested is None and not exit_.timed_out:
            why = f"the application was killed on YARN: {one.said or one.id}"
        elif self._away and one.final == "FAILED":
            why = one.lost_driver
        properties = {
            "Application": one.id,
            "VcoreSeconds": str(one.vcore_seconds),
            "MemoryMegabyteSeconds": str(one.memory_seconds),
        }
        if self._away:
            # The relay's, and since it was started last.
            exit_ = dataclasses.replace(exit_, started=self.run.started or exit_.started)
            properties |= {"CpuSeconds": "", "PeakMemoryBytes": ""}
        return dataclasses.replace(status, exit=exit_, why=why, properties=properties)

    async def forbid(self) -> bool:
        if "process" in self.run.handle and await self._unfinished():
            return False
        return await super().forbid()

    async def processes(self) -> list[Proc]:
        """Those on the head node; when there are none any more, what YARN still has of the run."""
        left = await super().processes()
        return left or [Proc(0, 0, f"{one.id} on YARN, {one.state}") for one in await self._unfinished()]

    async def signal(self, name: str) -> None:
        """What is on the head node is told first; from "TERM" on, in cluster mode at once, applications are killed."""
        await super().signal(name)
        if name != "INT" or self._away:
            for one in await self._unfinished():
                await self._yarn.kill(one)

    async def _unfinished(self) -> list[Application]:
        if not self._tag:
            return []
        return [one for one in await self._yarn.applications([self._tag]) if not one.over]

    async def bring_home(self) -> Home:
        """No application outlives its driver: one that does not end by itself is killed."""
        begun = time.monotonic()
        while True:
            try:
                await self._end_applications()
                return Home()
            except HostLost:
                raise
            except HostError as error:
                if time.monotonic() - begun > SILENT:
                    return Home(left=(f"what YARN has of it could not be ended: {error.message}",))
                await asyncio.sleep(SILENT / 100)

    async def _end_applications(self) -> None:
        deadline = time.monotonic() + ENDS_WITHIN
        while left := await self._unfinished():
            if time.monotonic() > deadline:
                for one in left:
                    await self._yarn.kill(one)
                deadline = time.monotonic() + ENDS_WITHIN
            await asyncio.sleep(LOOK)


class SparkLauncher:
    """Starts PySpark scripts on clusters."""

    def __init__(self, paths: Paths, environments: Environments) -> None:
        self.paths = paths
        self.environments = environments
        self._clusters: dict[str, tuple[Host, Applications]] = {}
        self._looked_at: set[str] = set()

    def place(self, host: Host, run: Run, plan: RunPlan) -> SparkRun:
        return SparkRun(self, host, run, plan)

    def applications(self, host: Host) -> Applications:
        """One for each connection to a head node: which ResourceManager answers is asked once."""
        known = self._clusters.get(host.name)
        if known is None or known[0] is not host:
            if known is not None:
                known[1].stop()
            known = self._clusters[host.name] = (host, Applications(Yarn(host), self._looked_at.__contains__))
        return known[1]

    def look(self, run_id: str, seen: bool) -> None:
        (self._looked_at.add if seen else self._looked_at.discard)(tag_of(run_id))

    async def close(self) -> None:
        for _, applications in self._clusters.values():
            await applications.close()
        self._clusters.clear()


def tag_of(run_id: str) -> str:
    """What YARN knows a run by: it wants lower case, ASCII, and no more than a hundred characters."""
    plain = re.sub(r"[^a-z0-9_.-]", "-", run_id.lower())
    if plain == run_id.lower() and len(plain) <= LONGEST_TAG:
        return f"{OURS}{plain}"
    return f"{OURS}{plain[-LONGEST_TAG:].strip('-')}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"
