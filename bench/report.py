"""Figures in words: order statistics and a table in Markdown, as it stands in the README."""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING

from bench import machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def show(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()) -> None:
    """Print a table with the machine it was measured on."""
    lines = [list(headers), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    print(f"### {title}\n")
    print(f"{machine.describe()}\n")
    for number, line in enumerate(lines):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for note in notes:
        print(f"\n{note}")
    sys.stdout.flush()


def progress(text: str) -> None:
    """What is being done now, beside the table: to standard error."""
    print(text, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if abs(value) < 0.1 else f"{value:.3f} s"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.1f} MB"


def more(text: str) -> str:
    """A difference with its sign."""
    return text if text.startswith("-") else f"+{text}"


def verdict(within: bool) -> str:
    return "yes" if within else "NO"
