"""Logs over SSH beside OpenSSH's own client: how late a line is, and how fast a long log comes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.far import FarHosts
from bench.installation import Installation, same_bytes, wait_for
from bench.report import median, megabytes, percentile, progress, seconds, show, verdict
from engine.client import open_connection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.far import FarHost, Master

# One line says when it was printed. Both sides are one machine: one clock.
TICKER = """\
import sys, time
from pathlib import Path
lines, rate, gate = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
while not gate.exists():
    time.sleep(0.01)
begun = time.monotonic()
for number in range(lines):
    wait = begun + number / rate - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    print(f"{time.time():.6f} line {number:06d} loss={1 / (number + 1):.6f} took 5 ms", flush=True)
"""
FLOOD = """\
import sys, time
from pathlib import Path
size = int(sys.argv[1])
while len(sys.argv) > 2 and not Path(sys.argv[2]).exists():
    time.sleep(0.01)
line = b"epoch 000001 loss=0.123456 accuracy=0.987654 every line of this log is a hundred bytes long, this too\\n"
body = line * 10_000
for at in range(0, size, len(body)):
    sys.stdout.buffer.write(body[: size - at])
    sys.stdout.buffer.flush()
"""
# Between two looks at the files (s): what an arrival may be told too late.
LOOK = 0.001
# Of what `cat` does, what a log that is there already must come with.
LEAST = 0.8


class Arrivals:
    """Files that grow, looked at all the time: when each line came."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._waiting = list(files)
        self._open: list[int] = []
        self._pieces: dict[int, list[tuple[float, bytes]]] = {}

    def __enter__(self) -> Arrivals:
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._open:
            os.close(number)

    def look(self) -> None:
        for path in [one for one in self._waiting if one.exists()]:
            self._waiting.remove(path)
            number = os.open(path, os.O_RDONLY)
            self._open.append(number)
            self._pieces[number] = []
        for number in self._open:
            piece = os.read(number, 1 << 20)
            if piece:
                self._pieces[number].append((time.time(), piece))

    def lines(self) -> int:
        return sum(piece.count(b"\n") for pieces in self._pieces.values() for _, piece in pieces)

    def late(self) -> list[float]:
        """Seconds from each line's printing to its arrival."""
        found = []
        for pieces in self._pieces.values():
            rest = b""
            for at, piece in pieces:
                *whole, rest = (rest + piece).split(b"\n")
                found += [at - float(line.split(b" ", 1)[0]) for line in whole]
        return found


def _watched(files: Sequence[Path], lines: int, within: float) -> list[float]:
    """How late each line was, once all `lines` of the files are there. Raises TimeoutError."""
    with Arrivals(files) as arrivals:
        end = time.monotonic() + within
        while time.monotonic() < end:
            # Counting all of them at each look would cost what is measured.
            for _ in range(200):
                arrivals.look()
                time.sleep(LOOK)
            if arrivals.lines() >= lines:
                return arrivals.late()
        raise TimeoutError(f"{arrivals.lines()} of {lines} lines within {within:.0f} s")


def latency(runs: int, rate: float, length: float) -> None:
    """Lines of several runs on one host, `rate` a second together for `length` seconds: each until it is here."""
    lines = int(rate / runs * length)
    arguments = [str(lines), str(rate / runs)]
    with FarHosts() as hosts, Installation() as place, contextlib.ExitStack() as stack:
        hosts.serve(place, slots=runs)
        host = hosts.all[0]
        place.script("ticker.py", TICKER)
        host.person.write("ticker.py", TICKER)
        place.run("engine", "start")
        progress(f"{runs} runs")
        gate = hosts.folder / "gate"
        ids = [place.ask("ticker.py", *arguments, str(gate)) for _ in range(runs)]
        place.until_running(ids, 60)
        face = stack.enter_context(open_connection(place.paths))
        face.ask("watch", {"ids": ids})
        engine, agent = int(place.engine()["pid"]), host.agents()[0]
        before = machine.cpu_seconds(engine), machine.cpu_seconds(agent)
        gate.touch()
        ours = _watched([place.paths.driver_log(one) for one in ids], lines * runs, length * 2 + 30)
        used = machine.cpu_seconds(engine) - before[0], machine.cpu_seconds(agent) - before[1]
        place.until_ended(ids, 60)
        equal = sum(same_bytes(place.paths.driver_log(one), host.log(one)) for one in ids)
        progress("the same by hand")
        gate = hosts.folder / "gate by hand"
        here = [place.folder / f"by hand {number}" for number in range(runs)]
        master = stack.enter_context(hosts.master(host))
        # Quoted for the shell over there.
        argv = master.command("python3", "ticker.py", *arguments, f"'{gate}'")
        clients = [_to_file(argv, path) for path in here]
        time.sleep(1.0)
        before_hand = machine.cpu_seconds(master.pid)
        gate.touch()
        hand = _watched(here, lines * runs, length * 2 + 30)
        for client in clients:
            client.wait(60)
        by_master = machine.cpu_seconds(master.pid) - before_hand
    rows = [
        [name, *(seconds(percentile(late, share)) for share in (0.5, 0.9, 0.99)), seconds(max(late)), cpu, same]
        for name, late, cpu, same in (
            ("`ssh host python script > file`", hand, f"master {by_master / length:.0%}", ""),
            (
                "the mirror of a run that is watched",
                ours,
                f"engine {used[0] / length:.0%}, agent {used[1] / length:.0%}",
                verdict(equal == runs),
            ),
        )
    ]
    show(
        f"{runs} runs on one host, {rate:.0f} lines/s together for {length:.0f} s: from print to the file here",
        ["", "median", "p90", "p99", "worst", "CPU of a core", "byte-equal"],
        rows,
        [f"{len(ours)} lines each; the files here are looked at every millisecond; load {machine.load():.1f}."],
    )


def throughput(size: int, times: int) -> None:
    """One long log: as it is printed, and all at once after the engine was away, until every byte is here."""
    taken: dict[str, list[float]] = {"hand": [], "cat": [], "live": [], "back": []}
    equal = 0
    with FarHosts() as hosts, Installation() as place:
        hosts.serve(place)
        host = hosts.all[0]
        place.script("flood.py", FLOOD)
        host.person.write("flood.py", FLOOD)
        place.run("engine", "start")
        place.until_ended([place.ask("flood.py", "1000")], 60)
        with hosts.master(host) as master:
            for turn in range(times):
                progress(f"a log of {size / 1e6:.0f} MB, turn {turn + 1} of {times}")
                taken["hand"].append(_fetched(master, place.folder / "by hand", "python3", "flood.py", str(size)))
                begun = time.monotonic()
                live = place.ask("flood.py", str(size))
                taken["live"].append(_until_here(place.paths.driver_log(live), size, begun))
                place.until_ended([live], 60)
                taken["cat"].append(_fetched(master, place.folder / "by hand", "cat", str(host.log(live))))
                back, took = _caught_up(place, hosts, host, size)
                taken["back"].append(took)
                place.until_ended([back], 60)
                equal += sum(same_bytes(place.paths.driver_log(one), host.log(one)) for one in (live, back))
                place.run("history", "delete", "--yes", "--run", live, back)
    middle = {name: median(all_of_them) for name, all_of_them in taken.items()}
    rows = []
    for name, what, beside, least in (
        ("hand", "`ssh host python script > file`", "", None),
        ("live", "a run that prints it: from asking the engine to the last byte", "hand", None),
        ("cat", "`ssh host cat log > file`", "", None),
        ("back", "the engine comes back to it: from the first byte to the last", "cat", LEAST),
    ):
        share = middle[beside] / middle[name] if beside else 0.0
        rows.append(
            [
                what,
                seconds(middle[name]),
                f"{size / middle[name] / 1e6:.0f} MB/s",
                f"{share:.0%} of its speed" if beside else "",
                f"{least:.0%}" if least else "",
                verdict(share >= least) if least else "",
            ]
        )
    show(
        f"One log of {megabytes(size)}",
        ["", "median", "", "beside the line above", "at least", "within"],
        rows,
        [f"{times} times each, turn by turn. Byte-equal: {equal} of {times * 2}. Load {machine.load():.1f}."],
    )


def _caught_up(place: Installation, hosts: FarHosts, host: FarHost, size: int) -> tuple[str, float]:
    """A run whose log was printed while no engine ran; the seconds that it takes afterwards."""
    gate = hosts.folder / f"gate{time.monotonic_ns()}"
    run_id = place.ask("flood.py", str(size), str(gate))
    place.until_running([run_id], 60)
    place.run("engine", "stop")
    gate.touch()
    wait_for(lambda: host.log(run_id).stat().st_size == size, 600, "the script to print")
    place.run("engine", "start")
    mirror = place.paths.driver_log(run_id)
    while not (mirror.exists() and mirror.stat().st_size):
        time.sleep(LOOK)
    return run_id, _until_here(mirror, size, time.monotonic())


def _until_here(mirror: Path, size: int, begun: float) -> float:
    end = time.monotonic() + 600
    while not (mirror.exists() and mirror.stat().st_size >= size):
        if time.monotonic() > end:
            raise TimeoutError(f"{mirror} never had {size} bytes")
        time.sleep(LOOK)
    return time.monotonic() - begun


def _fetched(master: Master, path: Path, *words: str) -> float:
    """Seconds until a command over there has ended whose output goes to a file here."""
    path.unlink(missing_ok=True)
    begun = time.monotonic()
    if _to_file(master.command(*words), path).wait():
        raise RuntimeError(f"{words} failed")
    return time.monotonic() - begun


def _to_file(argv: list[str], path: Path) -> subprocess.Popen[bytes]:
    with path.open("wb") as file:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file)
