"""How a machine is reached over SSH, as a `.compute` file says it; what everything else names a host by."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Names another SSH configuration than ~/.ssh/config, for the engine and for the `ssh` that faces start.
SSH_CONFIG = "AML_TUI_SSH_CONFIG"
_PLAIN = re.compile(r"[^\s\[\]@/\\\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Machine:
    """`address`: a name, an IP or an alias of the SSH configuration, without the port.

    `password` and `private_key` are references into the key store, never the secret itself. `jump_host` is written as
    OpenSSH's ProxyJump. What is empty is left to the SSH configuration.
    """

    address: str
    port: int | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    private_key_file: str = ""
    jump_host: str = ""

    @property
    def name(self) -> str:
        """What the engine and every face call this host: two targets that are reached alike share one connection."""
        user = f"{self.username}@" if self.username else ""
        way = f" via {self.jump_host}" if self.jump_host else ""
        return f"{user}{join_address(self.address, self.port)}{way}"

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Machine:
        """Raises TypeError or ValueError for what is none."""
        known = {one.name: data[one.name] for one in dataclasses.fields(cls) if one.name in data}
        port = known.pop("port", None)
        if not all(isinstance(value, str) for value in known.values()) or not known.get("address"):
            raise ValueError("a machine has an address, and every field but its port is a text")
        if port is not None and not (isinstance(port, int) and 0 < port < 65536):
            raise ValueError(f"{port!r} is no port")
        return cls(port=port, **known)


def join_address(address: str, port: int | None) -> str:
    """`host`, `host:port`, or `[v6]:port`."""
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def split_address(text: str) -> tuple[str, int | None]:
    """Name and port of `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address. Raises ProjectError."""
    text = text.strip()
    page = re.match(r"\w+://(?:[^/@]*@)?([^/:]+)", text)
    if page:
        raise ProjectError(f"{text!r} is the address of a page.", remedy=f"Write the machine's name: {page[1]}.")
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.%\w]+)\](?::(.*))?", text)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") == 1:
        host, port = text.split(":")
    else:
        host, port = text, None
    if not _PLAIN.fullmatch(host) or host.startswith("-"):
        raise ProjectError(
            f"{text!r} is no address of a machine.",
            remedy="Write a name or an IP address, with a port if it is not 22: gpu-box, 10.0.0.5:2222, [fe80::1]:22.",
        )
    if port is None:
        return host, None
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ProjectError(f"{port!r} in {text!r} is no port.", remedy="Write a number from 1 to 65535.")
    return host, int(port)
