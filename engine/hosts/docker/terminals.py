"""Shells in running containers, at terminals; and where a container is in its host's networks."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from engine.hosts.docker.connection import Connection
from engine.hosts.docker.trouble import DockerLost, translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiodocker.stream import Stream

    from engine.hosts.terminal import Window

# The end of a shell is known to the daemon a moment after its terminal closed (s).
ENDING, LOOK = 5.0, 0.05
# The usual keys to detach would hold back every ctrl-p until the next key.
DETACH = "ctrl-_,ctrl-^,ctrl-_"
# What a person would type to end a shell that is at its prompt or at work.
HANG_UP = b"\x03\x04"


class Terminals(Connection):
    """`name` is a container's name or id."""

    async def terminal(
        self, name: str, argv: Sequence[str], env: Mapping[str, str], window: Window
    ) -> ContainerTerminal:
        """A command in a running container, as its user, with the container's variables and over them `env`."""
        from aiodocker.execs import Exec

        command = {
            "Cmd": list(argv),
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": True,
            "DetachKeys": DETACH,
            "Env": [f"{key}={value}" for key, value in {"TERM": window.term, **env}.items()],
        }
        made = await self.ask(f"containers/{name}/exec", "POST", data=command, doing="opening a shell in a container")
        if self._docker is None:
            raise DockerLost(f"the Docker Engine of {self.name} is not connected.", where=self.name)
        stream = Exec(self._docker, made["Id"], tty=True).start()
        with translated(self.name, "opening a shell in a container"):
            await stream.__aenter__()
        terminal = ContainerTerminal(self, str(made["Id"]), stream)
        await terminal.resize(window.rows, window.columns)
        return terminal

    async def address(self, name: str) -> str:
        """Its address in a network of its host; "" when it has the host's own network, or none."""
        told = await self.ask(f"containers/{name}/json", doing="looking at a container")
        settings = told.get("NetworkSettings") or {}
        found = [settings, *(settings.get("Networks") or {}).values()]
        return next((str(one["IPAddress"]) for one in found if one.get("IPAddress")), "")


class ContainerTerminal:
    """Implements `engine.hosts.terminal.Terminal`."""

    def __init__(self, docker: Terminals, exec_id: str, stream: Stream) -> None:
        self._docker = docker
        self._id = exec_id
        self._stream = stream
        self._over = False

    async def read(self) -> bytes:
        while True:
            with translated(self._docker.name, "reading a terminal"):
                message = await self._stream.read_out()
            if message is None:
                self._over = True
                return b""
            if message.data:
                return bytes(message.data)

    async def write(self, data: bytes) -> None:
        # One that has ended takes nothing more; its end is read.
        with contextlib.suppress(RuntimeError, AssertionError, OSError):
            await self._stream.write_in(data)

    async def resize(self, rows: int, columns: int) -> None:
        # It may have ended in this moment.
        from engine.hosts.docker.trouble import DockerError

        with contextlib.suppress(DockerError):
            params = {"h": str(rows), "w": str(columns)}
            await self._docker.ask(f"exec/{self._id}/resize", "POST", params=params, doing="resizing a terminal")

    async def status(self) -> int:
        for _ in range(int(ENDING / LOOK)):
            told = await self._docker.ask(f"exec/{self._id}/json", doing="asking how a shell ended")
            if not told.get("Running"):
                return int(told.get("ExitCode") or 0)
            await asyncio.sleep(LOOK)
        raise DockerLost("the terminal closed, and the shell did not end.", where=self._docker.name)

    async def close(self) -> None:
        if not self._over:
            # The daemon goes on holding the terminal open for a shell whose person is gone.
            await self.write(HANG_UP)
        with contextlib.suppress(Exception):
            await self._stream.close()
