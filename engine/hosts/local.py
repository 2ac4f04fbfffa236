"""This machine: the agent is a child process of the engine, in a session of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import HostLost
from engine.hosts.agent_host import AgentHost
from engine.hosts.agent_source import agent_argv

if TYPE_CHECKING:
    from engine.hosts.docker.api import DockerApi
    from engine.hosts.docker.finding import Endpoint
    from engine.paths import Paths

log = logging.getLogger(__name__)

# What belongs to the terminal of whoever started the engine, not to a run.
TERMINAL = ("COLUMNS", "LINES", "TERMCAP", "STY", "TMUX", "TMUX_PANE", "WINDOWID", "OLDPWD", "PWD", "SHLVL", "_")
PREFIXES = ("TEXTUAL_", "AZUREML_", "AML_METRICS_FILE", "AML_TUI_ROLE", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
# Frames reach the reader in pieces of the pipe; this much may wait in memory (bytes).
READ_AHEAD = 1 << 20
# An agent leaves when its channel closes; one that does not is stopped (s).
LEAVE_WITHIN = 5.0


def agent_environ() -> dict[str, str]:
    """The engine's environment without what belongs to a terminal or to a run the engine was started from."""
    kept = {name: value for name, value in os.environ.items() if name not in TERMINAL and not name.startswith(PREFIXES)}
    return {**kept, "AML_TUI_ROLE": "agent"}


class LocalHost(AgentHost):
    """The host "local". Its content store is the engine's own, so nothing needs to be sent."""

    def __init__(self, paths: Paths, python: str = sys.executable) -> None:
        super().__init__("local", str(paths.data))
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._output: asyncio.ReadTransport | None = None
        self._complaints: asyncio.Task[None] | None = None
        self._dockers: dict[Endpoint, DockerApi] = {}
        self._found: Endpoint | None = None

    async def docker(self, at: Endpoint | None = None) -> DockerApi:
        """The one at this address, or that the engine's own environment names; looked for until it was reached once."""
        from engine.hosts.docker.api import DockerApi
        from engine.hosts.docker.finding import find_endpoint

        if at is None:
            if self._found is None or not self._dockers[self._found].reached:
                self._found = await asyncio.to_thread(find_endpoint, os.environ, Path.home())
            at = self._found
        docker = self._dockers.get(at)
        if docker is None:
            docker = self._dockers[at] = DockerApi(at, self.name)
        await docker.open()
        return docker

    async def close(self) -> None:
        await super().close()
        dockers, self._dockers, self._found = self._dockers, {}, None
        for docker in dockers.values():
            await docker.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        starting = asyncio.ensure_future(self._start())
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Half an agent could not be ended properly: it is made in a moment, and goes as others do.
            await asyncio.wait({starting})
            if starting.exception() is None:
                starting.result()[1].close()
            raise

    async def _start(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            process = await asyncio.to_thread(self._spawn)
        except OSError as error:
            raise HostLost(f"the agent could not be started: {error}", where=self.name) from error
        self._process = process
        if not (process.stdin and process.stdout and process.stderr):
            raise HostLost("the agent has no pipes", where=self.name)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(READ_AHEAD)
        self._output, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
        errors = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(errors), process.stderr)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), process.stdin
        )
        self._complaints = asyncio.create_task(self._log_errors(errors), name="local: agent's standard error")
        return reader, asyncio.StreamWriter(transport, protocol, None, loop)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            agent_argv(self._python),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=agent_environ(),
            cwd="/",
            # A Ctrl-C meant for a foreground engine is none of its business.
            start_new_session=True,
        )

    async def _log_errors(self, errors: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await errors.readline()
            except ValueError:
                continue
            if not line:
                return
            log.warning("agent: %s", line.decode("utf-8", "backslashreplace").rstrip())

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, LEAVE_WITHIN)
        if process.poll() is None:
            process.kill()
            await asyncio.to_thread(process.wait)
        if self._complaints is not None:
            # A runner never holds the agent's standard error, so it ends with the agent.
            await self._complaints
            self._complaints = None
        if self._output is not None:
            # One that nobody reads any more does not see the agent's end.
            self._output.close()
            self._output = None
            await asyncio.sleep(0)
