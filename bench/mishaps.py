"""Where runs are while the engine is killed, and what else happens to them there."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from bench.installation import wait_for
from bench.killed_runs import NAME, SCRIPT, insist

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from bench.far import FarHost
    from bench.installation import Installation
    from bench.killed_runs import Expected

    # At which moment of a round (s), and what happens then.
    Mishap = tuple[float, Callable[[], None]]

# How many of the hosts a round's cut, or a round's killed sshd, concerns; one always.
SHARE = 0.7
# After the longest pause between two tries of the engine every host is reached again (s).
BACK_WITHIN = 120.0


class Here:
    """This machine: nothing happens but to the engine."""

    # What a run may take longer than its script, seconds.
    patience = 120.0

    def serve(self, place: Installation, slots: int) -> None:
        """Let the installation submit to it. Before its engine is started."""
        self.place = place
        self.marks = place.folder / "marks"
        self.marks.mkdir()

    def config(self, one: Expected) -> str:
        """The configuration that a run is submitted with."""
        return self.place.config

    def mishaps(self, dice: random.Random) -> list[Mishap]:
        """What happens in the next round, besides the engine's death."""
        return []

    def mended(self) -> float | None:
        """Seconds until the engine has every host again, everything being mended; None where it cannot lose one."""
        return None

    def script(self) -> str:
        """What its runs run."""
        return SCRIPT

    def said(self, log: bytes) -> bytes:
        """Of a driver log, what the script printed."""
        return log

    def log(self, one: Expected) -> Path:
        """The host's file of a run's driver log."""
        return self.place.paths.host_run(one.run_id) / "logs" / "driver.log"

    def faults(self, expected: list[Expected]) -> list[str]:
        """What is wrong with the place itself at the end, in words."""
        return []

    def told(self) -> list[tuple[str, str]]:
        """What happened, for the table."""
        return []

    def close(self) -> None:
        """End what was started for it, after the installation."""


class Containers(Here):
    """Containers of a Docker Engine that is killed as often as ours. `shared`: their folders are their host's."""

    def __init__(self, *, shared: bool) -> None:
        from tests.services import docker

        self.shared = shared
        self.daemon = docker.DockerEngine()
        self.daemon.start()
        self.image = docker.python_image(self.daemon)
        self.killed = 0

    def serve(self, place: Installation, slots: int) -> None:
        super().serve(place, slots)
        place.use_docker(self.daemon.url, self.image, shared=self.shared, slots=slots, volume=str(self.marks))

    def mishaps(self, dice: random.Random) -> list[Mishap]:
        return [(0.0, self._kill)] if dice.random() < 0.5 else []

    def _kill(self) -> None:
        self.killed += 1
        self.daemon.kill()
        self.daemon.start()

    def faults(self, expected: list[Expected]) -> list[str]:
        return [f"container {name} is left behind" for name in self.daemon.containers()]

    def told(self) -> list[tuple[str, str]]:
        return [("Docker Engines killed", str(self.killed))]

    def close(self) -> None:
        self.daemon.close()


class FarAway(Here):
    """Machines over SSH: networks are cut for up to `cut` seconds, loudly or in silence, and sshds killed meanwhile.

    Every second machine is reached with a password from the key store.
    """

    patience = 240.0

    def __init__(self, count: int, cut: float) -> None:
        from bench.far import FarHosts

        self.hosts = FarHosts(count, passwords=True)
        self.cut = cut
        self.times_cut = self.times_killed = 0
        self.without = 0.0

    def serve(self, place: Installation, slots: int) -> None:
        self.place = place
        self.hosts.serve(place, slots=slots)
        # Other users' scripts write there.
        self.marks = self.hosts.folder / "marks"
        self.marks.mkdir()
        self.marks.chmod(0o777)

    def _host(self, one: Expected) -> FarHost:
        return self.hosts.all[one.number % len(self.hosts.all)]

    def config(self, one: Expected) -> str:
        return self._host(one).name

    def mishaps(self, dice: random.Random) -> list[Mishap]:
        found: list[Mishap] = []
        for host in self._some(dice):
            begin, length = dice.uniform(0.0, 1.0), dice.uniform(0.2, self.cut)
            machine = host.machine
            cut, mend = dice.choice(((machine.cut, machine.mend), (machine.switch_off, machine.switch_on)))
            found += [(begin, cut), (begin + length, mend)]
            self.times_cut += 1
            self.without += length
        for host in self._some(dice):
            begin = dice.uniform(0.0, self.cut)
            found += [(begin, host.sshd.kill), (begin + dice.uniform(0.0, self.cut / 2), host.sshd.start)]
            self.times_killed += 1
        return found

    def _some(self, dice: random.Random) -> list[FarHost]:
        surely = dice.choice(self.hosts.all)
        return [host for host in self.hosts.all if dice.random() < SHARE or host is surely]

    def mended(self) -> float | None:
        begun = time.monotonic()

        def all_back() -> bool:
            return set(insist("status", {}, self.place)["hosts"].values()) <= {"connected"}

        wait_for(all_back, BACK_WITHIN, "every host to be connected again")
        return time.monotonic() - begun

    def log(self, one: Expected) -> Path:
        return self._host(one).log(one.run_id)

    def faults(self, expected: list[Expected]) -> list[str]:
        found = []
        for host in self.hosts.all:
            found += [f"{host.name}: refused: {what}" for what in host.sshd.refusals]
            left = [pid for pid, words in host.person.processes().items() if NAME in words]
            found += [f"{host.name}: process {pid} is left behind" for pid in left]
            meant = {one.run_id for one in expected if self._host(one) is host}
            there = {path.name for path in (host.root / "runs").glob("*")}
            found += [f"{host.name}: there is a run {name} that nobody wanted" for name in sorted(there - meant)]
        asked = self.place.paths.engine_log.read_text(encoding="utf-8", errors="replace").count("waits for a person")
        return found + ([f"a person was waited for {asked} times"] if asked else [])

    def told(self) -> list[tuple[str, str]]:
        return [
            ("networks cut", f"{self.times_cut}, for {self.without:.0f} s"),
            ("SSH servers killed", str(self.times_killed)),
        ]

    def close(self) -> None:
        self.hosts.close()


class OnCluster(FarAway):
    """A cluster behind its head node: every second driver runs in a container of YARN's. What stands for one of those
    on the head node is killed as well.
    """

    patience = 400.0

    def __init__(self, runs: int, cut: float) -> None:
        from bench.far_cluster import Cluster

        self.cluster = Cluster(runs)
        self.hosts = self.cluster.hosts
        self.cut = cut
        self.times_cut = self.times_killed = self.relays_killed = 0
        self.without = 0.0

    def serve(self, place: Installation, slots: int) -> None:
        super().serve(place, slots)
        self.cluster.serve(place, slots=slots)

    def script(self) -> str:
        begin = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        return begin + SCRIPT

    def said(self, log: bytes) -> bytes:
        return b"".join(line for line in log.splitlines(keepends=True) if line.startswith(b"run "))

    def config(self, one: Expected) -> str:
        return "far-away" if one.number % 2 else "far"

    def mishaps(self, dice: random.Random) -> list[Mishap]:
        return [*super().mishaps(dice), (dice.uniform(0.0, self.cut), self._kill_a_relay)]

    def _kill_a_relay(self) -> None:
        for pid, words in self.cluster.head.person.processes().items():
            if "_aml_tui_cluster.relay" in words:
                os.kill(pid, signal.SIGKILL)
                self.relays_killed += 1
                return

    def faults(self, expected: list[Expected]) -> list[str]:
        found = super().faults(expected)
        for one in self.cluster.yarn.applications():
            if one["state"] not in ("FINISHED", "FAILED", "KILLED"):
                found.append(f"{one['id']} ({one['applicationTags']}) is left on YARN, {one['state']}")
        for run in expected:
            count = len(self.cluster.yarn.applications(applicationTags=f"aml-{run.run_id.lower()}"))
            if count > 1:
                found.append(f"{run.run_id}: {count} applications")
        return found

    def told(self) -> list[tuple[str, str]]:
        return [*super().told(), ("relays killed", str(self.relays_killed))]

    def close(self) -> None:
        self.cluster.close()


def place_named(where: str, runs: int, hosts: int, cut: float) -> Here:
    """`where`: "local", "docker", "copied" (containers that share no folder with their host), "remote", "cluster"."""
    if where == "cluster":
        return OnCluster(runs, cut)
    if where == "remote":
        return FarAway(hosts, cut)
    return Here() if where == "local" else Containers(shared=where == "docker")
