"""OpenSSH's own server, with a configuration, host keys and a port of its own."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services import ownership
from tests.services.people import KeyPair, make_key
from tests.services.program import Program
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.services.network import FarMachine
    from tests.services.people import Person

PROGRAM = "/usr/sbin/sshd"
# What sshd insists on, and its service would have made.
RUN = Path("/run/sshd")
# Ports are looked up free and then taken; somebody may be faster.
ATTEMPTS = 5

Option = str | int | bool | list[str]

DEFAULTS: dict[str, Option] = {
    "LogLevel": "VERBOSE",
    "UsePAM": False,
    "PasswordAuthentication": True,
    "KbdInteractiveAuthentication": False,
    # The own limit would refuse some of many connections at once.
    "MaxStartups": "100:30:200",
    "Subsystem": "sftp internal-sftp",
    "PrintMotd": False,
    "PrintLastLog": False,
}


class Sshd(Program):
    """sshd on loopback, or on a machine of its own; people log in with keys and passwords of theirs.

    `options` are those of sshd_config, by their names there: `MaxSessions=1`, `AllowTcpForwarding=False`,
    `AcceptEnv=["A", "B"]` for several lines of it. `keyboard_interactive()` are those for PAM alone. `extra`: lines
    for the end of it, as Match blocks are. `port`: 0 for a free one, on a machine of its own 22.

    What it tells of itself (`connections`, `logins`, `sessions`, `refusals`) is read from its log, which may come a
    moment after what it is about: wait for it with `until`.
    """

    def __init__(
        self,
        *,
        address: str = "",
        port: int = 0,
        machine: FarMachine | None = None,
        host_keys: Sequence[str] = ("ed25519",),
        extra: str = "",
        **options: Option,
    ) -> None:
        self.machine = machine
        self._address = address
        self._free = not port and machine is None
        self.port = port or (22 if machine else 0)
        self.root = ownership.new_folder("sshd")
        super().__init__(self.root / "log")
        self._kinds = tuple(host_keys)
        self._options = options
        self._extra = extra
        self.host_keys: list[KeyPair] = []
        self.make_host_keys()

    @property
    def address(self) -> str:
        """Where it listens: without the port."""
        return self._address or (self.machine.address if self.machine else "127.0.0.1")

    def make_host_keys(self, *kinds: str) -> None:
        """New ones, known to nobody, from the next start on; `kinds`: others than before."""
        self._kinds = kinds or self._kinds
        for old in self.root.glob("host_*"):
            old.unlink()
        self.host_keys = [make_key(self.root / f"host_{kind}", kind, comment="host") for kind in self._kinds]

    def change_host_key(self, *kinds: str) -> None:
        """As a machine that was installed again has it."""
        self.make_host_keys(*kinds)
        if self.running:
            self.restart()

    @property
    def fingerprint(self) -> str:
        """`SHA256:...` of its first host key."""
        return self.host_keys[0].fingerprint

    def known_hosts(self, name: str = "") -> str:
        """Its lines for a known_hosts file."""
        host = name or (self.address if self.port == 22 else f"[{self.address}]:{self.port}")
        return "".join(f"{host} {' '.join(key.public.split()[:2])}\n" for key in self.host_keys)

    def set_options(self, **options: Option) -> None:
        """From the next start on."""
        self._options.update(options)

    def start(self) -> None:
        """Start it and wait until it listens, which its log says: no connection is spent on asking."""
        assert not self.running
        for attempt in range(ATTEMPTS):
            if self._free and not (attempt == 0 and self.port):
                self.port = free_port(self.address)
            if self._started():
                return
            if not self._free:
                break
        raise RuntimeError(f"sshd ended:\n{self.log()[-2000:]}")

    def _started(self) -> bool:
        RUN.mkdir(mode=0o755, exist_ok=True)
        (self.root / "conf").write_text(self._configuration())
        command = [PROGRAM, "-D", "-e", "-f", str(self.root / "conf")]
        if self.machine:
            command = self.machine.command(*command)
        with self.log_file.open("ab") as log:
            before = log.tell()
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

        def listens() -> bool:
            said = self.log_file.read_bytes()[before:]
            return b"Server listening on" in said or self.gone

        until(listens, 20, "sshd listens")
        if self.gone:
            self._process = None
        return self.running

    def _configuration(self) -> str:
        own: dict[str, Option] = {
            "Port": self.port,
            "ListenAddress": self.address,
            "PidFile": str(self.root / "pid"),
            "HostKey": [str(key.path) for key in self.host_keys],
        }
        if version() >= (9, 8):
            # Newer ones turn away for a while who comes from where refused passwords came from.
            own["PerSourcePenalties"] = False
        lines = [
            f"{name} {('yes' if one else 'no') if isinstance(one, bool) else one}\n"
            for name, value in {**own, **DEFAULTS, **self._options}.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        return f"{''.join(lines)}{self._extra}\n"

    def stop(self) -> None:
        """Let nobody in any more; who is in stays."""
        super().stop()

    def drop(self) -> None:
        """Cut off who is in; what they run may go on."""
        ownership.end(self._is_of_a_connection)

    def kill(self) -> None:
        """End it and every connection at once."""
        super().kill()
        self.drop()

    def restart(self) -> None:
        """On the same port; who is in stays, as with a service that is restarted."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """It and its connections stand still; what was asked of them waits. See `thaw`."""
        os.kill(self.pid, signal.SIGSTOP)

        def all_stand_still() -> bool:
            # One that has just logged in makes another process for it.
            moving = [pid for pid in self._of_connections() if _state(pid) not in "TZ"]
            for pid in moving:
                os.kill(pid, signal.SIGSTOP)
            return not moving

        until(all_stand_still, 30, "sshd stands still")

    def thaw(self) -> None:
        for pid in [self.pid, *self._of_connections()]:
            os.kill(pid, signal.SIGCONT)

    def _is_of_a_connection(self, entry: Path) -> bool:
        """sshd's processes of connections have its log open, unlike what people run."""
        return (
            Path(os.readlink(entry / "exe")).name.startswith("sshd")
            and ownership.has_open(entry, self.log_file)
            and (self._process is None or entry.name != str(self._process.pid))
        )

    def _of_connections(self) -> list[int]:
        return ownership.processes(self._is_of_a_connection)

    def close(self) -> None:
        """End it and what is connected; remove all of it."""
        self.kill()
        ownership.remove_folder(self.root)

    @property
    def connections(self) -> int:
        """How many were made to it so far, logged in or not."""
        return len(re.findall(r"^Connection from ", self.log(), re.M))

    @property
    def open_connections(self) -> int:
        """How many are logged in now."""
        titles = [Path(f"/proc/{pid}/cmdline") for pid in self._of_connections()]
        return sum(b"[priv]" in path.read_bytes() for path in titles if path.exists())

    @property
    def logins(self) -> list[str]:
        """Method and name of each so far: "publickey alice", "password alice", "keyboard-interactive/pam alice"."""
        return [" ".join(one) for one in re.findall(r"^Accepted (\S+) for (\S+) from", self.log(), re.M)]

    @property
    def refusals(self) -> list[str]:
        """What was tried in vain so far: "password alice". A key that does not fit is none: it is only asked about."""
        found = re.findall(r"^Failed (\S+) for (?:invalid user )?(\S+) from", self.log(), re.M)
        return [" ".join(one) for one in found if one[0] != "none"]

    @property
    def sessions(self) -> list[str]:
        """What each session so far was for: "shell", "command", "subsystem 'sftp'"."""
        return re.findall(r"^Starting session: (.+?)(?: on \S+)? for \S+ from", self.log(), re.M)

    def ssh(
        self, person: Person | str, *command: str, key: KeyPair | None = None, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """OpenSSH's own client runs a command there, asking nothing; `options` go before the host's name.

        It knows the host keys of now unless another UserKnownHostsFile is among the options.
        """
        known = self.root / "known_hosts"
        known.write_text(self.known_hosts())
        name = person if isinstance(person, str) else person.name
        argv = ["ssh", "-F", "none", *options, "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known}"]
        argv += ["-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes", "-p", str(self.port)]
        argv += ["-o", "IdentitiesOnly=yes", "-i", str(key.path)] if key else []
        return subprocess.run(
            [*argv, f"{name}@{self.address}", *command], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )


def keyboard_interactive() -> dict[str, Option]:
    """Options for a server that asks questions through PAM and takes no password otherwise."""
    return {"UsePAM": True, "KbdInteractiveAuthentication": True, "PasswordAuthentication": False}


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def free_port(address: str = "127.0.0.1") -> int:
    """One that nobody listens on now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as one:
        one.bind((address, 0))
        return int(one.getsockname()[1])


@functools.cache
def version() -> tuple[int, int]:
    """(major, minor) of the installed server."""
    done = subprocess.run([PROGRAM, "-V"], capture_output=True, text=True)
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", done.stderr + done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def missing() -> str:
    """Why there can be no SSH server here, or ""."""
    if os.getuid():
        return "only root can start an SSH server that lets other people in"
    lacking = [one for one in ("ssh", "ssh-keygen", "ssh-agent", "useradd", "ip", "iptables") if not shutil.which(one)]
    lacking += [] if Path(PROGRAM).exists() else ["sshd"]
    install = "apt-get install openssh-server openssh-client iproute2 iptables"
    return f"not installed: {', '.join(lacking)} ({install})" if lacking else ""
