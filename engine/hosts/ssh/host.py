"""A machine over SSH: one connection, on it one session for the agent, and the Docker Engine's socket forwarded."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.errors import HostError, HostLost, NothingThere, Unsupported
from engine.hosts.agent_host import AgentHost
from engine.hosts.asking import Nobody
from engine.hosts.docker.trouble import GROUP, DockerDenied, DockerError, DockerLost

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import asyncssh

    from engine.hosts.docker.api import DockerApi
    from engine.hosts.docker.finding import Endpoint
    from engine.hosts.ssh.answers import Answers
    from engine.hosts.ssh.channel import AgentChannel
    from engine.hosts.ssh.login import Login
    from engine.hosts.terminal import Surroundings, Terminal, Window
    from engine.paths import Paths
    from engine.project.machine import Machine
    from engine.secrets import KeyStore

log = logging.getLogger(__name__)

# Where everything of ours is on such a host: runs and the content store.
ROOT = "~/.local/share/aml-tui"
# After so long without a word the agent is asked for one (s): with the misses, a cut network is noticed in 20 s.
PING_AFTER = 5.0
# Outputs larger than this stay on their host until somebody asks for them, as in the original (bytes).
LARGEST = 512 << 20
# The agent leaves a line on which nobody has spoken for so long (s): the other end of a half-open connection is gone.
DESERTED = 600.0
# Contents that no run of anybody here was laid from for so long are removed from the host (s).
KEEP = 30 * 86_400.0


class SshHost(AgentHost):
    """One connection shared by everything. `login`: one that is there already, used by the first connect."""

    ping_after = PING_AFTER
    deserted = DESERTED
    keep = KEEP

    def __init__(
        self,
        machine: Machine,
        *,
        paths: Paths,
        keys: KeyStore,
        answers: Answers,
        environ: Mapping[str, str],
        login: Login | None = None,
    ) -> None:
        super().__init__(machine.name, ROOT)
        self.machine = machine
        self._paths = paths
        self._keys = keys
        self._answers = answers
        self._environ = environ
        self._given = login
        self._login: Login | None = None
        self._channel: AgentChannel | None = None
        self._dockers: dict[Endpoint, DockerApi] = {}
        self._usual: Endpoint | None = None
        self._forwards: dict[Path, asyncssh.SSHListener] = {}
        self._finding = asyncio.Lock()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        from engine.hosts.ssh.channel import start_agent
        from engine.hosts.ssh.login import log_in

        login, self._given = self._given, None
        if login is None:
            login = await log_in(
                self.machine, keys=self._keys, ask=Nobody(), answers=self._answers, say=_quiet, environ=self._environ
            )
        self._login = login
        self._channel = await start_agent(login.connection, self.name)
        return self._channel.reader, self._channel.writer

    async def _end(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None and channel.complaints:
            log.warning("%s: agent: %s", self.name, channel.complaints.decode("utf-8", "backslashreplace").rstrip())
        login, self._login = self._login, None
        forwards, self._forwards = self._forwards, {}
        dockers, self._dockers, self._usual = self._dockers, {}, None
        for docker in dockers.values():
            await docker.close()
        for path, forward in forwards.items():
            forward.close()
            await asyncio.to_thread(path.unlink, missing_ok=True)
        if login is not None:
            await login.close()

    async def close(self) -> None:
        await super().close()
        given, self._given = self._given, None
        if given is not None:
            await given.close()

    async def docker(self, at: Endpoint | None = None) -> DockerApi:
        """The one at this address of the host, or the one that its own `docker` command would use."""
        async with self._finding:
            if at is None:
                known = self._dockers.get(self._usual) if self._usual else None
                if known is None or not known.reached:
                    self._usual = await self._found()
                at = self._usual
                assert at is not None
            docker = self._dockers.get(at)
            if docker is None:
                docker = self._dockers[at] = await self._forwarded(at)
        await docker.open()
        return docker

    async def terminal(self, found: Surroundings, window: Window) -> Terminal:
        from engine.hosts.ssh.terminal import open_terminal

        login = self._login
        if login is None:
            raise HostLost(f"{self.name} is not connected", where=self.name)
        return await open_terminal(login.connection, self.name, self.info.executable or "python3", found, window)

    async def dial(self, address: str, port: int) -> tuple[Any, Any]:
        import asyncssh

        login = self._login
        if login is None:
            raise HostLost(f"{self.name} is not connected", where=self.name)
        try:
            return await login.connection.open_connection(address, port, encoding=None)
        except asyncssh.ChannelOpenError as error:
            if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                raise HostError(
                    "the SSH server does not allow ports to be forwarded.",
                    where=self.name,
                    remedy="Its sshd_config needs `AllowTcpForwarding yes` (or local).",
                ) from error
            raise NothingThere(f"nothing answers at port {port} of {self.name}.", where=self.name) from error
        except (asyncssh.Error, OSError) as error:
            raise HostLost(f"contact with {self.name} was lost: {error}", where=self.name) from error

    async def collect(self, run_id: str, folder: Path) -> tuple[str, ...]:
        fetched = await self.fetch_outputs(run_id, folder, most=LARGEST)
        return fetched.skipped

    async def _found(self) -> Endpoint:
        from engine.hosts.docker.finding import Endpoint

        addresses = await self._agent.request("dockers")
        if not addresses:
            raise DockerError(
                "there is no Docker Engine on this host.",
                where=self.name,
                remedy="Install it there (Debian, Ubuntu: sudo apt-get install docker.io), or start it.",
            )
        first = addresses[0]
        if first["allowed"] is False:
            raise DockerDenied(
                f"{self._info.user if self._info else 'this user'} may not use the Docker Engine of this host.",
                where=self.name,
                remedy=GROUP.replace("`aml engine restart`", "press t on the target to connect anew"),
            )
        return Endpoint(first["url"], first["how"])

    async def _forwarded(self, at: Endpoint) -> DockerApi:
        """The Docker Engine's address on the host as a socket here, in a folder that is the person's alone."""
        import asyncssh

        from engine.hosts.docker.api import DockerApi

        login = self._login
        if login is None:
            raise HostLost(f"{self.name} is not connected", where=self.name)
        name = hashlib.sha256(f"{self.name} {at.url} {id(self)}".encode()).hexdigest()[:8]
        # Short: a socket's path holds 107 bytes, and the folder may have 90 of them.
        path = self._paths.runtime / f"docker-{name}"
        await asyncio.to_thread(path.unlink, missing_ok=True)
        there = self._place(at)
        try:
            # Reached once by ourselves: a forwarded socket only closes, which says nothing of why.
            if isinstance(there, str):
                _, writer = await login.connection.open_unix_connection(there, encoding=None)
                writer.close()
                forward = await login.connection.forward_local_path(str(path), there)
            else:
                _, writer = await login.connection.open_connection(*there, encoding=None)
                writer.close()
                forward = await login.connection.forward_local_path_to_port(str(path), *there)
        except asyncssh.ChannelOpenError as error:
            raise await self._refused(error, at) from error
        except (asyncssh.Error, OSError) as error:
            raise HostLost(f"contact with {self.name} was lost: {error}", where=self.name) from error
        self._forwards[path] = forward
        return DockerApi(at, self.name, via=f"unix://{path}")

    def _place(self, at: Endpoint) -> str | tuple[str, int]:
        """The path of its socket, or name and port. Raises Unsupported."""
        if at.url.startswith("unix://"):
            return at.url.removeprefix("unix://")
        # What is no port is a ValueError.
        with contextlib.suppress(ValueError):
            split = urlsplit(at.url)
            if split.scheme in ("tcp", "http") and split.hostname and split.port:
                return split.hostname, split.port
        raise Unsupported(
            f"{at.url!r} ({at.how}) is no Docker Engine that can be reached through this host.",
            where=self.name,
            remedy="Have it listen on a socket, or on tcp://127.0.0.1:PORT.",
        )

    async def _refused(self, error: asyncssh.ChannelOpenError, at: Endpoint) -> HostError:
        import asyncssh

        # OpenSSH says of a socket that may not be forwarded what it says of one that is not there.
        if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED or (
            at.url.startswith("unix://") and await self._agent.request("takes", url=at.url)
        ):
            return DockerError(
                "the SSH server does not allow the Docker Engine's socket to be forwarded.",
                where=self.name,
                remedy="Its sshd_config needs `AllowStreamLocalForwarding yes` and no `DisableForwarding yes`.",
            )
        return DockerLost(
            f"the Docker Engine is not running, or not at {at.url} ({at.how}).",
            where=self.name,
            remedy="Start it on that host: sudo systemctl start docker.",
        )


def _quiet(step: str, state: str, detail: str) -> None:
    """Nobody looks at the steps of a connection that is made in the background."""
