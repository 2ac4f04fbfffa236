"""The columns of the run list: what each shows of a run, and how runs are ordered by it. Pure: no widgets, no store.

A column is named by a text that can be remembered: one of `FIXED`, or `metric:loss`, `arg:--rate`, `tag:stage`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine import masking
from engine.runs.model import Run, State
from tui import wording
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.runs.model import Series

    Key = tuple[int, float | str]

METRIC, ARGUMENT, TAG = "metric:", "arg:", "tag:"
_KINDS = (METRIC, ARGUMENT, TAG)
# An option as scripts take them; a number below zero is a value.
_OPTION = re.compile(r"^--?[A-Za-z][\w.-]*$")
_STATES = list(State)


@dataclass(frozen=True)
class Fixed:
    """A column that every run has. `least`, `most`: its width in cells; `words`: what it shows, for one who chooses.

    `key` None: the column is text and ordered as such.
    """

    title: str
    least: int
    most: int
    words: str
    text: Callable[[Run, float], str]
    key: Callable[[Run, float], float | None] | None = None
    right: bool = False


def _duration(run: Run, now: float) -> float | None:
    return None if run.started is None else (run.ended or now) - run.started


def _going(run: Run, now: float) -> float | None:
    """What the column `age` shows, in seconds."""
    if run.state.ended:
        return None if run.started is None else (run.ended or run.state_since) - run.started
    return now - (run.started or run.created)


def _span(seconds: float | None) -> str:
    return "" if seconds is None else wording.span(seconds)


def _exit(run: Run) -> str:
    if run.exit_signal:
        return wording.signal_name(run.exit_signal)
    return "" if run.exit_code is None else str(run.exit_code)


def _exit_number(run: Run, _: float) -> float | None:
    return -float(run.exit_signal) if run.exit_signal else None if run.exit_code is None else float(run.exit_code)


FIXED: dict[str, Fixed] = {
    "state": Fixed(
        "state", 10, 10, "its state", lambda run, _: run.state.value, lambda run, _: float(_STATES.index(run.state))
    ),
    "config": Fixed("config", 6, 14, "its run configuration", lambda run, _: run.config),
    "target": Fixed("target", 6, 12, "its compute target", lambda run, _: run.target),
    "script": Fixed(
        "script",
        11,
        48,
        "the script with its arguments",
        lambda run, _: wording.command_line(run.script, run.arguments),
    ),
    "age": Fixed("age", 5, 5, "how long it goes, went or waits", wording.age, _going, right=True),
    "duration": Fixed(
        "took", 5, 5, "from its start to its end", lambda run, now: _span(_duration(run, now)), _duration, right=True
    ),
    "submitted": Fixed(
        "since",
        5,
        5,
        "how long ago it was submitted",
        lambda run, now: _span(now - run.created),
        lambda run, now: now - run.created,
        right=True,
    ),
    "reason": Fixed("reason", 12, 60, "why it waits or failed", lambda run, _: wording.outcome(run)),
    "exit": Fixed("exit", 4, 8, "its exit code or signal", lambda run, _: _exit(run), _exit_number, right=True),
    "tags": Fixed("tags", 6, 30, "its tags", lambda run, _: tags_text(run.tags)),
    "commit": Fixed("commit", 8, 8, "the git commit", lambda run, _: (run.commit or "")[:8]),
    "branch": Fixed("branch", 6, 14, "the git branch", lambda run, _: run.branch or ""),
    "user": Fixed("user", 4, 10, "who submitted it", lambda run, _: run.user_id),
}
# What the list shows when nobody chose; behind them the metrics, or the reason in their place.
AUTOMATIC = ("state", "config", "target", "script", "age")
# What these show differs as time passes.
TIMED = ("age", "duration", "submitted")
# The name is always there, so it is no choice; runs can be ordered by it.
NAME = "name"


def exists(column: str) -> bool:
    """Whether this is a column at all: what was remembered may be of another release."""
    return column in FIXED or any(column.startswith(kind) and column != kind for kind in _KINDS)


def title(column: str) -> str:
    """What stands in the head of the list, not yet safe to draw."""
    if column in FIXED:
        return FIXED[column].title
    return column.partition(":")[2] if column.startswith(_KINDS) else column


def words(column: str) -> str:
    """What the column shows, for one who chooses."""
    if column in FIXED:
        return FIXED[column].words
    kind = {METRIC: "metric", ARGUMENT: "argument", TAG: "tag"}.get(column.partition(":")[0] + ":")
    return kind or "its name"


def options(arguments: tuple[str, ...]) -> dict[str, str]:
    """A script's arguments by option: `--rate 0.1` and `--rate=0.1` alike, `--fast` alone is "yes".

    Secrets are stars. What stands for itself is found under its place, "1" for the first.
    """
    return {name: _shown(name, value) for name, value in _raw(arguments).items()}


def option(arguments: tuple[str, ...], name: str) -> str:
    """One of them; "" when the script was not given it. Quick: the list is ordered by it."""
    value = _given(arguments, name) if name[:1] == "-" else _raw(arguments).get(name, "")
    return _shown(name, value) if value else ""


def _given(arguments: tuple[str, ...], name: str) -> str:
    """What `_raw` finds for an option, without looking at the others."""
    value, begin = "", f"{name}="
    for place, word in enumerate(arguments, start=1):
        if word == name:
            follows = arguments[place] if place < len(arguments) else ""
            value = follows if follows and not _is_option(follows) else "yes"
        elif word.startswith(begin):
            value = word[len(begin) :]
    return value


def _is_option(word: str) -> bool:
    return word[:1] == "-" and _OPTION.match(word.partition("=")[0]) is not None


def _shown(name: str, value: str) -> str:
    return masking.STARS if _is_secret(name) else masking.address(value) if "://" in value else value


_is_secret = lru_cache(1024)(masking.is_secret)


@lru_cache(16_384)
def _raw(arguments: tuple[str, ...]) -> dict[str, str]:
    """The arguments by option as they are."""
    found: dict[str, str] = {}
    waits, positional = "", 0
    for word in arguments:
        name, equals, value = word.partition("=") if word[:1] == "-" else ("", "", "")
        if name and _OPTION.match(name):
            # An option that waits for a value, and has none by now, is a flag.
            found[name] = value if equals else "yes"
            waits = "" if equals else name
        elif waits:
            found[waits] = word
            waits = ""
        else:
            positional += 1
            found[str(positional)] = word
    return found


def option_names(arguments: tuple[str, ...]) -> str:
    """The names of a script's options, in their order, with a blank between two."""
    names = [word.partition("=")[0] for word in arguments if word[:1] == "-"]
    return " ".join(name for name in names if _OPTION.match(name))


def tags_text(tags: dict[str, str]) -> str:
    """Tags in a line: "best stage=prod"."""
    return " ".join(f"{name}={value}" if value else name for name, value in sorted(tags.items()))


def text(column: str, run: Run, now: float) -> str:
    """What the column shows of a run, safe to draw; metrics are drawn by the list itself."""
    fixed = FIXED.get(column)
    if fixed is not None:
        return plain(fixed.text(run, now))
    kind, _, name = column.partition(":")
    if kind == "arg":
        return plain(option(run.arguments, name))
    if kind == "tag" and name in run.tags:
        return plain(run.tags[name] or "yes")
    return plain(run.name) if column == NAME else ""


def widths(column: str) -> tuple[int, int]:
    """The least and the most cells that a column has."""
    if column in FIXED:
        return FIXED[column].least, FIXED[column].most
    return (7, 13) if column.startswith(METRIC) else (4, 14)


def is_number(column: str) -> bool:
    """Whether its values stand at the right."""
    return FIXED[column].right if column in FIXED else column.startswith(METRIC)


def descends(column: str) -> bool:
    """Whether the largest come first when one orders by it: long times and high metrics are what one looks for."""
    return column in TIMED or column.startswith(METRIC)


def key(column: str, run: Run, series: Iterable[Series], now: float) -> Key | None:
    """What a run is ordered by; None: it has no value there, and comes last."""
    fixed = FIXED.get(column)
    if column == NAME:
        return (1, f"{run.project_name.casefold()} {run.number:012d}")
    if column == "script":
        # As it was given: what is shown takes its time to be made safe.
        return (1, " ".join((run.script, *run.arguments)).casefold())
    if fixed is not None:
        if fixed.key is not None:
            number = fixed.key(run, now)
            return None if number is None else (0, number)
        return _comparable(fixed.text(run, now))
    if column.startswith(METRIC):
        name = column[len(METRIC) :]
        for one in series:
            if one.name == name:
                # What is no number is no value to compare.
                return None if one.last is None or math.isnan(one.last) else (0, one.last)
        return None
    name = column.partition(":")[2]
    if column.startswith(ARGUMENT):
        return _comparable(option(run.arguments, name))
    return _comparable(run.tags[name] or "yes") if name in run.tags else None


def _comparable(value: str) -> Key | None:
    """Numbers by their value and before texts; a text without regard to case."""
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        return (1, value.casefold())
    return (1, value.casefold()) if math.isnan(number) else (0, number)


def known(runs: Iterable[Run], metrics: Sequence[str]) -> list[str]:
    """Every column that can be chosen: the fixed ones, these metrics, the arguments and tags that runs have."""
    arguments: dict[str, None] = {}
    tags: dict[str, None] = {}
    seen: set[tuple[str, ...]] = set()
    for run in runs:
        if run.arguments not in seen:
            seen.add(run.arguments)
            arguments.update(dict.fromkeys(_raw(run.arguments)))
        if run.tags:
            tags.update(dict.fromkeys(run.tags))
    named = [name for name in arguments if name.startswith("-")] + [name for name in arguments if name.isdigit()]
    return [
        *FIXED,
        *(f"{METRIC}{name}" for name in metrics),
        *(f"{ARGUMENT}{name}" for name in named),
        *(f"{TAG}{name}" for name in sorted(tags)),
    ]
