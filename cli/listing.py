"""The table of `history list`: metrics first, then what the original put after them."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from cli.output import number
from cli.table import GAP, cells, draw
from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.runs.history import History

HEADINGS = ["Duration", "Run_id", "Script_name", "Start_time_utc", "Status"]
# Beyond so many names of metrics a table says nothing any more; JSON has all of them.
MOST_METRICS = 40
# A text that was logged has at most so many characters in a table.
MOST_TEXT = 40


def history_table(store: History, project: str | None, limit: int | None) -> tuple[str, str]:
    """Every run a line, newest first; and what to say of metrics that do not fit on the terminal."""
    found = store.listed(project, limit)
    metrics = store.last_values(project)
    names = list(dict.fromkeys(name for run in found for name in metrics.get(run[0], ())))
    now = time.time()
    rest = [
        [_duration(started, ended, now), run_id, plain(script), _second(started or created), state]
        for run_id, script, created, started, ended, state in found
    ]
    nothing: Mapping[str, float | str] = {}
    values = {name: [_value(metrics.get(run[0], nothing).get(name)) for run in found] for name in names[:MOST_METRICS]}
    shown = _fitting(values, rest)
    columns = [values[name] for name in shown]
    rows = [[*cells_, *tail] for *cells_, tail in zip(*columns, rest, strict=True)]
    text = draw([plain(name) for name in shown] + HEADINGS, rows, frozenset(range(len(shown))))
    left = ", ".join(plain(name) for name in names if name not in shown)
    if len(left) > 200:
        left = f"{left[:199]}…"
    return text, f"not shown: {left} (-o json has everything)" if left else ""


def _fitting(values: Mapping[str, Sequence[str]], rest: Sequence[Sequence[str]]) -> list[str]:
    """The metrics that have room beside the rest, in their order."""
    if not sys.stdout.isatty() or not rest:
        return list(values)
    room = shutil.get_terminal_size().columns
    room -= sum(max(len(HEADINGS[place]), *(cells(row[place]) for row in rest)) for place in range(len(HEADINGS)))
    room -= len(GAP) * (len(HEADINGS) - 1)
    shown = []
    for name, column in values.items():
        room -= max(cells(plain(name)), *map(cells, column)) + len(GAP)
        if room < 0:
            break
        shown.append(name)
    return shown


def _value(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value)
    text = plain(value)
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def _second(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _duration(started: float | None, ended: float | None, now: float) -> str:
    if started is None:
        return ""
    seconds = (now if ended is None else ended) - started
    minutes = int(seconds // 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds % 60:06.3f}"
