"""From a command to the first line of what it starts: by hand, submitted, asked of the engine as the console does."""

from __future__ import annotations

import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from bench import machine
from bench.installation import AML
from bench.report import median, more, percentile, progress, seconds, show, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.installation import Installation

HELLO = 'print("first line", flush=True)\n'
LINE = b"first line\n"
# Who waits longer than this for it waits in vain (s).
WITHIN = 300.0


def first_line(argv: Sequence[str], place: Installation) -> tuple[float, float]:
    """Seconds to the script's first line, and to the end of the command."""
    begun = time.monotonic()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            argv,
            cwd=place.project,
            env=place.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        assert process.stdout is not None
        # Programs that start it may have something to say before.
        found = LINE in iter(process.stdout.readline, b"")
        came = time.monotonic()
        rest = process.stdout.read()
        if process.wait() or not found:
            errors.seek(0)
            raise RuntimeError(f"{argv}: {rest[-2000:].decode()}\n{errors.read()[-2000:].decode()}")
    return came - begun, time.monotonic() - begun


def asked(place: Installation, script: str) -> float:
    """Seconds from asking the engine, as the console does, to the script's first line in the log on this side."""
    begun = time.monotonic()
    run_id = place.ask(script)
    mirror = place.paths.driver_log(run_id)
    while not (mirror.exists() and LINE in mirror.read_bytes()):
        if time.monotonic() - begun > WITHIN:
            raise TimeoutError(f"not within {WITHIN:.0f} s: the first line of {run_id}")
        time.sleep(0.001)
    came = time.monotonic() - begun
    place.until_ended([run_id], 60)
    return came


def compare(
    place: Installation, script: str, by_hand: Sequence[str], name: str, times: int, *, most: float, later: bool = False
) -> None:
    """A table of the three ways, for the place's configuration. `name`: what the command by hand is called.

    A first line may take `most` times as long as by hand; with `later`, so many seconds longer.
    """
    submit = [AML, "experiment", "submit", "-c", place.config, script]
    hand: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    through: list[float] = []
    for turn in range(times + 2):
        progress(f"first line, turn {turn} of {times + 1}")
        one, two, three = first_line(by_hand, place), first_line(submit, place), asked(place, script)
        if turn > 1:  # the first connect the host and fill the caches
            hand.append(one)
            ours.append(two)
            through.append(three)
    rows = []
    first, back = [pair[0] for pair in hand], [pair[1] for pair in hand]
    allowed = more(seconds(most)) if later else f"{most} times"
    for what, alone, taken, limited in (
        ("first line, asked of the engine as the console does", median(first), through, True),
        ("first line, `aml experiment submit`", median(first), [pair[0] for pair in ours], True),
        ("back at the prompt", median(back), [pair[1] for pair in ours], False),
    ):
        beside = median(taken) - alone if later else median(taken) / alone
        rows.append(
            [
                what,
                seconds(alone),
                seconds(median(taken)),
                seconds(percentile(taken, 0.9)),
                f"{median(taken) / alone:.2f} times",
                more(seconds(median(taken) - alone)),
                allowed if limited else "",
                verdict(beside <= most) if limited else "",
            ]
        )
    show(
        f"aml experiment submit -c {place.config}, everything warm",
        ["until", name, "submitted", "submitted, p90", "against it", "more", "allowed", "within"],
        rows,
        [f"{times} times each, turn by turn, medians; load {machine.load():.1f}."],
    )
