"""The signs of the console, in Unicode and in ASCII. State is told by a sign and a word, never by colour alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.runs.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Glyphs:
    """One set of signs. Every one is a single cell wide."""

    states: dict[State, str]
    spark: str
    ellipsis: str
    cursor: str
    marked: str
    connected: str
    idle: str
    trouble: str
    wrong: str
    dot: str
    rule: str
    full: str
    down: str
    bar: str
    runs: str
    up: str


UNICODE = Glyphs(
    states={
        State.NOT_STARTED: "○",
        State.QUEUED: "◌",
        State.PREPARING: "◐",
        State.STARTING: "◑",
        State.RUNNING: "●",
        State.FINALIZING: "◕",
        State.CANCEL_REQUESTED: "◍",
        State.COMPLETED: "✔",
        State.FAILED: "✖",
        State.CANCELED: "⊘",
    },
    spark="▁▂▃▄▅▆▇█",
    ellipsis="…",
    cursor="▸",
    marked="◆",
    connected="●",
    idle="○",
    trouble="▲",
    wrong="✖",
    dot="·",
    rule="─",
    full="━",
    down="▾",
    bar="▌",
    runs="●▲■◆○△□◇",
    up="▴",
)
ASCII = Glyphs(
    states={
        State.NOT_STARTED: ".",
        State.QUEUED: "q",
        State.PREPARING: "p",
        State.STARTING: "s",
        State.RUNNING: "*",
        State.FINALIZING: "f",
        State.CANCEL_REQUESTED: "c",
        State.COMPLETED: "+",
        State.FAILED: "x",
        State.CANCELED: "-",
    },
    spark="_.-~=+*#",
    ellipsis="~",
    cursor=">",
    marked="#",
    connected="*",
    idle="o",
    trouble="!",
    wrong="x",
    dot="-",
    rule="-",
    full="#",
    down="v",
    bar="|",
    runs="o^#*+x=@",
    up="^",
)


def cycled(numbers: Sequence[int], count: int) -> list[int]:
    """A sign or colour of `count` for each number: always the same one, unless another number here has it already."""
    found: list[int] = []
    for number in numbers:
        wanted = number % count
        free = [(wanted + step) % count for step in range(count) if (wanted + step) % count not in found]
        found.append(free[0] if free else wanted)
    return found


def sparkline(values: Sequence[float], width: int, signs: str) -> str:
    """The values (each the mean of a stretch when there are more than `width`) as bars between lowest and highest.

    A value that is not finite is drawn as a blank; a constant series as a low line.
    """
    # Stretches of equal length, so that the line keeps the shape of the whole series.
    points = _stretched(values, width)
    finite = [p for p in points if math.isfinite(p)]
    if not finite:
        return " " * len(points)
    low, high = min(finite), max(finite)
    span = high - low
    top = len(signs) - 1
    if not span or not math.isfinite(span):
        return "".join(signs[0] if math.isfinite(p) else " " for p in points)
    return "".join(signs[round((p - low) / span * top)] if math.isfinite(p) else " " for p in points)


def tall_bars(values: Sequence[float], width: int, rows: int, signs: str) -> list[str]:
    """The values as bars of `rows` lines, the top one first, over the whole width."""
    points = list(values)
    if 0 < len(points) < width:
        points = [points[n * len(points) // width] for n in range(width)]
    levels = sparkline(points, width, "".join(map(chr, range(len(signs) * rows))))
    lines = []
    for row in range(rows - 1, -1, -1):
        line = ""
        for point, level in zip(_stretched(points, width), levels, strict=True):
            over = ord(level) - row * len(signs) if math.isfinite(point) else -1
            line += " " if over < 0 else signs[min(over, len(signs) - 1)]
        lines.append(line)
    return lines


def _stretched(points: Sequence[float], width: int) -> list[float]:
    """As `sparkline` takes them: the mean of each stretch when there are more than `width`."""
    if not len(points) > width > 0:
        return list(points)
    step = len(points) / width
    return [_mean(points[int(i * step) : max(int((i + 1) * step), int(i * step) + 1)]) for i in range(width)]


def _mean(values: Sequence[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite else math.nan
