"""From `aml experiment submit -c local` to the script's first line, beside running the script by hand.

`python -m bench.submit_latency`. The engine is warm; the snapshot is that of a small project.
"""

from __future__ import annotations

import argparse
import sys

from bench import machine
from bench.first_line import HELLO, first_line
from bench.installation import AML, Installation
from bench.report import median, more, percentile, progress, seconds, show, verdict

MOST = 0.3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=31, help="each is measured")
    chosen = options.parse_args()
    hand: list[tuple[float, float]] = []
    submitted: list[tuple[float, float]] = []
    with Installation() as place:
        place.script("hello.py", HELLO)
        place.run("engine", "start")
        for turn in range(chosen.times + 2):
            progress(f"turn {turn} of {chosen.times + 1}")
            one = first_line([sys.executable, "hello.py"], place)
            two = first_line([AML, "experiment", "submit", "-c", "local", "hello.py"], place)
            if turn > 1:  # the first connect the host and fill the caches
                hand.append(one)
                submitted.append(two)
    rows = []
    for name, position, limit in (("first line", 0, MOST), ("back at the prompt", 1, None)):
        alone = [pair[position] for pair in hand]
        through = [pair[position] for pair in submitted]
        later = median(through) - median(alone)
        rows.append(
            [
                name,
                seconds(median(alone)),
                seconds(median(through)),
                seconds(percentile(through, 0.9)),
                more(seconds(later)),
                f"+{limit} s" if limit else "",
                verdict(later <= limit) if limit else "",
            ]
        )
    show(
        "aml experiment submit -c local, engine warm",
        ["until", "by hand", "submitted", "submitted, p90", "more", "allowed", "within"],
        rows,
        [f"{chosen.times} times each, turn by turn, medians; load {machine.load():.1f}."],
    )


if __name__ == "__main__":
    main()
