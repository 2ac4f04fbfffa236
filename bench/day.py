"""A day of eight runs in a few minutes: what the console and the engine weigh after it, beside what they did at first.

`python -m bench.day --minutes 4`. Each run prints a line for each second of the day and logs three metrics every ten
seconds of it; the console has one of them open and goes from tab to tab.
"""

from __future__ import annotations

import argparse
import time

from bench import machine
from bench.installation import Installation
from bench.report import megabytes, progress, show, verdict

SCRIPT = """\
import math, sys, time
from pathlib import Path
from azureml.core import Run
seconds, minutes, gate = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
while not gate.exists():
    time.sleep(0.05)
run = Run.get_context()
begun = time.monotonic()
for second in range(seconds):
    wait = begun + second / seconds * minutes * 60 - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    loss = math.exp(-second / seconds * 3)
    print(f"step {second} loss={loss:.6f} accuracy={1 - loss:.6f} took 5 ms")
    if second % 10 == 0:
        run.log("loss", loss)
        run.log("accuracy", 1 - loss)
        run.log("rate", 0.1)
"""
DAY = 86400
RUNS = 8
# Keys that go through a run's tabs and down the list, one of them each so many seconds.
KEYS = ("]", "]", "[", "[", "\x1b[B", "\x1b[A")
BETWEEN = 2.0
# After its first minute a console must not grow by more than this: caches are full by then.
MOST_GROWTH = 40e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=4.0, help="that the day takes")
    options.add_argument("--runs", type=int, default=RUNS)
    chosen = options.parse_args()
    with Installation(slots=chosen.runs) as place:
        place.script("day.py", SCRIPT)
        gate = place.folder / "gate"
        ids = [place.submit("day.py", str(DAY), str(chosen.minutes), str(gate)) for _ in range(chosen.runs)]
        place.until_running(ids, 60)
        engine = int(place.engine()["pid"])
        with place.console() as terminal:
            terminal.until(lambda s: s.shows(place.runs()[0].name) and s.shows("Log"))
            terminal.until_quiet(0.5)
            pids = {"console": terminal.pid, "engine": engine, "agent": machine.children(engine)[0]}
            first = {name: machine.resident(pid) for name, pid in pids.items()}
            gate.touch()
            begun = time.monotonic()
            used = machine.Used({name: [pid] for name, pid in pids.items()})
            sent, early = terminal.bytes, dict(first)
            number = 0
            while time.monotonic() - begun < chosen.minutes * 60:
                terminal.press(KEYS[number % len(KEYS)])
                number += 1
                time.sleep(BETWEEN)
                if time.monotonic() - begun < chosen.minutes * 60 / 4:
                    early = {name: machine.resident(pid) for name, pid in pids.items()}
            shares = used.shares()
            written = terminal.bytes - sent
            progress("the day is over; waiting for the end of every run")
            ended = place.until_ended(ids, 300)
            last = {name: machine.resident(pid) for name, pid in pids.items()}
            terminal.close("q")
        equal = sum(place.same_bytes(run_id) for run_id in ids)
        lines = sum(place.paths.driver_log(run_id).read_bytes().count(b"\n") for run_id in ids)
    completed = sum(str(run.state) == "Completed" for run in ended.values())
    whole = lines == chosen.runs * DAY
    grown = last["console"] - early["console"]
    show(
        f"a day of {chosen.runs} runs in {chosen.minutes:g} minutes",
        ["", "at first", "after a quarter", "at the end", "CPU"],
        [
            [
                name,
                megabytes(first[name]),
                megabytes(early[name]),
                megabytes(last[name]),
                f"{shares[name]:.0%} of a core",
            ]
            for name in pids
        ],
        [
            f"{completed} of {chosen.runs} runs completed, {equal} logs equal, every line there: {verdict(whole)}.",
            f"{lines:,} lines and {chosen.runs * DAY // 10 * 3:,} values; {megabytes(written)} to the terminal.",
            f"the console grew by {megabytes(grown)} after the first quarter: {verdict(grown <= MOST_GROWTH)}.",
        ],
    )


if __name__ == "__main__":
    main()
