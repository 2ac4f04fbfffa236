"""What OpenSSH would do to reach a machine: its own client is asked (`ssh -G`), so that nothing is configured twice."""

from __future__ import annotations

import logging
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import HostError
from engine.plain import plain
from engine.project.machine import SSH_CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.project.machine import Machine

# `Match exec` and looking for canonical names take their time.
PATIENCE = 20.0
CONNECT_TIMEOUT = 15.0
KEY, PASSWORD, KEYBOARD = "publickey", "password", "keyboard-interactive"
# OpenSSH would ask by keyboard-interactive first; a password that is known already is better sent as what it is.
METHODS = (KEY, PASSWORD, KEYBOARD)
DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Effective:
    """How a machine is reached. Paths are absolute, tokens and `~` expanded; what is empty is not set.

    `name`: as it was asked for; `host`: what that stands for. `identity_agent`: "" for the one of SSH_AUTH_SOCK,
    "none" for none. `proxy_jump`: hops as OpenSSH writes them, the first one nearest. `proxy_command`: a line for
    /bin/sh. `strict`: "ask", "yes", "no" or "accept-new". `methods`: of METHODS, in the order they are tried.
    The algorithms are names in the order of preference; empty where they are left to the library.
    """

    name: str
    host: str
    port: int = 22
    user: str = ""
    address_family: str = "any"
    bind_address: str = ""
    connect_timeout: float = CONNECT_TIMEOUT
    compression: bool = False
    proxy_jump: tuple[str, ...] = ()
    proxy_command: str = ""
    identity_files: tuple[str, ...] = ()
    certificate_files: tuple[str, ...] = ()
    identities_only: bool = False
    identity_agent: str = ""
    methods: tuple[str, ...] = METHODS
    user_known_hosts: tuple[str, ...] = ()
    global_known_hosts: tuple[str, ...] = ()
    revoked_host_keys: str = ""
    host_key_alias: str = ""
    hash_known_hosts: bool = False
    strict: str = "ask"
    host_key_algorithms: tuple[str, ...] = ()
    ciphers: tuple[str, ...] = ()
    key_exchanges: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()


def effective(machine: Machine, environ: Mapping[str, str]) -> Effective:
    """Ask OpenSSH. Blocks. Raises HostError with what it says about a configuration that it cannot use."""
    program = shutil.which("ssh", path=environ.get("PATH"))
    if program is None:
        from engine.hosts.ssh.clientless import without_client

        logger.info("there is no OpenSSH client here: the SSH configuration is read without it")
        return without_client(machine, environ)
    command = [program, "-G", "-T"]
    for flag, value in (
        ("-F", environ.get(SSH_CONFIG, "")),
        ("-p", machine.port),
        ("-l", machine.username),
        ("-J", machine.jump_host),
    ):
        if value:
            command += [flag, str(value)]
    return understood(machine, _asked([*command, "--", machine.address], machine, environ), environ)


def _asked(command: list[str], machine: Machine, environ: Mapping[str, str]) -> str:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise HostError(f"OpenSSH's client cannot be started: {error.strerror}.", where=machine.name) from error
    with process:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            # What a `Match exec` started holds the pipes.
            os.killpg(process.pid, signal.SIGKILL)
            raise HostError(
                f"`ssh -G {machine.address}` did not end within {PATIENCE:.0f} s.",
                where=machine.name,
                remedy="Does a `Match exec` of your SSH configuration wait for something?",
            ) from None
    if process.returncode:
        said = [line for line in err.decode(errors="replace").splitlines() if line.strip()]
        # The line that says it comes first; "terminating, 1 bad configuration options" follows.
        text = next((line for line in said if "Pseudo-terminal" not in line), f"status {process.returncode}")
        raise HostError(
            f"OpenSSH cannot use its configuration for this machine: {plain(text).rstrip('.')}.",
            where=machine.name,
            remedy=f"Correct it until `ssh -G {machine.address}` is content.",
        )
    return out.decode(errors="surrogateescape")


def understood(machine: Machine, output: str, environ: Mapping[str, str]) -> Effective:
    """The lines of `ssh -G` as what they mean."""
    said: dict[str, list[str]] = {}
    for line in output.splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key.lower(), []).append("" if value == "none" else value)

    def one(key: str, otherwise: str = "") -> str:
        return said.get(key, [otherwise])[0]

    def yes(key: str, otherwise: str = "no") -> bool:
        return one(key, otherwise) in ("yes", "true", "ask")

    host, port, user = one("hostname", machine.address), int(one("port", "22")), one("user") or own_name()
    tokens = Tokens(machine.address, host, port, user, one("hostkeyalias"), one("proxyjump"), environ)
    if yes("proxyusefdpass") and one("proxycommand"):
        raise HostError(
            "ProxyUseFdpass of your SSH configuration is something that only OpenSSH itself can do.",
            where=machine.name,
            remedy="Take it out for this machine, with a ProxyCommand that passes the data on (nc %h %p).",
        )
    timeout = one("connecttimeout")
    return Effective(
        name=machine.address,
        host=host,
        port=port,
        user=user,
        address_family=one("addressfamily", "any"),
        bind_address=one("bindaddress"),
        connect_timeout=float(timeout) if timeout.isdigit() and int(timeout) else CONNECT_TIMEOUT,
        compression=yes("compression"),
        proxy_jump=tuple(hop for hop in one("proxyjump").split(",") if hop),
        proxy_command=tokens.expanded(one("proxycommand"), of_command=True),
        identity_files=tuple(tokens.path(path) for path in said.get("identityfile", []) if path),
        certificate_files=tuple(tokens.path(path) for path in said.get("certificatefile", []) if path),
        identities_only=yes("identitiesonly"),
        identity_agent=_agent(said.get("identityagent"), tokens, environ),
        methods=_methods(
            one("preferredauthentications"),
            {
                KEY: one("pubkeyauthentication", "yes") not in ("no", "false"),
                PASSWORD: yes("passwordauthentication", "yes"),
                KEYBOARD: yes("kbdinteractiveauthentication", one("challengeresponseauthentication", "yes")),
            },
        ),
        user_known_hosts=_paths(one("userknownhostsfile"), tokens),
        global_known_hosts=_paths(one("globalknownhostsfile"), tokens),
        revoked_host_keys=tokens.path(one("revokedhostkeys")),
        host_key_alias=one("hostkeyalias"),
        hash_known_hosts=yes("hashknownhosts"),
        strict={"true": "yes", "false": "no", "off": "no"}.get(
            one("stricthostkeychecking", "ask"), one("stricthostkeychecking", "ask")
        ),
        host_key_algorithms=_names(one("hostkeyalgorithms")),
        ciphers=_names(one("ciphers")),
        key_exchanges=_names(one("kexalgorithms")),
        macs=_names(one("macs")),
    )


@dataclass(frozen=True)
class Tokens:
    """What `%h` and the like stand for in the values of a configuration."""

    name: str
    host: str
    port: int
    user: str
    alias: str
    jump: str
    environ: Mapping[str, str]

    def path(self, text: str) -> str:
        """A path with everything expanded; "" stays."""
        return home_path(self.expanded(text))

    def expanded(self, text: str, of_command: bool = False) -> str:
        """`of_command`: in a command the shell expands its variables by itself."""
        if not of_command:
            text = re.sub(r"\$\{(\w+)\}", lambda found: self.environ.get(found[1], ""), text)
        return re.sub(r"%(.)", lambda found: self._token(found[1], found[0]), text)

    def _token(self, letter: str, otherwise: str) -> str:
        local = socket.gethostname()
        known = {
            "%": "%",
            "h": self.host,
            "n": self.name,
            "p": str(self.port),
            "r": self.user,
            "k": self.alias or self.host,
            "j": self.jump,
            "d": own_home(),
            "i": str(os.getuid()),
            "u": own_name(),
            "l": local,
            "L": local.partition(".")[0],
        }
        return known.get(letter, otherwise)


def home_path(text: str) -> str:
    """With a `~` at its beginning expanded."""
    return own_home() + text[1:] if text == "~" or text.startswith("~/") else text


def own_home() -> str:
    """Of the password database, as OpenSSH has it: HOME may say otherwise. Not everyone is in it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return os.environ.get("HOME", "/")


def own_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return os.environ.get("USER", str(os.getuid()))


def _agent(said: list[str] | None, tokens: Tokens, environ: Mapping[str, str]) -> str:
    if said is None or said[0] == "SSH_AUTH_SOCK":
        return ""
    if not said[0]:
        return "none"
    if said[0].startswith("$") and not said[0].startswith("${"):
        return environ.get(said[0][1:], "none") or "none"
    return tokens.path(said[0])


def _methods(preferred: str, allowed: Mapping[str, bool]) -> tuple[str, ...]:
    """Those that are allowed; where the person prefers some, only these, in their order."""
    wanted = [one for one in preferred.split(",") if one in METHODS] if preferred else list(METHODS)
    return tuple(one for one in wanted if allowed[one])


def _paths(text: str, tokens: Tokens) -> tuple[str, ...]:
    """Several paths on a line, each absolute: a word that begins otherwise belongs to a path with a blank in it."""
    paths: list[str] = []
    for word in text.split(" "):
        if paths and word and not word.startswith(("/", "~")):
            paths[-1] += f" {word}"
        elif word:
            paths.append(word)
    return tuple(tokens.path(path) for path in paths if path not in ("none", os.devnull))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)
