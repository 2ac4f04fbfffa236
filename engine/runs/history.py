"""The run history as a list of it needs it: the connection to the store, and what costs no objects.

Apart from the rest of the read side (`engine.runs.store`), whose classes take longer to load than ten thousand runs to
be listed.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from engine.errors import StoreError
from engine.runs import schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Self


class History:
    """Read-only, no engine needed. Safe beside a writing engine, from several threads one at a time.

    A store that does not exist yet is an empty history. Raises StoreError for a damaged one or a newer release's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        if self._connection is None:
            if not self.path.exists():
                return []
            try:
                self._connection = schema.connect(str(self.path), read_only=True)
                version = schema.stored_version(self._connection)
            except sqlite3.Error as error:
                self.close()
                raise self._unreadable(error) from error
            try:
                schema.refuse_newer(version)
            except StoreError:
                self.close()
                raise
            if version == 0:
                self.close()
                return []
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self.close()
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"the run history cannot be read: {error}.",
            where=str(self.path),
            remedy="Check the disk and the file's permissions; a copy of the file keeps what can be saved.",
        )

    def data_version(self) -> int:
        """Changes whenever another process has committed to the store; compare with the last answer."""
        rows = self._ask("PRAGMA data_version")
        return int(rows[0][0]) if rows else 0

    def _kept(self) -> str:
        """The condition that leaves out what is in the bin; a store from before there was one has nothing in it."""
        rows = self._ask("PRAGMA user_version")
        return "deleted_at IS NULL" if rows and rows[0][0] >= schema.BIN_SINCE else "1"

    def listed(
        self, project: str | None = None, limit: int | None = None
    ) -> list[tuple[str, str, float, float | None, float | None, str]]:
        """What a list of the history shows, newest first: id, script, created, started, ended, state."""
        where = "" if project is None else " AND project = ?"
        values: tuple[Any, ...] = () if project is None else (project,)
        rows = self._ask(
            f"SELECT id, script, created, started, ended, state FROM runs WHERE hidden = 0 AND {self._kept()}{where}"  # noqa: S608
            " ORDER BY created DESC, rowid DESC LIMIT ?",
            (*values, -1 if limit is None else limit),
        )
        return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]

    def last_values(self, project: str | None = None) -> dict[str, dict[str, float | str]]:
        """The last number or text of each metric of all runs of a project, or of all: run id -> name -> value.

        May have those of other projects' runs as well. One query and no objects in between.
        """
        of_project = ""
        values: tuple[str, ...] = ()
        if project is not None and not self._mostly_of(project):
            of_project, values = " JOIN runs r ON r.id = s.run_id WHERE r.project = ?", (project,)
        rows = self._ask(
            f"SELECT s.run_id, s.name, s.kind, coalesce(s.last, s.value) FROM series s{of_project} ORDER BY s.id",  # noqa: S608
            values,
        )
        found: dict[str, dict[str, float | str]] = {}
        for run_id, name, kind, value in rows:
            if kind == "scalar" and value is not None:
                found.setdefault(run_id, {})[name] = float(value)
            elif kind == "text" and value is not None:
                found.setdefault(run_id, {})[name] = json.loads(value)
        return found

    def _mostly_of(self, project: str) -> bool:
        """Whether to read what a few other runs have logged too is quicker than to ask of each whose it is."""
        rows = self._ask("SELECT coalesce(sum(project = ?), 0), count(*) FROM runs", (project,))
        return bool(rows) and 2 * int(rows[0][0]) > int(rows[0][1])
