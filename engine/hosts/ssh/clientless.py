"""The SSH configuration as asyncssh reads it, for machines without OpenSSH's client."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import HostError
from engine.hosts.ssh import effective as asked
from engine.plain import plain
from engine.project.machine import SSH_CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.project.machine import Machine

SYSTEM = "/etc/ssh/ssh_config"


def without_client(machine: Machine, environ: Mapping[str, str]) -> asked.Effective:
    """The same as `effective`, from the options that asyncssh knows; plain defaults where there is no file. Blocks."""
    from asyncssh.config import ConfigParseError, SSHClientConfig

    home = Path(asked.own_home(), ".ssh")
    own = environ.get(SSH_CONFIG)
    files = [Path(own)] if own else [home / "config", Path(SYSTEM)]
    # A user name that is not said is an empty tuple there.
    given = (asked.own_name(), machine.username or (), machine.address, machine.port or ())
    try:
        config = SSHClientConfig.load(
            None, [file for file in files if own or file.is_file()], False, False, False, *given
        )
    except (ConfigParseError, OSError, UnicodeDecodeError) as error:
        raise HostError(
            f"the SSH configuration cannot be used: {plain(error).rstrip('.')}.",
            where=machine.name,
            remedy="Correct that file.",
        ) from error
    return asked.understood(machine, "\n".join(_lines(config, machine, home)), environ)


def _lines(config: object, machine: Machine, home: Path) -> list[str]:
    """What is set, written as `ssh -G` would."""
    get = config.get  # type: ignore[attr-defined]
    lines = []
    for name in (
        "HostName", "Port", "User", "BindAddress", "ConnectTimeout", "Compression", "ProxyCommand", "IdentitiesOnly",
        "IdentityAgent", "PreferredAuthentications", "PubkeyAuthentication", "PasswordAuthentication",
        "KbdInteractiveAuthentication", "HostKeyAlias",
    ):  # fmt: skip
        value = get("Hostname" if name == "HostName" else name, "")
        if value is None:
            lines.append(f"{name.lower()} none")
        elif value != "":
            lines.append(f"{name.lower()} {'yes' if value is True else 'no' if value is False else value}")
    jump = machine.jump_host or get("ProxyJump")
    if jump:
        lines = [line for line in lines if not line.startswith("proxycommand ")] + [f"proxyjump {jump}"]
    keys = get("IdentityFile") or [os.fspath(home / name) for name in asked.DEFAULT_KEYS]
    lines += [f"identityfile {path}" for path in keys]
    lines += [f"certificatefile {path}" for path in get("CertificateFile") or []]
    for name, folder in (("User", home), ("Global", Path("/etc/ssh"))):
        known = get(f"{name}KnownHostsFile")
        if known is None:
            prefix = "ssh_" if name == "Global" else ""
            known = [os.fspath(folder / f"{prefix}known_hosts{number}") for number in ("", "2")]
        lines.append(f"{name.lower()}knownhostsfile {' '.join(known) or 'none'}")
    return lines
