"""SSH key pairs, as OpenSSH writes them: the private key without a passphrase, with its comment in it."""

from __future__ import annotations

import base64
import struct
import textwrap

from engine.plain import plain

_RSA_BITS = 3072
_BEGIN, _END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
_HEAD = b"openssh-key-v1\0" + b"\0\0\0\4none" * 2 + b"\0\0\0\0" + b"\0\0\0\1"
# How many fields of a private key stand between its type and its comment.
_FIELDS = {b"ssh-ed25519": 2, b"ssh-rsa": 6}
_CHECKS, _BLOCK = 8, 8


def make(comment: str, kind: str) -> str:
    """A new private key of kind "ed25519" or "rsa"; raises ValueError for another. Blocking, RSA up to some seconds.

    `comment` becomes one line: it will stand in `authorized_keys` of other machines, where a second would be a key.
    """
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    if kind == "ed25519":
        made = ed25519.Ed25519PrivateKey.generate()
    elif kind == "rsa":
        made = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    else:
        raise ValueError(f"{kind!r} is no kind of key")
    written = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode("ascii")
    return _with_comment(written, plain(comment).strip())


def public_line(private: str) -> str | None:
    """`ssh-ed25519 AAAA... comment` of a private key made here; None for anything else."""
    try:
        public, inner = _opened(private)
        (kind,), _ = texts(public, 0, 1)
        (comment,), _ = texts(inner, _before_comment(inner), 1)
        return f"{kind.decode()} {base64.b64encode(public).decode()} {comment.decode()}".rstrip()
    except (ValueError, KeyError):
        return None


def _with_comment(private: str, comment: str) -> str:
    """The library writes none, and without it the public line could not be had again from the private key."""
    public, inner = _opened(private)
    inner = inner[: _before_comment(inner)] + _text(comment.encode())
    inner += bytes(range(1, 1 - len(inner) % -_BLOCK))
    body = base64.b64encode(_HEAD + _text(public) + _text(inner)).decode("ascii")
    return "\n".join([_BEGIN, *textwrap.wrap(body, 70), _END, ""])


def _opened(private: str) -> tuple[bytes, bytes]:
    """The public part of an unencrypted key, and the private one with its padding."""
    lines = private.strip().splitlines()
    if len(lines) < 3 or (lines[0], lines[-1]) != (_BEGIN, _END):
        raise ValueError("not in OpenSSH's format")
    data = base64.b64decode("".join(lines[1:-1]), validate=True)
    if not data.startswith(_HEAD):
        raise ValueError("encrypted, or several keys in one")
    (public, inner), _ = texts(data, len(_HEAD), 2)
    return public, inner


def _before_comment(inner: bytes) -> int:
    (kind,), after = texts(inner, _CHECKS, 1)
    return texts(inner, after, _FIELDS[kind])[1]


def texts(data: bytes, start: int, count: int) -> tuple[list[bytes], int]:
    """This many fields from `start` on, each with its length before it, and where the last one ends."""
    found = []
    for _ in range(count):
        end = start + 4 + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            raise ValueError("cut off")
        found.append(data[start + 4 : end])
        start = end
    return found, start


def _text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
