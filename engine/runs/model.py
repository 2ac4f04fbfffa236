"""The words everything else uses: states, a plan, a run as history knows it. All frozen."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import Any

from engine.runs.request import known_fields

# The kind of the series that the runner measures: what the run's processes use (`Series.kind`).
RESOURCE = "resource"


class State(str, enum.Enum):
    """A run's state, in the original's words. "Unreachable since" is a mark beside it, not a state."""

    NOT_STARTED = "NotStarted"
    QUEUED = "Queued"
    PREPARING = "Preparing"
    STARTING = "Starting"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def ended(self) -> bool:
        return self in (State.COMPLETED, State.FAILED, State.CANCELED)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class RunPlan:
    """What will be done, resolved once and never changed afterwards.

    `host` is "local" or, later, the address of a machine; `launcher` is "process", "container" or "spark".
    `argv` is the script and its arguments; the launcher puts the interpreter before it.
    `options` holds what only one launcher understands, under the .compute or .runconfig file's own key names.
    """

    project: str
    project_name: str
    config: str
    target: str
    target_type: str
    host: str
    launcher: str
    framework: str
    script: str
    argv: tuple[str, ...]
    interpreter: str
    environment_variables: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    native_shared_directory: str | None = None
    max_duration: float | None = None
    tracked: bool = True
    prepare: bool = False
    slots: int = 4
    conda_file: str | None = None
    spark_file: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RunPlan:
        known = known_fields(cls, data)
        known["argv"] = tuple(known.get("argv", ()))
        known["notices"] = tuple(known.get("notices", ()))
        return cls(**known)


@dataclass(frozen=True)
class Run:
    """A run as the store has it: the row of the runs table, and what every face shows. Times: epoch seconds, UTC.

    `reason` is why it is in this state, in words ("waits for a free slot on local (4 of 4 busy)", "KeyError: 'petal'").
    `progress` is the step at work while preparing. `handle` is what the launcher needs to find it again
    (pid, start time and boot id of runner and script). `unreachable_since` is set while its host cannot be asked.
    """

    id: str
    number: int
    project: str
    project_name: str
    config: str
    target: str
    target_type: str
    framework: str
    script: str
    arguments: tuple[str, ...]
    state: State
    state_since: float
    created: float
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    reason: str = ""
    progress: str = ""
    priority: int = 0
    unreachable_since: float | None = None
    cancel_requested: float | None = None
    rerun_of: str | None = None
    parent_run_id: str | None = None
    snapshot: str | None = None
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    tracked: bool = True
    description: str = ""
    user_id: str = ""
    hidden: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    handle: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The short name people say: project and run number, "iris-042"."""
        return f"{self.project_name}-{self.number:03d}"


@dataclass(frozen=True)
class Transition:
    """One line of a run's state history."""

    at: float
    before: State
    after: State
    event: str
    reason: str = ""


@dataclass(frozen=True)
class Command:
    """One exact command that was run for a run, secrets masked; `where` is the host."""

    at: float
    where: str
    argv: tuple[str, ...]
    cwd: str = ""
    note: str = ""


@dataclass(frozen=True)
class Series:
    """A metric of a run, summed up. `kind` is "scalar" (points), "list", "row", "table", "image", "text" or RESOURCE.

    For scalars and resources, `last`, `low`, `high` are floats (low and high ignore NaN and infinities) and `spark`
    holds at most 64 recent-to-coarse values for a sparkline, oldest first; for other kinds `value` is the last JSON
    value logged.
    """

    name: str
    kind: str
    count: int
    last: float | None
    low: float | None
    high: float | None
    last_step: int | None
    last_at: float
    value: Any = None
    spark: tuple[float, ...] = ()


@dataclass(frozen=True)
class TargetState:
    """What the engine knows of a host now: "connected", "connecting", "unreachable"..., why, since when, last sample.

    `sample` keys: cpu (0..1), cores, load1, mem_used, mem_total (bytes), disk_free, disk_total (bytes),
    gpus: list of {index, name, util (0..1), mem_used, mem_total, holders: [pid...], held_by: [words...]}, at (epoch
    seconds); next_try (epoch seconds): when a host that is away is tried again; and where a face asked for it docker:
    {version, api, images, containers, running, environments}, or {error, remedy}.
    """

    host: str
    state: str
    since: float
    reason: str = ""
    sample: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildRecord:
    """One preparing of an environment on a host: what every face shows of it. Times: epoch seconds, UTC.

    `state` is "building", "ready", "failed" or "canceled". `step` of `steps` is at work (0 of 0 before the first);
    `words` says what it does. `estimate` is how long the whole should take, seconds, after earlier builds on this host;
    None when there were none. `image` is what came of it: the image's id, or on a head node the archive's address or
    the folder (`is_image`); `size` its bytes. `log` is the path of the whole build log on the engine's machine, also of
    a failed build. `error` is why it failed, in a few lines.
    """

    id: str
    host: str
    fingerprint: str
    state: str
    started: float
    step: int = 0
    steps: int = 0
    words: str = ""
    ended: float | None = None
    estimate: float | None = None
    image: str = ""
    size: int | None = None
    error: str = ""
    log: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more comes: it is ready, failed or canceled."""
        return self.state != "building"

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> BuildRecord:
        return cls(**known_fields(cls, data))


def is_image(where: str) -> bool:
    """Whether an environment is an image, by its id; otherwise it is on a head node, an archive or a folder."""
    return "/" not in where


def environment_words(where: str) -> tuple[str, str]:
    """What an environment is, and its name in short: ("image", "0123456789ab"), ("archive", "hdfs://.../x.tar.gz")."""
    if is_image(where):
        # As Docker's own commands write it.
        return "image", where.removeprefix("sha256:")[:12]
    return "archive" if where.endswith(".tar.gz") else "folder", where


@dataclass(frozen=True)
class ImageUse:
    """That a configuration needed an environment on a host, and when last (epoch seconds, UTC).

    `current` is whether it is the environment this configuration needed last. `spec` is what was asked for
    (`EnvironmentSpec.to_json`), to tell what changed since.
    """

    host: str
    fingerprint: str
    image: str
    project: str
    project_name: str
    config: str
    target: str
    last_used: float
    spec: dict[str, Any] = field(default_factory=dict)
    current: bool = True

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ImageUse:
        return cls(**known_fields(cls, data))
