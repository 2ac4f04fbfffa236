"""What a submission would meet, told before it is made. Nothing is kept of it, and no machine is connected for it."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import AmlError
from engine.machines import LOCAL
from engine.project.environment import EnvironmentSpec
from engine.project.resolve import resolve
from engine.project.snapshot import blob_path, weigh_snapshot
from engine.runs.forecast import Forecast
from engine.runs.queue import Place
from engine.runs.store import StoreReader
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.environing import Environments
    from engine.hosts.host import Host
    from engine.paths import Paths
    from engine.project.snapshot import Snapshot, Weighed
    from engine.runs.model import Run, RunPlan
    from engine.runs.request import RunRequest
    from engine.runs.slots import Slots

log = logging.getLogger(__name__)

# What a host says is waited for this long, seconds: somebody is typing meanwhile.
PATIENCE = 15.0
# So many files, metrics, names are told.
LARGEST, METRICS, IGNORED = 3, 2, 10


class Planning:
    """`connected` gives a host by its name if it is there; it connects none."""

    def __init__(
        self,
        paths: Paths,
        slots: Slots,
        environments: Environments,
        connected: Callable[[str], Awaitable[Host | None]],
    ) -> None:
        self._paths = paths
        self._slots = slots
        self._environments = environments
        self._connected = connected
        # A face asks again while one types: large files are hashed once.
        self._weighing = asyncio.Lock()

    async def forecast(self, request: RunRequest) -> Forecast:
        """What a run of this request would meet now. Raises as `resolve` and `take_snapshot` do."""
        plan = await asyncio.to_thread(resolve, request)
        async with self._weighing:
            weighed = await asyncio.to_thread(weigh_snapshot, Path(plan.project), self._paths.cache)
        taken = weighed.snapshot
        busy, ahead = self._slots.foresee(Place(plan.host, plan.target), plan.project, request.priority, plan.slots)
        host, why = None, ""
        try:
            async with timeout(PATIENCE):
                host = await self._connected(plan.host)
        except (AmlError, asyncio.TimeoutError) as error:
            why = str(error)
        told = Forecast(
            config=plan.config,
            target=plan.target,
            host=plan.host,
            state="connected" if host is not None else "not connected",
            argv=plan.argv,
            **_of(weighed),
            slots=plan.slots,
            busy=busy,
            ahead=ahead,
            notices=plan.notices,
        )
        known = await asyncio.to_thread(self._from_history, plan, taken)
        told = dataclasses.replace(told, **known)
        told = dataclasses.replace(told, **await self._environment(plan, host, why))
        return dataclasses.replace(told, **await self._on_host(plan, taken, host))

    async def _on_host(self, plan: RunPlan, taken: Snapshot, host: Host | None) -> dict[str, Any]:
        """What its content store lacks, and its disk."""
        sizes = {entry.sha256: entry.size for entry in taken.entries if entry.sha256}
        found: dict[str, Any] = {}
        missing: list[str] | None = None
        try:
            if not taken.id:
                # Too much to be read: what is new of it is not known.
                pass
            elif plan.host == LOCAL:
                missing = await asyncio.to_thread(self._not_here, list(sizes))
            elif host is not None:
                async with timeout(PATIENCE):
                    missing = await host.missing_blobs(sorted(sizes))
            if missing is not None:
                found.update(new_files=len(missing), new_bytes=sum(sizes[sha] for sha in missing))
            if host is not None:
                async with timeout(PATIENCE):
                    disk = await host.free_disk()
                found.update(disk_free=disk.free, disk_total=disk.total, disk_at=None)
        except (AmlError, asyncio.TimeoutError) as error:
            log.info("%s was asked for a plan: %s", plan.host, error)
            return {}
        return found

    def _not_here(self, shas: list[str]) -> list[str]:
        return [sha for sha in shas if not blob_path(self._paths.blobs, sha).exists()]

    async def _environment(self, plan: RunPlan, host: Host | None, why: str) -> dict[str, Any]:
        if "environment" not in plan.options:
            return {"environment": "own", "environment_words": plan.interpreter}
        if host is None:
            return {"environment": "unknown", "environment_words": why or f"{plan.target} is not connected"}
        spec = EnvironmentSpec.from_json(plan.options["environment"])
        try:
            async with timeout(PATIENCE):
                builder = await self._environments.builder(plan)
            build = builder.builds.get(spec.content)
            if build is not None:
                return {"environment": "building", "environment_words": build.words}
            async with timeout(PATIENCE):
                ready = await builder.find(spec)
        except AmlError as error:
            return {"environment": "unknown", "environment_words": error.message.removesuffix(".")}
        except asyncio.TimeoutError:
            return {"environment": "unknown", "environment_words": f"no answer within {PATIENCE:.0f} s"}
        if ready is not None:
            return {"environment": "ready", "environment_words": ready.fingerprint[:12]}
        return {"environment": "missing", "fails": not plan.prepare}

    def _from_history(self, plan: RunPlan, taken: Snapshot) -> dict[str, Any]:
        """Runs like it, how long a build took, what the disk had when it was looked at."""
        found: dict[str, Any] = {}
        with StoreReader(self._paths.store) as store:
            for run in store.of_snapshot(plan.project, taken.id) if taken.id else ():
                try:
                    before = store.plan(run.id)
                except (TypeError, ValueError) as error:
                    log.info("the plan of run %s cannot be read: %s", run.id, error)
                    continue
                differs = None if before is None else _differs(before, plan)
                if differs == ():
                    found["same"] = _told(store, run)
                    break
                if differs and "alike" not in found:
                    found.update(alike=_told(store, run), differs=differs)
            if "environment" in plan.options:
                found["took"] = _took(store, plan)
            state = store.targets().get(plan.host)
            free = state.sample.get("disk_free") if state is not None else None
            if state is not None and isinstance(free, int):
                found.update(disk_free=free, disk_total=state.sample.get("disk_total"), disk_at=state.sample.get("at"))
            if state is not None and state.state not in ("connected", "connecting"):
                found["state"] = state.state
        return found


def _of(weighed: Weighed) -> dict[str, Any]:
    taken = weighed.snapshot
    files = sorted((entry for entry in taken.entries if entry.kind == "file"), key=lambda one: (-one.size, one.path))
    kept = {f"{path} was left out" for path in weighed.secret}
    return {
        "files": taken.files,
        "bytes": taken.bytes,
        "largest": tuple((entry.path, entry.size) for entry in files[:LARGEST]),
        "ignored": weighed.ignored[:IGNORED],
        "ignored_count": len(weighed.ignored),
        "secret": weighed.secret,
        # Those of secrets are told with their names.
        "warnings": tuple(one for one in taken.warnings if one.partition(":")[0] not in kept),
    }


def _differs(before: RunPlan, now: RunPlan) -> tuple[str, ...]:
    """What is not the same for a script, in words; () when all is."""
    pairs: dict[str, tuple[object, object]] = {
        "configuration": (before.config, now.config),
        "target": ((before.target, before.host, before.launcher), (now.target, now.host, now.launcher)),
        "script": (before.script, now.script),
        "arguments": (before.argv[1:], now.argv[1:]),
        "variables": (before.environment_variables, now.environment_variables),
        "environment": (_surroundings(before), _surroundings(now)),
    }
    return tuple(name for name, (one, other) in pairs.items() if one != other)


def _surroundings(plan: RunPlan) -> object:
    """What it runs in; as JSON has it, since an earlier plan comes from there."""
    options = {key: value for key, value in plan.options.items() if key not in ("ssh", "dataPreparation")}
    spec = options.pop("environment", None)
    content = EnvironmentSpec.from_json(spec).content if spec else ""
    return plan.interpreter, plan.framework, content, _listed(options)


def _listed(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _listed(one) for key, one in value.items()}
    return [_listed(one) for one in value] if isinstance(value, (list, tuple)) else value


def _told(store: StoreReader, run: Run) -> dict[str, Any]:
    series = [one for one in store.series(run.id) if one.kind == "scalar" and one.last is not None]
    return {
        "run_id": run.id,
        "name": run.name,
        "state": run.state.value,
        "metrics": [(one.name, one.last) for one in series[:METRICS]],
    }


def _took(store: StoreReader, plan: RunPlan) -> float | None:
    """Seconds of the newest build on this host that was for this configuration, else for the project."""
    ready = [
        one for one in store.builds(plan.project, host=plan.host) if one.state == "ready" and one.ended is not None
    ]
    ours = (one for one in ready if (plan.project, plan.config) in store.build_askers(one.id))
    newest = next(ours, None) or next(iter(ready), None)
    return None if newest is None or newest.ended is None else newest.ended - newest.started
