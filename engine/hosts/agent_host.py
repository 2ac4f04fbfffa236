"""A host as its agent serves it; how the channel is made is left to `LocalHost` and its kind."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import logging
import signal
import time
from typing import TYPE_CHECKING, Any

from engine.errors import HostError, HostLost, Unsupported
from engine.hosts import host as model
from engine.hosts.agent_client import PING_AFTER, AgentClient
from engine.hosts.agent_source import agent_bundle, runtime_package
from engine.hosts.fetching import Receiver
from engine.hosts.head import Head, Said
from engine.hosts.sending import open_sized, pieces, read_all, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from engine.hosts.docker.api import DockerApi
    from engine.hosts.docker.finding import Endpoint
    from engine.hosts.following import FollowedFile
    from engine.hosts.terminal import Surroundings, Terminal, Window

log = logging.getLogger(__name__)

# Files on their way to a host at once: enough to fill a channel, few enough to keep memory small.
PUTS = 8
FETCHES = 2
# Files up to this size travel together (bytes), as many as fit into one piece.
SMALL = 64 << 10
PACK, PACK_FILES = 512 << 10, 500


class AgentHost(abc.ABC):
    """Implements `engine.hosts.host.Host`.

    What is watched and sampled is asked for again after a reconnect; files are to be followed again from where one is.
    """

    # How soon silence is asked about, and when an agent to which nobody speaks leaves (s; None: never).
    ping_after = PING_AFTER
    deserted: float | None = None
    # How long contents stay that no run is laid from (s; None: for ever).
    keep: float | None = None

    def __init__(self, name: str, root: str) -> None:
        self.name = name
        self.root = root
        self.on_lost: model.LostCallback | None = None
        self._client: AgentClient | None = None
        self._info: model.HostInfo | None = None
        self._connecting = asyncio.Lock()
        self._watched: dict[str, None] = {}
        self._interval = 0.0
        self._status_callbacks: list[model.StatusCallback] = []
        self._sample_callbacks: list[model.SampleCallback] = []
        self._puts = asyncio.Semaphore(PUTS)
        self._fetches = asyncio.Semaphore(FETCHES)

    @abc.abstractmethod
    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Start an agent and return its channel. Raises HostLost; what was made by then is given up by `_end`."""

    @abc.abstractmethod
    async def _end(self) -> None:
        """Give up what `_open` made or began to make, the channel being closed."""

    @abc.abstractmethod
    async def docker(self, at: Endpoint | None = None) -> DockerApi:
        """The host's Docker Engine: the usual one, or the one at this address."""

    @property
    def info(self) -> model.HostInfo:
        if self._info is None:
            raise HostLost(f"{self.name} was never connected", where=self.name)
        return self._info

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.lost is None

    async def connect(self) -> None:
        """Start an agent and shake hands, unless there is one."""
        async with self._connecting:
            if self.connected:
                return
            await self._drop()
            try:
                reader, writer = await self._open()
            except BaseException:
                await self._end()
                raise
            client = AgentClient(
                reader,
                writer,
                name=self.name,
                on_event=self._event,
                on_lost=self._lost,
                ping_after=self.ping_after,
            )
            try:
                hello = await client.open(await asyncio.to_thread(agent_bundle, self.root, self.deserted, self.keep))
                asked = time.time()
                answer = await client.request("ping")
                skew = answer["time"] - (asked + time.time()) / 2
                runtime = await self._place_runtime(client)
                if self._watched:
                    await client.request("watch", runs=list(self._watched))
                if self._interval:
                    await client.request("samples", interval=self._interval)
            except BaseException:
                await client.close()
                await self._end()
                raise
            self._info = model.HostInfo(
                python=hello["python"],
                boot_id=hello["boot_id"],
                hostname=hello["hostname"],
                home=hello["home"],
                root=hello["root"],
                user=hello["user"],
                clock_skew=skew,
                agent_pid=hello["pid"],
                uid=hello["uid"],
                gid=hello["gid"],
                groups=tuple(hello["groups"]),
                executable=hello["executable"],
                runtime=runtime,
            )
            self._client = client

    async def _place_runtime(self, client: AgentClient) -> str:
        name, files = await asyncio.to_thread(runtime_package)
        answer = await client.request("runtime", name=name)
        if answer["missing"]:
            answer = await client.request("runtime", name=name, files=files)
        return str(answer["path"])

    async def reconnect(self) -> None:
        """Start a new agent, whatever the old one does."""
        async with self._connecting:
            await self._drop()
        await self.connect()

    async def close(self) -> None:
        """Let the agent go. Runs do not notice."""
        async with self._connecting:
            await self._drop()

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client:
            await client.close()
            await self._end()

    def _lost(self, error: HostLost) -> None:
        log.warning("%s: %s", self.name, error.message)
        if self._client and self._client.lost is error and self.on_lost:
            self.on_lost(error)

    def _event(self, event: dict[str, Any]) -> None:
        try:
            if "status" in event:
                status = model.RunStatus.from_wire(event["is"])
                if status.phase in ("exited", "vanished"):
                    self._watched.pop(event["status"], None)
                for on_status in self._status_callbacks:
                    on_status(event["status"], status)
            elif "sample" in event:
                for on_sample in self._sample_callbacks:
                    on_sample(event["sample"])
        except Exception:
            # A listener's mistake must not end the channel.
            log.exception("%s: a listener failed", self.name)

    @property
    def _agent(self) -> AgentClient:
        if self._client is None:
            raise HostLost(f"{self.name} is not connected", where=self.name)
        if self._client.lost:
            raise HostLost(self._client.lost.message, where=self.name)
        return self._client

    async def yarn(self) -> list[str]:
        """Base addresses of the ResourceManagers that this host's Hadoop settings name; none where there are none."""
        return list(await self._agent.request("yarn"))

    async def web(self, method: str, url: str, body: str | None = None) -> tuple[int, str]:
        """One request to a web service that the host reaches: status and body; status 0 and why when it does not."""
        answer = await self._agent.request("web", method=method, url=url, text=body)
        return int(answer["status"]), str(answer["body"])

    async def head(self, spark_submit: str) -> Head:
        """What is there to submit Spark with, as far as files tell."""
        return Head(**await self._agent.request("head", spark_submit=spark_submit))

    async def program(self, argv: Sequence[str], text: str = "", seconds: float = 60.0) -> Said:
        """Run a program in the home there, `text` on its standard input; one that takes longer is killed."""
        return Said(**await self._agent.request("program", argv=list(argv), text=text, seconds=seconds))

    async def prepared(self) -> dict[str, Any]:
        """What environments can be made with there, and those that are kept; see agent/prefixes.py: look."""
        told: dict[str, Any] = await self._agent.request("prepared")
        return told

    async def stored(self, address: str, size: int) -> tuple[bool, str]:
        """Whether an archive in the cluster's storage is there with this size, and why that cannot be said ("")."""
        told = await self._agent.request("stored", address=address, size=size)
        return bool(told["there"]), str(told["trouble"])

    async def unprepare(self, fingerprint: str, *, unfinished: bool = False) -> bool:
        """Remove an environment and its archive; with `unfinished`, only what a build that was cut off left of it.

        False when somebody is at work on it.
        """
        return bool(await self._agent.request("unprepare", fingerprint=fingerprint, unfinished=unfinished))

    async def missing_blobs(self, shas: Sequence[str]) -> list[str]:
        """Those of these contents (SHA-256, hexadecimal) that the host lacks."""
        missing: list[str] = []
        for start in range(0, len(shas), 10_000):
            missing += await self._agent.request("missing", blobs=list(shas[start : start + 10_000]))
        return missing

    async def put_blobs(self, files: Sequence[tuple[str, Path]]) -> None:
        """Send files' contents, by their hashes: small ones many in one piece, each of the rest by itself."""
        packs: list[list[tuple[str, Path, int]]] = []
        room = 0
        single: list[tuple[str, Path]] = []
        for sha, path, size in await asyncio.to_thread(sized, files):
            if size > SMALL:
                single.append((sha, path))
                continue
            if not packs or len(packs[-1]) == PACK_FILES or size > room:
                packs.append([])
                room = PACK
            packs[-1].append((sha, path, size))
            room -= size
        await asyncio.gather(*map(self._put_pack, packs), *(self.put_blob(sha, path) for sha, path in single))

    async def _put_pack(self, pack: Sequence[tuple[str, Path, int]]) -> None:
        async with self._puts:
            body = await asyncio.to_thread(read_all, [path for _, path, _ in pack])
            await self._agent.request("pack", body, blobs=[(sha, size) for sha, _, size in pack])

    async def put_blob(self, sha: str, path: Path) -> None:
        """Send a file's content. Call it for many files at once: at most `PUTS` are on their way."""
        async with self._puts:
            file, size = await asyncio.to_thread(open_sized, path)
            try:
                await self._agent.put("put", size, pieces(file, size), sha=sha)
            finally:
                file.close()

    async def lay(self, run_id: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Make the run directory with `project/` from contents that are there. Idempotent.

        An entry has the keys of `engine.project.snapshot.Entry`: path, kind, mode, size, sha256, link.
        """
        await self._agent.request("lay", run=run_id, entries=[dict(entry) for entry in entries])

    async def start(self, run_id: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Start the script, once for a run id; returns the handle. `spec`: argv, cwd, env, max_duration, grace."""
        handle: dict[str, Any] = await self._agent.request("start", run=run_id, spec=dict(spec))
        return handle

    async def contain(self, run_id: str, spec: Mapping[str, Any] | None) -> str | None:
        """Write down what a container runs in this run directory, and return that directory's path.

        `spec`: max_duration, grace, share (a folder to make, or None), passwd (a table of users for
        the container, or ""). With None: there is no container any more, and a run that left no record of its end
        counts as vanished.
        """
        told: str | None = await self._agent.request("contain", run=run_id, spec=dict(spec) if spec else None)
        return told

    async def bring(
        self, run_id: str, path: str, kind: str, *, size: int, mode: int, mtime: float, link: str, data: model.Pieces
    ) -> None:
        """Put something of an ended run into its run directory: `kind` "file", "dir" or "link".

        `path` is below `outputs/`, or one of the run's own files (`logs/driver.log`, `metrics.jsonl`, `status/...`).
        """
        what: dict[str, Any] = {"run": run_id, "path": path, "kind": kind, "mode": mode, "mtime": mtime, "link": link}
        if kind == "file":
            async with self._puts:
                await self._agent.put("bring", size, data, **what)
        else:
            await self._agent.request("bring", **what)

    async def anew(self, run_id: str, process: Mapping[str, Any]) -> None:
        """Have a begun run, whose script is dead, start again with the next `start`. `process`: what it was."""
        await self._agent.request("anew", run=run_id, process=dict(process))

    async def forbid(self, run_id: str) -> bool:
        """Make sure that a run which has not begun never will; False when it has."""
        return bool(await self._agent.request("forbid", run=run_id))

    async def inspect(self, run_ids: Sequence[str]) -> dict[str, model.RunStatus]:
        """How runs stand."""
        answer = await self._agent.request("inspect", runs=list(run_ids))
        return {run_id: model.RunStatus.from_wire(data) for run_id, data in answer.items()}

    async def signal(self, run_id: str, name: str) -> list[model.Proc]:
        """Signal ("INT", "TERM", "KILL") every process of a run but its runner; returns those that were there."""
        number = int(signal.Signals[f"SIG{name}"])
        return list(model.procs(await self._agent.request("signal", run=run_id, number=number)))

    async def processes(self, run_id: str) -> list[model.Proc]:
        """The living processes of a run, without its runner."""
        return list(model.procs(await self._agent.request("processes", run=run_id)))

    async def follow(
        self,
        run_id: str,
        name: str,
        offset: int,
        sink: model.Sink,
        interval: float = 0.1,
        on_cut: Callable[[int], None] | None = None,
    ) -> FollowedFile:
        """Hand the bytes of "driver.log", "metrics.jsonl" or "driver.streams" from `offset` on to `sink`.

        It need not exist yet.

        `on_cut(size)` is called when the file became shorter than what was read; the follow then waits for `restart`.
        """
        return await self._agent.follow(run_id, name, offset, sink, interval, on_cut)

    async def watch_runs(self, run_ids: Sequence[str]) -> None:
        """Tell `on_status` how these runs stand, now and at each change of phase, until they have ended.

        Adds to those watched before.
        """
        self._watched.update(dict.fromkeys(run_ids))
        await self._agent.request("watch", runs=list(run_ids))

    async def unwatch_runs(self, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            self._watched.pop(run_id, None)
        await self._agent.request("unwatch", runs=list(run_ids))

    def on_status(self, callback: model.StatusCallback) -> None:
        """Call this with run id and status as the agent pushes them."""
        self._status_callbacks.append(callback)

    async def samples(self, interval: float) -> None:
        """Have `on_sample` called every `interval` seconds; 0 ends it."""
        self._interval = interval
        await self._agent.request("samples", interval=interval)

    def on_sample(self, callback: model.SampleCallback) -> None:
        """Call this with each sample; keys as `engine.runs.model.TargetState.sample`."""
        self._sample_callbacks.append(callback)

    async def list_outputs(self, run_id: str, path: str = "") -> list[model.Output]:
        """What is in the outputs folder, sorted by folder, or in one folder of it."""
        found: list[model.Output] = []
        async with contextlib.aclosing(self._agent.stream("outputs", run=run_id, path=path)) as parts:
            async for header, _ in parts:
                found += [model.Output(**item) for item in header["part"]]
        return found

    async def read_file(self, run_id: str, path: str, offset: int, length: int) -> bytes:
        """Bytes of a file in outputs, at most 16 MiB at a time; fewer at its end."""
        return (await self._agent.request_bytes("read", run=run_id, path=path, offset=offset, length=length))[1]

    async def fetch_outputs(self, run_id: str, dest: Path, path: str = "", most: int | None = None) -> model.Fetched:
        """Copy outputs, or one file or folder of them, to a folder here. Links are made only if they stay inside.

        Files larger than `most` bytes are left out.
        """
        receiver = Receiver(dest)
        what = {"run": run_id, "path": path, **({} if most is None else {"most": most})}
        async with self._fetches, contextlib.aclosing(self._agent.stream("fetch", **what)) as parts:
            try:
                async for header, body in parts:
                    await asyncio.to_thread(receiver.take, header, body)
            except BaseException:
                await asyncio.to_thread(receiver.close)
                raise
        return await asyncio.to_thread(receiver.finish)

    async def collect(self, run_id: str, folder: Path) -> tuple[str, ...]:
        """Bring an ended run's outputs to this machine, into `folder`, unless this is the machine they are on.

        Returns what stays there, each with its reason.
        """
        return ()

    async def remove_run(self, run_id: str) -> None:
        """Delete the run directory. Refused while the run is alive."""
        await self._agent.request("remove", run=run_id)

    async def terminal(self, found: Surroundings, window: Window) -> Terminal:
        """On this machine the face begins its shell itself."""
        raise Unsupported("a shell on this machine is begun by whoever wants one.", where=self.name)

    async def dial(self, address: str, port: int) -> tuple[Any, Any]:
        try:
            return await asyncio.open_connection(address, port)
        except OSError as error:
            raise HostError(f"nothing answers at port {port}: {error.strerror or error}.", where=self.name) from error

    async def free_disk(self) -> model.Disk:
        answer = await self._agent.request("disk")
        return model.Disk(answer["disk_free"], answer["disk_total"])
