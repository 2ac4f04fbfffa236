"""The store's tables, as numbered migrations. A migration that has landed is never edited.

Design: the runs table is what every list shows, so a list is one query. Points are kept in full; buckets of
`BUCKET` points keep the low and high of each stretch, so a chart of a million points reads a few thousand rows.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from engine.errors import StoreError

BUCKET = 256
# The migration that brought `deleted_at`; a reader may see a store from before it.
BIN_SINCE = 3

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        number INTEGER NOT NULL,
        token TEXT NOT NULL UNIQUE,
        project TEXT NOT NULL,
        project_name TEXT NOT NULL,
        config TEXT NOT NULL,
        target TEXT NOT NULL,
        target_type TEXT NOT NULL,
        host TEXT NOT NULL,
        framework TEXT NOT NULL,
        script TEXT NOT NULL,
        arguments TEXT NOT NULL,
        state TEXT NOT NULL,
        state_since REAL NOT NULL,
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        exit_code INTEGER,
        exit_signal INTEGER,
        reason TEXT NOT NULL DEFAULT '',
        progress TEXT NOT NULL DEFAULT '',
        priority INTEGER NOT NULL DEFAULT 0,
        unreachable_since REAL,
        cancel_requested REAL,
        rerun_of TEXT,
        parent_run_id TEXT,
        snapshot TEXT,
        git_commit TEXT,
        git_branch TEXT,
        git_dirty INTEGER NOT NULL DEFAULT 0,
        tracked INTEGER NOT NULL DEFAULT 1,
        description TEXT NOT NULL DEFAULT '',
        user_id TEXT NOT NULL DEFAULT '',
        hidden INTEGER NOT NULL DEFAULT 0,
        tags TEXT NOT NULL DEFAULT '{}',
        properties TEXT NOT NULL DEFAULT '{}',
        handle TEXT NOT NULL DEFAULT '{}',
        request TEXT NOT NULL,
        plan TEXT NOT NULL DEFAULT '{}',
        UNIQUE (project, number)
    );
    CREATE INDEX runs_by_time ON runs (project, created DESC);
    CREATE INDEX runs_by_created ON runs (created DESC);
    CREATE INDEX runs_unfinished ON runs (state) WHERE state NOT IN ('Completed', 'Failed', 'Canceled');

    CREATE TABLE transitions (
        run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        at REAL NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        event TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX transitions_by_run ON transitions (run_id);

    CREATE TABLE commands (
        run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        at REAL NOT NULL,
        place TEXT NOT NULL,
        argv TEXT NOT NULL,
        cwd TEXT NOT NULL DEFAULT '',
        note TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX commands_by_run ON commands (run_id);

    CREATE TABLE streams (
        run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        consumed INTEGER NOT NULL,
        bad_lines INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (run_id, name)
    ) WITHOUT ROWID;

    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        count INTEGER NOT NULL,
        last REAL,
        low REAL,
        high REAL,
        last_step INTEGER,
        last_at REAL NOT NULL,
        value TEXT,
        spark TEXT NOT NULL DEFAULT '[]',
        UNIQUE (run_id, name)
    );

    CREATE TABLE points (
        series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        step INTEGER NOT NULL,
        at REAL NOT NULL,
        value TEXT,
        number REAL,
        PRIMARY KEY (series_id, position)
    ) WITHOUT ROWID;

    CREATE TABLE buckets (
        series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
        bucket INTEGER NOT NULL,
        step INTEGER NOT NULL,
        at REAL NOT NULL,
        low REAL,
        high REAL,
        PRIMARY KEY (series_id, bucket)
    ) WITHOUT ROWID;

    CREATE TABLE targets (
        host TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        since REAL NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        sample TEXT NOT NULL DEFAULT '{}'
    );
    """,
    """
    CREATE TABLE builds (
        id TEXT PRIMARY KEY,
        host TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        state TEXT NOT NULL,
        started REAL NOT NULL,
        step INTEGER NOT NULL,
        steps INTEGER NOT NULL,
        words TEXT NOT NULL,
        ended REAL,
        estimate REAL,
        image TEXT NOT NULL,
        size INTEGER,
        error TEXT NOT NULL,
        log TEXT NOT NULL
    );
    CREATE INDEX builds_by_time ON builds (started DESC);
    CREATE INDEX builds_unfinished ON builds (state) WHERE state = 'building';

    CREATE TABLE build_askers (
        build_id TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
        project TEXT NOT NULL,
        config TEXT NOT NULL,
        UNIQUE (build_id, project, config)
    );
    CREATE INDEX build_askers_by_project ON build_askers (project);

    CREATE TABLE image_uses (
        host TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        project TEXT NOT NULL,
        config TEXT NOT NULL,
        image TEXT NOT NULL,
        project_name TEXT NOT NULL,
        target TEXT NOT NULL,
        last_used REAL NOT NULL,
        spec TEXT NOT NULL,
        UNIQUE (host, fingerprint, project, config)
    );
    CREATE INDEX image_uses_by_config ON image_uses (host, project, config, last_used);

    CREATE TABLE run_images (
        run_id TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        host TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        image TEXT NOT NULL
    );
    """,
    """
    ALTER TABLE runs ADD COLUMN deleted_at REAL;
    CREATE INDEX runs_in_bin ON runs (deleted_at) WHERE deleted_at IS NOT NULL;
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the store to this release's tables, each migration in a transaction of its own.

    Raises StoreError for a store that a newer release has written; nothing in it is touched.
    """
    version = stored_version(connection)
    refuse_newer(version)
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        statements = [part for part in script.split(";\n") if part.strip()]
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another engine may have migrated while this one waited for the lock.
            if stored_version(connection) < number:
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number:d}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def stored_version(connection: sqlite3.Connection) -> int:
    """The number of the last migration the store has seen; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(version: int) -> None:
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the run history was written by a newer aml-tui (format {version}, this one knows {len(MIGRATIONS)}).",
            remedy="Update aml-tui, or set AML_TUI_HOME to a folder of its own for this version.",
        )


class _Connection(sqlite3.Connection):
    """Takes names that are not UTF-8, which Python holds as lone surrogates and no database takes.

    They are stored, and looked for, in the form `\\udcff`; what is run comes from the JSON columns, which have them as
    they were.
    """

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except UnicodeEncodeError:
            return super().execute(sql, tuple(map(_storable, parameters)))


def _storable(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def connect(path: str, *, read_only: bool) -> sqlite3.Connection:
    """A connection with the settings both sides rely on: WAL, a 5 s wait for locks, rows by name.

    `path` is a file name. Autocommit: transactions are opened by hand.
    """
    from urllib.parse import quote

    uri = f"file:{quote(path)}" + ("?mode=ro" if read_only else "?mode=rwc")
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=5.0, check_same_thread=False, factory=_Connection
    )
    connection.row_factory = sqlite3.Row
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL, NORMAL can lose the last commits to a power cut but never corrupts; the host's status
        # files are the truth then, and recovery reads them again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection
