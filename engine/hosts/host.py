"""A host: where files and processes of runs live. Nothing outside this package asks which machine that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from engine.errors import HostLost
    from engine.hosts.docker.api import DockerApi
    from engine.hosts.docker.finding import Endpoint
    from engine.hosts.head import Head, Said
    from engine.hosts.terminal import Surroundings, Terminal, Window

    Sink = Callable[[int, bytes], Awaitable[None]]
    """Takes bytes of a followed file: offset of the first, the bytes. The next come after it returns."""
    StatusCallback = Callable[[str, "RunStatus"], None]
    SampleCallback = Callable[[dict[str, Any]], None]
    Pieces = AsyncIterator[bytes]
    LostCallback = Callable[[HostLost], None]


@dataclass(frozen=True)
class HostInfo:
    """What the agent says of its host at connect. `clock_skew`: seconds its clock is ahead of this one's.

    `executable`: the Python it runs in, which a script gets where none is named.
    `runtime`: the folder of what runs find beside them (the `azureml` package, the runner of containers).
    """

    python: str
    boot_id: str
    hostname: str
    home: str
    root: str
    user: str
    clock_skew: float = 0.0
    agent_pid: int = 0
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    runtime: str = ""
    executable: str = ""

    def absolute(self, path: str) -> str:
        """A path of the host, with `~` for the home there."""
        return f"{self.home}{path[1:]}" if path == "~" or path.startswith("~/") else path

    def run_folder(self, run_id: str) -> str:
        """The absolute run directory on the host."""
        return f"{self.root}/runs/{run_id}"


@dataclass(frozen=True)
class Proc:
    """A process on a host. `start`: clock ticks since boot, which with the pid names it for good."""

    pid: int
    start: int
    command: str


@dataclass(frozen=True)
class RunExit:
    """How a script ended: `code` or `signal`, or neither with `start_error` when it could not be started.

    Times are epoch seconds of the host's clock, CPU times seconds over the script and the children it waited for,
    `max_rss` bytes of the largest of them. `leftover`: processes of the run that were alive when the script had ended.
    """

    code: int | None
    signal: int | None
    started: float
    ended: float
    timed_out: bool = False
    cpu_user: float = 0.0
    cpu_system: float = 0.0
    max_rss: int = 0
    leftover: tuple[Proc, ...] = ()
    start_error: str | None = None
    start_errno: int | None = None

    @property
    def leftover_pids(self) -> tuple[int, ...]:
        return tuple(proc.pid for proc in self.leftover)


@dataclass(frozen=True)
class RunStatus:
    """How a run stands on its host.

    `phase`: "absent" (no run directory), "laid" (not started, or its start came to nothing: start again), "starting",
    "running", "exited" (see `exit`), "vanished" (was started, is not alive, left no record; `rebooted`: with the host).
    `supervised` is False for a running script whose runner is gone: its exit code will not be known.
    `why`: what its end was due to, where more is known than the exit tells. `words`: what it is at or waits for, where
    that is known. `properties`: what is worth keeping of it, as properties of the run; "" takes one away. `left`: what
    its host could not bring to the run directory, each with its reason.
    `handle`: {"runner": {pid, start, boot_id}, "process": {...}}. Sizes in bytes, times in epoch seconds by its clock.
    """

    phase: str
    handle: dict[str, Any] | None = None
    exit: RunExit | None = None
    started: float | None = None
    log_size: int = 0
    metrics_size: int = 0
    streams_size: int = 0
    heartbeat: float | None = None
    rebooted: bool = False
    supervised: bool = False
    why: str = ""
    words: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> RunStatus:
        """From the agent's answer (`inspect` in agent/starting.py)."""
        return cls(
            phase=data["phase"],
            handle=data["handle"],
            exit=exit_of(data["exit"]) if data["exit"] else None,
            started=data["started"],
            log_size=data["log_size"],
            metrics_size=data["metrics_size"],
            streams_size=data.get("streams_size", 0),
            heartbeat=data["heartbeat"],
            rebooted=data["rebooted"],
            supervised=data["supervised"],
            left=tuple(data["left"]),
        )


@dataclass(frozen=True)
class Disk:
    """Bytes free for the user, and in all, where runs are kept."""

    free: int
    total: int


@dataclass(frozen=True)
class Fetched:
    """What `fetch_outputs` brought: number of files, their bytes, and what was left out, each with its reason."""

    files: int
    bytes: int
    skipped: tuple[str, ...] = ()


@dataclass
class Output:
    """Something in a run's outputs; `path` is relative to them. `kind`: "file", "dir", "link" or "other"."""

    path: str
    kind: str
    size: int
    mtime: float
    target: str = ""
    mode: int = field(default=0o644)


class Follow(Protocol):
    """A file being followed. Its sink gets every byte from the offset on, in order, once."""

    @property
    def size(self) -> int:
        """The file's size as last seen."""

    @property
    def position(self) -> int:
        """Everything before this offset was handed to the sink."""

    def set_interval(self, seconds: float) -> None:
        """Look at the file at most this often."""

    def restart(self, offset: int) -> None:
        """Go on from another offset: after the file was cut, or the sink failed."""

    async def drained(self, size: int) -> None:
        """Wait until everything before `size` was handed to the sink.

        Raises HostLost, HostError (the file was cut or removed, the follow stopped), or what the sink raised.
        """

    async def stop(self) -> None:
        """Follow no more; the sink is not called after this returns."""


class Host(Protocol):
    """A host with an agent on it. Methods raise HostLost when contact is gone, HostError when the host refuses."""

    name: str
    on_lost: LostCallback | None

    @property
    def info(self) -> HostInfo: ...
    @property
    def connected(self) -> bool: ...

    async def connect(self) -> None: ...
    async def reconnect(self) -> None: ...
    async def close(self) -> None: ...

    async def docker(self, at: Endpoint | None = None) -> DockerApi:
        """Its Docker Engine, which answers; `at`: the one that was used before, whatever is the usual one now.

        Raises DockerError when there is none, DockerLost when it is not up.
        """
        ...

    async def yarn(self) -> list[str]: ...
    async def web(self, method: str, url: str, body: str | None = ...) -> tuple[int, str]: ...
    async def head(self, spark_submit: str) -> Head: ...
    async def program(self, argv: Sequence[str], text: str = ..., seconds: float = ...) -> Said: ...

    async def terminal(self, found: Surroundings, window: Window) -> Terminal:
        """The person's own shell there, at a terminal."""
        ...

    async def dial(self, address: str, port: int) -> tuple[Any, Any]:
        """A TCP connection made from there: a reader and a writer of bytes. Raises HostError when nothing listens."""
        ...

    async def prepared(self) -> dict[str, Any]: ...
    async def stored(self, address: str, size: int) -> tuple[bool, str]: ...
    async def unprepare(self, fingerprint: str, *, unfinished: bool = ...) -> bool: ...

    async def missing_blobs(self, shas: Sequence[str]) -> list[str]: ...
    async def put_blobs(self, files: Sequence[tuple[str, Path]]) -> None: ...
    async def lay(self, run_id: str, entries: Sequence[Mapping[str, Any]]) -> None: ...
    async def start(self, run_id: str, spec: Mapping[str, Any]) -> dict[str, Any]: ...
    async def contain(self, run_id: str, spec: Mapping[str, Any] | None) -> str | None: ...
    async def bring(
        self, run_id: str, path: str, kind: str, *, size: int, mode: int, mtime: float, link: str, data: Pieces
    ) -> None: ...
    async def anew(self, run_id: str, process: Mapping[str, Any]) -> None: ...
    async def forbid(self, run_id: str) -> bool: ...
    async def inspect(self, run_ids: Sequence[str]) -> dict[str, RunStatus]: ...
    async def signal(self, run_id: str, name: str) -> list[Proc]: ...
    async def processes(self, run_id: str) -> list[Proc]: ...

    async def follow(
        self,
        run_id: str,
        name: str,
        offset: int,
        sink: Sink,
        interval: float = ...,
        on_cut: Callable[[int], None] | None = ...,
    ) -> Follow: ...
    async def watch_runs(self, run_ids: Sequence[str]) -> None: ...
    async def unwatch_runs(self, run_ids: Sequence[str]) -> None: ...
    def on_status(self, callback: StatusCallback) -> None: ...
    async def samples(self, interval: float) -> None: ...
    def on_sample(self, callback: SampleCallback) -> None: ...

    async def list_outputs(self, run_id: str, path: str = ...) -> list[Output]: ...
    async def read_file(self, run_id: str, path: str, offset: int, length: int) -> bytes: ...
    async def fetch_outputs(self, run_id: str, dest: Path, path: str = ..., most: int | None = ...) -> Fetched: ...
    async def collect(self, run_id: str, folder: Path) -> tuple[str, ...]: ...
    async def remove_run(self, run_id: str) -> None: ...
    async def free_disk(self) -> Disk: ...


def procs(items: Sequence[Mapping[str, Any]]) -> tuple[Proc, ...]:
    """Processes as the agent tells them."""
    return tuple(Proc(item["pid"], item["start"], item["command"]) for item in items)


def exit_of(data: Mapping[str, Any]) -> RunExit:
    """How a script ended, as its runner wrote it down (exit.json)."""
    trouble = data["start_error"]
    return RunExit(
        code=data["code"],
        signal=data["signal"],
        started=data["started"],
        ended=data["ended"],
        timed_out=data["timed_out"],
        cpu_user=data["cpu_user"],
        cpu_system=data["cpu_system"],
        max_rss=data["max_rss"],
        leftover=procs(data["leftover"]),
        start_error=f"{trouble['what']}: {trouble['text']}" if trouble else None,
        start_errno=trouble["errno"] if trouble else None,
    )
