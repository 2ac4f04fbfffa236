"""Tables in the form `az` draws them: headings, a rule, a line a row. On a terminal no line is wider than it."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = "  "
# A column that must give way keeps this much, and its heading if that is shorter.
LEAST = 8


def draw(headings: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """The table as text; `right` are the columns set to the right. Texts must be drawable (`engine.plain`)."""
    if not rows:
        return ""
    columns = [(heading, *column) for heading, column in zip(headings, zip(*rows, strict=True), strict=True)]
    widths = [max(map(len, column)) for column in columns]
    wide = not all("".join(column).isascii() for column in columns)
    if wide:
        widths = [max(map(cells, column)) for column in columns]
    whole = widths
    if sys.stdout.isatty():
        widths = fitted(widths, shutil.get_terminal_size().columns)
    last = len(widths) - 1
    lines = [headings, ["-" * width for width in widths], *rows]
    if not wide and widths == whole:
        # Nothing is cut and each character is a cell: ten thousand rows are formatted at once.
        row = GAP.join(f"{{:{'>' if place in right else '<'}{width}}}" for place, width in enumerate(widths))
        return "".join(f"{row.format(*line).rstrip()}\n" for line in lines)
    return "".join(
        GAP.join(
            _padded(cell, width, place in right, place == last, wide)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Widths that fit into `room` cells: the widest give way first, none below `LEAST`."""
    fitting = list(widths)
    spare = sum(fitting) + len(GAP) * (len(fitting) - 1) - room
    while spare > 0:
        widest = max(fitting)
        if widest <= LEAST:
            break
        places = [place for place, width in enumerate(fitting) if width == widest]
        second = max((width for width in fitting if width < widest), default=LEAST)
        step = max(1, min(widest - max(second, LEAST), -(-spare // len(places))))
        for place in places:
            fitting[place] -= step
        spare -= step * len(places)
    return fitting


def _padded(text: str, width: int, right: bool, last: bool, wide: bool) -> str:
    size = cells(text) if wide else len(text)
    if size > width:
        return _cut(text, width)
    if right:
        return " " * (width - size) + text
    return text if last else text + " " * (width - size)


def _cut(text: str, width: int) -> str:
    kept, used = "", 0
    for character in text:
        size = cells(character)
        if used + size > width - 1:
            break
        kept += character
        used += size
    return f"{kept}…" + " " * (width - 1 - used)


def cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
