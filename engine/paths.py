"""Where things live on this machine, after the XDG base directories.

`AML_TUI_HOME` puts everything under one folder (tests, a second installation).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

APP = "aml-tui"


@dataclass(frozen=True)
class Paths:
    """state: store and mirrors; data: the local host's root (runs, blobs); runtime: the socket; config: settings."""

    state: Path
    data: Path
    runtime: Path
    config: Path
    cache: Path

    @property
    def store(self) -> Path:
        return self.state / "store.db"

    @property
    def engine_log(self) -> Path:
        return self.state / "engine.log"

    @property
    def engine_lock(self) -> Path:
        """Held by the one engine that writes to the store."""
        return self.state / "engine.lock"

    @property
    def blobs(self) -> Path:
        """The content store of this machine, shared by snapshots and the local host."""
        return self.data / "blobs"

    @property
    def snapshots(self) -> Path:
        """What each snapshot took along, by its id."""
        return self.state / "snapshots"

    @property
    def socket(self) -> Path:
        return self.runtime / "engine.sock"

    def mirror(self, run_id: str) -> Path:
        """The folder with `driver.log`, `driver.log.times`, `driver.streams`, `metrics.jsonl` of a run, as mirrored."""
        return self.state / "runs" / run_id

    def driver_log(self, run_id: str) -> Path:
        return self.mirror(run_id) / "driver.log"

    def host_run(self, run_id: str) -> Path:
        """The run directory on the local host."""
        return self.data / "runs" / run_id

    def make(self) -> None:
        """Make the folders, readable by the person alone."""
        for folder in (self.state, self.data, self.runtime, self.cache):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path.home() / fallback


def current() -> Paths:
    """The paths as the environment has them now."""
    home = os.environ.get("AML_TUI_HOME")
    if home:
        base = Path(home).absolute()
        return Paths(base / "state", base / "data", _short(base / "run"), base / "config", base / "cache")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and os.access(runtime, os.W_OK):
        run = Path(runtime) / APP
    else:
        run = _temporary() / f"{APP}-{os.getuid()}"
    return Paths(
        _xdg("XDG_STATE_HOME", ".local/state") / APP,
        _xdg("XDG_DATA_HOME", ".local/share") / APP,
        run,
        _xdg("XDG_CONFIG_HOME", ".config") / APP,
        _xdg("XDG_CACHE_HOME", ".cache") / APP,
    )


def _short(folder: Path) -> Path:
    """A Unix socket path holds 107 bytes: a deep home gets a short runtime folder named after it."""
    if len(os.fsencode(folder)) <= 90:
        return folder
    import hashlib

    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return _temporary() / f"{APP}-{os.getuid()}-{name}"


def _temporary() -> Path:
    # Rarely needed, and half of what importing this costs otherwise.
    import tempfile

    return Path(tempfile.gettempdir())
