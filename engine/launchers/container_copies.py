"""Files of a run that go into a container and come out of it, where it shares no folder with its host."""

from __future__ import annotations

import asyncio
import io
import tarfile
import tempfile
import time
from typing import TYPE_CHECKING, Any

from engine.errors import HostError, HostLost
from engine.hosts.agent_source import runtime_package
from engine.launchers.container_config import HOME, RUN, RUNTIME
from engine.plain import plain
from engine.project.snapshot import blob_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
    from pathlib import Path
    from typing import IO

    from engine.hosts.docker.api import DockerApi
    from engine.hosts.host import Host
    from engine.project.snapshot import Snapshot

PIECE = 1 << 20
OUTPUTS = "outputs"
# What comes home of the run directory, beside the outputs.
FILES = (
    "metrics.jsonl",
    "logs/driver.log",
    "logs/driver.streams",
    "status/process.json",
    "status/exit.json",
    "status/heartbeat",
)


class Owner:
    """Whose the files in a container are."""

    def __init__(self, uid: int, gid: int) -> None:
        self.uid = uid
        self.gid = gid
        self.made = int(time.time())

    def entry(self, name: str, kind: bytes, mode: int, size: int = 0) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name.lstrip("/"))
        info.type, info.mode, info.size = kind, mode, size
        info.uid, info.gid = self.uid, self.gid
        # Archives of scripts refuse what is older than 1980.
        info.mtime = self.made
        return info

    def folder(self, name: str, mode: int = 0o755) -> tarfile.TarInfo:
        return self.entry(name, tarfile.DIRTYPE, mode)


def run_archive(owner: Owner, snapshot: Snapshot, blobs: Path, spec: bytes, passwd: str) -> IO[bytes]:
    """A tar file with the run directory, the run-side package and the person's home, to be unpacked at /. Blocking.

    `passwd` takes the place of the image's table of users, unless it is "".
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller sends it
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as tar:
        for name in (HOME, RUN, *(f"{RUN}/{one}" for one in ("project", "outputs", "logs", "status"))):
            tar.addfile(owner.folder(name, 0o700 if name in (HOME, f"{RUN}/status") else 0o755))
        for name, content in (("status/spec.json", spec), ("logs/driver.log", b""), ("metrics.jsonl", b"")):
            info = owner.entry(f"{RUN}/{name}", tarfile.REGTYPE, 0o600, len(content))
            tar.addfile(info, io.BytesIO(content))
        if passwd:
            text = passwd.encode("utf-8")
            tar.addfile(Owner(0, 0).entry("etc/passwd", tarfile.REGTYPE, 0o644, len(text)), io.BytesIO(text))
        for entry in snapshot.entries:
            if entry.path.partition("/")[0] != OUTPUTS:
                _add_entry(tar, owner, entry.to_json(), blobs)
        _add_link(tar, owner, f"{RUN}/project/{OUTPUTS}", f"../{OUTPUTS}")
        _add_runtime(tar, owner)
    file.seek(0)
    return file


def _add_entry(tar: tarfile.TarFile, owner: Owner, entry: dict[str, Any], blobs: Path) -> None:
    name = f"{RUN}/project/{entry['path']}"
    if entry["kind"] == "dir":
        tar.addfile(owner.folder(name))
    elif entry["kind"] == "link":
        _add_link(tar, owner, name, entry["link"])
    else:
        mode = 0o755 if entry["mode"] & 0o111 else 0o644
        with blob_path(blobs, entry["sha256"]).open("rb") as content:
            tar.addfile(owner.entry(name, tarfile.REGTYPE, mode, entry["size"]), content)


def _add_link(tar: tarfile.TarFile, owner: Owner, name: str, to: str) -> None:
    info = owner.entry(name, tarfile.SYMTYPE, 0o777)
    info.linkname = to
    tar.addfile(info)


def _add_runtime(tar: tarfile.TarFile, owner: Owner) -> None:
    _, files = runtime_package()
    tar.addfile(owner.folder(RUNTIME))
    for folder in sorted({name.rpartition("/")[0] for name in files if "/" in name}):
        tar.addfile(owner.folder(f"{RUNTIME}/{folder}"))
    for name, text in files.items():
        content = text.encode("utf-8")
        tar.addfile(owner.entry(f"{RUNTIME}/{name}", tarfile.REGTYPE, 0o644, len(content)), io.BytesIO(content))


async def pieces_of(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    while piece := await asyncio.to_thread(file.read, PIECE):
        yield piece


async def bring_home(docker: DockerApi, container: str, host: Host, run_id: str) -> list[str]:
    """Outputs, log, metrics and the record of the end, from a container into the run directory on its host.

    Can be repeated. Returns what could not be brought, each with its reason.
    """
    left: list[str] = []
    await _unpack(docker, container, "outputs", "", host, run_id, left)
    for name in FILES:
        folder = name.rpartition("/")[0]
        await _unpack(docker, container, name, f"{folder}/" if folder else "", host, run_id, left)
    return left


async def _unpack(
    docker: DockerApi, container: str, path: str, folder: str, host: Host, run_id: str, left: list[str]
) -> None:
    """One file or folder of the run directory; its members are named from `folder` on."""
    loop = asyncio.get_running_loop()
    stream = docker.get_archive(container, f"{RUN}/{path}")
    try:
        first = await anext(stream)
    except StopAsyncIteration:
        return
    except HostError as error:
        if getattr(error, "status", None) == 404:
            return
        raise
    feed = _Feed(first, lambda: asyncio.run_coroutine_threadsafe(_next(stream), loop).result())

    def send(member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        asyncio.run_coroutine_threadsafe(_send(host, run_id, folder, member, content, left), loop).result()

    try:
        await asyncio.to_thread(_members, feed, send)
    finally:
        await stream.aclose()


def _members(feed: _Feed, send: Callable[[tarfile.TarInfo, IO[bytes] | None], None]) -> None:
    with tarfile.open(fileobj=feed, mode="r|", errors="surrogateescape") as tar:
        for member in tar:
            send(member, tar.extractfile(member) if member.isreg() else None)


async def _send(
    host: Host, run_id: str, folder: str, member: tarfile.TarInfo, content: IO[bytes] | None, left: list[str]
) -> None:
    name = folder + member.name.rstrip("/")
    kind = "file" if member.isreg() else "dir" if member.isdir() else "link" if member.issym() or member.islnk() else ""
    if not kind:
        left.append(f"{name}: neither file, folder nor link")
        return
    try:
        await host.bring(
            run_id,
            name,
            kind,
            size=member.size if kind == "file" else 0,
            mode=member.mode,
            mtime=member.mtime,
            # A second name of a file arrives as a link to the first.
            link="../" * member.name.count("/") + member.linkname if member.islnk() else member.linkname,
            data=_content(content),
        )
    except HostLost:
        raise
    except HostError as error:
        if error.disk_full:
            raise
        left.append(f"{plain(name)}: {error.message}")


async def _content(content: IO[bytes] | None) -> AsyncIterator[bytes]:
    if content is not None:
        async for piece in pieces_of(content):
            yield piece


async def _next(stream: AsyncIterator[bytes]) -> bytes:
    return await anext(stream, b"")


class _Feed(io.RawIOBase):
    """A file that is read from pieces as they come, by a thread."""

    def __init__(self, first: bytes, more: Callable[[], bytes]) -> None:
        self._rest = first
        self._more = more
        self._over = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts = list(self._parts(size))
        return b"".join(parts)

    def _parts(self, size: int) -> Iterator[bytes]:
        while size and not self._over:
            if not self._rest:
                self._rest = self._more()
                self._over = not self._rest
                continue
            taken = self._rest if size < 0 else self._rest[:size]
            self._rest = self._rest[len(taken) :]
            size -= len(taken) if size > 0 else 0
            yield taken
