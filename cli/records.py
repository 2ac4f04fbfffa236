"""The history record, with the keys of the original; and what tables show of it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.runs.model import Run
    from engine.runs.store import StoreReader


def utc(at: float | None) -> str | None:
    """A time as the original wrote it: 2017-10-13T15:36:13.012345+00:00."""
    return None if at is None else datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="microseconds")


def duration(started: float | None, ended: float | None) -> str | None:
    """0:00:04.892389; of a run that goes on, until now; None before it began."""
    if started is None:
        return None
    return str(timedelta(seconds=round((time.time() if ended is None else ended) - started, 6)))


def record(run: Run, logged: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """One run as `history` tells it. A metric logged once is its value, one logged repeatedly the list of its values.

    A metric called like one of the record's own keys is found under "metric:" and its name.
    """
    # The original had no keys for why a run failed or waits.
    told = {"CommitId": run.commit, "ExitCode": str(run.exit_code or ""), "Reason": run.reason}
    own = {
        "arguments": list(run.arguments),
        "attachments": "control_log,driver_log",
        "created_utc": utc(run.created),
        "description": run.description or None,
        "duration": duration(run.started, run.ended),
        "end_time_utc": utc(run.ended),
        "heartbeat_enabled": True,
        "hidden": run.hidden,
        "name": run.name,
        "parent_run_id": run.parent_run_id,
        "properties": {**{name: value for name, value in told.items() if value}, **run.properties},
        "run_id": run.id,
        "run_number": run.number,
        "script_name": run.script,
        "start_time_utc": utc(run.started),
        "status": run.state.value,
        "target": run.target,
        "user_id": run.user_id,
    }
    metrics = {
        f"metric:{name}" if name in own else name: values[0] if len(values) == 1 else list(values)
        for name, values in sorted(logged.items())
    }
    return {**metrics, **own}


def records(store: StoreReader, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The same for several runs, with one query for all of their metrics."""
    logged = store.logged([run.id for run in runs])
    return [record(run, logged.get(run.id, {})) for run in runs]
