"""Terminals for faces: what becomes of a shell that nobody can be given, or that does not begin."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import HostLost
from engine.hosts.ssh import terminal as ssh_terminal
from engine.hosts.ssh.terminal import SshTerminal
from engine.hosts.terminal import Surroundings
from engine.terminals import Terminals

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio


class Shell:
    """One that shows nothing."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def read(self) -> bytes:
        await self.closed.wait()
        return b""

    async def write(self, data: bytes) -> None: ...

    async def resize(self, rows: int, columns: int) -> None: ...

    async def status(self) -> int:
        return 0

    async def close(self) -> None:
        self.closed.set()


async def test_a_shell_that_cannot_be_offered_is_closed(tmp_path: Path) -> None:
    shell = Shell()
    with pytest.raises(OSError):
        await Terminals(tmp_path / ("far" * 40)).offer(shell)
    assert shell.closed.is_set()


async def test_nobody_comes_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.terminals.COME_WITHIN", 0.05)
    shell = Shell()
    await Terminals(tmp_path).offer(shell)
    await asyncio.wait_for(shell.closed.wait(), 30)
    assert list(tmp_path.iterdir()) == []


async def test_start_up_files_that_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Output:
        async def read(self, size: int) -> bytes:
            await asyncio.sleep(0)
            return b"y\n" * 1000

    class Process:
        stdout: Any = Output()

    monkeypatch.setattr(ssh_terminal, "PATIENCE", 0.2)
    begun = SshTerminal(Process(), "far")  # type: ignore[arg-type]
    with pytest.raises(HostLost, match="opened no shell within"):
        await asyncio.wait_for(begun.become(Surroundings("/", {}, {}, {})), 30)
