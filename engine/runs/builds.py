"""Environments in the store: their builds, and which configurations and runs need which image.

The tables are written by the ledger and read by `StoreReader`; the SQL of both is here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.runs.model import BuildRecord, ImageUse

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    Ask = Callable[[str, Sequence[Any]], Sequence[sqlite3.Row]]

# The migration that brought these tables; a reader may see a store from before it.
SINCE = 2
# The error of a build that ended because its engine did; asked for again, it is begun again.
CUT_OFF = "the engine ended while the build was at work."

_COLUMNS = (
    "id",
    "host",
    "fingerprint",
    "state",
    "started",
    "step",
    "steps",
    "words",
    "ended",
    "estimate",
    "image",
    "size",
    "error",
    "log",
)
_NAMES = ", ".join(_COLUMNS)
_SAVE = (
    f"INSERT INTO builds ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (id) DO UPDATE SET "  # noqa: S608
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
)
_USES = (
    "SELECT u.host, u.fingerprint, u.image, u.project, u.project_name, u.config, u.target, u.last_used, u.spec,"
    " u.last_used = (SELECT max(o.last_used) FROM image_uses o WHERE o.host = u.host AND o.project = u.project"
    " AND o.config = u.config) AS current FROM image_uses u"
)


def save(db: sqlite3.Connection, record: BuildRecord) -> None:
    """Enter a build, or what became of it."""
    db.execute(_SAVE, tuple(getattr(record, name) for name in _COLUMNS))


def note_asker(db: sqlite3.Connection, build_id: str, project: str, config: str) -> None:
    """A configuration waits for this build, whoever asked for it first."""
    db.execute("INSERT OR IGNORE INTO build_askers VALUES (?, ?, ?)", (build_id, project, config))


def abandon(db: sqlite3.Connection, at: float) -> None:
    """No build outlives the engine that ran it: those still "building" in the store were cut off."""
    db.execute("UPDATE builds SET state = 'canceled', ended = ?, error = ? WHERE state = 'building'", (at, CUT_OFF))


def note_use(db: sqlite3.Connection, use: ImageUse, run_id: str) -> None:
    """A configuration needs this image now; the run, when there is one, until it ends."""
    db.execute(
        "INSERT INTO image_uses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (host, fingerprint, project, config) DO UPDATE SET image = excluded.image,"
        " project_name = excluded.project_name, target = excluded.target, last_used = excluded.last_used,"
        " spec = excluded.spec",
        (
            use.host,
            use.fingerprint,
            use.project,
            use.config,
            use.image,
            use.project_name,
            use.target,
            use.last_used,
            json.dumps(use.spec),
        ),
    )
    if run_id:
        db.execute(
            "INSERT INTO run_images SELECT id, ?, ?, ? FROM runs WHERE id = ?"
            " ON CONFLICT (run_id) DO UPDATE SET host = excluded.host, fingerprint = excluded.fingerprint,"
            " image = excluded.image",
            (use.host, use.fingerprint, use.image, run_id),
        )


def forget(db: sqlite3.Connection, keep: int) -> list[str]:
    """Leave the newest `keep` builds; returns the logs of the others."""
    kept = "SELECT rowid FROM builds ORDER BY started DESC, rowid DESC LIMIT ?"
    which = f"FROM builds WHERE state <> 'building' AND rowid NOT IN ({kept})"
    logs = [row[0] for row in db.execute(f"SELECT log {which}", (keep,)) if row[0]]
    db.execute(f"DELETE {which}", (keep,))
    return logs


def builds(ask: Ask, *, project: str | None, host: str | None, limit: int | None) -> list[BuildRecord]:
    """Newest first. Of a project: those of environments that its configurations asked for."""
    conditions: list[str] = []
    values: list[Any] = []
    if project is not None:
        conditions.append("id IN (SELECT build_id FROM build_askers WHERE project = ?)")
        values.append(project)
    if host is not None:
        conditions.append("host = ?")
        values.append(host)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    values.append(-1 if limit is None else limit)
    rows = ask(f"SELECT {_NAMES} FROM builds{where} ORDER BY started DESC, rowid DESC LIMIT ?", values)  # noqa: S608
    return [_build_of(row) for row in rows]


def build(ask: Ask, name: str) -> list[BuildRecord]:
    """The build of this id, or those whose id or fingerprint begins so, newest first."""
    rows = ask(f"SELECT {_NAMES} FROM builds WHERE id = ?", (name,))  # noqa: S608
    if not rows and name:
        rows = ask(
            f"SELECT {_NAMES} FROM builds WHERE substr(id, 1, ?) = ? OR substr(fingerprint, 1, ?) = ?"  # noqa: S608
            " ORDER BY started DESC, rowid DESC",
            (len(name), name, len(name), name),
        )
    return [_build_of(row) for row in rows]


def askers(ask: Ask, build_id: str) -> list[tuple[str, str]]:
    """Who wanted a build: (project, configuration)."""
    rows = ask("SELECT project, config FROM build_askers WHERE build_id = ? ORDER BY rowid", (build_id,))
    return [(row[0], row[1]) for row in rows]


def uses(ask: Ask, *, project: str | None, host: str | None) -> list[ImageUse]:
    """Which configurations needed which environment, the latest first."""
    conditions, values = [], []
    for column, value in (("project", project), ("host", host)):
        if value is not None:
            conditions.append(f"u.{column} = ?")
            values.append(value)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = ask(f"{_USES}{where} ORDER BY u.last_used DESC, u.rowid DESC", values)
    return [_use_of(row) for row in rows]


def needed_by_runs(ask: Ask, host: str) -> list[tuple[str, str, str]]:
    """What runs that have not ended need on a host: (run id, fingerprint, image)."""
    rows = ask(
        "SELECT i.run_id, i.fingerprint, i.image FROM run_images i JOIN runs r ON r.id = i.run_id"
        " WHERE i.host = ? AND r.state NOT IN ('Completed', 'Failed', 'Canceled')",
        (host,),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def image_of_run(ask: Ask, run_id: str) -> tuple[str, str] | None:
    """The environment of a run: (fingerprint, image); None before it is prepared."""
    rows = ask("SELECT fingerprint, image FROM run_images WHERE run_id = ?", (run_id,))
    return (rows[0][0], rows[0][1]) if rows else None


def _build_of(row: sqlite3.Row) -> BuildRecord:
    return BuildRecord(**{name: row[name] for name in _COLUMNS})


def _use_of(row: sqlite3.Row) -> ImageUse:
    values = dict(zip(row.keys(), row, strict=True))
    return ImageUse(**{**values, "spec": json.loads(values["spec"]), "current": bool(values["current"])})
