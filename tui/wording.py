"""Numbers, times and states as a person reads them, in few cells."""

from __future__ import annotations

import math
import re
import signal
from typing import TYPE_CHECKING

from engine import masking
from engine.runs.model import RESOURCE, State, environment_words
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.model import BuildRecord, Run, Series

_STEP = re.compile(r"^step \d+ of \d+: ")


def span(seconds: float) -> str:
    """A length of time in at most five cells: "0m09", "2m10", "1h05", "3d04h", "12d"."""
    whole = max(0, int(seconds))
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}"
    days, rest = divmod(whole, 86_400)
    return f"{days}d{rest // 3600:02d}h" if days < 10 else f"{days}d"


def age(run: Run, now: float) -> str:
    """How long a run has been going, or went; a run that waits: how long it has waited."""
    if run.state.ended:
        if run.started is None:
            return ""
        return span((run.ended or run.state_since) - run.started)
    return span(now - (run.started or run.created))


def number(value: float | None) -> str:
    """A metric's value in at most seven cells."""
    if value is None:
        return ""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if value == int(value) and size < 1e6:
        return str(int(value))
    if size >= 1e6 or size < 1e-3:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    if size >= 1000:
        return f"{value:.0f}"
    return f"{value:.3f}" if size < 100 else f"{value:.1f}"


def metric_value(series: Series, value: float | None) -> str:
    """A value of a series, as its kind is read."""
    if value is None or series.kind != RESOURCE:
        return number(value)
    return used(series.name, value)


def used(name: str, value: float) -> str:
    """What a run used of a resource: a share of a core or of a GPU, bytes, or bytes a second."""
    if name.endswith(("cpu", "gpu")):
        return f"{value:.0%}"
    return f"{size(value)}B" if name.endswith("memory") else f"{size(value)}B/s"


def size(count: float) -> str:
    """Bytes in at most five cells: "812", "3.1K", "24M", "1.2G"."""
    for unit in ("", "K", "M", "G", "T"):
        if count < 1000 or unit == "T":
            return f"{count:.1f}{unit}" if unit and count < 10 else f"{count:.0f}{unit}"
        count /= 1024
    return ""


def command_line(script: str, arguments: Sequence[str]) -> str:
    """The script and its arguments as one would type them, secrets masked."""
    if not arguments:
        return plain(script)
    return plain(f"{script} {masking.command(arguments)}")


def outcome(run: Run) -> str:
    """Why a run is in its state, or how far it has come, in words. Empty when there is nothing to add."""
    if run.unreachable_since is not None and not run.state.ended:
        return plain(run.reason or f"{run.target} is unreachable")
    if run.state in (State.PREPARING, State.STARTING, State.FINALIZING) and run.progress:
        return plain(run.progress)
    if run.state is State.RUNNING and not run.reason:
        return plain(run.progress)
    if run.state is State.COMPLETED:
        return ""
    if run.reason:
        return plain(run.reason)
    if run.state is State.FAILED:
        if run.exit_signal:
            return f"ended by {signal_name(run.exit_signal)}"
        if run.exit_code is not None:
            return f"exit code {run.exit_code}"
    return ""


def build_state(build: BuildRecord, now: float) -> str:
    """How a build of an environment stands, in a line."""
    if not build.over:
        step = f"step {build.step} of {build.steps}, " if build.steps else ""
        return f"being prepared: {step}{span(now - build.started)}"
    took = f" after {span(build.ended - build.started)}" if build.ended is not None else ""
    if build.state == "ready":
        return f"ready{took}"
    why = build_reason(build)
    return f"{plain(build.state)}{took}" + (f": {why}" if why else "")


def build_reason(build: BuildRecord) -> str:
    """Why it failed or was cut off, in a line; "" when the state says it all."""
    return "" if build.error == build.state else first_line(build.error)


def first_line(text: str) -> str:
    """The first line that says anything."""
    return plain(next((line.strip() for line in text.splitlines() if line.strip()), ""))


def first_sentence(text: str) -> str:
    """The first sentence, in a line, without its full stop."""
    return plain(text).partition(". ")[0].removesuffix(".")


def environment(image: str) -> str:
    """What an environment is: "image 0123456789ab", or an archive or a folder of a head node with its address."""
    return plain(" ".join(environment_words(image)))


def image_size(count: float) -> str:
    """An image's size as Docker's own commands write it: "136 MB", "1.4 GB"."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def step_words(build: BuildRecord) -> str:
    """What the step at work does, without its number."""
    return plain(_STEP.sub("", build.words))


def signal_name(code: int) -> str:
    try:
        return signal.Signals(code).name
    except ValueError:
        return f"signal {code}"


def count_of(count: int, one: str, many: str | None = None) -> str:
    """ "1 run", "3 runs"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
