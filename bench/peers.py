"""The console beside programs of others that show the same: wandb's `leet` for metrics, `lnav` and `less +F` for a log.

`python -m bench.peers --seconds 20`. Whatever of them is on the path is measured, on a pseudo terminal of 120x40 whose
every byte is counted, while something logs two metrics, or prints a line, each second.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import machine
from bench.installation import Installation
from bench.report import megabytes, progress, seconds, show
from bench.terminal import Terminal
from bench.to_terminal import rate, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.screen import Screen

OURS = """\
import math, sys, time
from azureml.core import Run
run = Run.get_context()
for second in range(int(sys.argv[1])):
    run.log("loss", math.exp(-second / 50))
    run.log("accuracy", 1 - math.exp(-second / 50))
    print(f"step {second} loss={math.exp(-second / 50):.6f}")
    time.sleep(1)
"""
THEIRS = """\
import math, sys, time, wandb
run = wandb.init(project="peer", mode="offline", dir=sys.argv[2])
for second in range(int(sys.argv[1])):
    run.log({"loss": math.exp(-second / 50), "accuracy": 1 - math.exp(-second / 50)})
    time.sleep(1)
"""
SETTLE = 3.0


def measured(name: str, terminal: Terminal, shown: Callable[[Screen], bool], during: float) -> list[str]:
    """A row: from its start until it shows this, bytes a second after that, share of a core, memory."""
    first = terminal.until(shown)
    return [name, seconds(first - terminal.started), *going_on(name, terminal, during)]


def going_on(name: str, terminal: Terminal, during: float) -> list[str]:
    """The same of what is shown now."""
    time.sleep(SETTLE)
    used = machine.Used({name: [terminal.pid, *machine.children(terminal.pid)]})
    got = rate(terminal, during)
    share = used.shares()[name]
    size = sum(map(machine.resident, [terminal.pid, *machine.children(terminal.pid)]))
    return [written(got), f"{share:.1%} of a core", megabytes(size)]


@contextlib.contextmanager
def logging_to_wandb(wandb: str, folder: Path, lasting: int) -> Iterator[Path]:
    """A run of wandb's that goes on, offline: its folder."""
    python = Path(wandb).parent / "python"
    script = folder / "theirs.py"
    script.write_text(THEIRS)
    process = subprocess.Popen(
        [python, script, str(lasting), folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    try:
        latest = folder / "wandb" / "latest-run"
        end = time.monotonic() + 30
        while not latest.exists():
            if time.monotonic() > end:
                raise RuntimeError("wandb began no run")
            time.sleep(0.1)
        yield latest
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=20.0, help="for each")
    during = options.parse_args().seconds
    rows: list[list[str]] = []
    left_out = [name for name in ("wandb", "lnav", "less") if shutil.which(name) is None]
    with Installation() as place:
        place.script("ours.py", OURS)
        lasting = int(during * 6 + 60)
        run_id = place.submit("ours.py", str(lasting))
        place.until_running([run_id], 30)
        log = place.paths.driver_log(run_id)
        environ = {**os.environ, "HOME": str(place.folder)}
        progress("metrics")
        with place.console() as terminal:
            rows.append(measured("`aml-tui`, the log", terminal, lambda screen: screen.shows("step"), during))
            terminal.press("4")
            terminal.press("]")
            # The list of runs has a column of that name too.
            terminal.until(lambda screen: screen.shows("resources/memory"))
            terminal.press("\r")
            terminal.until(lambda screen: screen.shows("values  last"))
            rows.append(["`aml-tui`, a chart", "", *going_on("chart", terminal, during)])
        if wandb := shutil.which("wandb"):
            with (
                logging_to_wandb(wandb, place.folder, lasting) as run,
                Terminal([wandb, "leet", str(run)], environ) as terminal,
            ):
                rows.append(measured("`wandb leet`, charts", terminal, lambda s: s.shows("loss"), during))
        progress("a log")
        for name, argv in (("lnav", ["lnav", "-q", str(log)]), ("less", ["less", "+F", str(log)])):
            if shutil.which(name):
                with Terminal(argv, environ) as terminal:
                    rows.append(measured(f"`{' '.join(argv[:-1])}`", terminal, lambda s: s.shows("step"), during))
        place.run("experiment", "cancel", "-r", run_id)
    show(
        "one run that logs two metrics and prints a line each second",
        ["", "first sight", "to the terminal", "CPU", "memory"],
        rows,
        [f"not on the path here: {', '.join(left_out)}."] if left_out else [],
    )
    sys.exit(0)


if __name__ == "__main__":
    main()
