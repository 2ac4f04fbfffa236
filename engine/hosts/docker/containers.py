"""Containers of a Docker Engine."""

from __future__ import annotations

import asyncio
import contextlib
import io
import posixpath
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.hosts.docker.connection import ENDLESS, LONG, SILENT_COPY, Connection, epoch_of
from engine.hosts.docker.trouble import DockerError, DockerLost, translated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

# Links that are followed to a file; more lead in a circle.
MOST_LINKS = 8
# Pieces of an archive on its way, bytes.
PIECE = 1 << 18


@dataclass(frozen=True)
class Container:
    """A container. `state`: "created", "running", "paused", "restarting", "removing", "exited" or "dead".

    Times are epoch seconds of the daemon's clock, None before. `pid` is the host's, of its first program.
    """

    id: str
    name: str
    labels: dict[str, str]
    state: str
    exit_code: int
    oom_killed: bool
    error: str
    started: float | None
    ended: float | None
    pid: int
    image: str
    restarts: int = 0

    @property
    def running(self) -> bool:
        return self.state in ("running", "paused", "restarting")

    @property
    def gone(self) -> bool:
        """Whether its removal has begun: what a daemon that died meanwhile did not finish stays like this."""
        return self.state in ("removing", "dead")


@dataclass(frozen=True)
class Listed:
    """A container as lists show it. `image` is the image's id."""

    id: str
    name: str
    labels: dict[str, str]
    state: str
    image: str


@dataclass(frozen=True)
class ContainerProcess:
    """A process in a container; `pid` is the host's."""

    pid: int
    command: str


class Containers(Connection):
    """`name` is a container's name or id in every method."""

    async def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Make a container, or find the one of that name if its labels hold those of `config`. Returns its id."""
        try:
            made = await self.ask(
                "containers/create", "POST", params={"name": name}, data=config, limit=LONG, doing="making a container"
            )
            return str(made["Id"])
        except DockerError as error:
            if error.status != 409:
                raise
            there = await self.inspect(name)
            wanted = dict(config.get("Labels") or {})
            if there is None or any(there.labels.get(key) != value for key, value in wanted.items()):
                raise
            return there.id

    async def start(self, name: str) -> None:
        """Start it; nothing happens when it runs already."""
        await self.ask(f"containers/{name}/start", "POST", limit=LONG, doing="starting a container")

    async def inspect(self, name: str) -> Container | None:
        """How it stands; None when there is none of that name."""
        try:
            told = await self.ask(f"containers/{name}/json", doing="looking at a container")
        except DockerError as error:
            if error.status == 404:
                return None
            raise
        state = told["State"]
        return Container(
            id=told["Id"],
            name=told["Name"].lstrip("/"),
            labels=dict(told["Config"].get("Labels") or {}),
            state=state["Status"],
            exit_code=int(state.get("ExitCode") or 0),
            oom_killed=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
            started=epoch_of(state.get("StartedAt")),
            ended=epoch_of(state.get("FinishedAt")),
            pid=int(state.get("Pid") or 0),
            image=told["Image"],
            restarts=int(told.get("RestartCount") or 0),
        )

    async def containers(self, labels: Mapping[str, str], everything: bool = True) -> list[Listed]:
        """Those with these labels (an empty value: any), running ones only unless `everything`."""
        filters = {"label": [f"{key}={value}" if value else key for key, value in labels.items()]}
        told = await self.ask(
            "containers/json", params={"all": everything, "filters": filters}, doing="listing containers"
        )
        return [
            Listed(
                one["Id"],
                (one.get("Names") or ["/"])[0].lstrip("/"),
                dict(one.get("Labels") or {}),
                one["State"],
                one["ImageID"],
            )
            for one in told
        ]

    async def kill(self, name: str, signal: str) -> bool:
        """Send its first program a signal ("SIGINT"); False when it does not run."""
        try:
            await self.ask(
                f"containers/{name}/kill", "POST", params={"signal": signal}, doing="sending a container a signal"
            )
        except DockerError as error:
            if error.status in (404, 409) or "not running" in error.message:
                return False
            raise
        return True

    async def stop(self, name: str, seconds: int = 10) -> None:
        """SIGTERM, then after `seconds` SIGKILL. Returns when it is over; fine if it does not run or exist."""
        with _gone_is_fine():
            await self.ask(
                f"containers/{name}/stop",
                "POST",
                params={"t": str(seconds)},
                limit=seconds + LONG,
                doing="stopping a container",
            )

    async def remove(self, name: str, force: bool = False) -> None:
        """Remove it with its anonymous volumes; fine if there is none."""
        with _gone_is_fine():
            await self.ask(
                f"containers/{name}",
                "DELETE",
                params={"force": force, "v": True},
                limit=LONG,
                doing="removing a container",
            )

    async def wait(self, name: str, limit: float) -> int:
        """Until it does not run, for at most `limit` seconds: its exit status. Raises DockerLost after that."""
        async with self.request(
            "POST", f"containers/{name}/wait", limit=limit, doing="waiting for a container"
        ) as response:
            async for told in self.lines(response):
                return int(told["StatusCode"])
        raise DockerLost("the connection to the Docker Engine broke (waiting for a container).", where=self.name)

    async def top(self, name: str) -> list[ContainerProcess]:
        """Its living processes; none when it does not run."""
        try:
            told = await self.ask(
                f"containers/{name}/top", params={"ps_args": "-eo pid,args"}, doing="listing a container's processes"
            )
        except DockerError as error:
            if error.status in (404, 409) or "not running" in error.message:
                return []
            raise
        return [ContainerProcess(int(row[0]), " ".join(row[1:])) for row in told["Processes"] or ()]

    async def output(self, name: str, most: int = 1 << 16) -> bytes:
        """The end of what its first program wrote to standard output and error, at most about `most` bytes."""
        params = {"stdout": True, "stderr": True, "tail": "200"}
        found = b""
        async with self.request(
            "GET", f"containers/{name}/logs", params=params, doing="reading a container's log"
        ) as response:
            while len(head := await _exactly(response.content, 8)) == 8:
                found += await _exactly(response.content, int.from_bytes(head[4:], "big"))
                found = found[-most:]
        return found

    async def put_archive(self, name: str, path: str, data: AsyncIterator[bytes]) -> None:
        """Unpack a tar stream into a folder of it; the owners in the archive are kept."""
        async with self.request(
            "PUT",
            f"containers/{name}/archive",
            params={"path": path},
            data=data,
            headers={"Content-Type": "application/x-tar"},
            limit=ENDLESS,
            silent=SILENT_COPY,
            doing="copying files into a container",
        ) as response:
            await response.read()

    async def get_archive(self, name: str, path: str) -> AsyncGenerator[bytes, None]:
        """A folder or file of it as a tar stream. Raises DockerError with status 404 when there is none."""
        async with self.request(
            "GET",
            f"containers/{name}/archive",
            params={"path": path},
            limit=ENDLESS,
            silent=SILENT_COPY,
            doing="copying files out of a container",
        ) as response:
            async for piece in response.content.iter_chunked(PIECE):
                yield piece

    async def read_file(self, name: str, path: str) -> bytes | None:
        """One small file of it as a whole, by links if need be; None when it is not there, or no file."""
        for _ in range(MOST_LINKS):
            try:
                async with contextlib.aclosing(self.get_archive(name, path)) as pieces:
                    data = b"".join([piece async for piece in pieces])
            except DockerError as error:
                if error.status == 404 or "too many links" in error.message:
                    return None
                raise
            content, link = await asyncio.to_thread(_only_file, data)
            if not link:
                return content
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        return None

    async def has(self, name: str, path: str) -> bool:
        """Whether there is such a file or folder in it, running or not."""
        try:
            async with contextlib.aclosing(self.get_archive(name, path)) as pieces:
                await anext(pieces)
        except DockerError as error:
            # 400: a folder on the way is a file.
            if error.status not in (400, 404):
                raise
            return False
        return True

    async def execute(self, name: str, argv: Sequence[str]) -> AsyncGenerator[tuple[int, bytes], None]:
        """Run a command in a running container: (1 or 2, bytes) of its standard output and error as they come.

        Ends when the command does, or when the container does.
        """
        command = {"Cmd": list(argv), "AttachStdout": True, "AttachStderr": True}
        made = await self.ask(f"containers/{name}/exec", "POST", data=command, doing="running in a container")
        async with self.request(
            "POST",
            f"exec/{made['Id']}/start",
            data='{"Detach": false, "Tty": false}',
            headers={"Content-Type": "application/json"},
            limit=ENDLESS,
            doing="running in a container",
        ) as response:
            while len(head := await _exactly(response.content, 8)) == 8:
                left = int.from_bytes(head[4:], "big")
                while left:
                    with translated(self.name, "running in a container"):
                        piece = await response.content.read(min(left, PIECE))
                    if not piece:
                        return
                    left -= len(piece)
                    yield head[0], piece

    async def events(self, labels: Mapping[str, str]) -> AsyncGenerator[tuple[str, dict[str, str]], None]:
        """(action, the container's labels) of containers with these labels, from now on; ("", {}) once it is heard.

        Its end is a DockerLost.
        """
        filters = {
            "type": ["container"],
            "label": [f"{key}={value}" if value else key for key, value in labels.items()],
        }
        async with self.request(
            "GET", "events", params={"filters": filters}, limit=ENDLESS, doing="listening to events"
        ) as response:
            yield "", {}
            async for told in self.lines(response):
                yield str(told.get("Action") or ""), dict((told.get("Actor") or {}).get("Attributes") or {})
        self._answering = False
        raise DockerLost("the connection to the Docker Engine broke (listening to events).", where=self.name)


def _only_file(data: bytes) -> tuple[bytes | None, str]:
    """The content of an archive's only member; where it leads when that is a symbolic link."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if member.issym():
                return None, member.linkname
            content = tar.extractfile(member) if member.isreg() else None
            return content.read() if content else None, ""
    return None, ""


async def _exactly(content: Any, length: int) -> bytes:
    """So many bytes, fewer at the end."""
    found = b""
    while len(found) < length:
        piece = await content.read(length - len(found))
        if not piece:
            break
        found += piece
    return found


@contextlib.contextmanager
def _gone_is_fine() -> Any:
    try:
        yield
    except DockerError as error:
        # 304: stopped already; 404: there is none; 409: its removal is at work.
        if error.status not in (304, 404) and "already in progress" not in error.message:
            raise
