"""What fifty runs on a host cost on the wire, beside OpenSSH's own client: quiet and talking, looked at and not."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.far import FarHosts
from bench.installation import Installation, wait_for
from bench.report import progress, show

if TYPE_CHECKING:
    from bench.far import FarHost, Master

# One line at the start; then one a second for as long as it is asked to talk.
SCRIPT = """\
import sys, time
from pathlib import Path
end, talk = Path(sys.argv[1]), Path(sys.argv[2])
print("here", flush=True)
number = 0
while not end.exists():
    if talk.exists():
        number += 1
        print(f"epoch {number:06d} loss={1 / number:.6f} accuracy={1 - 1 / (number + 1):.6f} took 5 ms", flush=True)
    time.sleep(1.0)
"""
# What just happened is on its way for a moment (s).
SETTLE = 3.0


def wire(runs: int, length: float) -> None:
    """Bytes on the cable of one host with so many runs, for `length` seconds each way."""
    rows: list[list[str]] = []
    with FarHosts() as hosts, Installation() as place:
        hosts.serve(place, slots=runs)
        host = hosts.all[0]
        place.script("quiet.py", SCRIPT)
        place.run("engine", "start")
        end, talk = hosts.folder / "end", hosts.folder / "talk"
        progress(f"{runs} runs")
        ids = [place.ask("quiet.py", str(end), str(talk)) for _ in range(runs)]
        mirrors = [place.paths.driver_log(one) for one in ids]
        wait_for(lambda: all(one.exists() and one.stat().st_size for one in mirrors), 120, "every run to speak")
        used = [one.with_name("metrics.jsonl") for one in mirrors]
        # Told once at the beginning, and then again when it differs.
        wait_for(lambda: all(one.exists() and one.stat().st_size for one in used), 120, "what every run uses")

        def measure(what: str, by_whom: str) -> None:
            progress(f"{what}, {by_whom}")
            time.sleep(SETTLE)
            printed = sum(host.log(one).stat().st_size for one in ids)
            before = host.carried()
            time.sleep(length)
            after = host.carried()
            printed = sum(host.log(one).stat().st_size for one in ids) - printed
            minute = 60.0 / length
            rows.append(
                [
                    what,
                    by_whom,
                    f"{(after[0] - before[0]) * minute / 1e3:.1f} kB",
                    f"{(after[1] - before[1]) * minute:.0f}",
                    f"{printed * minute / 1e3:.1f} kB",
                ]
            )

        measure("quiet", "engine, nobody looks")
        with place.console() as console:
            console.until(lambda screen: screen.shows("here"))
            measure("quiet", "engine, a console looks")
            talk.touch()
            measure("a line a second each", "engine, a console looks")
            console.close()
        measure("a line a second each", "engine, nobody looks")
        place.run("engine", "stop")
        with hosts.master(host, "-o", "ServerAliveInterval=15") as master:
            followed = _followed(master, host, ids)
            measure("a line a second each", "`ssh host tail -F`, all logs")
            talk.unlink()
            measure("quiet", "`ssh host tail -F`, all logs")
            followed.terminate()
            followed.wait(20)
        end.touch()
        place.run("engine", "start")
        place.until_ended(ids, 120)
    show(
        f"{runs} runs on one host: on the wire in a minute, both ways",
        ["runs are", "followed by", "bytes", "packets", "printed"],
        sorted(rows, key=lambda row: ("quiet" not in row[0], "ssh" not in row[1])),
        [
            f"Measured for {length:.0f} s each; Ethernet frames with everything in them; OpenSSH with a keepalive of"
            f" 15 s. Load {machine.load():.1f}."
        ],
    )


def _followed(master: Master, host: FarHost, ids: list[str]) -> subprocess.Popen[bytes]:
    """All the logs in one session, from their ends on."""
    logs = [str(host.log(one)) for one in ids]
    argv = master.command("tail", "-q", "-n", "0", "-F", *logs)
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
