"""The files in which OpenSSH keeps the keys of hosts, read and written as it does."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterable

HASHED = "|1|"
CA, REVOKED = "@cert-authority", "@revoked"
# OpenSSH's binary lists of revoked keys begin so.
KRL = b"SSHKRL\n\0"
# Two logins that learn the same key at once write it once.
_writing = threading.Lock()


@dataclass(frozen=True)
class Key:
    """A public key as it goes over the wire; `kind` is what it says it is ("ssh-ed25519")."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """`SHA256:...`, as every tool of OpenSSH shows it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def title(self) -> str:
        """As OpenSSH calls its kind: "ED25519", "RSA", "ECDSA"."""
        kind = self.kind.removeprefix("sk-").removeprefix("ssh-").partition("@")[0]
        return "ECDSA" if kind.startswith("ecdsa") else kind.upper()

    @property
    def text(self) -> str:
        """Kind and base64, as a file has it."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True)
class Entry:
    """A line: for which hosts (`names`, patterns or hashed), with which `marker` ("", CA, REVOKED), which key."""

    file: str
    line: int
    marker: str
    names: str
    key: Key

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def matches(self, name: str) -> bool:
        """Whether it speaks of this host, written as `host_name` does."""
        if self.names.startswith(HASHED):
            return _matches_hash(self.names, name)
        matched = False
        for pattern in self.names.lower().split(","):
            # `[` is an address's bracket here, never the beginning of a set of letters.
            if fnmatch.fnmatchcase(name, pattern.removeprefix("!").replace("[", "[[]")):
                if pattern.startswith("!"):
                    return False
                matched = True
        return matched


def host_name(host: str, port: int) -> str:
    """How a host is written: `host`, or `[host]:port` where the port is another than 22."""
    host = host.lower()
    return host if port == 22 else f"[{host}]:{port}"


def read(files: Iterable[str]) -> list[Entry]:
    """Every line that can be understood, as OpenSSH leaves out the others. Files that are not there hold none."""
    entries = []
    for file in files:
        try:
            data = Path(file).read_bytes()
        except OSError:
            continue
        entries += [entry for number, line in _lines(data) if (entry := _entry(file, number, line)) is not None]
    return entries


def revoked_keys(file: str) -> list[Entry]:
    """The keys of RevokedHostKeys. Raises HostError for one that cannot be read: then no key can be trusted."""
    remedy = "RevokedHostKeys of your SSH configuration names it: a file of public keys, one a line."
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise HostError(
            f"the list of revoked keys cannot be read: {error.strerror}.", where=file, remedy=remedy
        ) from None
    if data.startswith(KRL):
        raise HostError("the list of revoked keys is in a form that only OpenSSH reads.", where=file, remedy=remedy)
    found = (_entry(file, number, f"{REVOKED} * {line}") for number, line in _lines(data))
    return [entry for entry in found if entry is not None]


def _lines(data: bytes) -> Iterable[tuple[int, str]]:
    return enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1)


def _entry(file: str, number: int, line: str) -> Entry | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3 or marker not in ("", CA, REVOKED):
        return None
    names, kind, text = words[:3]
    try:
        key = Key(kind, base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
    return Entry(file, number, marker, names, key) if kind.isascii() and key.blob else None


def add(file: str, name: str, key: Key, hashed: bool) -> str:
    """Write a line for this host unless there is one; as OpenSSH would, readable by the person alone.

    Returns where the line stands. Raises OSError.
    """
    with _writing:
        for entry in read([file]):
            if not entry.marker and entry.key == key and entry.matches(name):
                return entry.place
        path = Path(file)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = f"{_hash(name) if hashed else name} {key.text}\n".encode()
        file_number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(file_number, "r+b", buffering=0) as opened:
            before = opened.read() or b""
            # A last line without its end would swallow ours.
            opened.write(b"\n" + line if before and not before.endswith(b"\n") else line)
    ended = before.count(b"\n") + (bool(before) and not before.endswith(b"\n"))
    return f"{file}:{ended + 1}"


def _hash(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.new(salt, name.encode("utf-8", "surrogateescape"), hashlib.sha1).digest()
    return HASHED + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


def _matches_hash(names: str, name: str) -> bool:
    found = re.fullmatch(r"\|1\|([^|]+)\|([^|]+)", names)
    if found is None:
        return False
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in found.groups())
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode("utf-8", "surrogateescape"), hashlib.sha1).digest(), digest)
