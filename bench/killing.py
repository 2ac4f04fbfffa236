"""kill -9 of the engine, again and again at random moments, while runs are submitted, print, end and are canceled.

`python -m bench.killing --times 100`. Afterwards no run may be lost, doubled or wrongly ended, and every mirror must be
the host's file. The seed is printed: the same moments can be asked for again. `--in docker` does it to runs in
containers, `--in copied` to those that share no folder with their host; then the Docker Engine is killed as often.
`--in remote` does it to runs on machines over SSH: in each round networks are cut for up to `--cut` seconds, servers
killed and started again, and the engine killed, all at random moments. `--in cluster` the same with PySpark runs on a
cluster (`--times 20 --runs 8 --longest 2000`).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.installation import Installation, same_bytes
from bench.killed_runs import NAME, Expected, insist
from bench.mishaps import place_named
from bench.report import median, progress, seconds, show, verdict

if TYPE_CHECKING:
    from bench.mishaps import Here, Mishap


class Killer:
    """What happens, round by round. `back`: seconds from the death of each engine to the next one's answer."""

    def __init__(self, place: Installation, where: Here, dice: random.Random) -> None:
        self.place = place
        self.where = where
        self.dice = dice
        self.back: list[float] = []

    def kill(self) -> None:
        """Kill the engine that runs now and start another."""
        pid = int(insist("hello", {}, self.place)["pid"])
        os.kill(pid, signal.SIGKILL)
        begun = time.monotonic()
        insist("hello", {}, self.place)
        self.back.append(time.monotonic() - begun)

    def round(self) -> None:
        """Everything of one round, each at its moment."""
        mishaps = self.where.mishaps(self.dice)
        # The engine dies amid the rest, or after what has no length.
        mishaps.append((self.dice.uniform(0.0, max([at for at, _ in mishaps], default=0.0)), self.kill))
        begun = time.monotonic()
        for at, happen in sorted(mishaps, key=_moment):
            time.sleep(max(0.0, begun + at - time.monotonic()))
            happen()


def _moment(mishap: Mishap) -> float:
    return mishap[0]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=100, help="the engine is killed")
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--longest", type=int, default=4000, help="lines of the longest script, 50 a second")
    options.add_argument("--pause", type=float, default=0.8, help="the longest time between two rounds, seconds")
    options.add_argument(
        "--in", dest="where", choices=("local", "docker", "copied", "remote", "cluster"), default="local"
    )
    options.add_argument("--hosts", type=int, default=3, help="of remote runs")
    options.add_argument("--cut", type=float, default=5.0, help="the longest time that a network is cut, seconds")
    options.add_argument("--seed", type=int, default=int(time.time()))
    chosen = options.parse_args()
    dice = random.Random(chosen.seed)
    progress(f"seed {chosen.seed}")
    where = place_named(chosen.where, chosen.runs, chosen.hosts, chosen.cut)
    slots = max(4, chosen.runs * 3 // 4)
    with contextlib.closing(where), Installation(slots=slots) as place:
        place.script(NAME, where.script())
        where.serve(place, slots)
        killer = Killer(place, where, dice)
        expected = [Expected(number, dice, chosen.longest) for number in range(chosen.runs)]
        place.run("engine", "start")
        waiting = list(expected)
        to_cancel = [one for one in expected if one.canceled]
        for number in range(chosen.times):
            if waiting and number >= (chosen.runs - len(waiting)) * chosen.times // (2 * chosen.runs):
                one = waiting.pop(0)
                one.submit(place, where.config(one), where.marks)
            elif to_cancel and to_cancel[0].submitted() and number > chosen.times * 2 // 3:
                insist("cancel", {"ids": [to_cancel.pop(0).run_id]}, place)
            time.sleep(dice.uniform(0, chosen.pause))
            killer.round()
            if number % 10 == 9:
                progress(f"killed {number + 1} times")
        for one in waiting:
            one.submit(place, where.config(one), where.marks)
        refused = [one.name for one in expected if not one.submitted(wait=True)]
        mended = where.mended()
        for one in to_cancel:
            insist("cancel", {"ids": [one.run_id]}, place)
        progress("waiting for the end of every run")
        place.until_ended([one.run_id for one in expected], chosen.longest / 50 * 2 + where.patience)
        runs = {run.id: run for run in place.runs()}
        faults = [f"run {name} was refused at submission" for name in refused]
        equal = 0
        for one in expected:
            mirror, there = place.paths.driver_log(one.run_id), where.log(one)
            log = mirror.read_bytes() if mirror.exists() else b""
            faults += [
                f"{one.run_id}: {fault}" for fault in one.faults(runs.get(one.run_id), where.marks, where.said(log))
            ]
            # Canceled before it began: there is nothing on either side.
            same = same_bytes(mirror, there) or (one.canceled and not log and not there.exists())
            equal += same
            if not same:
                faults.append(f"{one.run_id}: its mirror is not its host's file")
        extra = len(runs) - chosen.runs
        faults += where.faults(expected)
    show(
        f"The engine killed {chosen.times} times over {chosen.runs} runs ({chosen.where})",
        ["", "measured", "allowed", "within"],
        [
            ["engines killed", str(len(killer.back)), "", ""],
            *([what, told, "", ""] for what, told in where.told()),
            ["runs in the history", f"{len(runs)} of {chosen.runs}", "all, once", verdict(extra == 0)],
            ["mirrors byte-equal", f"{equal} of {chosen.runs}", "all", verdict(equal == chosen.runs)],
            ["lost, doubled or wrongly ended", str(len(faults)), "0", verdict(not faults)],
            ["killed to the next engine's answer, median", seconds(median(killer.back)), "", ""],
            ["killed to the next engine's answer, worst", seconds(max(killer.back)), "", ""],
            *([["all mended to every host connected", seconds(mended), "", ""]] if mended is not None else []),
        ],
        [f"Seed {chosen.seed}; load {machine.load():.1f}.", *faults],
    )
    sys.exit(1 if faults or extra else 0)


if __name__ == "__main__":
    main()
