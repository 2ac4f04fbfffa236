"""One hop of a login: its name, its port, its key, and what it takes to be let in."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from engine.errors import HostError, HostLost
from engine.hosts.ssh import reaching, trouble
from engine.hosts.ssh.aside import aside
from engine.hosts.ssh.identities import Identities
from engine.hosts.ssh.trouble import AUTHENTICATE, HOST_KEY, RESOLVE, TCP
from engine.hosts.ssh.trust import look, settle
from engine.hosts.ssh.visit import Passwords, Visit

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    import asyncssh

    from engine.errors import AmlError
    from engine.hosts.ssh.reaching import Proxy
    from engine.hosts.ssh.remembered import Remembered
    from engine.hosts.ssh.trouble import Hop
    from engine.hosts.ssh.trust import Trust

    Say = Callable[[str, str, str], None]

# A host key accepted, a certificate that is none, questions that took longer than the host waits.
CONNECTIONS = 6
# Seconds that a host may think about who logs in: user databases are slow, and refusals are delayed on purpose.
AUTH_PATIENCE = 60.0
KEEPALIVE, MISSES = 15, 3
FASTEST = "aes128-gcm@openssh.com"
TOO_MANY = "too many authentication failures"


class Steps:
    """What is told to who looks on. `answered`: when a person last gave an answer."""

    def __init__(self, tell: Say) -> None:
        self.answered = 0.0
        self._tell = tell
        self._last = ("", "", "")

    def __call__(self, step: str, state: str, detail: str) -> None:
        if (step, state, detail) != self._last:
            self._last = (step, state, detail)
            self._tell(step, state, detail)

    def again(self) -> None:
        """Somebody has answered: it is the host's time again."""
        self.answered = time.monotonic()
        self._tell(self._last[0], "working", "")

    def through(self, hop: Hop) -> Say:
        """For a hop before the last one, all of which is part of how the last one is connected to."""

        def say(step: str, state: str, detail: str) -> None:
            if state == "working":
                self(TCP, "working", f"through {hop.label}: {step}")

        return say


class Hopping:
    """Logging in to one host, over `tunnel` when there is one."""

    def __init__(
        self,
        hop: Hop,
        tunnel: asyncssh.SSHClientConnection | None,
        remembered: Remembered,
        steps: Steps,
        environ: Mapping[str, str],
        password: str = "",
    ) -> None:
        self.proxy: Proxy | None = None
        self._hop = hop
        self._tunnel = tunnel
        self._remembered = remembered
        self._steps = steps
        self._say = steps if hop.last else steps.through(hop)
        self._environ = environ
        on_the_way = "" if hop.last else f"It is a jump host on the way to {hop.target}."
        self._passwords = Passwords(hop.whom, hop.machine.password, remembered, on_the_way, password)
        self._identities = Identities(hop.machine, hop.way, remembered, environ)
        self._certificates = True
        self._note = ""
        self._first = True

    async def go(self) -> tuple[Visit, asyncssh.SSHClientConnection]:
        """Connect until it is let in or known why not. Raises HostError, with its step."""
        blocked = await self._passwords.blocked()
        if blocked is not None:
            raise self._hop.failed(AUTHENTICATE, blocked)
        try:
            for _ in range(CONNECTIONS):
                trust = await self._look()
                visit = Visit(self._hop.label, trust, self._identities, self._passwords, self._say, self._arrived)
                visit.note = self._note
                self._identities.rewind()
                connection = await self._try(visit, trust)
                if connection is not None:
                    await self._kept(connection)
                    return visit, connection
                self._first = False
        finally:
            await self._identities.close()
        raise self._hop.failed(HOST_KEY, HostLost(f"{self._hop.place} shows another key each time."))

    async def _kept(self, connection: asyncssh.SSHClientConnection) -> None:
        """Remember what let in."""
        try:
            await self._passwords.accepted()
        except BaseException:
            connection.abort()
            raise

    async def _look(self) -> Trust:
        try:
            return await aside(look, self._hop.way, self._remembered.answers)
        except HostError as error:
            raise self._hop.failed(HOST_KEY, error) from None

    async def _try(self, visit: Visit, trust: Trust) -> asyncssh.SSHClientConnection | None:
        """One connection; None when it has to be tried once more."""
        sock = None if self._tunnel is not None else await self._reach()
        said = ""
        try:
            return await self._within(visit, _connect(self._hop, visit, trust, self._certificates, sock, self._tunnel))
        except BaseException as error:
            if self.proxy is not None:
                said = await self.proxy.ended() if not visit.begun and isinstance(error, Exception) else ""
                await self.proxy.close()
            if sock is not None and not visit.connected:
                sock.close()
            if not isinstance(error, Exception):
                raise
            failure = error
        if await self._once_more(visit, trust, failure):
            return None
        raise trouble.no_proxy(self._hop, said) if said else await self._explained(visit, failure)

    async def _reach(self) -> socket.socket:
        """A socket that leads there. Raises HostLost, with its step."""
        hop, way = self._hop, self._hop.way
        say = self._say if self._first else _nothing
        if way.proxy_command:
            say(RESOLVE, "ok", "left to the ProxyCommand")
            say(TCP, "working", "by the ProxyCommand")
            try:
                self.proxy = await reaching.start_proxy(way.proxy_command, self._environ)
            except OSError as error:
                raise trouble.no_proxy(hop, error.strerror or "it did not start") from None
            return self.proxy.socket
        say(RESOLVE, "working", "")
        try:
            addresses = await reaching.resolve(way)
        except (OSError, UnicodeError, asyncio.TimeoutError) as error:
            raise trouble.not_resolved(hop, error) from None
        shown = list(dict.fromkeys(address[0] for _, address in addresses))
        say(RESOLVE, "ok", ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else ""))
        say(TCP, "working", "")
        begun = time.monotonic()
        try:
            sock = await reaching.connect(way, addresses)
        except (OSError, asyncio.TimeoutError) as error:
            raise trouble.not_connected(hop, error) from None
        address, milliseconds = sock.getpeername()[0], (time.monotonic() - begun) * 1000
        say(TCP, "ok", f"{address} port {way.port}, {milliseconds:.0f} ms")
        return sock

    def _arrived(self) -> None:
        """Bytes can pass. Of a socket of our own that is known before."""
        if not self._first:
            return
        if self._tunnel is not None:
            self._say(RESOLVE, "ok", "left to the jump host")
            self._say(TCP, "ok", "through the jump host")
        elif self.proxy is not None:
            self._say(TCP, "ok", "by the ProxyCommand")

    async def _within(
        self, visit: Visit, connecting: Coroutine[Any, Any, asyncssh.SSHClientConnection]
    ) -> asyncssh.SSHClientConnection:
        """The connection, unless the host is silent for too long. A person may take their time."""
        task = asyncio.ensure_future(connecting)
        try:
            while True:
                limit = AUTH_PATIENCE if visit.begun else self._hop.way.connect_timeout
                left = max(visit.moved, self._steps.answered) + limit - time.monotonic()
                if self._remembered.asking:
                    left = limit
                elif left <= 0:
                    raise trouble.no_answer(self._hop, visit, limit)
                done, _ = await asyncio.wait({task}, timeout=left)
                if done:
                    return task.result()
        except BaseException:
            task.cancel()
            (made,) = await asyncio.gather(task, return_exceptions=True)
            if not isinstance(made, BaseException):
                made.abort()
            raise

    async def _once_more(self, visit: Visit, trust: Trust, error: Exception) -> bool:
        """Whether another connection may do what this one did not. Raises NeedsPerson, with its step."""
        import asyncssh

        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            if visit.offered is not None:
                try:
                    how = await settle(trust, visit.offered, self._remembered, self._remembered.answers)
                except HostError as unsettled:
                    raise self._hop.failed(HOST_KEY, unsettled) from None
                self._note = f"{visit.offered.title} {visit.offered.fingerprint}, {how}"
                return True
            again = visit.stranger and self._certificates
            self._certificates = False
            return again
        if isinstance(error, HostError | asyncssh.PermissionDenied) or _is_too_many(visit, error):
            return False
        # The host did not wait for the person's answer; now that it is here, the host is asked again.
        try:
            return await self._remembered.waited_for()
        except HostError as unanswered:
            raise self._hop.failed(AUTHENTICATE, unanswered) from None

    async def _explained(self, visit: Visit, error: Exception) -> AmlError:
        import asyncssh

        if isinstance(error, asyncssh.PermissionDenied):
            return await trouble.refused(self._hop, visit)
        if _is_too_many(visit, error):
            await self._passwords.settle(wrong=True)
            return await trouble.too_many(self._hop, visit)
        return trouble.explained(self._hop, visit, error)


def _is_too_many(visit: Visit, error: Exception) -> bool:
    import asyncssh

    return isinstance(error, asyncssh.DisconnectError) and bool(visit.sent) and TOO_MANY in error.reason.lower()


def _nothing(step: str, state: str, detail: str) -> None:
    """A second connection is not told about step by step."""


async def _connect(
    hop: Hop,
    visit: Visit,
    trust: Trust,
    certificates: bool,
    sock: socket.socket | None,
    tunnel: asyncssh.SSHClientConnection | None,
) -> asyncssh.SSHClientConnection:
    import asyncssh
    from asyncssh.encryption import get_default_encryption_algs, get_encryption_algs
    from asyncssh.kex import get_kex_algs
    from asyncssh.mac import get_mac_algs
    from asyncssh.public_key import get_certificate_algs, get_default_public_key_algs, get_public_key_algs

    way = hop.way
    ciphers = _supported(way.ciphers, get_encryption_algs()) or _names(get_default_encryption_algs())
    options: dict[str, Any] = {
        "encryption_algs": sorted(ciphers, key=lambda name: name != FASTEST),
        "kex_algs": _supported(way.key_exchanges, get_kex_algs()),
        "mac_algs": _supported(way.macs, get_mac_algs()),
        "compression_algs": ["zlib@openssh.com", "none"] if way.compression else ["none"],
    }
    host_keys = way.host_key_algorithms or _names(get_default_public_key_algs())
    usable = _supported(host_keys, [*get_certificate_algs(), *get_public_key_algs()])
    return await asyncssh.connect(
        way.host,
        way.port,
        sock=sock,
        tunnel=tunnel if tunnel is not None else (),
        config=None,
        # Called by the names of its methods alone.
        client_factory=lambda: visit,
        # What is known of the host is asked for by `validate_host_public_key`; only of what a certificate says no more
        # than who signed it.
        known_hosts=([], [], _keys(entry.key.text for entry in trust.revoked if trust.authorities)),
        host_key_alias=way.host_key_alias or None,
        server_host_key_algs=trust.algorithms(usable, certificates),
        x509_trusted_certs=None,
        username=way.user,
        client_keys=None,
        preferred_auth=list(way.methods) or ["none"],
        host_based_auth=False,
        gss_host=None,
        login_timeout=0,
        keepalive_interval=KEEPALIVE,
        keepalive_count_max=MISSES,
        utf8_decode_errors="replace",
        **{name: names for name, names in options.items() if names},
    )


def _names(algorithms: Iterable[bytes]) -> list[str]:
    return [name.decode("ascii") for name in algorithms]


def _supported(wanted: Iterable[str], there: Iterable[bytes]) -> list[str]:
    known = set(_names(there))
    return [name for name in wanted if name in known]


def _keys(texts: Iterable[str]) -> list[asyncssh.SSHKey]:
    import asyncssh

    found = []
    for text in texts:
        try:
            found.append(asyncssh.import_public_key(text))
        except asyncssh.KeyImportError:
            continue
    return found
