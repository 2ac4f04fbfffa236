"""Runs on machines over SSH beside OpenSSH's own client and rsync, in the same run, on the same machines.

`python -m bench.hosts`, or some of it: `--parts submit latency throughput project wire load`. Machines are namespaces
with an sshd and a system user each (root; Debian's openssh-server, iproute2, rsync).
"""

from __future__ import annotations

import argparse
import sys

from bench import far_logs, far_projects, far_wire, host_load
from bench.far import FarHosts
from bench.first_line import HELLO, compare
from bench.installation import Installation

PARTS = ("submit", "latency", "throughput", "project", "wire", "load")
# How much later a first line may come than by hand (s), as on this machine itself.
MOST_LATER = 0.3


def submit(times: int) -> None:
    with FarHosts() as hosts, Installation() as place:
        hosts.serve(place)
        host = hosts.all[0]
        place.script("hello.py", HELLO)
        host.person.write("hello.py", HELLO)
        place.run("engine", "start")
        with hosts.master(host) as master:
            by_hand = master.command("python3", "hello.py")
            compare(place, "hello.py", by_hand, "ssh host python", times, most=MOST_LATER, later=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--times", type=int, default=21, help="first lines are measured")
    options.add_argument("--runs", type=int, default=8, help="whose lines are timed")
    options.add_argument("--rate", type=float, default=5000.0, help="lines a second, of these runs together")
    options.add_argument("--seconds", type=float, default=20.0, help="they print")
    options.add_argument("--bytes", type=int, default=500_000_000, help="of the long log")
    options.add_argument("--logs", type=int, default=3, help="long logs are measured")
    options.add_argument("--files", type=int, default=2000, help="of the project")
    options.add_argument("--size", type=int, default=20_000_000, help="of the project, bytes")
    options.add_argument("--projects", type=int, default=7, help="times the project is submitted")
    options.add_argument("--quiet", type=int, default=50, help="runs whose bytes on the wire are counted")
    options.add_argument("--wire", type=float, default=60.0, help="seconds that bytes on the wire are counted")
    options.add_argument("--hosts", type=int, default=20)
    options.add_argument("--on-hosts", type=int, default=200, help="runs on these hosts")
    options.add_argument("--load", type=float, default=60.0, help="seconds that the engine's load is measured")
    chosen = options.parse_args()
    held = True
    for number, part in enumerate(chosen.parts):
        if number:
            print()
        if part == "submit":
            submit(chosen.times)
        elif part == "latency":
            far_logs.latency(chosen.runs, chosen.rate, chosen.seconds)
        elif part == "throughput":
            far_logs.throughput(chosen.bytes, chosen.logs)
        elif part == "project":
            far_projects.submission(chosen.files, chosen.size, chosen.projects)
        elif part == "wire":
            far_wire.wire(chosen.quiet, chosen.wire)
        else:
            held = host_load.load(chosen.hosts, chosen.on_hosts, chosen.load)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
