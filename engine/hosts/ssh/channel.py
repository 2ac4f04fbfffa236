"""An agent on the far side of an SSH connection: how it is started, and its channel as a pair of asyncio streams.

Login shells print banners, read start-up files that print, and may be anything from bash to csh. So the command is one
line that every shell reads alike, hands over to /bin/sh at once, and says a line of our own before the agent speaks.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shlex
import time
from typing import TYPE_CHECKING, Any, cast

from engine.errors import HostError, HostLost
from engine.hosts.agent_source import BOOTSTRAP
from engine.plain import plain, plain_lines
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncssh

# Frames reach the reader in pieces; this much may wait in memory, and as much again on its way (bytes).
READ_AHEAD = 1 << 20
WINDOW = 8 << 20
# A shell whose start-up files take longer is a host in trouble (s).
PATIENCE = 60.0
# How long a session that has ended may still count as one (s).
ENDING = 3.0
FENCE = b"aml-host "
# Where a Python for the agent may be; the last is HDInsight's.
PYTHONS = ("python3", "/usr/bin/python3", "/usr/local/bin/python3", "python", "/usr/bin/anaconda/bin/python3")
OLDEST = "3.5"
# `$1` is the agent's loader in base64, the rest are names of Pythons. No quote and no `!` before a letter: csh.
_SCRIPT = (
    'echo; u=`uname -s`; if test "$u" != Linux; then echo "aml-host other $u"; exit 9; fi; b=$1; shift; '
    'for p do if "$p" -c "import sys; sys.exit(sys.version_info < (3, 5))" </dev/null >/dev/null 2>&1; '
    'then echo "aml-host python $p"; '
    'exec "$p" -I -S -c "import sys,base64;exec(base64.b64decode(sys.argv[1]))" "$b"; fi; done; '
    'echo "aml-host lacks python"; exit 8'
)


def agent_command(pythons: tuple[str, ...] = PYTHONS) -> str:
    """What the far side's login shell is asked to run."""
    loader = base64.b64encode(BOOTSTRAP.encode("ascii")).decode("ascii")
    return "exec " + shlex.join(["/bin/sh", "-c", _SCRIPT, "aml-agent", loader, *pythons])


class _Transport(asyncio.Transport):
    """A channel as asyncio's streams want their transport: writing to one that is gone is no error, reading tells."""

    def __init__(self, channel: asyncssh.SSHClientChannel[bytes], ended: Callable[[Exception | None], None]) -> None:
        super().__init__()
        self._channel = channel
        self._ended = ended

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        with contextlib.suppress(BrokenPipeError, OSError):
            self._channel.write(bytes(data))

    def is_closing(self) -> bool:
        return bool(self._channel.is_closing())

    def close(self) -> None:
        self._channel.close()

    def abort(self) -> None:
        self._channel.abort()
        # The channel itself ends when the other side agrees, which may never be.
        self._ended(None)

    def pause_reading(self) -> None:
        self._channel.pause_reading()

    def resume_reading(self) -> None:
        self._channel.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._channel.get_extra_info(name, default)


class AgentChannel:
    """The session of the agent. `complaints`: the last of what it said on standard error."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader(READ_AHEAD)
        self.writer: asyncio.StreamWriter
        self.complaints = b""
        self.exit_status: int | None = None
        self._over = False
        self._protocol = asyncio.StreamReaderProtocol(self.reader)

    # What asyncssh calls (an SSHClientSession)

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        transport = _Transport(chan, self.connection_lost)
        self._protocol.connection_made(transport)
        self.writer = asyncio.StreamWriter(transport, self._protocol, self.reader, asyncio.get_running_loop())

    def session_started(self) -> None:
        """The command was accepted."""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._over:
            return
        if datatype is None:
            self._protocol.data_received(data)
        else:
            self.complaints = (self.complaints + data)[-4096:]

    def eof_received(self) -> bool:
        if not self._over:
            self._protocol.eof_received()
        return True

    def exit_status_received(self, status: int) -> None:
        self.exit_status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self.exit_status = -1

    def connection_lost(self, exc: Exception | None) -> None:
        if self._over:
            return
        self._over = True
        # asyncssh's errors are none of the system's, which streams are read with.
        self._protocol.connection_lost(None if exc is None else ConnectionError(str(exc)))

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


async def start_agent(connection: asyncssh.SSHClientConnection, name: str) -> AgentChannel:
    """Start an agent on this connection. Raises HostError for a host that will not do, HostLost when it went away."""
    import asyncssh

    try:
        async with timeout(PATIENCE):
            agent = await _session(connection)
    except asyncssh.ChannelOpenError as error:
        raise HostError(
            f"the server allows no more sessions on a connection: {plain(error.reason)}.",
            where=name,
            remedy="`MaxSessions` in its sshd_config must be 1 at least.",
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise HostLost(f"contact with {name} was lost: {plain(str(error))}", where=name) from error
    except asyncio.TimeoutError as error:
        raise HostLost(f"{name} did not start a shell within {PATIENCE:.0f} s.", where=name) from error
    try:
        await _await_fence(agent, name)
    except BaseException:
        agent.writer.transport.abort()
        raise
    return agent


async def _session(connection: asyncssh.SSHClientConnection) -> AgentChannel:
    """A session with the agent's command. One that has just ended counts for a moment as one of those allowed."""
    import asyncssh

    until, wait = time.monotonic() + ENDING, 0.02
    while True:
        agent = AgentChannel()

        def made(one: AgentChannel = agent) -> asyncssh.SSHClientSession[bytes]:
            return cast("asyncssh.SSHClientSession[bytes]", one)

        try:
            await connection.create_session(made, agent_command(), encoding=None, window=WINDOW)
        except asyncssh.ChannelOpenError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(wait)
            wait *= 2
        else:
            return agent


async def _await_fence(agent: AgentChannel, name: str) -> None:
    """Skip what start-up files print, until the line that says which Python was found."""
    noise = b""
    try:
        while True:
            async with timeout(PATIENCE):
                line = await agent.reader.readuntil(b"\n")
            if line.startswith(FENCE):
                break
            noise = (noise + line)[-4096:]
    except asyncio.TimeoutError as error:
        raise HostLost(
            f"the shell of {name} did not get to our command within {PATIENCE:.0f} s.",
            where=name,
            remedy="See what its start-up files do (~/.bashrc, ~/.profile): one may wait for a terminal.",
        ) from error
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
        if agent.exit_status is None:
            raise HostLost(f"contact with {name} was lost.", where=name) from error
        raise HostError(
            f"the shell of {name} did not run our command{_said(noise + agent.complaints)}.",
            where=name,
            remedy="The account needs a shell that runs commands (`getent passwd` shows which it has).",
        ) from error
    found = line[len(FENCE) :].decode("utf-8", "replace").split(None, 1)
    if found[:1] == ["other"]:
        raise not_linux(name, found[1].strip() if len(found) > 1 else "")
    if found[:1] != ["python"]:
        raise HostError(
            f"{name} has no Python {OLDEST} or newer.",
            where=name,
            remedy="Install python3 there (Debian, Ubuntu: sudo apt-get install python3).",
        )


def not_linux(name: str, system: str) -> HostError:
    """The original's reason."""
    return HostError(
        f"{name} runs {plain(system) or 'another system'}: only Linux machines can be compute targets.",
        where=name,
        remedy="Attach a Linux machine (the original was made for Ubuntu); on Windows, the Linux of WSL with an sshd.",
    )


def _said(noise: bytes) -> str:
    lines = [line.strip() for line in plain_lines(noise.decode("utf-8", "replace")).splitlines() if line.strip()]
    return f'; it said "{lines[-1][:200]}"' if lines else ""
