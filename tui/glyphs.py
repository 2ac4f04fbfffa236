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
    up="^",
)


def sparkline(values: Sequence[float], width: int, signs: str) -> str:
    """The values (each the mean of a stretch when there are more than `width`) as bars between lowest and highest.

    A value that is not finite is drawn as a blank; a constant series as a low line.
    """
    points = list(values)
    if len(points) > width > 0:
        # Stretches of equal length, so that the line keeps the shape of the whole series.
        step = len(points) / width
        points = [_mean(points[int(i * step) : max(int((i + 1) * step), int(i * step) + 1)]) for i in range(width)]
    finite = [p for p in points if math.isfinite(p)]
    if not finite:
        return " " * len(points)
    low, high = min(finite), max(finite)
    span = high - low
    top = len(signs) - 1
    if not span or not math.isfinite(span):
        return "".join(signs[0] if math.isfinite(p) else " " for p in points)
    return "".join(signs[round((p - low) / span * top)] if math.isfinite(p) else " " for p in points)


def _mean(values: Sequence[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite else math.nan
