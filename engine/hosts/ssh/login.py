"""Logging in to a machine: every hop of the way, each verified, each with what it takes."""

from __future__ import annotations

import asyncio
import logging
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.hosts.ssh.aside import aside
from engine.hosts.ssh.hopping import Hopping, Steps
from engine.hosts.ssh.remembered import Remembered
from engine.hosts.ssh.route import route
from engine.hosts.ssh.trouble import AUTHENTICATE, RESOLVE
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import asyncssh

    from engine.hosts.asking import Asker
    from engine.hosts.ssh.answers import Answers
    from engine.hosts.ssh.reaching import Proxy
    from engine.project.machine import Machine
    from engine.secrets import KeyStore

# sshd drops some of those that log in at once from the tenth on.
AT_ONCE = 8
# Seconds for a goodbye.
LEAVING = 3.0

_slots: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


@dataclass
class Login:
    """A connection that is logged in. `hops`: those that it leads through, the nearest first.

    `method`: how ("publickey", "password", "keyboard-interactive", "" for nothing at all); `how`: the same in words.
    One whose connection broke has to be closed as well.
    """

    connection: asyncssh.SSHClientConnection
    hops: list[asyncssh.SSHClientConnection] = field(default_factory=list)
    proxy: Proxy | None = None
    method: str = ""
    how: str = ""

    async def close(self) -> None:
        """End the connection and what it leads through. May be called again."""
        await _close([*self.hops, self.connection], self.proxy)


async def log_in(
    machine: Machine,
    *,
    keys: KeyStore,
    ask: Asker,
    answers: Answers,
    say: Callable[[str, str, str], None],
    environ: Mapping[str, str],
    password: str = "",
) -> Login:
    """Connect and log in. `say` is told each step of the last hop: name, "working" or "ok", detail.

    `password`: one that somebody has just typed for the last hop; then none that was known before is tried there.
    Steps are "resolve", "tcp", "host key", "authenticate"; a failure carries the one it happened in as its attribute
    `step`. Raises HostLost for what can be tried again, NeedsPerson for what a person has to do first, HostError for
    what does not work at all.
    """
    await aside(_library)
    async with _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)):
        steps = Steps(say)
        remembered = Remembered(keys, answers, ask, steps.again)
        made: list[asyncssh.SSHClientConnection] = []
        proxy: Proxy | None = None
        try:
            steps(RESOLVE, "working", "")
            hops = await aside(route, machine, environ)
            for hop in hops:
                given = password if hop.last else ""
                hopping = Hopping(hop, made[-1] if made else None, remembered, steps, environ, given)
                visit, connection = await hopping.go()
                made.append(connection)
                proxy = proxy or hopping.proxy
        except BaseException:
            await _close(made, proxy)
            raise
        finally:
            await remembered.close()
        steps(AUTHENTICATE, "ok", f"as {hop.way.user}, {visit.how}")
        return Login(made[-1], made[:-1], proxy, visit.sent, visit.how)


async def _close(connections: list[asyncssh.SSHClientConnection], proxy: Proxy | None) -> None:
    for connection in reversed(connections):
        connection.close()
        try:
            async with timeout(LEAVING):
                await connection.wait_closed()
        except asyncio.TimeoutError:
            # Nobody there takes the goodbye.
            connection.abort()
    if proxy is not None:
        await proxy.close()


def _library() -> None:
    """Half a second's work at the first time. What it says about connections must not get into the engine's log."""
    import asyncssh

    asyncssh.set_log_level(logging.WARNING)
