"""The read side of the store: what the console and the command line show. Read-only, no engine needed."""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING, Any

from engine.errors import NotFound
from engine.runs import builds, schema
from engine.runs.bin import IN_BIN, Batch, Binned
from engine.runs.history import History
from engine.runs.model import (
    RESOURCE,
    BuildRecord,
    Command,
    ImageUse,
    Run,
    RunPlan,
    Series,
    State,
    TargetState,
    Transition,
)
from engine.runs.naming import named
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

RUN_COLUMNS = (
    "id, number, project, project_name, config, target, target_type, framework, script, arguments, state, state_since,"
    " created, started, ended, exit_code, exit_signal, reason, progress, priority, unreachable_since, cancel_requested,"
    " rerun_of, parent_run_id, snapshot, git_commit, git_branch, git_dirty, tracked, description, user_id, hidden,"
    " tags, properties, handle"
)
_FROM_COLUMN = {"git_commit": "commit", "git_branch": "branch", "git_dirty": "dirty"}
_JSON = frozenset({"tags", "properties", "handle"})
_FLAGS = frozenset({"git_dirty", "tracked", "hidden"})


def run_of(row: sqlite3.Row, leave: str = "") -> Run:
    """A row of the runs table as a `Run`; `leave` is a column that is no field of it."""
    values: dict[str, Any] = {}
    for column in row.keys():  # noqa: SIM118 - a Row iterates over its values
        if column == leave:
            continue
        value = row[column]
        if column in _JSON:
            value = json.loads(value) if value != "{}" else {}
        elif column in _FLAGS:
            value = bool(value)
        elif column == "arguments":
            value = tuple(json.loads(value))
        elif column == "state":
            value = State(value)
        values[_FROM_COLUMN.get(column, column)] = value
    return Run(**values)


def series_of(row: sqlite3.Row) -> Series:
    """A row of the series table as a `Series`."""
    return Series(
        name=row["name"],
        kind=row["kind"],
        count=row["count"],
        last=_real(row["last"]),
        low=row["low"],
        high=row["high"],
        last_step=row["last_step"],
        last_at=row["last_at"],
        value=json.loads(row["value"]) if row["value"] is not None else None,
        spark=tuple(float(x) for x in json.loads(row["spark"])),
    )


def _real(value: float | str | None) -> float | None:
    """SQLite keeps NaN as NULL, so it is stored as text beside real numbers.

    NaN is always the same object, so that a series that did not change equals what it was.
    """
    if value is None:
        return None
    number = float(value)
    return math.nan if math.isnan(number) else number


class StoreReader(History):
    """Every question to the run history: `History` with all there is to know of a run."""

    def runs(
        self,
        project: str | None = None,
        *,
        limit: int | None = None,
        unfinished: bool = False,
        hidden: bool = False,
    ) -> list[Run]:
        """Runs, newest first; of one project folder, or of all."""
        conditions: list[str] = [self._kept()]
        values: list[Any] = []
        if project is not None:
            conditions.append("project = ?")
            values.append(project)
        if unfinished:
            conditions.append("state NOT IN ('Completed', 'Failed', 'Canceled')")
        if not hidden:
            conditions.append("hidden = 0")
        bound = f" LIMIT {int(limit)}" if limit is not None else ""
        sql = (
            f"SELECT {RUN_COLUMNS} FROM runs WHERE {' AND '.join(conditions)} ORDER BY created DESC, rowid DESC{bound}"  # noqa: S608
        )
        return [run_of(row) for row in self._ask(sql, values)]

    def run(self, name: str, project: str | None = None, *, binned: bool = False) -> Run:
        """A run by its id, short name ("iris-042"), number in `project`, `last` (of `project`), a beginning of its id.

        `binned`: one that is in the bin is found, too. Raises NotFound, also when a beginning fits several runs.
        """
        why = NotFound(f"there is no run {name!r}.", remedy="`aml history list` shows the runs of this project.")
        try:
            rows = self._named(name, project, "1" if binned else self._kept())
        except NotFound as error:
            rows, why = [], error
        if rows:
            return run_of(rows[0])
        deleted: list[sqlite3.Row] = []
        if not binned:
            with contextlib.suppress(NotFound):
                deleted = self._named(name, project, "1")
        if deleted:
            raise NotFound(f"{name} was deleted.", remedy=f"`aml history restore -r {name}` brings it back.")
        raise why

    def _named(self, name: str, project: str | None, kept: str) -> list[sqlite3.Row]:
        """The row of the run that is meant, or none."""
        if name == "last" and project is not None:
            name = self.last_run(project).id
        return named(self._ask, f"SELECT {RUN_COLUMNS} FROM runs WHERE {kept} AND", name, project)  # noqa: S608

    def by_ids(self, ids: Iterable[str]) -> list[Run]:
        """The runs of these ids that exist and are not in the bin, in no particular order."""
        wanted = list(ids)
        kept = self._kept()
        found: list[Run] = []
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ", ".join("?" * len(part))
            rows = self._ask(f"SELECT {RUN_COLUMNS} FROM runs WHERE {kept} AND id IN ({marks})", part)  # noqa: S608
            found += map(run_of, rows)
        return found

    def of_snapshot(self, project: str, snapshot: str, limit: int = 20) -> list[Run]:
        """The newest runs of a project that took along exactly these files, newest first."""
        rows = self._ask(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE project = ? AND snapshot = ? AND hidden = 0 AND {self._kept()}"  # noqa: S608
            " ORDER BY created DESC, rowid DESC LIMIT ?",
            (project, snapshot, limit),
        )
        return [run_of(row) for row in rows]

    def last_run(self, project: str) -> Run:
        """The newest run of a project. Raises NotFound when there is none."""
        found = self.runs(project, limit=1)
        if not found:
            raise NotFound(
                "this project has no runs yet.", remedy="`aml experiment submit -c local train.py` makes one."
            )
        return found[0]

    def count(self, project: str | None = None) -> int:
        count = f"SELECT count(*) FROM runs WHERE hidden = 0 AND {self._kept()}"  # noqa: S608
        rows = self._ask(count) if project is None else self._ask(f"{count} AND project = ?", (project,))
        return int(rows[0][0]) if rows else 0

    def projects(self) -> list[tuple[str, str, int, float]]:
        """Every project folder with runs: (path, name, number of runs, time of the newest), newest first."""
        rows = self._ask(
            "SELECT project, max(project_name), count(*), max(created) FROM runs"  # noqa: S608
            f" WHERE {self._kept()} GROUP BY project ORDER BY 4 DESC"
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def bin(self, project: str | None = None) -> list[Binned]:
        """What was deleted and can be brought back, of one project folder or of all: the latest first."""
        columns = ", ".join(f"r.{name.strip()}" for name in RUN_COLUMNS.split(","))
        rows = self._ask_of_bin(f"SELECT r.deleted_at, {columns} FROM runs r WHERE {IN_BIN}", project)  # noqa: S608
        return [Binned(row[0], run_of(row, leave="deleted_at")) for row in rows]

    def batches(self, project: str | None = None) -> list[Batch]:
        """The same in short: what was deleted at one time, the latest first."""
        rows = self._ask_of_bin(
            f"SELECT r.deleted_at, count(*) FROM runs r WHERE {IN_BIN}",  # noqa: S608
            project,
            group="GROUP BY r.deleted_at",
        )
        return [Batch(row[0], row[1]) for row in rows]

    def _ask_of_bin(self, sql: str, project: str | None, group: str = "") -> list[sqlite3.Row]:
        version = self._ask("PRAGMA user_version")
        if not version or version[0][0] < schema.BIN_SINCE:
            return []
        where, values = ("", ()) if project is None else (" AND r.project = ?", (project,))
        return self._ask(f"{sql}{where} {group} ORDER BY r.deleted_at DESC, r.created DESC, r.rowid DESC", values)

    def transitions(self, run_id: str) -> list[Transition]:
        """The run's states in time, oldest first."""
        rows = self._ask(
            "SELECT at, before, after, event, reason FROM transitions WHERE run_id = ? ORDER BY rowid", (run_id,)
        )
        return [Transition(row[0], State(row[1]), State(row[2]), row[3], row[4]) for row in rows]

    def commands(self, run_id: str) -> list[Command]:
        """Each exact command run for this run, oldest first."""
        rows = self._ask("SELECT at, place, argv, cwd, note FROM commands WHERE run_id = ? ORDER BY rowid", (run_id,))
        return [Command(row[0], row[1], tuple(json.loads(row[2])), row[3], row[4]) for row in rows]

    def plan(self, run_id: str) -> RunPlan | None:
        """What was resolved at submission; None while the run is not resolved yet."""
        rows = self._ask("SELECT plan FROM runs WHERE id = ?", (run_id,))
        return RunPlan.from_json(json.loads(rows[0][0])) if rows and rows[0][0] != "{}" else None

    def request(self, run_id: str) -> RunRequest:
        """What was asked for, to ask for it again. Raises NotFound."""
        rows = self._ask("SELECT request FROM runs WHERE id = ?", (run_id,))
        if not rows:
            raise NotFound(f"there is no run {run_id!r}.")
        return RunRequest.from_json(json.loads(rows[0][0]))

    def series(self, run_id: str) -> list[Series]:
        """The run's metrics in the order of their first appearance."""
        return [series_of(row) for row in self._ask("SELECT * FROM series WHERE run_id = ? ORDER BY id", (run_id,))]

    def one_series(self, run_id: str, name: str) -> Series | None:
        """One metric of a run; None when it has not logged it."""
        rows = self._ask("SELECT * FROM series WHERE run_id = ? AND name = ?", (run_id, name))
        return series_of(rows[0]) if rows else None

    def series_of_runs(self, ids: Iterable[str]) -> dict[str, list[Series]]:
        """The same for several runs at once: run id -> series."""
        found: dict[str, list[Series]] = {}
        wanted = list(ids)
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ", ".join("?" * len(part))
            rows = self._ask(f"SELECT * FROM series WHERE run_id IN ({marks}) ORDER BY id", part)  # noqa: S608
            for row in rows:
                found.setdefault(row["run_id"], []).append(series_of(row))
        return found

    def logged(self, ids: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
        """Everything logged by these runs, in order: run id -> name -> values. Scalars as integers and floats.

        Not what they used, which no script has logged.
        """
        found: dict[str, dict[str, list[Any]]] = {}
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            marks = ", ".join("?" * len(part))
            rows = self._ask(
                "SELECT s.run_id, s.name, s.kind, p.number, p.value FROM series s JOIN points p ON p.series_id = s.id"  # noqa: S608
                f" WHERE s.run_id IN ({marks}) AND s.kind != ? ORDER BY s.id, p.position",
                (*part, RESOURCE),
            )
            for run_id, name, kind, number, value in rows:
                if kind != "scalar":
                    one = json.loads(value)
                elif number is None:
                    one = float(value)
                else:
                    one = number if value is None else int(value or number)
                found.setdefault(run_id, {}).setdefault(name, []).append(one)
        return found

    def points(
        self, run_id: str, name: str, start: int = 0, limit: int | None = None
    ) -> list[tuple[int, float, float]]:
        """Scalar points from position `start`: (step, epoch seconds, value); NaN and infinities as floats."""
        bound = -1 if limit is None else limit
        rows = self._ask(
            "SELECT p.step, p.at, coalesce(p.number, p.value) FROM points p JOIN series s ON s.id = p.series_id"
            " WHERE s.run_id = ? AND s.name = ? AND p.position >= ? ORDER BY p.position LIMIT ?",
            (run_id, name, start, bound),
        )
        return [(row[0], row[1], float(row[2])) for row in rows]

    def parting(
        self, first: str, second: str, name: str, start: int, end: int, tolerance: float
    ) -> tuple[int, int, float, int, float] | None:
        """The first value from position `start` to before `end` at which a scalar series of two runs differs.

        (position, step, value, step and value of the second). None: they do not. `tolerance` is the part of the larger
        value by which they may differ; NaN is as NaN.
        """
        rows = self._ask(
            "SELECT a.position, a.step, coalesce(a.number, a.value), b.step, coalesce(b.number, b.value)"
            " FROM series s JOIN series o ON o.run_id = ? AND o.name = s.name"
            " JOIN points a ON a.series_id = s.id JOIN points b ON b.series_id = o.id AND b.position = a.position"
            " WHERE s.run_id = ? AND s.name = ? AND a.position >= ? AND a.position < ? AND CASE"
            " WHEN a.number IS NULL OR b.number IS NULL THEN a.number IS NOT b.number OR a.value IS NOT b.value"
            " ELSE abs(a.number - b.number) > ? * max(abs(a.number), abs(b.number)) END"
            " ORDER BY a.position LIMIT 1",
            (second, first, name, start, end, tolerance),
        )
        return (rows[0][0], rows[0][1], float(rows[0][2]), rows[0][3], float(rows[0][4])) if rows else None

    def stretches(self, run_id: str, name: str, start: int = 0) -> list[tuple[int, int, float, float, float]]:
        """A long series in stretches of `schema.BUCKET` points, from the one that begins at position `start`.

        Each is (position, step, epoch seconds) of its first point, its lowest and its highest value, oldest first. The
        last one may still grow; those without a finite value are left out.
        """
        rows = self._ask(
            "SELECT b.bucket, b.step, b.at, b.low, b.high FROM buckets b JOIN series s ON s.id = b.series_id"
            " WHERE s.run_id = ? AND s.name = ? AND b.bucket >= ? AND b.low IS NOT NULL ORDER BY b.bucket",
            (run_id, name, start // schema.BUCKET),
        )
        return [(row[0] * schema.BUCKET, row[1], row[2], row[3], row[4]) for row in rows]

    def not_finite(self, run_id: str, name: str, start: int, end: int) -> list[tuple[int, int, float, float, int]]:
        """The NaN and infinities among the positions from `start` up to `end`, those of a stretch in one.

        Each is (position, step, epoch seconds) of the first, the value, how many of it are in the stretch.
        """
        rows = self._ask(
            "SELECT min(p.position), p.step, p.at, p.value, count(*)"
            " FROM points p JOIN series s ON s.id = p.series_id"
            " WHERE s.run_id = ? AND s.name = ? AND p.position >= ? AND p.position < ? AND p.number IS NULL"
            " GROUP BY p.position / ?, p.value ORDER BY 1",
            (run_id, name, start, end, schema.BUCKET),
        )
        return [(row[0], row[1], row[2], float(row[3]), row[4]) for row in rows]

    def values(self, run_id: str, name: str) -> list[Any]:
        """Every value logged under a name that is not a scalar (lists, rows, tables, images, texts), in order."""
        rows = self._ask(
            "SELECT p.value FROM points p JOIN series s ON s.id = p.series_id"
            " WHERE s.run_id = ? AND s.name = ? ORDER BY p.position",
            (run_id, name),
        )
        return [json.loads(row[0]) for row in rows]

    def consumed(self, run_id: str, stream: str) -> int:
        """Bytes of a mirrored stream ("metrics.jsonl") that are already in the store."""
        rows = self._ask("SELECT consumed FROM streams WHERE run_id = ? AND name = ?", (run_id, stream))
        return int(rows[0][0]) if rows else 0

    def targets(self) -> dict[str, TargetState]:
        """What the engine last knew of each host, by host name."""
        rows = self._ask("SELECT host, state, since, reason, sample FROM targets")
        return {row[0]: TargetState(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in rows}

    def builds(
        self, project: str | None = None, *, host: str | None = None, limit: int | None = None
    ) -> list[BuildRecord]:
        """Builds of environments, newest first: those a project's configurations asked for, or all."""
        return builds.builds(self._ask_of_builds, project=project, host=host, limit=limit)

    def build(self, name: str) -> BuildRecord:
        """A build by its id; by a beginning of its id or of its fingerprint, the newest of that environment.

        Raises NotFound, also when a beginning fits builds of several environments.
        """
        found = builds.build(self._ask_of_builds, name)
        if len({one.fingerprint for one in found}) > 1:
            raise NotFound(f"several environments begin with {name!r}.", remedy="Give more of it.")
        if not found:
            raise NotFound(f"there is no build {name!r}.", remedy="`aml environment list` shows what there is.")
        return found[0]

    def build_askers(self, build_id: str) -> list[tuple[str, str]]:
        """Who wanted a build: (project folder, configuration)."""
        return builds.askers(self._ask_of_builds, build_id)

    def image_uses(self, project: str | None = None, *, host: str | None = None) -> list[ImageUse]:
        """Which configurations needed which environment, the latest first."""
        return builds.uses(self._ask_of_builds, project=project, host=host)

    def environment_of(self, run_id: str) -> tuple[str, str] | None:
        """The environment a run has: (fingerprint, image id); None before it is prepared, and for local runs."""
        return builds.image_of_run(self._ask_of_builds, run_id)

    def _ask_of_builds(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Nothing was built yet in a store that no engine of this release has opened."""
        version = self._ask("PRAGMA user_version")
        return self._ask(sql, values) if version and version[0][0] >= builds.SINCE else []
