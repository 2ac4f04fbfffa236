"""Terminals that faces are given: a socket each, over which a shell on a host or in a container is typed into.

Both ways go frames: a letter, the length of what follows (4 bytes, big end first), and that. From the face "d" is
typed, "r" is a new size ("rows columns"); to it "d" is shown, "x" is how the shell ended (its status), "e" is why
contact was lost, in words. One connection is taken, of the same user; the socket is gone as soon as it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
import uuid
from typing import TYPE_CHECKING

from engine.errors import AmlError
from engine.timeouts import timeout
from engine.wire import peer

if TYPE_CHECKING:
    from pathlib import Path

    from engine.hosts.terminal import Terminal

log = logging.getLogger(__name__)

HEAD = struct.Struct(">cI")
# A frame of a face is what somebody typed or pasted, bytes.
LARGEST = 1 << 20
# Whoever asked for a terminal comes within this time, seconds.
COME_WITHIN = 15.0


class Terminals:
    """`folder` is the person's alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: set[asyncio.Task[None]] = set()

    async def offer(self, terminal: Terminal) -> str:
        """The path of the socket at which this terminal waits for its face."""
        path = self._folder / f"tty-{uuid.uuid4().hex[:8]}"
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.bind(str(path))
            path.chmod(0o600)
            line.listen(1)
            line.setblocking(False)
        except BaseException:
            # A shell that nobody can come to must not stay open.
            line.close()
            await terminal.close()
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        task = asyncio.create_task(self._serve(line, path, terminal), name=f"terminal {path.name}")
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        return str(path)

    async def close(self) -> None:
        """Hang up all of them."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, line: socket.socket, path: Path, terminal: Terminal) -> None:
        try:
            face = await self._come(line, path)
            if face is not None:
                reader, writer = await asyncio.open_unix_connection(sock=face)
                try:
                    await self._relay(reader, writer, terminal)
                finally:
                    writer.close()
        except (AmlError, OSError) as error:
            log.info("a terminal ended: %s", error)
        finally:
            await terminal.close()

    async def _come(self, line: socket.socket, path: Path) -> socket.socket | None:
        """The face, once it is there; None when nobody came, or somebody else."""
        try:
            async with timeout(COME_WITHIN):
                face, _ = await asyncio.get_running_loop().sock_accept(line)
        except asyncio.TimeoutError:
            return None
        finally:
            line.close()
            await asyncio.to_thread(path.unlink, missing_ok=True)
        if peer(face)[1] != os.getuid():
            face.close()
            return None
        return face

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, terminal: Terminal) -> None:
        typed = asyncio.create_task(_type(reader, terminal))
        shown = asyncio.create_task(_show(writer, terminal))
        try:
            await asyncio.wait({typed, shown}, return_when=asyncio.FIRST_COMPLETED)
            # The face hung up, or the shell ended and that was told.
        finally:
            for task in (typed, shown):
                task.cancel()
            await asyncio.gather(typed, shown, return_exceptions=True)


async def _type(reader: asyncio.StreamReader, terminal: Terminal) -> None:
    while True:
        try:
            kind, length = HEAD.unpack(await reader.readexactly(HEAD.size))
            if length > LARGEST:
                return
            data = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError):
            return
        if kind == b"r":
            rows, _, columns = data.partition(b" ")
            if rows.isdigit() and columns.isdigit():
                await terminal.resize(int(rows), int(columns))
        elif kind == b"d":
            await terminal.write(data)


async def _show(writer: asyncio.StreamWriter, terminal: Terminal) -> None:
    try:
        while data := await terminal.read():
            await _send(writer, b"d", data)
        await _send(writer, b"x", b"%d" % await terminal.status())
    except AmlError as error:
        await _send(writer, b"e", str(error).encode("utf-8", "replace"))


async def _send(writer: asyncio.StreamWriter, kind: bytes, data: bytes) -> None:
    with contextlib.suppress(OSError):
        writer.write(HEAD.pack(kind, len(data)) + data)
        await writer.drain()
