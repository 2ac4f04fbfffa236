"""Runs in groups: what they have in common, and what a group's head says. Pure: no widgets, no store."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.runs.model import State
from tui import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from engine.runs.model import Run, Series

# What runs can be grouped by; `tag:stage` for each tag besides.
KINDS = {
    "sweep": "one script and configuration, other arguments",
    "config": "the run configuration",
    "target": "the compute target",
    "script": "the script",
    "state": "the state",
}
# Begins the key of a head in the list, where a run's is its id.
HEAD = "\0"
# A metric of such a name is the better the lower it is.
_LOW = re.compile(
    r"loss|err|mse|mae|rmse|perplexity|divergence|(?:^|[_\W])(?:time|seconds|latency|cost)", re.IGNORECASE
)
_TOLD = (
    (State.RUNNING, "running"),
    (State.FINALIZING, "finalizing"),
    (State.STARTING, "starting"),
    (State.PREPARING, "preparing"),
    (State.QUEUED, "queued"),
    (State.NOT_STARTED, "not started"),
    (State.CANCEL_REQUESTED, "canceling"),
    (State.FAILED, "failed"),
    (State.COMPLETED, "completed"),
    (State.CANCELED, "canceled"),
)


@dataclass(frozen=True)
class Group:
    """Runs that belong together, in the list's order. `key` is the head's key in the list."""

    key: str
    title: str
    runs: tuple[str, ...]
    folded: bool = False


def grouped(
    by: str,
    ids: Iterable[str],
    run_of: Callable[[str], Run | None],
    folded: Iterable[str],
    known: dict[str, str] | None = None,
) -> tuple[Group, ...]:
    """These runs in groups, each where its first run is; runs that belong to none in one at the end.

    `known` keeps the group of each run for the next time.
    """
    name = _namer(by)
    found = {} if known is None else known
    members: dict[str, list[str]] = {}
    for run_id in ids:
        group = found.get(run_id)
        if group is None:
            run = run_of(run_id)
            if run is None:
                continue
            group = found[run_id] = name(run)
        members.setdefault(group, []).append(run_id)
    rest = members.pop("", None)
    if rest is not None:
        members[""] = rest
    closed = frozenset(folded)
    return tuple(
        Group(f"{HEAD}{value}", value or _NONE.get(by, f"without {by.partition(':')[2]}"), tuple(some), value in closed)
        for value, some in members.items()
    )


_NONE = {"sweep": "no sweep", "config": "no configuration", "target": "no target", "script": "no script"}


def _namer(by: str) -> Callable[[Run], str]:
    if by == "sweep":
        return sweep
    if by.startswith(columns.TAG):
        tag = by[len(columns.TAG) :]
        return lambda run: (run.tags[tag] or "yes") if tag in run.tags else ""
    if by == "state":
        return lambda run: run.state.value
    return lambda run: str(getattr(run, by))


def sweep(run: Run) -> str:
    """What runs of one sweep have in common: a tag `sweep`, or the run that submitted them, or else configuration,
    script and options.
    """
    if "sweep" in run.tags:
        return f"sweep {run.tags['sweep']}".rstrip()
    if run.parent_run_id:
        return f"submitted by {run.parent_run_id}"
    names = columns.option_names(run.arguments)
    return f"{run.config}: {run.script}" + (f" {names}" if names else "")


def counts(runs: Iterable[Run], signs: Mapping[State, str]) -> tuple[str, str]:
    """How many are in each state, what goes on first: "1 running, 2 failed", and in signs where that is too long."""
    found: dict[State, int] = {}
    for run in runs:
        found[run.state] = found.get(run.state, 0) + 1
    told = [(found[state], signs[state], word) for state, word in _TOLD if state in found]
    return ", ".join(f"{count:,} {word}" for count, _, word in told), " ".join(f"{sign}{n:,}" for n, sign, _ in told)


def best(name: str, ids: Sequence[str], series_of: Callable[[str], Iterable[Series]]) -> tuple[str, float, str] | None:
    """Of a metric's last values the best one: ("lowest" or "highest", value, run id); None when no run has one.

    A metric that is called like a loss or an error is the better the lower it is, any other the higher.
    """
    values: Mapping[str, float] = {
        run_id: one.last
        for run_id in ids
        for one in series_of(run_id)
        if one.name == name and one.last is not None and math.isfinite(one.last)
    }
    if not values:
        return None
    low = _LOW.search(name) is not None
    chosen = (min if low else max)(values, key=lambda run_id: values[run_id])
    return "lowest" if low else "highest", values[chosen], chosen


def last(
    name: str,
    ids: Iterable[str],
    run_of: Callable[[str], Run | None],
    series_of: Callable[[str], Iterable[Series]],
) -> float | None:
    """What the newest run that has this metric logged last."""
    newest: tuple[float, float] | None = None
    for run_id in ids:
        run = run_of(run_id)
        if run is None or (newest is not None and run.created <= newest[0]):
            continue
        value = next((one.last for one in series_of(run_id) if one.name == name), None)
        if value is not None:
            newest = (run.created, value)
    return newest[1] if newest is not None else None
