"""Machines over SSH for a measurement: a network, a server and a person each, and OpenSSH's own client beside them.

Real ones: sshd in a namespace of its own, a system user, a cable whose bytes are counted (root; openssh-server).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from bench.installation import wait_for
from engine.secrets import KeyStore
from engine.secrets.references import new_reference
from tests.services import network, ownership, people, sshd
from tests.services.network import FarMachine
from tests.services.people import Person, make_key
from tests.services.sshd import Sshd
from tests.services.sweeping import sweep

if TYPE_CHECKING:
    from bench.installation import Installation

PASSWORD = "correct horse 4711"  # noqa: S105 - of a user that lives as long as the measurement
RUNCONFIG = 'ArgumentVector:\n  - "$file"\nTarget: {name}\nFramework: Python\nPrepareEnvironment: false\n'
# Of a machine that nobody else reaches.
EVERYWHERE = "0.0.0.0"  # noqa: S104
COUNTERS = Path("/sys/class/net")


class FarHost:
    """One machine. `name`: of its configuration and target, which `serve` writes; `by_password`: and not by the key."""

    def __init__(self, name: str, stack: contextlib.ExitStack, key: people.KeyPair, *, by_password: bool) -> None:
        self.name = name
        self.key = key
        self.by_password = by_password
        self.machine = FarMachine(name)
        stack.callback(self.machine.remove)
        # Who has no password is locked out by a server without PAM. By hand one logs in with the key.
        self.person = Person(name, PASSWORD)
        stack.callback(self.person.remove)
        self.person.authorize(key)
        self.sshd = Sshd(machine=self.machine, ListenAddress=EVERYWHERE)
        stack.callback(self.sshd.close)
        self.sshd.start()

    @property
    def login(self) -> str:
        return f"{self.person.name}@{self.machine.address}"

    @property
    def root(self) -> Path:
        """Where everything of ours is on this host."""
        return self.person.home / ".local/share/aml-tui"

    def log(self, run_id: str) -> Path:
        """The host's file of a run's driver log."""
        return self.root / "runs" / run_id / "logs" / "driver.log"

    def carried(self) -> tuple[int, int]:
        """Bytes and packets over its cable so far, both ways; bytes as Ethernet has them."""
        folder = COUNTERS / self.machine.link / "statistics"
        values = [
            sum(int((folder / f"{way}_{what}").read_text()) for way in ("rx", "tx")) for what in ("bytes", "packets")
        ]
        return values[0], values[1]

    def agents(self) -> list[int]:
        """Pids of our agents there."""
        return [
            pid
            for pid, words in self.person.processes().items()
            if "b64decode" in words and "aml-runner" not in words and not words.startswith("/bin/sh")
        ]


class FarHosts:
    """`count` machines, `far`, `far2`, `far3`... With `passwords` every second is reached by one from the key store."""

    def __init__(self, count: int = 1, *, passwords: bool = False) -> None:
        why = sshd.missing() or network.missing()
        if why:
            raise SystemExit(f"NO SSH SERVERS: {why}")
        sweep()
        # Other people's scripts look into it.
        self.folder = ownership.new_folder("bench")
        self.all: list[FarHost] = []
        self._stack = contextlib.ExitStack()
        self._stack.callback(ownership.remove_folder, self.folder)
        try:
            key = make_key(self.folder / "key")
            for number in range(count):
                secret = passwords and number % 2 == 1
                self.all.append(FarHost(f"far{number + 1 if number else ''}", self._stack, key, by_password=secret))
            known = self.folder / "known_hosts"
            known.write_text("".join(one.sshd.known_hosts() for one in self.all), encoding="utf-8")
            # Nothing of whoever measures: no key, no agent, no host they know.
            self.config = self._configured("ssh_config", known, "none")
            self.config_by_hand = self._configured("ssh_config_by_hand", known, str(key.path))
        except BaseException:
            self.close()
            raise

    def _configured(self, name: str, known: Path, key: str) -> Path:
        """An SSH configuration that logs in with this key, or with none of its own."""
        path = self.folder / name
        lines = ["Host *", f"UserKnownHostsFile {known}", "GlobalKnownHostsFile none", f"IdentityFile {key}"]
        path.write_text("\n".join([*lines, "IdentitiesOnly yes", "IdentityAgent none", ""]), encoding="utf-8")
        return path

    def __enter__(self) -> FarHosts:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    def serve(self, place: Installation, *, slots: int = 4) -> None:
        """Let an installation submit to them, from now on to the first. Before its engine is started."""
        for name, value in (("AML_TUI_SSH_CONFIG", str(self.config)), ("AML_TUI_KEYRING", "off")):
            place.environ[name] = os.environ[name] = value
        place.environ.pop("SSH_AUTH_SOCK", None)
        folder = place.project / "aml_config"
        for one in self.all:
            lines = ["type: remote", f"address: {one.machine.address}", f"username: {one.person.name}"]
            if one.by_password:
                reference = new_reference(one.machine.address, one.person.name)
                KeyStore(place.paths).put(reference, PASSWORD)
                lines.append(f"password: {reference}")
            else:
                lines.append(f"privateKeyFile: {one.key.path}")
            text = "\n".join([*lines, f"slots: {slots}", ""])
            (folder / f"{one.name}.compute").write_text(text, encoding="utf-8")
            (folder / f"{one.name}.runconfig").write_text(RUNCONFIG.format(name=one.name), encoding="utf-8")
        place.config = self.all[0].name

    def ssh(self, host: FarHost, *words: str) -> list[str]:
        """The command line of OpenSSH's client, with a connection of its own, that runs this there."""
        return ["ssh", "-F", str(self.config_by_hand), "-o", "BatchMode=yes", host.login, *words]

    def master(self, host: FarHost, *options: str) -> Master:
        """A connection of OpenSSH's client to one of them, open until it is closed."""
        return Master(host, self, options)


class Master:
    """An open connection by hand, `ssh -M`, over which commands are run. `pid`: of the client that holds it."""

    def __init__(self, host: FarHost, hosts: FarHosts, options: tuple[str, ...]) -> None:
        socket = hosts.folder / f"to-{host.name}"
        self._ssh = ["ssh", "-F", str(hosts.config_by_hand), "-S", str(socket)]
        self._login = host.login
        argv = [*self._ssh, "-M", "-N", "-o", "BatchMode=yes", *options, self._login]
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(socket.exists, 20, f"ssh -M to {host.name}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def command(self, *words: str) -> list[str]:
        """The command line that runs this there. The far side's shell reads the words."""
        return [*self._ssh, self._login, *words]

    def rsync(self, source: Path, folder: str, *options: str) -> list[str]:
        """The command line that brings the content of a folder there."""
        return ["rsync", "-a", *options, "-e", " ".join(self._ssh), f"{source}/", f"{self._login}:{folder}/"]

    def __enter__(self) -> Master:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
