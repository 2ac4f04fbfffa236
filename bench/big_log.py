"""A log of 5 GB: how soon its end is on the screen, what it costs in memory, how fast it is searched.

`python -m bench.big_log --gigabytes 5`. A real run prints it. Needs two and a half times as much free disk as the log,
in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.installation import Installation, wait_for
from bench.report import median, megabytes, more, percentile, progress, seconds, show, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from bench.terminal import Terminal

# A thousandth of the chunks holds the word that is searched for.
FLOOD = """\
import os, sys
size = int(sys.argv[1])
line = "epoch %06d loss=0.123456 accuracy=0.987654 every line of this log is about a hundred bytes long\\n"
body = "".join(line % n for n in range(10_000)).encode()
written = chunk = 0
while written < size:
    head = b"chunk %06d%s\\n" % (chunk, b" holds the needle" if chunk % 1000 == 500 else b"")
    written += os.write(1, head) + sum(os.write(1, body[at : at + 65536]) for at in range(0, len(body), 65536))
    chunk += 1
print("the very last line", flush=True)
"""
NEEDLE = "holds the needle"
DOWN, UP = "\x1b[B", "\x1b[A"
MOST_OPEN, MOST_MEMORY = 0.3, 50e6


def opened(place: Installation, key: str, text: str) -> tuple[float, float]:
    """From the run in the middle of the list to the one `key` leads to: seconds until its last line is on the screen,
    and the console's memory then, bytes."""
    with place.console() as terminal:
        terminal.until(lambda s: s.shows("the only line"))
        terminal.send(DOWN, lambda s: s.shows("another line"))
        terminal.until_quiet(0.5)
        taken = terminal.send(key, lambda s: s.shows(text))
        time.sleep(1.0)
        memory = machine.resident(terminal.pid)
        terminal.close("q")
    return taken, memory


def search(terminal: Terminal, matches: int) -> float:
    """Seconds from the word to the count of every line that has it, no longer growing."""
    # Marking belongs to the list: its key leaves the footer when the log has the keys.
    terminal.send("4", lambda s: not s.shows("space mark"))
    terminal.send("/", lambda s: s.shows("text in the whole log"))
    terminal.send(NEEDLE, lambda s: s.shows(NEEDLE))
    counted = re.compile(rf"'{NEEDLE}' [\d,]+/{matches:,}(?![\d…])")
    return terminal.send("\r", lambda s: any(counted.search(line) for line in s.text()), within=300)


def grep(log: Path) -> tuple[float, int]:
    begun = time.monotonic()
    done = subprocess.run(["grep", "-c", NEEDLE, str(log)], capture_output=True, check=True)
    return time.monotonic() - begun, int(done.stdout)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gigabytes", type=float, default=5.0)
    options.add_argument("--times", type=int, default=9, help="each is opened")
    chosen = options.parse_args()
    size = int(chosen.gigabytes * 1e9)
    with Installation() as place:
        free = shutil.disk_usage(place.folder).free
        if free < size * 2.5:
            sys.exit(f"{place.folder} has {free / 1e9:.0f} GB free; {size * 2.5 / 1e9:.0f} GB are needed. Set TMPDIR.")
        place.script("flood.py", FLOOD)
        place.script("say.py", "import sys\nprint(sys.argv[1])\n")
        place.run("engine", "start")
        progress(f"a run prints {chosen.gigabytes} GB")
        begun = time.monotonic()
        big = place.submit("flood.py", str(size))
        log = place.paths.driver_log(big)
        place.until_ended([big], 1800)
        arrived = time.monotonic() - begun
        equal = place.same_bytes(big)
        size = log.stat().st_size
        place.until_ended([place.submit("say.py", "another line")], 60)
        place.until_ended([place.submit("say.py", "the only line")], 60)
        small: list[tuple[float, float]] = []
        large: list[tuple[float, float]] = []
        for turn in range(chosen.times + 1):
            progress(f"turn {turn} of {chosen.times}")
            one = opened(place, UP, "the only line")
            two = opened(place, DOWN, "the very last line")
            if turn:
                small.append(one)
                large.append(two)
        progress("searching")
        grep(log)
        by_grep, matches = grep(log)
        with place.console() as terminal:
            terminal.until(lambda s: s.shows("the only line"))
            terminal.press(DOWN)
            terminal.send(DOWN, lambda s: s.shows("the very last line"))
            terminal.until_quiet(0.5)
            by_console = search(terminal, matches)
            searched = machine.resident(terminal.pid)
            terminal.close()
        wait_for(lambda: not place.engine().get("runs"), 60, "the engine to rest")
    later = median([taken for taken, _ in large]) - median([taken for taken, _ in small])
    memory = median([held for _, held in large]) - median([held for _, held in small])
    after = searched - median([held for _, held in small])
    show(
        f"A log of {size / 1e9:.1f} GB",
        ["", "one line", "large", "more", "allowed", "within"],
        [
            [
                "its end on the screen, median",
                seconds(median([taken for taken, _ in small])),
                seconds(median([taken for taken, _ in large])),
                more(seconds(later)),
                "+0.3 s",
                verdict(later <= MOST_OPEN),
            ],
            [
                "the same, p90",
                seconds(percentile([taken for taken, _ in small], 0.9)),
                seconds(percentile([taken for taken, _ in large], 0.9)),
                "",
                "",
                "",
            ],
            [
                "memory of the console",
                megabytes(median([held for _, held in small])),
                megabytes(median([held for _, held in large])),
                more(megabytes(memory)),
                "+50 MB",
                verdict(memory <= MOST_MEMORY),
            ],
            [
                "memory after a search",
                "",
                megabytes(searched),
                more(megabytes(after)),
                "+50 MB",
                verdict(after <= MOST_MEMORY),
            ],
            ["search in the console", "", f"{size / by_console / 1e6:.0f} MB/s", "", "", ""],
            [
                "grep -c, the same file",
                "",
                f"{size / by_grep / 1e6:.0f} MB/s",
                f"{by_console / by_grep:.1f} times as long",
                "",
                "",
            ],
            ["from script to mirror", "", f"{size / arrived / 1e6:.0f} MB/s", "", "", ""],
            ["mirror byte-equal", "", verdict(equal), "", "yes", verdict(equal)],
        ],
        [f"{chosen.times} openings each, each in its own console; file in the page cache; load {machine.load():.1f}."],
    )


if __name__ == "__main__":
    main()
