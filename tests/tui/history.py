"""A store with runs in it, written as the engine would leave it; times are fixed so that screenshots stay the same."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING

from engine.runs import builds, schema
from engine.runs.model import BuildRecord, ImageUse, Run, RunPlan, Series, State, TargetState
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from engine.paths import Paths

NOW = 1_700_000_000.0
PROJECT = "/home/ann/iris"


def make_run(number: int, state: State = State.COMPLETED, **changes: object) -> Run:
    """A run of the project `iris`; later numbers are newer."""
    created = NOW - 3600 + number * 30
    started = created + 1 if state not in (State.QUEUED, State.PREPARING, State.NOT_STARTED) else None
    run = Run(
        id=f"iris_{1_699_990_000_000 + number}",
        number=number,
        project=PROJECT,
        project_name="iris",
        config="local",
        target="local",
        target_type="local",
        framework="Python",
        script="train.py",
        arguments=("--rate", "0.1"),
        state=state,
        state_since=created + 10,
        created=created,
        started=started,
        ended=created + 10 if state.ended else None,
        exit_code=0 if state is State.COMPLETED else 1 if state is State.FAILED else None,
    )
    return dataclasses.replace(run, **changes)  # type: ignore[arg-type]


def make_build(number: int = 1, state: str = "building", **changes: object) -> BuildRecord:
    """A build on this machine, a minute ago; later numbers are newer."""
    started = NOW - 72 + number
    record = BuildRecord(
        id=f"{number:012x}",
        host="local",
        fingerprint=f"{number:016x}",
        state=state,
        started=started,
        step=4,
        steps=7,
        words='step 4 of 7: RUN ["pip", "install"]' if state == "building" else "",
        ended=None if state == "building" else started + 42,
        estimate=95.0,
        image=f"sha256:{number:064x}" if state == "ready" else "",
        size=130_000_000 if state == "ready" else None,
    )
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]


def make_spec(*pip: str, **changes: object) -> dict[str, object]:
    """What an environment is asked to hold, as the store has it."""
    return {
        "base_image": "aml-test/python:1",
        "channels": [],
        "conda": ["pip"],
        "python": "=3.11",
        "pip": list(pip),
        "sent": [],
        "spark": None,
        "interpreter": "",
    } | changes


def falling(count: int, start: float = 1.0) -> tuple[float, ...]:
    return tuple(start * math.exp(-i / count * 2) for i in range(count))


def scalar(name: str, values: tuple[float, ...]) -> Series:
    return Series(name, "scalar", len(values), values[-1], min(values), max(values), len(values), NOW, spark=values)


class History:
    """Writes into a store as another process."""

    def __init__(self, store: Path) -> None:
        store.parent.mkdir(parents=True, exist_ok=True)
        self.connection: sqlite3.Connection = schema.connect(str(store), read_only=False)
        schema.migrate(self.connection)

    def close(self) -> None:
        self.connection.close()

    def put(self, *runs: Run) -> None:
        """Write these runs, replacing those of the same id."""
        self.connection.execute("BEGIN")
        self.connection.executemany(_PUT, map(_row, runs))
        self.connection.execute("COMMIT")

    def put_build(self, *records: BuildRecord, config: str = "docker") -> None:
        """Builds that a configuration of the project wanted."""
        for record in records:
            builds.save(self.connection, record)
            builds.note_asker(self.connection, record.id, PROJECT, config)

    def put_container(self, run: Run, spec: dict[str, object], build: BuildRecord | None = None) -> None:
        """A run in a container: its plan and, with a build, the environment that came of it."""
        self.put_prepared(run, spec, build)

    def put_prepared(
        self,
        run: Run,
        spec: dict[str, object],
        build: BuildRecord | None = None,
        launcher: str = "container",
        host: str = "local",
    ) -> None:
        plan = RunPlan(
            project=run.project,
            project_name=run.project_name,
            config=run.config,
            target=run.target,
            target_type=run.target_type,
            host=host,
            launcher=launcher,
            framework="Python",
            script=run.script,
            argv=(run.script, *run.arguments),
            interpreter="",
            environment_variables={"MODE": "fast"},
            options={"environment": spec, "container": {}},
        )
        self.put(run)
        self.connection.execute("UPDATE runs SET plan = ? WHERE id = ?", (json.dumps(plan.to_json()), run.id))
        if build is not None:
            self.put_use(build, spec, run.created, run)

    def put_use(self, build: BuildRecord, spec: dict[str, object], at: float, run: Run | None = None) -> None:
        """The configuration `docker` needed what came of a build."""
        config = run.config if run is not None else "docker"
        use = ImageUse(build.host, build.fingerprint, build.image, PROJECT, "iris", config, config, at, spec)
        builds.note_use(self.connection, use, run.id if run is not None else "")

    def drop(self, *ids: str) -> None:
        self.connection.executemany("DELETE FROM runs WHERE id = ?", [(i,) for i in ids])

    def put_series(self, run_id: str, series: Iterable[Series]) -> None:
        self.connection.executemany(
            "INSERT OR REPLACE INTO series (run_id, name, kind, count, last, low, high, last_step, last_at, spark)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (run_id, s.name, s.kind, s.count, s.last, s.low, s.high, s.last_step, s.last_at, json.dumps(s.spark))
                for s in series
            ],
        )

    def put_target(self, state: TargetState) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO targets VALUES (?, ?, ?, ?, ?)",
            (state.host, state.state, state.since, state.reason, json.dumps(state.sample)),
        )


def write_log(paths: Paths, run: Run) -> None:
    """A mirrored driver log as training leaves it."""
    lines = [f"epoch {e:>2}/30  loss={1.2 * 0.9**e:.3f}  accuracy={1 - 0.6 * 0.9**e:.3f}" for e in range(1, 31)]
    file = paths.driver_log(run.id)
    file.parent.mkdir(parents=True)
    file.write_text("reading iris.csv: 150 rows, 4 columns\n" + "\n".join(lines) + "\n")


_COLUMNS = (
    "id, number, token, project, project_name, config, target, target_type, host, framework, script, arguments, state,"
    " state_since, created, started, ended, exit_code, exit_signal, reason, progress, unreachable_since,"
    " cancel_requested, git_commit, git_branch, description, hidden, tags, request"
)
_PUT = f"INSERT OR REPLACE INTO runs ({_COLUMNS}) VALUES ({', '.join('?' * len(_COLUMNS.split(',')))})"


def _row(run: Run) -> tuple[object, ...]:
    request = RunRequest(run.project, run.config, f"token-{run.id}", run.script, run.arguments)
    return (
        run.id, run.number, request.token, run.project, run.project_name, run.config, run.target, run.target_type,
        "local", run.framework, run.script, json.dumps(run.arguments), run.state.value, run.state_since, run.created,
        run.started, run.ended, run.exit_code, run.exit_signal, run.reason, run.progress, run.unreachable_since,
        run.cancel_requested, run.commit, run.branch, run.description, int(run.hidden), json.dumps(run.tags),
        json.dumps(request.to_json()),
    )  # fmt: skip


def busy_history(history: History) -> None:
    """What one sees on a working day: runs in every state, some with metrics, some with a reason."""
    runs = [make_run(number) for number in range(1, 34)]
    runs += [
        make_run(34, config="docker", target="docker", target_type="docker"),
        make_run(35, State.CANCELED, reason="canceled by ann"),
        make_run(36, State.FAILED, exit_code=None, exit_signal=9, reason="ended by SIGKILL (out of memory?)"),
        make_run(37, tags={"best": "yes"}),
        make_run(38, State.FAILED, reason="KeyError: 'petal'"),
        make_run(39),
        make_run(40, State.QUEUED, reason="waits for a free slot on local (4 of 4 busy)"),
        make_run(41, State.PREPARING, config="gpu-sweep", target="gpu-box", progress="step 4/7 pip"),
        make_run(
            42, State.RUNNING, config="gpu-sweep", target="gpu-box", arguments=("--rate", "0.01", "--name", "a b")
        ),
        make_run(43, State.RUNNING, created=NOW - 131, started=NOW - 130),
        make_run(44, State.CANCEL_REQUESTED, created=NOW - 62, started=NOW - 62, cancel_requested=NOW - 2),
        make_run(45, State.RUNNING, created=NOW - 31, started=NOW - 30, script="src/very long name/train_model.py"),
    ]
    history.put(*runs)
    for run in runs:
        if run.state in (State.COMPLETED, State.RUNNING, State.CANCEL_REQUESTED):
            curve = falling(12, 1.0 + run.number % 7 / 10)
            history.put_series(run.id, [scalar("loss", curve), scalar("accuracy", tuple(1 - v / 2 for v in curve))])
    history.put_target(
        TargetState("local", "connected", NOW - 500, sample={"cpu": 0.12, "cores": 8, "mem_used": 3.1 * 2**30})
    )
