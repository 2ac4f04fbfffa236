"""What the console writes to a terminal over SSH: bytes a second, beside `tail -f` of the same logs.

`python -m bench.to_terminal`. The terminal is a pseudo terminal of 120x40 whose every byte is counted; the console
believes that it is reached over SSH.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.installation import CONSOLE, Installation
from bench.report import median, progress, seconds, show
from bench.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = """\
import sys, time
from pathlib import Path
lines, rate, gate = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
while not gate.exists():
    time.sleep(0.05)
begun = time.monotonic()
for number in range(lines):
    wait = begun + number / rate - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    print(f"line {number:06d} loss={1 / (number + 1):.6f} accuracy={1 - 1 / (number + 2):.6f} took 5 ms")
"""
SSH = {"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22", "SSH_TTY": "/dev/pts/0"}


def rate(terminal: Terminal, during: float) -> float:
    """Bytes a second that it gets."""
    sent, begun = terminal.bytes, time.monotonic()
    time.sleep(during)
    return (terminal.bytes - sent) / (time.monotonic() - begun)


def written(amount: float) -> str:
    return f"{amount / 1000:.1f} kB/s" if amount >= 1000 else f"{amount:.0f} B/s"


def tailed(place: Installation, ids: Sequence[str], *before: str) -> Terminal:
    logs = [str(place.paths.driver_log(run_id)) for run_id in ids]
    return Terminal([*before, "tail", "-n", "40", "-f", *logs], place.environ)


def measure(place: Installation, count: int, lines_a_second: float, during: float) -> tuple[float, float, float, str]:
    """So many runs print: what the console gets, `tail -f`, `tail -f` in tmux, and the console's share of a core."""
    gate = place.folder / f"gate-{count}-{lines_a_second:.0f}"
    lines = int(lines_a_second * (3 * during + 20))
    ids = [place.submit("ticker.py", str(lines), str(lines_a_second), str(gate)) for _ in range(count)]
    place.until_running(ids, 60)
    newest = place.runs()[0].name
    with Terminal([CONSOLE, str(place.project)], {**place.environ, **SSH}, cwd=place.project) as console:
        console.until(lambda screen: screen.shows(newest) and screen.shows("Log"))
        console.until_quiet(1)
        gate.touch()
        console.until(lambda screen: screen.shows("took 5 ms"))
        used = machine.Used({"console": [console.pid]})
        ours = rate(console, during)
        share = used.shares()["console"]
        console.close("q")
    with tailed(place, ids) as tail:
        tail.until(lambda screen: screen.shows("took 5 ms"))
        bare = rate(tail, during)
    in_tmux = 0.0
    if shutil.which("tmux"):
        socket = str(place.folder / "tmux")
        with tailed(place, ids, "tmux", "-S", socket, "-f", "/dev/null", "new-session") as tail:
            tail.until(lambda screen: screen.shows("took 5 ms"))
            in_tmux = rate(tail, during)
        # The terminal's end only detaches from it.
        subprocess.run(["tmux", "-S", socket, "kill-server"], check=False)
    place.run("experiment", "cancel", *(word for run_id in ids for word in ("-r", run_id)), check=False)
    place.until_ended(ids, 60)
    return ours, bare, in_tmux, f"{share:.0%}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=10.0, help="each is looked at")
    chosen = options.parse_args()
    rows: list[list[str]] = []
    with Installation(slots=8) as place:
        place.script("ticker.py", SCRIPT)
        ids = [place.submit("ticker.py", "1", "1", str(place.folder))]
        place.until_ended(ids, 60)
        progress("a quiet screen")
        with Terminal([CONSOLE, str(place.project)], {**place.environ, **SSH}, cwd=place.project) as console:
            console.until(lambda screen: screen.shows("took 5 ms"))
            console.until_quiet(1.5)
            rows.append(["nothing runs", written(rate(console, 3 * chosen.seconds)), "", "", ""])
            keys = []
            for place_of in ("2", "3") * 5:
                shown = "enter open" if place_of == "2" else "space mark"
                keys.append(console.send(place_of, lambda screen, text=shown: screen.shows(text)))  # type: ignore[misc]
            console.close("q")
        for count, lines in ((1, 1.0), (1, 200.0), (8, 1.0), (8, 200.0)):
            progress(f"{count} runs, {lines:.0f} lines/s each")
            ours, bare, in_tmux, share = measure(place, count, lines, chosen.seconds)
            name = f"{count} run{'s' if count > 1 else ''}, {lines:.0f} lines/s each"
            rows.append([name, written(ours), written(bare), written(in_tmux), share])
    show(
        "Written to a terminal over SSH, 120x40",
        ["", "console", "`tail -f`", "`tail -f` in tmux", "CPU of the console"],
        rows,
        [f"A key to another pane, until it is shown: {seconds(median(keys))} in the median of {len(keys)}."],
    )


if __name__ == "__main__":
    main()
