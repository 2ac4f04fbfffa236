"""Machines on networks of their own, which can be cut off: namespaces of this one, with a cable between."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.services import ownership

# Set apart for tests of networks (RFC 2544): nobody's addresses.
RANGE = "198.18"
# What goes to a machine that is cut off must not leave this one by its default route. It comes after every other route.
ROUTE = ("unreachable", f"{RANGE}.0.0/16", "metric", "4278198272")
NAMESPACES = Path("/run/netns")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class FarMachine:
    """A machine with an address, a name and processes of its own; files and users are those of this one.

    `address`: its own; `near`: that of the other end of the cable, which is this machine, or the one that it is
    `behind`: then no other reaches it. The namespace is named after the process that made it and its network.
    """

    def __init__(self, label: str = "far", behind: FarMachine | None = None) -> None:
        self.name: str
        self.label = label
        self._other_end = ["-n", behind.name] if behind else []
        self._boot_id: Path | None = None
        self._root = ownership.new_folder("far")
        with ownership.alone():
            number = _free_network()
            self.name = f"{ownership.mark()}-{number}"
            self.link = f"aml-net{number}"
            self._net = f"{RANGE}.{number}"
            self.near, self.address = f"{self._net}.1", f"{self._net}.2"
            try:
                _ip("route", "replace", *ROUTE)
                _ip("netns", "add", self.name)
                self._ip_there("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
                self._ip_there("addr", "add", f"{self.near}/24", "dev", self.link)
                self._ip_there("link", "set", self.link, "up")
                _ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
                _ip("-n", self.name, "link", "set", "lo", "up")
                _ip("-n", self.name, "link", "set", "eth0", "up")
            except BaseException:
                _remove(self.name)
                raise

    def _ip_there(self, *arguments: str) -> None:
        """At the other end of the cable."""
        _ip(*self._other_end, *arguments)

    def command(self, *command: str) -> list[str]:
        """The command line that runs this there; its pid is the one of what it runs."""
        words = ["nsenter", f"--net={NAMESPACES / self.name}", "unshare", "--uts"]
        script = 'hostname "$0" && exec "$@"'
        if self._boot_id:
            words += ["--mount"]
            script = f"mount --bind {self._boot_id} {BOOT_ID} && {script}"
        return [*words, "sh", "-c", script, self.label, *command]

    def run(self, *command: str) -> str:
        """What a command says there; raises when it fails."""
        done = subprocess.run(self.command(*command), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} on {self.label}: {done.stderr.strip()}")
        return done.stdout.strip()

    def cut(self) -> None:
        """Pull the plug: what is under way waits, new connections are refused at once (no route to host)."""
        self._ip_there("link", "set", self.link, "down")

    def mend(self) -> None:
        """After `cut`: connections of before go on."""
        self._ip_there("link", "set", self.link, "up")

    def switch_off(self) -> None:
        """Nothing comes in or goes out, and nobody is told: new connections wait until they give up."""
        for chain, flag in (("INPUT", "-i"), ("OUTPUT", "-o")):
            self.run("iptables", "-w", "-I", chain, flag, "eth0", "-j", "DROP")

    def switch_on(self) -> None:
        """After `switch_off`."""
        self.run("iptables", "-w", "-F")

    def change_address(self) -> str:
        """Another address of the same network in the place of its own, which nobody answers any more."""
        self.address = f"{self._net}.{int(self.address.rpartition('.')[2]) + 1}"
        _ip("-n", self.name, "addr", "flush", "dev", "eth0")
        _ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        return self.address

    def processes(self) -> list[int]:
        """Pids of everything that runs there."""
        return [int(pid) for pid in _ip("netns", "pids", self.name).split()]

    def reboot(self) -> None:
        """Nothing runs there any more, and what is started from now on finds another boot id."""
        end_of(self.name)
        self._boot_id = self._root / "boot_id"
        self._boot_id.write_text(Path("/proc/sys/kernel/random/uuid").read_text())

    def remove(self) -> None:
        remove_namespace(self.name)
        ownership.remove_folder(self._root)


def end_of(namespace: str) -> None:
    """End everything that runs in it."""
    try:
        about = (NAMESPACES / namespace).stat()
    except FileNotFoundError:
        return

    def look(entry: Path) -> bool:
        one = (entry / "ns/net").stat()
        return (one.st_dev, one.st_ino) == (about.st_dev, about.st_ino)

    ownership.end(look)


def remove_namespace(name: str) -> None:
    """End what runs in it and remove it and its cable; what is not there is fine."""
    with ownership.alone():
        _remove(name)
        if not any(NAMESPACES.glob("aml-t*")):
            subprocess.run(["ip", "route", "del", *ROUTE], capture_output=True)


def _remove(name: str) -> None:
    end_of(name)
    # The link first: with the namespace alone it would go only a while later.
    subprocess.run(["ip", "-n", name, "link", "del", "eth0"], capture_output=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def sweep_namespaces() -> None:
    """Remove those of test processes that were killed, and their cables."""
    for path in NAMESPACES.glob("aml-t*"):
        if ownership.is_left(path.name):
            remove_namespace(path.name)


def missing() -> str:
    """Why there can be no further machines here, or ""."""
    done = subprocess.run(["unshare", "--net", "--uts", "true"], capture_output=True, text=True)
    return f"no network can be made: {done.stderr.strip()}" if done.returncode else ""


def _free_network() -> int:
    """The third number of addresses that nobody has."""
    taken = {path.name.rpartition("-")[2] for path in NAMESPACES.glob("aml-t*")}
    return next(number for number in range(256) if str(number) not in taken)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
