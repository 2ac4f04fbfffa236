"""How long until one sees something: the console's first paint, and the command line's answer.

`python -m bench.startup`. Each figure is beside its baseline, taken turn by turn in the same minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench import history, machine
from bench.installation import AML, Installation
from bench.report import median, more, percentile, progress, seconds, show, verdict
from bench.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BARE = """\
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("bare and painted")
Bare().run()
"""
FRAME = "Run configurations"
MOST_PAINT, MOST_VERSION, MOST_LIST = 1.25, 0.1, 0.3


def paint(start: Callable[[], Terminal], *expected: str) -> list[float]:
    """Seconds from the start of the process to each of these texts on the screen."""
    with start() as terminal:
        return [terminal.until(lambda s, t=text: s.shows(t)) - terminal.started for text in expected]  # type: ignore[misc]


def command(argv: Sequence[str], place: Installation) -> float:
    begun = time.monotonic()
    done = subprocess.run(argv, cwd=place.project, env=place.environ, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv}: {done.stderr.decode()}")
    return time.monotonic() - begun


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=10_000, help="in the history")
    options.add_argument("--times", type=int, default=21, help="each is measured")
    chosen = options.parse_args()
    with Installation() as place:
        progress(f"entering {chosen.runs} runs")
        history.fill(place.paths.store, place.project, chosen.runs)
        newest = f"{place.project.name}-{chosen.runs:03d}"
        bare: list[float] = []
        frame: list[float] = []
        listed: list[float] = []
        nothing: list[float] = []
        version: list[float] = []
        listing: list[float] = []
        for turn in range(chosen.times + 1):
            progress(f"turn {turn} of {chosen.times}")
            one = paint(lambda: Terminal([sys.executable, "-c", BARE], place.environ), "bare and painted")
            two = paint(place.console, FRAME, newest)
            three = command([sys.executable, "-c", "pass"], place)
            four = command([AML, "--version"], place)
            five = command([AML, "history", "list", "-o", "table"], place)
            if turn:  # the first warms the caches of all
                bare += one
                frame.append(two[0])
                listed.append(two[1])
                nothing.append(three)
                version.append(four)
                listing.append(five)
    ratio = median(frame) / median(bare)
    more_version = median(version) - median(nothing)
    more_list = median(listing) - median(nothing)

    def row(name: str, values: Sequence[float], against: str, limit: str, within: str) -> list[str]:
        return [name, seconds(median(values)), seconds(percentile(values, 0.9)), against, limit, within]

    show(
        f"Start, {chosen.runs:,} runs in the history",
        ["", "median", "p90", "against its baseline", "allowed", "within"],
        [
            row("bare Textual app, one Static", bare, "", "", ""),
            row("aml-tui, first paint", frame, f"{ratio:.2f} times", "1.25 times", verdict(ratio <= MOST_PAINT)),
            row("aml-tui, newest run shown", listed, f"{median(listed) / median(bare):.2f} times", "", ""),
            row("python -c pass", nothing, "", "", ""),
            row("aml --version", version, more(seconds(more_version)), "+0.1 s", verdict(more_version <= MOST_VERSION)),
            row("aml history list", listing, more(seconds(more_list)), "+0.3 s", verdict(more_list <= MOST_LIST)),
        ],
        [
            f"{chosen.times} times each, turn by turn; from the start of the process; load {machine.load():.1f}.",
            "First paint: the frame with its panes stands on a 120x40 terminal; the runs follow (next line).",
        ],
    )


if __name__ == "__main__":
    main()
