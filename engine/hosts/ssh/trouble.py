"""What can go wrong on the way to a host, as errors that say at which step, and what to do."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.errors import AmlError, HostError, HostLost
from engine.hosts.asking import KEY_CHANGED, KEY_UNKNOWN, NeedsPerson
from engine.hosts.ssh.effective import KEY
from engine.plain import plain

if TYPE_CHECKING:
    from engine.hosts.ssh.effective import Effective
    from engine.hosts.ssh.visit import Visit
    from engine.project.machine import Machine

E = TypeVar("E", bound=AmlError)

RESOLVE, TCP, HOST_KEY, AUTHENTICATE = "resolve", "tcp", "host key", "authenticate"
HDINSIGHT = ".azurehdinsight.net"
CONFIGURATION = "the SSH configuration (~/.ssh/config)"


@dataclass(frozen=True)
class Hop:
    """One host on the way. `target`: what the way leads to, as errors name it; `last`: whether this is it."""

    machine: Machine
    way: Effective
    target: str
    last: bool

    @property
    def whom(self) -> str:
        """Who logs in where, as questions name it across logins."""
        from engine.project.machine import join_address

        return f"{self.way.user}@{join_address(self.machine.address, self.machine.port)}"

    @property
    def label(self) -> str:
        return self.target if self.last else self.machine.name

    @property
    def place(self) -> str:
        """Where it is, in words: `gpu-box`, or `gpu-box (10.0.0.5)` for an alias."""
        address = self.machine.address
        return address if address.lower() == self.way.host.lower() else f"{address} ({self.way.host})"

    def failed(self, step: str, error: E) -> E:
        """The error, which says where it happened, with the step as its attribute `step`.

        A hop before the last one is part of what the last one's connection takes.
        """
        if not self.last:
            error.message = f"jump host {self.label}: {error.message}"
            error.args = (error.message,)
            step = TCP
        error.where = self.target
        error.__dict__["step"] = step
        return error


def not_resolved(hop: Hop, error: Exception) -> HostLost:
    """Its name leads nowhere."""
    remedy = _hdinsight(hop.way.host) or f"Check the name, or give an address; an alias belongs into {CONFIGURATION}."
    if isinstance(error, asyncio.TimeoutError):
        text = f"no name server said within {hop.way.connect_timeout:.0f} s where {hop.place} is."
    elif isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        text, remedy = (
            f"no name server says now where {hop.place} is.",
            "Check this machine's network and name servers.",
        )
    else:
        text = f"there is no host called {hop.place}."
    return hop.failed(RESOLVE, HostLost(text, remedy=remedy))


def not_connected(hop: Hop, error: Exception) -> HostLost:
    """No TCP connection."""
    port, place = hop.way.port, hop.place
    number = getattr(error, "errno", None)
    hdinsight = _hdinsight(hop.way.host)
    if number == errno.ECONNREFUSED:
        text = f"nothing listens at port {port} of {place}."
        remedy = "Is the SSH server running there (systemctl status ssh), and is this its port?"
    elif number in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        text, remedy = f"there is no way to {place} from here.", "Check the network, a VPN, or a jump host."
    elif number in (errno.EACCES, errno.EPERM):
        text, remedy = f"a firewall forbids to connect to port {port} of {place}.", "Ask who runs it for the way in."
    elif isinstance(error, asyncio.TimeoutError) or number == errno.ETIMEDOUT:
        text = f"{place} does not answer at port {port}; waited {hop.way.connect_timeout:.0f} s."
        remedy = "Is it switched on, and does a firewall let this port through? A jump host may be needed."
    else:
        text, remedy = (
            f"{place} cannot be reached at port {port}: {plain(getattr(error, 'strerror', '') or error)}.",
            "",
        )
    lost = HostLost(text, remedy=hdinsight or remedy)
    lost.errno = number if isinstance(number, int) else None
    return hop.failed(TCP, lost)


def no_proxy(hop: Hop, said: str) -> HostLost:
    """The ProxyCommand ended before anything came of it."""
    return hop.failed(
        TCP,
        HostLost(
            f"the ProxyCommand for {hop.place} ended: {plain(said)}.",
            remedy=f"Try it by itself, or correct it in {CONFIGURATION}.",
        ),
    )


def no_answer(hop: Hop, visit: Visit, seconds: float) -> HostLost:
    """Connected, and then silence."""
    if visit.begun:
        text = f"{hop.place} does not answer any more while it checks who logs in; waited {seconds:.0f} s."
        return hop.failed(AUTHENTICATE, HostLost(text, remedy="Its user database (LDAP, Active Directory) may hang."))
    if not visit.connected:
        return not_connected(hop, asyncio.TimeoutError())
    text = f"port {hop.way.port} of {hop.place} takes connections, but says nothing; waited {seconds:.0f} s."
    remedy = "The host may be overloaded or hang; or what listens there is no SSH server."
    return hop.failed(HOST_KEY, HostLost(text, remedy=remedy))


def explained(hop: Hop, visit: Visit, error: Exception) -> AmlError:
    """What asyncssh raised."""
    import asyncssh

    version = plain(visit.version)
    if isinstance(error, HostError):
        return error if "step" in error.__dict__ else hop.failed(AUTHENTICATE if visit.begun else HOST_KEY, error)
    if isinstance(error, asyncssh.ChannelOpenError):
        return _no_tunnel(hop, error)
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return hop.failed(
            HOST_KEY,
            HostError(
                f"{hop.place} and this machine have no way of encrypting in common ({version or 'SSH'}).",
                remedy=f"What an old server has can be allowed (KexAlgorithms, Ciphers) in {CONFIGURATION}.",
            ),
        )
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return hop.failed(
            HOST_KEY,
            NeedsPerson(
                f"the host certificate of {hop.place} does not hold: {plain(error.reason)}.",
                remedy="Ask who runs the host to have it signed anew.",
                state=KEY_CHANGED if "revoked" in error.reason else KEY_UNKNOWN,
            ),
        )
    if isinstance(error, asyncssh.ProtocolNotSupported) or (isinstance(error, asyncssh.ProtocolError) and not version):
        return _no_ssh(hop)
    if not isinstance(error, asyncssh.Error | OSError):
        # A user name that SSH does not allow, and the like.
        return hop.failed(HOST_KEY, HostError(f"{hop.place} cannot be logged in to: {plain(error)}."))
    if not visit.connected and not isinstance(error, OSError):
        return hop.failed(TCP, HostLost("the connection to the jump host broke."))
    if visit.begun:
        reason = plain(getattr(error, "reason", "") or error).rstrip(".")
        return hop.failed(AUTHENTICATE, HostLost(f"{hop.place} ended the connection while logging in: {reason}."))
    if not version:
        return hop.failed(
            HOST_KEY,
            HostLost(
                f"{hop.place} ended the connection at port {hop.way.port} at once.",
                remedy="Too many may be logging in at the same time (MaxStartups), the host may refuse this machine's "
                "address, or what listens there is no SSH server.",
            ),
        )
    return hop.failed(HOST_KEY, HostLost(f"the connection to {hop.place} broke before the login."))


async def refused(hop: Hop, visit: Visit) -> NeedsPerson:
    """The server takes none of what there is."""
    step, passwords, identities = AUTHENTICATE, visit.passwords, visit.identities
    if identities.lacking is not None:
        return hop.failed(step, identities.lacking)
    accepts = ", ".join(visit.methods) or "nothing that is possible here"
    if passwords.refused or set(visit.methods) - {KEY}:
        needed = await passwords.needed()
        if passwords.refused:
            needed.remedy = needed.remedy or "Type it again; it may have expired, or the login may be locked."
        return hop.failed(step, needed)
    problems = f" ({'; '.join(dict.fromkeys(identities.problems))})" if identities.problems else ""
    if identities.tried:
        keys = ", ".join(dict.fromkeys(identities.tried))
        return hop.failed(
            step,
            NeedsPerson(
                f"{hop.whom} is let in by none of the keys: {keys}{problems}. The server accepts: {accepts}.",
                remedy="Add a public key to ~/.ssh/authorized_keys there (ssh-copy-id), or name the key that fits.",
            ),
        )
    return hop.failed(
        step,
        NeedsPerson(
            f"there is nothing to log in with as {hop.whom}{problems}. The server accepts: {accepts}.",
            remedy="Name a key file, start ssh-agent and add a key (ssh-add), or have one made.",
        ),
    )


async def too_many(hop: Hop, visit: Visit) -> NeedsPerson:
    """The server ended the connection because too much was wrong."""
    if visit.passwords.refused or not visit.identities.tried:
        return await refused(hop, visit)
    keys = ", ".join(dict.fromkeys(visit.identities.tried))
    return hop.failed(
        AUTHENTICATE,
        NeedsPerson(
            f"{hop.whom} was refused after too many keys: {keys}.",
            remedy=f"Name the right key file; IdentitiesOnly in {CONFIGURATION} keeps the others back.",
        ),
    )


def _no_tunnel(hop: Hop, error: Exception) -> AmlError:
    import asyncssh

    assert isinstance(error, asyncssh.ChannelOpenError)
    reason = plain(error.reason).rstrip(".")
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return hop.failed(
            TCP,
            HostError(
                f"the jump host does not pass connections on to {hop.place}: {reason}.",
                remedy="AllowTcpForwarding or PermitOpen of its sshd_config forbids it: ask who runs it.",
            ),
        )
    if "name" in reason.lower() or "resol" in reason.lower():
        text = f"the jump host knows no host called {hop.way.host}."
        return hop.failed(RESOLVE, HostLost(text, remedy="Write the name as it is known there."))
    return hop.failed(
        TCP,
        HostLost(
            f"the jump host cannot reach port {hop.way.port} of {hop.place}: {reason}.",
            remedy="Is the host switched on, its SSH server running, and is this its port?",
        ),
    )


def _no_ssh(hop: Hop) -> HostError:
    return hop.failed(
        HOST_KEY,
        HostError(
            f"what listens at port {hop.way.port} of {hop.place} is no SSH server.",
            remedy=_hdinsight(hop.way.host) or "Correct the port.",
        ),
    )


def _hdinsight(host: str) -> str:
    name = host.lower()
    cluster = name.removesuffix(HDINSIGHT)
    if name == cluster or "." in cluster or cluster.endswith("-ssh"):
        return ""
    return f"The head node of an HDInsight cluster has a name of its own: {cluster}-ssh{HDINSIGHT}."
