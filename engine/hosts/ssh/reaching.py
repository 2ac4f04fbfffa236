"""The way to a host before SSH begins: its name looked up, a TCP connection made, or a ProxyCommand started."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import signal
import socket
from typing import TYPE_CHECKING

from engine.hosts.ssh.aside import aside
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.hosts.ssh.effective import Effective

# A second address is tried while the first one does not answer (RFC 8305).
HEAD_START = 0.25
FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
# What of a ProxyCommand's complaints is kept, in bytes; how long it has to leave by itself, in seconds.
COMPLAINTS = 2000
LEAVING = 2.0
# Of several addresses that do not answer, what is said is the one that tells most.
TELLING = (errno.ECONNREFUSED, errno.EACCES, errno.EPERM, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT)

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


async def resolve(way: Effective) -> list[Address]:
    """Where the host is, IPv6 and IPv4 in turn. Raises socket.gaierror, asyncio.TimeoutError."""
    family = FAMILIES.get(way.address_family, 0)
    async with timeout(way.connect_timeout):
        found = await aside(socket.getaddrinfo, way.host, way.port, family, socket.SOCK_STREAM)
    addresses: list[Address] = [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]
    first = [one for one in addresses if one[0] == addresses[0][0]]
    others = [one for one in addresses if one[0] != addresses[0][0]]
    return [one for pair in itertools.zip_longest(first, others) for one in pair if one is not None]


async def connect(way: Effective, addresses: list[Address]) -> socket.socket:
    """A TCP connection to the first address that takes it. Raises OSError, asyncio.TimeoutError for all of them."""
    try:
        async with timeout(way.connect_timeout):
            return await _race(way, addresses)
    except UnicodeError as error:
        raise OSError(errno.EINVAL, "BindAddress is no address") from error


async def _race(way: Effective, addresses: list[Address]) -> socket.socket:
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[OSError] = []
    waiting = list(addresses)
    try:
        while running or waiting:
            if waiting:
                running.add(asyncio.ensure_future(_connected(way.bind_address, *waiting.pop(0))))
            done, running = await asyncio.wait(
                running, timeout=HEAD_START if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                error = task.exception()
                if error is None:
                    # Should two have been taken at the same moment, the other one is closed below.
                    running |= done - {task}
                    return task.result()
                if not isinstance(error, OSError):
                    raise error
                errors.append(error)
        raise min(errors, key=lambda one: TELLING.index(one.errno) if one.errno in TELLING else len(TELLING))
    finally:
        for task in running:
            task.cancel()
        for result in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(result, socket.socket):
                result.close()


async def _connected(bind_address: str, family: socket.AddressFamily, address: tuple[str | int, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if bind_address:
            sock.bind((bind_address, 0))
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


class Proxy:
    """A ProxyCommand at work. `socket`: the near end of it, taken over by who connects through it."""

    def __init__(self, process: asyncio.subprocess.Process, near: socket.socket) -> None:
        self.socket = near
        self._process = process
        self._said = b""
        self._listening = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while piece := await self._process.stderr.read(4096):
            self._said = (self._said + piece)[-COMPLAINTS:]

    async def ended(self) -> str:
        """What it said before it ended, or "" when it is still there. Waits a moment for one that is leaving."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with timeout(0.5):
                await self._process.wait()
            async with timeout(0.5):
                await asyncio.shield(self._listening)
        if self._process.returncode is None:
            return ""
        lines = self._said.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"status {self._process.returncode}"

    async def close(self) -> None:
        """End it, and what it started. May be called again."""
        self.socket.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                with contextlib.suppress(asyncio.TimeoutError):
                    async with timeout(LEAVING):
                        await self._process.wait()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)


async def start_proxy(command: str, environ: Mapping[str, str]) -> Proxy:
    """Run it as OpenSSH does: by /bin/sh, which it replaces. Raises OSError."""
    near, far = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            f"exec {command}",
            stdin=far.fileno(),
            stdout=far.fileno(),
            stderr=asyncio.subprocess.PIPE,
            env=dict(environ),
            start_new_session=True,
        )
    except BaseException:
        near.close()
        raise
    finally:
        far.close()
    near.setblocking(False)
    return Proxy(process, near)
