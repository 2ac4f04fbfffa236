"""A shell in a folder of a machine over SSH, on the connection that is there: nobody is asked for a password again.

Variables may be secrets, and what is in a command is seen by everybody on that machine. So they are sent through the
terminal itself, with its echo off, to a few lines of Python that become the shell.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shlex
import signal
from typing import TYPE_CHECKING

from engine.errors import HostError, HostLost
from engine.plain import plain
from engine.timeouts import timeout

if TYPE_CHECKING:
    import asyncssh

    from engine.hosts.terminal import Surroundings, Window

# A shell whose start-up files take longer is a host in trouble (s).
PATIENCE = 30.0
PIECE = 1 << 16
FENCE = b"aml-terminal\n"
# Python 3.5 reads this. What comes before the fence is of start-up files.
_BECOME = r"""
import json, os, sys, termios, tty
before = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b"aml-terminal\n")
def line():
    data = b""
    while not data.endswith(b"\n"):
        more = os.read(0, 1)
        if not more:
            sys.exit(1)
        data += more
    return data
left, data = int(line()), b""
while len(data) < left:
    more = os.read(0, left - len(data))
    if not more:
        sys.exit(1)
    data += more
order = json.loads(data.decode("ascii"))
termios.tcsetattr(0, termios.TCSANOW, before)
try:
    os.chdir(order["cwd"])
except OSError as error:
    sys.stderr.write("%s: %s\n" % (order["cwd"], error.strerror))
    sys.exit(1)
os.environ.update(order["env"])
os.environ["PWD"] = order["cwd"]
for name in ("PATH", "PYTHONPATH"):
    items = order["before"].get(name, []) + [os.environ.get(name, "")] + order["after"].get(name, [])
    os.environ[name] = os.pathsep.join(item for item in items if item)
    if not os.environ[name]:
        del os.environ[name]
shell = os.environ.get("SHELL") or "/bin/sh"
try:
    os.execvp(shell, [shell])
except OSError:
    os.execvp("/bin/sh", ["/bin/sh"])
"""


class SshTerminal:
    """Implements `engine.hosts.terminal.Terminal`."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], name: str) -> None:
        self._process = process
        self._name = name
        self._first = b""

    async def become(self, found: Surroundings) -> None:
        """From the fence on it is the shell."""
        try:
            async with timeout(PATIENCE):
                self._first = await self._behind_fence()
        except asyncio.TimeoutError as error:
            raise HostLost(f"{self._name} opened no shell within {PATIENCE:.0f} s.", where=self._name) from error
        data = json.dumps(found.to_json()).encode("ascii")
        await self.write(b"%d\n" % len(data) + data)

    async def _behind_fence(self) -> bytes:
        """What comes behind the fence. What is before it is not kept: start-up files may say anything for long."""
        noise = b""
        while FENCE not in noise:
            piece = await self.read()
            if not piece:
                said = plain(noise.decode("utf-8", "replace").strip()[-200:])
                raise HostError(f"{self._name} opened no shell{': ' + said if said else '.'}", where=self._name)
            noise = noise[-PIECE:] + piece
        return noise.partition(FENCE)[2]

    async def read(self) -> bytes:
        import asyncssh

        first, self._first = self._first, b""
        try:
            return first or bytes(await self._process.stdout.read(PIECE))
        except (asyncssh.Error, OSError):
            # Why it ended is told by its status.
            return b""

    async def write(self, data: bytes) -> None:
        # One that has ended takes nothing more; its end is read.
        with contextlib.suppress(BrokenPipeError, OSError):
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    async def resize(self, rows: int, columns: int) -> None:
        with contextlib.suppress(OSError):
            self._process.change_terminal_size(columns, rows)

    async def status(self) -> int:
        await self._process.wait_closed()
        told = self._process.exit_signal
        if told is not None:
            return 128 + int(getattr(signal.Signals, f"SIG{told[0]}", 0))
        if self._process.exit_status is None:
            raise HostLost(f"contact with {self._name} was lost.", where=self._name)
        return self._process.exit_status

    async def close(self) -> None:
        self._process.close()


async def open_terminal(
    connection: asyncssh.SSHClientConnection,
    name: str,
    python: str,
    found: Surroundings,
    window: Window,
) -> SshTerminal:
    """A person's own shell there, at a terminal of this size. `python`: the host's, which becomes the shell."""
    import asyncssh

    text = base64.b64encode(_BECOME.encode("ascii")).decode("ascii")
    start = "import sys,base64;exec(base64.b64decode(sys.argv[1]))"
    command = "exec " + shlex.join([python, "-I", "-S", "-c", start, text])
    try:
        process = await connection.create_process(
            command, term_type=window.term, term_size=(window.columns, window.rows), encoding=None
        )
    except asyncssh.ChannelOpenError as error:
        raise HostError(
            f"the server allows no more sessions on a connection: {plain(error.reason)}.",
            where=name,
            remedy="Close another shell, or raise `MaxSessions` in its sshd_config.",
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise HostLost(f"contact with {name} was lost: {plain(str(error))}", where=name) from error
    terminal = SshTerminal(process, name)
    try:
        await terminal.become(found)
    except BaseException:
        await terminal.close()
        raise
    return terminal
