"""Fifty runs at once, each printing 200 lines a second, eight of them watched, and a person at the keys.

`python -m bench.fifty_runs --seconds 60`. Every mirror must equal its host's file; keys must be answered while logs
pour in. The console is on a pseudo terminal whose every byte is counted.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.installation import Installation
from bench.report import median, megabytes, percentile, progress, seconds, show, verdict
from bench.terminal import Terminal
from engine.client import open_connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.screen import Screen

SCRIPT = """\
import sys, time
from pathlib import Path
name, lines, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
gate = Path(sys.argv[4])
while not gate.exists():
    time.sleep(0.05)
begun = time.monotonic()
for number in range(lines):
    wait = begun + number / rate - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    print(f"run {name} line {number:06d} loss={1 / (number + 1):.6f} accuracy={1 - 1 / (number + 2):.6f} took 5 ms")
"""
WATCHED = 8
MOST_KEY = 0.05
# Between two keys of a terminal, seconds: a person who runs down a list.
BETWEEN = 0.16
# Rows of the list that are surely on the screen.
ROWS = 12


BARE = """\
import sys
from textual.app import App
from textual.widgets import OptionList
class Bare(App):
    def compose(self):
        yield OptionList(*sys.argv[1:])
Bare().run()
"""


def cursor(screen: Screen, names: list[str]) -> int | None:
    """Which of the names is drawn unlike the others: the one under the cursor."""
    styles = []
    for name in names:
        place = screen.where(name)
        styles.append(screen.style(*place) if place else "")
    alone = [number for number, style in enumerate(styles) if styles.count(style) == 1]
    return alone[0] if len(alone) == 1 else None


def keys(terminals: Sequence[Terminal], until: float) -> list[list[float]]:
    """Down the list and up again, turn by turn in each terminal; when each key was pressed."""
    pressed: list[list[float]] = [[] for _ in terminals]
    for terminal in terminals:
        terminal.hold()
    while time.monotonic() < until:
        down = len(pressed[0]) % (2 * ROWS - 2) < ROWS - 1
        for terminal, times in zip(terminals, pressed, strict=True):
            times.append(terminal.press("\x1b[B" if down else "\x1b[A"))
            time.sleep(BETWEEN / len(terminals))
    return pressed


def answered(terminal: Terminal, names: list[str], pressed: list[float]) -> list[float]:
    """Seconds from each key to the first paint that shows the cursor where this key or a later one put it."""
    first = cursor(terminal.screen, names)
    if first != 0:
        raise RuntimeError(f"the cursor was not at the top of the list but at {first}")
    places = []
    for number in range(len(pressed)):
        step = (number + 1) % (2 * ROWS - 2)
        places.append(step if step < ROWS else 2 * ROWS - 2 - step)
    taken: list[float] = []
    for at in terminal.replay():
        now = cursor(terminal.screen, names)
        due = [number for number in range(len(taken), len(pressed)) if pressed[number] < at]
        seen = [number for number in due if places[number] == now]
        if seen:
            taken += [at - pressed[number] for number in due if number <= seen[0]]
    if len(taken) < len(pressed):
        raise RuntimeError(f"{len(pressed) - len(taken)} keys were never answered")
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=50)
    options.add_argument("--seconds", type=float, default=60.0, help="each prints for")
    options.add_argument("--rate", type=float, default=200.0, help="lines a second and run")
    chosen = options.parse_args()
    lines = int(chosen.seconds * chosen.rate)
    with Installation(slots=chosen.runs) as place:
        place.script("ticker.py", SCRIPT)
        # Rows to go through where so few live runs are none to speak of.
        place.script("done.py", "print('done')\n")
        before = [place.submit("done.py") for _ in range(max(0, ROWS - chosen.runs))]
        if before:
            place.until_ended(before, 60)
        gate = place.folder / "gate"
        progress(f"submitting {chosen.runs} runs")
        ids = [
            place.submit("ticker.py", f"{number:02d}", str(lines), str(chosen.rate), str(gate))
            for number in range(chosen.runs)
        ]
        place.until_running(ids, 120)
        engine = int(place.engine()["pid"])
        agent = machine.children(engine)[0]
        names = [run.name for run in place.runs()][:ROWS]
        with (
            open_connection(place.paths) as face,
            place.console() as terminal,
            Terminal([sys.executable, "-c", BARE, *names], place.environ) as bare,
        ):
            face.ask("watch", {"ids": ids[-WATCHED:]})
            terminal.until(lambda s: s.shows(names[0]) and s.shows("Log"))
            bare.until(lambda s: s.shows(names[-1]))
            terminal.until_quiet(0.5)
            bare.until_quiet(0.5)
            gate.touch()
            progress("they print; first nobody touches a key")
            time.sleep(2)
            pids = {"engine": [engine], "agent": [agent], "console": [terminal.pid]}
            used = machine.Used(pids)
            sent, begun = terminal.bytes, time.monotonic()
            time.sleep(max(1.0, chosen.seconds / 3))
            still = (terminal.bytes - sent) / (time.monotonic() - begun)
            quiet = used.shares()
            progress("now keys")
            used = machine.Used(pids)
            sent, begun = terminal.bytes, time.monotonic()
            pressed = keys((terminal, bare), begun + chosen.seconds / 2)
            busy = (terminal.bytes - sent) / (time.monotonic() - begun)
            shares = used.shares()
            busiest = machine.load()
            progress("waiting for the end of every run")
            ended = place.until_ended(ids, chosen.seconds + 120)
            rss = {name: machine.resident(pid) for name, (pid,) in pids.items()}
            taken, baseline = (
                answered(one, names, times) for one, times in zip((terminal, bare), pressed, strict=True)
            )
            terminal.close("q")
        progress("comparing")
        equal = sum(place.same_bytes(run_id) for run_id in ids)
        whole = sum(place.paths.driver_log(run_id).read_bytes().count(b"\n") == lines for run_id in ids)
        completed = sum(str(run.state) == "Completed" for run in ended.values())
        size = sum(place.paths.driver_log(run_id).stat().st_size for run_id in ids)
    worst, calm = percentile(taken, 0.99), percentile(baseline, 0.99)
    show(
        f"{chosen.runs} runs at once, {chosen.rate:.0f} lines/s each for {chosen.seconds:.0f} s, {WATCHED} watched",
        ["", "measured", "allowed", "within"],
        [
            ["runs completed", f"{completed} of {chosen.runs}", "all", verdict(completed == chosen.runs)],
            ["mirrors byte-equal", f"{equal} of {chosen.runs}", "all", verdict(equal == chosen.runs)],
            ["logs with every line", f"{whole} of {chosen.runs}", "all", verdict(whole == chosen.runs)],
            ["key to paint, median", seconds(median(taken)), "", ""],
            ["key to paint, p99", seconds(worst), "50 ms", verdict(worst <= MOST_KEY)],
            ["key to paint, worst", seconds(max(taken)), "", ""],
            [
                "a bare Textual list beside it: median, p99",
                f"{seconds(median(baseline))}, {seconds(calm)}",
                "",
                "",
            ],
            ["to the terminal, no keys", f"{still / 1e3:.1f} kB/s", "", ""],
            ["to the terminal, six keys a second", f"{busy / 1e3:.1f} kB/s", "", ""],
            *(
                [f"CPU of the {name}, no keys, keys", f"{quiet[name]:.0%}, {share:.0%} of a core", "", ""]
                for name, share in shares.items()
            ),
            *([f"memory of the {name}", megabytes(size), "", ""] for name, size in rss.items()),
        ],
        [
            f"{len(taken)} keys; {megabytes(size)} of logs; the runs themselves share the cores, load {busiest:.1f}.",
        ],
    )
    sys.exit(0 if equal == whole == completed == chosen.runs else 1)


if __name__ == "__main__":
    main()
