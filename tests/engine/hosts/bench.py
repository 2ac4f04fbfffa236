"""A local host with scripts laid out from text, and everything they start ended at the end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.hosts.local import LocalHost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.hosts.host import RunStatus
    from engine.paths import Paths


# Run ids of this session alone: processes are found by them, over the whole machine.
R = f"r-{os.getpid()}-{os.urandom(3).hex()}"
S = f"s{R}"


def sleeper() -> subprocess.Popen[bytes]:
    """A process that has nothing to do with any run, in a session of its own."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


def call(*argv: str) -> int:
    """Run a command to its end; the exit code."""
    return subprocess.call(argv)


def alive(pid: int) -> bool:
    """By /proc, a zombie being dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


class Bench:
    """`host` is connected; `statuses` holds what was pushed, per run."""

    def __init__(self, paths: Paths, python: str = sys.executable) -> None:
        self.paths = paths
        self.host = LocalHost(paths, python)
        self.others: list[LocalHost] = []
        self.runs: list[str] = []
        self.statuses: dict[str, list[RunStatus]] = {}
        self.changed = asyncio.Event()
        self.host.on_status(self.take_status)

    def take_status(self, run_id: str, status: RunStatus) -> None:
        self.statuses.setdefault(run_id, []).append(status)
        self.changed.set()

    async def another(self) -> LocalHost:
        """A second agent for the same root."""
        host = LocalHost(self.paths)
        self.others.append(host)
        await host.connect()
        return host

    def blob(self, content: bytes) -> str:
        sha = hashlib.sha256(content).hexdigest()
        path = self.paths.blobs / sha[:2] / sha[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return sha

    def entry(self, path: str, content: bytes, mode: int = 0o644) -> dict[str, Any]:
        return {"path": path, "kind": "file", "mode": mode, "size": len(content), "sha256": self.blob(content)}

    async def lay(self, run_id: str, source: str) -> None:
        """Lay out a run with one file, script.py."""
        self.runs.append(run_id)
        await self.host.lay(run_id, [self.entry("script.py", textwrap.dedent(source).encode())])

    def spec(self, *arguments: str, env: Mapping[str, str | None] | None = None, **more: Any) -> dict[str, Any]:
        argv = more.pop("argv", [sys.executable, "script.py", *arguments])
        return {"argv": argv, "cwd": "project", "env": dict(env or {}), **more}

    async def run(self, run_id: str, source: str, *arguments: str, **spec: Any) -> dict[str, Any]:
        """Lay out and start; returns the handle."""
        await self.lay(run_id, source)
        return await self.host.start(run_id, self.spec(*arguments, **spec))

    async def ended(self, run_id: str, timeout: float = 30.0) -> RunStatus:
        """The status that was pushed when the run had ended."""
        await self.host.watch_runs([run_id])

        async def wait() -> RunStatus:
            while True:
                for status in self.statuses.get(run_id, []):
                    if status.phase in ("exited", "vanished"):
                        return status
                self.changed.clear()
                await self.changed.wait()

        return await asyncio.wait_for(wait(), timeout)

    def folder(self, run_id: str) -> Path:
        return self.paths.host_run(run_id)

    def log(self, run_id: str) -> bytes:
        return (self.folder(run_id) / "logs" / "driver.log").read_bytes()

    async def said(self, run_id: str, text: bytes, timeout: float = 30.0) -> bytes:
        """The log, once it holds a text."""

        async def wait() -> bytes:
            while True:
                with contextlib.suppress(FileNotFoundError):
                    if text in self.log(run_id):
                        return self.log(run_id)
                await asyncio.sleep(0.01)

        return await asyncio.wait_for(wait(), timeout)

    def kill_agent(self) -> None:
        os.kill(self.host.info.agent_pid, signal.SIGKILL)

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self.host.connect()
            for run_id in self.runs:
                await self.host.signal(run_id, "KILL")
        for host in (self.host, *self.others):
            await host.close()


class Collector:
    """A sink that keeps what it gets and checks that nothing is missing or doubled."""

    def __init__(self, offset: int = 0) -> None:
        self.at = offset
        self.data = bytearray()

    async def __call__(self, offset: int, data: bytes) -> None:
        assert offset == self.at
        self.at += len(data)
        self.data += data
