"""The keys that a person can log in with, in the order in which they are tried."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.hosts.ssh import keyfiles
from engine.hosts.ssh.aside import aside
from engine.hosts.ssh.effective import home_path
from engine.plain import plain
from engine.secrets.keys import texts
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncssh

    from engine.hosts.asking import NeedsPerson
    from engine.hosts.ssh.effective import Effective
    from engine.hosts.ssh.keyfiles import KeyFile
    from engine.hosts.ssh.remembered import Remembered
    from engine.project.machine import Machine

# An agent that does not answer in this time, in seconds, is none.
PATIENCE = 5.0
MADE = "the made key"

logger = logging.getLogger(__name__)


@dataclass
class _Candidate:
    """`signer`: who signs with it, the agent or a file. `public`: b"" for a file that has to be opened to know it."""

    label: str
    public: bytes
    signer: asyncssh.SSHAgentClient | KeyFile
    certificate: asyncssh.SSHCertificate | None = None


class Identities:
    """The keys for one host. `tried`: those the server was asked about; `problems`: why others could not be."""

    def __init__(self, machine: Machine, way: Effective, remembered: Remembered, environ: Mapping[str, str]) -> None:
        self.tried: list[str] = []
        self.problems: list[str] = []
        self._machine = machine
        self._way = way
        self._remembered = remembered
        self._environ = environ
        self._files: list[KeyFile] = []
        self._candidates: list[_Candidate] | None = None
        self._next = 0
        self._agent: asyncssh.SSHAgentClient | None = None

    @property
    def lacking(self) -> NeedsPerson | None:
        """What a key was in need of that the server would have taken."""
        return next((file.lacking for file in self._files if file.lacking is not None), None)

    def rewind(self) -> None:
        """Begin anew, for another connection."""
        self._next = 0
        self.tried.clear()

    async def next(self, most: int | None = None) -> asyncssh.SSHKeyPair | None:
        """The next one to offer; None after the last, or when `most` have been. Raises NeedsPerson."""
        if self._candidates is None:
            self._candidates = await self._found()
        while self._next < len(self._candidates) and (most is None or len(self.tried) < most):
            candidate = self._candidates[self._next]
            self._next += 1
            try:
                pair = await _pair(candidate)
            except ValueError as error:
                self.problems.append(f"{candidate.label}: {plain(error)}")
            else:
                self.tried.append(candidate.label)
                return pair
        return None

    async def close(self) -> None:
        agent, self._agent = self._agent, None
        if agent is not None:
            agent.close()
            await agent.wait_closed()

    async def _found(self) -> list[_Candidate]:
        """The target's own keys; those of the agent, configured ones first; then files as they are configured."""
        own = await self._own()
        self.problems += [file.problem for file in own if file.problem]
        configured = await aside(lambda: [keyfiles.read(path, self._remembered) for path in self._way.identity_files])
        configured = [file for file in configured if file.label not in {one.label for one in own}]
        certificates = await aside(_certificates, [*own, *configured], self._way.certificate_files)
        held = await self._held()
        self._files = [*own, *configured]
        named = [public for public in held if any(file.public == public for file in configured)]
        others = [] if self._way.identities_only else list(held)
        order = [file.public for file in own] + named + others + [file.public for file in configured]
        candidates = []
        for public in dict.fromkeys(public for public in order if public):
            file = next((one for one in self._files if one.public == public), None)
            signer: asyncssh.SSHAgentClient | KeyFile
            if public in held and self._agent is not None:
                label, signer = f"{file.label if file else held[public]} (in the agent)", self._agent
            elif file is not None and file.data:
                label, signer = file.label, file
            else:
                continue
            candidates += [
                _Candidate(f"{label} with its certificate", public, signer, one) for one in certificates.get(public, [])
            ]
            candidates.append(_Candidate(label, public, signer))
        # A key that says nothing of itself without its passphrase comes last, so that it is not asked for in vain.
        return candidates + [_Candidate(file.label, b"", file) for file in self._files if file.data and not file.public]

    async def _own(self) -> list[KeyFile]:
        files = []
        if self._machine.private_key:
            text = await self._remembered.of_store(self._machine.private_key)
            if text is None:
                self.problems.append(f"{MADE} is not in the key store")
            else:
                about = f"passphrase {self._machine.private_key}"
                files.append(await aside(keyfiles.of_text, MADE, about, text, self._remembered))
        if self._machine.private_key_file:
            files.append(await aside(keyfiles.read, home_path(self._machine.private_key_file), self._remembered))
        return files

    async def _held(self) -> dict[bytes, str]:
        """Public keys and comments of the agent's keys."""
        import asyncssh

        path = self._way.identity_agent or self._environ.get("SSH_AUTH_SOCK", "none")
        if path in ("none", ""):
            return {}
        self._agent = asyncssh.SSHAgentClient(path)
        try:
            async with timeout(PATIENCE):
                pairs = await self._agent.get_keys()
        except (ValueError, asyncio.TimeoutError) as error:
            logger.debug("the agent at %s: %s", path, plain(error))
            await self.close()
            return {}
        return {pair.public_data: plain(pair.get_comment(errors="replace") or "a key") for pair in pairs}


async def _pair(candidate: _Candidate) -> asyncssh.SSHKeyPair:
    """As asyncssh offers it. Raises ValueError, NeedsPerson."""
    import asyncssh

    public = candidate.public
    if not public and not isinstance(candidate.signer, asyncssh.SSHAgentClient):
        public = (await candidate.signer.opened()).public_data
    (kind,), _ = texts(public, 0, 1)
    # A file that signs is an agent of one key.
    agent: asyncssh.SSHAgentClient = candidate.signer  # type: ignore[assignment]
    pair = asyncssh.SSHAgentKeyPair(agent, kind, public, candidate.label.encode())
    if candidate.certificate is not None:
        pair.set_certificate(candidate.certificate)
    return pair


def _certificates(files: list[KeyFile], paths: tuple[str, ...]) -> dict[bytes, list[asyncssh.SSHCertificate]]:
    """Certificates of keys, by public key: configured ones, and those beside the keys' files. Blocks."""
    import asyncssh

    found: dict[bytes, list[asyncssh.SSHCertificate]] = {}
    for path in dict.fromkeys([*paths, *(f"{file.path}-cert.pub" for file in files if file.path)]):
        try:
            certificate = asyncssh.read_certificate(path)
        except (OSError, ValueError):
            continue
        if not certificate.is_x509:
            found.setdefault(certificate.key.public_data, []).append(certificate)
    return found
