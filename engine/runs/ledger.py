"""The write side of the store. Only the engine opens it; every write is one transaction in one thread.

Blocking: the engine calls it through `Ledger.do`, which runs on the ledger's own thread, so that order is kept
and no event loop waits for a disk.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import NotFound, StoreError
from engine.runs import builds, schema, tags
from engine.runs.bin import REMOVING
from engine.runs.model import BuildRecord, Command, ImageUse, Run, RunPlan, State
from engine.runs.request import RunRequest
from engine.runs.store import RUN_COLUMNS, run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

# Fields of Run whose column has another name, and those kept as JSON.
_COLUMN = {"commit": "git_commit", "branch": "git_branch", "dirty": "git_dirty"}
_JSON = frozenset({"tags", "properties", "handle", "arguments"})


class Ledger:
    """The engine's own connection to the store. Raises StoreError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        try:
            self._connection = schema.connect(str(path), read_only=False)
            path.chmod(0o600)
            schema.migrate(self._connection)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the run history cannot be opened for writing: {error}.",
                where=str(path),
                remedy="Check the disk's free space and the folder's permissions.",
            ) from error

    async def do(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run a method of this ledger on its thread and wait for it. A begun write ends even if nobody waits."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(
                f"the run history cannot be written: {error}.",
                where=str(self.path),
                remedy="Free disk space; the engine tries again by itself.",
            ) from error

    # Reading what the engine itself needs

    def run(self, run_id: str) -> Run:
        row = self._connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?",  # noqa: S608
            (run_id,),
        ).fetchone()
        if row is None:
            raise NotFound(f"there is no run {run_id!r}.")
        return run_of(row)

    def plan(self, run_id: str) -> RunPlan:
        row = self._connection.execute("SELECT plan FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no run {run_id!r}.")
        return RunPlan.from_json(json.loads(row[0]))

    def request(self, run_id: str) -> RunRequest:
        row = self._connection.execute("SELECT request FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no run {run_id!r}.")
        return RunRequest.from_json(json.loads(row[0]))

    def by_token(self, token: str) -> Run | None:
        row = self._connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE token = ?",  # noqa: S608
            (token,),
        ).fetchone()
        return run_of(row) if row else None

    def unfinished(self) -> list[Run]:
        """Every run that has not ended, oldest first: what a new engine has to pick up."""
        rows = self._connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE state NOT IN ('Completed', 'Failed', 'Canceled')"  # noqa: S608
            " ORDER BY created, rowid"
        )
        return [run_of(row) for row in rows]

    def snapshots(self) -> set[str]:
        """The ids of all that a run took."""
        return {str(row[0]) for row in self._ask("SELECT DISTINCT snapshot FROM runs WHERE snapshot IS NOT NULL")}

    def consumed(self, run_id: str, stream: str) -> int:
        """Bytes of a mirrored stream that are already in the store."""
        row = self._connection.execute(
            "SELECT consumed FROM streams WHERE run_id = ? AND name = ?", (run_id, stream)
        ).fetchone()
        return int(row[0]) if row else 0

    def has_commands(self, run_id: str) -> bool:
        return self._connection.execute("SELECT 1 FROM commands WHERE run_id = ?", (run_id,)).fetchone() is not None

    # Runs

    def create(self, request: RunRequest, plan: RunPlan) -> Run:
        """Enter a new run, or give back the one made for the same token.

        The id is `<project>_<milliseconds>`, the original's form, moved on until it is new.
        """
        known = self.by_token(request.token)
        if known is not None:
            return known
        created = time.time()
        stem = "".join(c if c.isalnum() or c in "-." else "_" for c in plan.project_name) or "project"
        with self.writing() as db:
            number = db.execute(
                "SELECT coalesce(max(number), 0) + 1 FROM runs WHERE project = ?", (plan.project,)
            ).fetchone()[0]
            millis = int(created * 1000)
            while db.execute("SELECT 1 FROM runs WHERE id = ?", (f"{stem}_{millis}",)).fetchone():
                millis += 1
            run_id = f"{stem}_{millis}"
            values = {
                "id": run_id,
                "number": number,
                "token": request.token,
                "project": plan.project,
                "project_name": plan.project_name,
                "config": plan.config,
                "target": plan.target,
                "target_type": plan.target_type,
                "host": plan.host,
                "framework": plan.framework,
                "script": plan.script,
                "arguments": json.dumps(plan.argv[1:]),
                "state": State.NOT_STARTED.value,
                "state_since": created,
                "created": created,
                "priority": request.priority,
                "rerun_of": request.rerun_of,
                "parent_run_id": request.parent_run_id,
                "tracked": plan.tracked,
                "description": request.description,
                "user_id": request.user_id,
                "tags": json.dumps(request.tags),
                "request": json.dumps(request.to_json()),
                "plan": json.dumps(plan.to_json()),
            }
            names = ", ".join(values)
            marks = ", ".join("?" * len(values))
            db.execute(f"INSERT INTO runs ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608
        return self.run(run_id)

    def change(self, run_id: str, **fields: Any) -> None:
        """Set fields of a run by their names in `Run`; the state changes only through `move`."""
        if not fields:
            return
        with self.writing() as db:
            _update(db, run_id, fields)

    def retag(self, run_id: str, changes: Mapping[str, str | None]) -> None:
        """Set these tags of a run, remove those whose change is None, leave the others. Raises NotFound."""
        self.change(run_id, tags=tags.changed(self.run(run_id).tags, changes))

    def set_reasons(self, reasons: dict[str, str]) -> None:
        """Why each of these queued runs waits, in one transaction."""
        with self.writing() as db:
            db.executemany(
                "UPDATE runs SET reason = ? WHERE id = ? AND state = 'Queued'",
                [(reason, run_id) for run_id, reason in reasons.items()],
            )

    def move(self, run: Run, after: State, event: str, reason: str, fields: dict[str, Any]) -> Run:
        """A run's next state with what belongs to it, and the line in its history, in one transaction."""
        at = time.time()
        with self.writing() as db:
            done = db.execute(
                "UPDATE runs SET state = ?, state_since = ? WHERE id = ? AND state = ?",
                (after.value, at if after is not run.state else run.state_since, run.id, run.state.value),
            )
            if done.rowcount != 1:
                raise NotFound(f"run {run.id} is no longer {run.state}.")
            if fields:
                _update(db, run.id, fields)
            db.execute(
                "INSERT INTO transitions VALUES (?, ?, ?, ?, ?, ?)",
                (run.id, at, run.state.value, after.value, event, reason),
            )
        return self.run(run.id)

    def record_command(self, run_id: str, command: Command) -> None:
        with self.writing() as db:
            db.execute(
                "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, command.at, command.where, json.dumps(command.argv), command.cwd, command.note),
            )

    def put_in_bin(self, ids: Sequence[str], at: float) -> None:
        """Delete these runs for now. One that is in the bin already stays there as it is."""
        with self.writing() as db:
            db.executemany(
                "UPDATE runs SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL", [(at, one) for one in ids]
            )

    def take_from_bin(self, run_id: str) -> bool:
        """Bring a run back; False when it is not in the bin, or being removed for good already."""
        with self.writing() as db:
            done = db.execute("UPDATE runs SET deleted_at = NULL WHERE id = ? AND deleted_at > ?", (run_id, REMOVING))
        return done.rowcount == 1

    def mark_removing(self, run_id: str) -> None:
        """From here on nothing brings it back: what of it is removed first cannot be seen to be missing."""
        with self.writing() as db:
            db.execute("UPDATE runs SET deleted_at = ? WHERE id = ?", (REMOVING, run_id))

    def in_bin_since(self, at: float) -> list[str]:
        """The ids of runs that were deleted at `at` (epoch seconds) or before, and whose removal was cut off."""
        return [row[0] for row in self._ask("SELECT id FROM runs WHERE deleted_at <= ? ORDER BY rowid", (at,))]

    def delete(self, run_id: str) -> None:
        """Forget a run and all that hangs on it."""
        with self.writing() as db:
            db.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    # Environments

    def save_build(self, record: BuildRecord) -> None:
        """Enter a build, or what became of it."""
        with self.writing() as db:
            builds.save(db, record)

    def note_asker(self, build_id: str, project: str, config: str) -> None:
        with self.writing() as db:
            builds.note_asker(db, build_id, project, config)

    def abandon_builds(self) -> None:
        """Called once by a new engine: the builds of the last one ended with it."""
        with self.writing() as db:
            builds.abandon(db, time.time())

    def note_use(self, use: ImageUse, run_id: str = "") -> None:
        """A configuration needs this image now; the run, when there is one, until it ends."""
        with self.writing() as db:
            builds.note_use(db, use, run_id)

    def forget_builds(self, keep: int) -> list[str]:
        """Leave the newest `keep` builds; returns the logs of the others, which nothing names any more."""
        with self.writing() as db:
            return builds.forget(db, keep)

    def ready_builds(self, host: str) -> list[BuildRecord]:
        """What came out well on this host, newest first: estimates are made from it."""
        return [one for one in builds.builds(self._ask, project=None, host=host, limit=200) if one.state == "ready"]

    def image_uses(self, host: str | None = None) -> list[ImageUse]:
        return builds.uses(self._ask, project=None, host=host)

    def projects(self) -> list[str]:
        """Every project folder with a run or a build."""
        return [row[0] for row in self._ask("SELECT project FROM runs UNION SELECT project FROM build_askers")]

    def needed_by_runs(self, host: str) -> list[tuple[str, str, str]]:
        """What runs that have not ended need there: (run id, fingerprint, image)."""
        return builds.needed_by_runs(self._ask, host)

    def environment_of(self, run_id: str) -> tuple[str, str] | None:
        """The environment of a run: (fingerprint, image); None before it is prepared."""
        return builds.image_of_run(self._ask, run_id)

    def _ask(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    # Hosts

    def set_target(self, host: str, state: str, since: float, reason: str) -> None:
        with self.writing() as db:
            db.execute(
                "INSERT INTO targets (host, state, since, reason) VALUES (?, ?, ?, ?) ON CONFLICT (host) DO UPDATE"
                " SET state = excluded.state, since = excluded.since, reason = excluded.reason",
                (host, state, since, reason),
            )

    def set_sample(self, host: str, sample: dict[str, Any]) -> None:
        with self.writing() as db:
            db.execute("UPDATE targets SET sample = ? WHERE host = ?", (json.dumps(sample), host))

    def set_next_try(self, host: str, at: float) -> None:
        """When a host that is away is tried again (epoch seconds), beside what was sampled of it last."""
        with self.writing() as db:
            row = db.execute("SELECT sample FROM targets WHERE host = ?", (host,)).fetchone()
            if row is not None:
                sample = {**json.loads(row[0]), "next_try": at}
                db.execute("UPDATE targets SET sample = ? WHERE host = ?", (json.dumps(sample), host))


def _update(db: sqlite3.Connection, run_id: str, fields: dict[str, Any]) -> None:
    columns = []
    values: list[Any] = []
    for name, value in fields.items():
        columns.append(f"{_COLUMN.get(name, name)} = ?")
        values.append(json.dumps(value) if name in _JSON else value)
    db.execute(f"UPDATE runs SET {', '.join(columns)} WHERE id = ?", (*values, run_id))  # noqa: S608
