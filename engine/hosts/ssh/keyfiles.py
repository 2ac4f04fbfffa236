"""Private keys in files: their public half without opening them, and opened only when a server wants a signature."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.hosts.asking import NeedsPerson, Question
from engine.hosts.ssh.aside import aside
from engine.hosts.ssh.remembered import TRIES
from engine.plain import plain
from engine.secrets.keys import texts

if TYPE_CHECKING:
    import asyncssh

    from engine.hosts.ssh.remembered import Remembered

OPENSSH = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----")
MAGIC = b"openssh-key-v1\0"
# A public key, where a private one was looked for: its private half is in the agent.
PUBLIC = re.compile(rb"(?:ssh|ecdsa|sk)-[^\s]+ ([A-Za-z0-9+/=]+)")
# Flags of the agent's protocol: which hash an RSA key signs with.
SHA256, SHA512 = 2, 4
# Nobody's key is longer.
LONGEST = 1 << 20


@dataclass
class KeyFile:
    """`label`: in words. `about`: its passphrase, as a question is named. `path`: "" for a key that is in no file.

    `public`: as on the wire; b"" as long as it is not known. `data`: b"" where there is no private half, and `problem`
    says why where a person would wonder. `lacking`: the passphrase that nobody was there to give.
    """

    label: str
    about: str
    remembered: Remembered = field(repr=False)
    data: bytes = field(default=b"", repr=False)
    public: bytes = b""
    encrypted: bool = False
    problem: str = ""
    lacking: NeedsPerson | None = None
    path: str = ""
    _opened: asyncssh.SSHKey | None = field(default=None, repr=False)

    async def sign(self, public: bytes, data: bytes, flags: int = 0) -> bytes:
        """As an agent does it. Raises ValueError when it cannot: then the next key is tried. NeedsPerson."""
        key = await self.opened()
        algorithm = key.algorithm
        if algorithm == b"ssh-rsa":
            algorithm = b"rsa-sha2-512" if flags & SHA512 else b"rsa-sha2-256" if flags & SHA256 else algorithm
        return key.sign(data, algorithm)

    async def opened(self) -> asyncssh.SSHKey:
        """The key, with its passphrase asked for when it is not known. Raises ValueError, NeedsPerson."""
        if self._opened is None:
            key = await self._with_passphrase() if self.encrypted else await aside(_imported, self.data, None)
            self._opened, self.public = key, key.public_data
        return self._opened

    async def _with_passphrase(self) -> asyncssh.SSHKey:
        for text in await self.remembered.stored(self.about):
            key = await self._fits(text, keep=False)
            if key is not None:
                return key
        reason = ""
        for _ in range(TRIES):
            try:
                answer = await self.remembered.ask(
                    Question("passphrase", f"The passphrase of {self.label}", reason, self.about)
                )
            except NeedsPerson as error:
                if not self.remembered.nobody:
                    raise
                # Another way in may need nobody.
                self.lacking = NeedsPerson(f"the passphrase of {self.label} is needed.", remedy=error.remedy)
                raise ValueError("its passphrase is not known") from None
            if not answer.text:
                break
            key = await self._fits(answer.text, answer.keep)
            if key is not None:
                return key
            reason = "That was not it."
        raise ValueError("its passphrase is not known")

    async def _fits(self, passphrase: str, keep: bool) -> asyncssh.SSHKey | None:
        try:
            key = await aside(_imported, self.data, passphrase)
        except ValueError:
            await self.remembered.wrong(self.about, passphrase)
            return None
        await self.remembered.right(self.about, passphrase, keep)
        return key


def read(path: str, remembered: Remembered) -> KeyFile:
    """The key of a file, as far as it can be told without its passphrase. Blocks, raises nothing."""
    key = KeyFile(plain(path), f"passphrase {path}", remembered, path=path)
    try:
        with Path(path).open("rb") as file:
            about = os.fstat(file.fileno())
            if about.st_uid == os.getuid() and stat.S_IMODE(about.st_mode) & 0o077:
                key.problem = f"{key.label} can be read by others, so it is no secret (chmod 600)"
            key.data = file.read(LONGEST)
    except OSError as error:
        key.problem = f"{key.label}: {error.strerror}"
    try:
        beside = Path(f"{path}.pub").read_bytes()
    except OSError:
        beside = b""
    _look(key, beside)
    if key.problem or PUBLIC.match(key.data):
        key.data = b""
    return key


def of_text(label: str, about: str, text: str, remembered: Remembered) -> KeyFile:
    """A key that stands in no file. Blocks, raises nothing."""
    key = KeyFile(label, about, remembered, text.encode())
    _look(key, b"")
    return key


def _look(key: KeyFile, beside: bytes) -> None:
    """Tell what can be told from the data, and from the public key beside it."""
    found = OPENSSH.search(key.data)
    public = PUBLIC.match(key.data) or PUBLIC.match(beside)
    try:
        if found:
            # The public half stands before the encrypted part.
            data = base64.b64decode(b"".join(found[1].split())).removeprefix(MAGIC)
            # Then come the names of its cipher and key derivation, and how many keys there are.
            (cipher, _, _), end = texts(data, 0, 3)
            (key.public,), _ = texts(data, end + 4, 1)
            key.encrypted = cipher != b"none"
            return
        key.encrypted = b"ENCRYPTED" in key.data
        if public:
            key.public = base64.b64decode(public[1])
        elif key.data and not key.encrypted:
            key._opened = _imported(key.data, None)
            key.public = key._opened.public_data
    except (ValueError, binascii.Error):
        key.problem = key.problem or f"{key.label} is no private key"


def _imported(data: bytes, passphrase: str | None) -> asyncssh.SSHKey:
    """Raises ValueError. The library's text may repeat nothing of the key, but says little: it is not passed on."""
    import asyncssh

    try:
        return asyncssh.import_private_key(data, passphrase)
    except asyncssh.KeyEncryptionError:
        raise ValueError("the passphrase does not fit") from None
    except ValueError:
        raise ValueError("it cannot be read") from None
