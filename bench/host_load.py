"""Many runs on many hosts followed by one engine: its memory and processor, connections and sessions.

Beside it OpenSSH's own client: one `tail -F` a host over the same logs.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.far import FarHosts
from bench.installation import Installation, same_bytes
from bench.report import megabytes, progress, show, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.far import FarHost

SCRIPT = """\
import sys, time
from pathlib import Path
gate, end = Path(sys.argv[1]), Path(sys.argv[2])
while not gate.exists():
    time.sleep(0.5)
number = 0
while not end.exists():
    print(f"epoch {number:06d} loss={1 / (number + 1):.6f} accuracy={1 - 1 / (number + 2):.6f} took 5 ms", flush=True)
    number += 1
    time.sleep(1.0)
"""
MOST_CONNECTIONS, MOST_SESSIONS = 1, 3
# What just happened is at work for a moment (s).
SETTLE = 5.0


class Load:
    """The runs, where they are, and what was measured of them."""

    def __init__(self, hosts: FarHosts, place: Installation, length: float) -> None:
        self.hosts = hosts
        self.place = place
        self.length = length
        self.rows: list[list[str]] = []
        self.where: dict[str, FarHost] = {}
        self.engine = int(place.engine()["pid"])

    def measure(self, who: Mapping[str, list[int]]) -> None:
        """A row for each group of processes, over one stretch of time."""
        time.sleep(SETTLE)
        used = machine.Used(who)
        time.sleep(self.length)
        for name, share in used.shares().items():
            self.rows.append([name, f"{share:.1%}", megabytes(sum(map(machine.resident, who[name])))])

    def submit(self, runs: int) -> tuple[float, float]:
        """Spread over the hosts; seconds until all are submitted, and until all have begun."""
        gate, end = str(self.hosts.folder / "gate"), str(self.hosts.folder / "end")
        begun = time.monotonic()
        for number in range(runs):
            host = self.hosts.all[number % len(self.hosts.all)]
            self.where[self.place.ask("talk.py", gate, end, config=host.name)] = host
        submitted = time.monotonic() - begun
        self.place.until_running(list(self.where), 600)
        return submitted, time.monotonic() - begun

    @contextlib.contextmanager
    def by_hand(self) -> Iterator[list[int]]:
        """A client a host that follows its logs; their pids."""
        clients = []
        for host in self.hosts.all:
            logs = [str(host.log(run)) for run, there in self.where.items() if there is host]
            argv = self.hosts.ssh(host, "tail", "-q", "-n", "0", "-F", *logs)
            clients.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        try:
            yield [one.pid for one in clients]
        finally:
            for one in clients:
                one.terminate()
                one.wait(20)


def load(count: int, runs: int, length: float) -> bool:
    """Whether everything held that has to."""
    with FarHosts(count) as hosts, Installation() as place:
        hosts.serve(place, slots=runs)
        place.script("talk.py", SCRIPT)
        place.script("pass.py", "pass\n")
        place.run("engine", "start")
        it = Load(hosts, place, length)
        it.measure({"engine, no host yet": [it.engine]})
        progress(f"connecting {count} hosts")
        place.until_ended([place.ask("pass.py", config=one.name) for one in hosts.all], 120)
        agents = [pid for one in hosts.all for pid in one.agents()]
        it.measure({f"engine, {count} hosts connected, no run": [it.engine], f"{len(agents)} agents together": agents})
        progress(f"{runs} runs")
        submitted, begun = it.submit(runs)
        (hosts.folder / "gate").touch()
        progress("nobody looks")
        it.measure({f"engine, {runs} runs, nobody looks": [it.engine], f"{len(agents)} agents together ": agents})
        connections = max(max(len(one.sshd.logins), one.sshd.open_connections) for one in hosts.all)
        sessions = max(len(one.sshd.sessions) for one in hosts.all)
        with place.console() as console:
            console.until(lambda screen: screen.shows("epoch"))
            progress("a console looks, and clients by hand")
            with it.by_hand() as clients:
                by_hand = f"{count} `ssh host tail -F` by hand"
                it.measure({f"engine, {runs} runs, a console looks": [it.engine], by_hand: clients})
            console.close()
        (hosts.folder / "end").touch()
        progress("waiting for the end of every run")
        ended = place.until_ended(list(it.where), 300)
        completed = sum(str(run.state) == "Completed" for run in ended.values())
        equal = sum(same_bytes(place.paths.driver_log(run), host.log(run)) for run, host in it.where.items())
        same = int(place.engine()["pid"]) == it.engine
    checks = [
        ("connections to a host, most", connections, f"{MOST_CONNECTIONS}", connections <= MOST_CONNECTIONS),
        ("sessions on a host, most", sessions, f"{MOST_SESSIONS}", sessions <= MOST_SESSIONS),
        ("runs completed", completed, "all", completed == runs),
        ("mirrors byte-equal", equal, "all", equal == runs),
    ]
    notes = [
        f"{length:.0f} s each; the runs themselves share the cores. {runs} runs were submitted in {submitted:.0f} s and"
        f" all going after {begun:.0f} s. Load {machine.load():.1f}.",
        *(["The engine was another one at the end."] if not same else []),
    ]
    show(
        f"{runs} runs on {count} hosts, each a line a second, one engine",
        ["", "CPU of a core", "memory", "allowed", "within"],
        [
            *([*row, "", ""] for row in it.rows),
            *([name, str(value), "", allowed, verdict(fine)] for name, value, allowed, fine in checks),
        ],
        notes,
    )
    return same and all(fine for *_, fine in checks)
