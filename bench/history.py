"""Ten thousand runs in a store, as a busy year leaves them."""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING

from engine.runs import schema

if TYPE_CHECKING:
    from pathlib import Path

_STATES = (("Completed", 0, ""), ("Completed", 0, ""), ("Completed", 0, ""), ("Failed", 1, "KeyError: 'petal'"))
_RUN = (
    "INSERT INTO runs (id, number, token, project, project_name, config, target, target_type, host, framework, script,"
    " arguments, state, state_since, created, started, ended, exit_code, reason, request, plan)"
    " VALUES (?, ?, ?, ?, ?, 'local', 'local', 'local', 'local', 'Python', 'train.py', ?, ?, ?, ?, ?, ?, ?, ?, '{}',"
    " '{}')"
)
_SERIES = (
    "INSERT INTO series (run_id, name, kind, count, last, low, high, last_step, last_at, spark)"
    " VALUES (?, ?, 'scalar', ?, ?, ?, ?, ?, ?, ?)"
)


def fill(store: Path, project: Path, count: int) -> None:
    """Enter `count` ended runs of this project, three a quarter of an hour, each with `loss` and `accuracy`."""
    connection = schema.connect(str(store), read_only=False)
    schema.migrate(connection)
    first = time.time() - count * 300
    connection.execute("BEGIN")
    for number in range(1, count + 1):
        created = first + number * 300
        run_id = f"{project.name}_{int(created * 1000)}"
        state, code, reason = _STATES[number % len(_STATES)]
        arguments = json.dumps(["--rate", str(round(0.5 / number, 6))])
        times = (created + 60, created, created + 1, created + 60)
        connection.execute(
            _RUN,
            (run_id, number, f"t{number}", str(project), project.name, arguments, state, *times, code, reason),
        )
        curve = [math.exp(-step / 10) * (1 + number % 7 / 10) for step in range(24)]
        for name, values in (("loss", curve), ("accuracy", [1 - value / 2 for value in curve])):
            connection.execute(
                _SERIES,
                (run_id, name, 24, values[-1], min(values), max(values), 24, created + 59, json.dumps(values)),
            )
    connection.execute("COMMIT")
    connection.close()
