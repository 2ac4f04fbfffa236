"""What a run logged that is no series of numbers, as lines: tables aligned, lists, texts, images as files. Blocking."""

from __future__ import annotations

import csv
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size

from tui.plain import plain
from tui.wording import count_of, number, size

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of a table or list so many rows are shown; a saved one has them all.
ROWS = 20_000
# A cell has at most so many columns of the screen.
CELL = 60
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Logged:
    """`head` stays in place above `lines`; `files` are the images' paths, a line each; `said` is about all of it."""

    said: str = ""
    head: str = ""
    lines: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def logged(kind: str, values: Sequence[Any], place: int, outputs: Path) -> Logged:
    """The value at `place` (from 0) as lines; rows make one table together, lists and images are lines of one."""
    if not values:
        return Logged("nothing is there any more")
    if kind == "row" and all(isinstance(value, dict) for value in values):
        return _table(columns_of_rows(values[-ROWS:]), count_of(len(values), "row"))
    if kind == "image":
        files = tuple(str(value) for value in values)
        return Logged(count_of(len(files), "image"), "", tuple(_image(outputs, one) for one in files), files)
    if kind == "list":
        lines = tuple("  ".join(cell(one) for one in _listed(value)[:ROWS]) for value in values[-ROWS:])
        return Logged(count_of(len(values), "list"), "", lines)
    value = values[place]
    which = f"the {place + 1:,} of {len(values):,}" if len(values) > 1 else ""
    if kind == "table" and isinstance(value, dict):
        columns = {name: _listed(column) for name, column in value.items()}
        rows = max((len(column) for column in columns.values()), default=0)
        return _table({name: column[:ROWS] for name, column in columns.items()}, count_of(rows, "row"), which)
    lines = tuple(plain(line) for line in str(value).splitlines()[:ROWS])
    return Logged("  ".join(one for one in (count_of(len(lines), "line"), which) if one), "", lines)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def columns_of_rows(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns; what a row has not is None."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def cell(value: Any) -> str:
    """A value in a cell: numbers short, text without controls; one long value must not push the others away."""
    text = "" if value is None else number(value) if isinstance(value, float) else str(value)[: 4 * CELL]
    text = plain(text)
    return text if cell_len(text) <= CELL else set_cell_size(text, CELL - 3) + "..."


def _table(columns: dict[str, list[Any]], *said: str) -> Logged:
    rows = max((len(column) for column in columns.values()), default=0)
    drawn: list[list[str]] = []
    for name, column in columns.items():
        cells = [cell(name), *(cell(one) for one in column), *[""] * (rows - len(column))]
        wide = max(map(cell_len, cells))
        # Numbers stand under each other's ends, words under each other's beginnings.
        numbers = all(isinstance(one, (int, float)) or one is None for one in column)
        drawn.append([_padded(one, wide, numbers) for one in cells])
    lines = ["  ".join(parts) for parts in zip(*drawn, strict=True)] or [""]
    told = [*said, count_of(len(columns), "column")]
    return Logged("  ".join(one for one in told if one), lines[0], tuple(lines[1:]))


def _padded(text: str, wide: int, right: bool) -> str:
    gap = " " * (wide - cell_len(text))
    return gap + text if right else text + gap


def _image(outputs: Path, name: str) -> str:
    path = file_of(outputs, name)
    if path is None:
        return f"{plain(name)}   it is not on this machine: outputs come when the run ends"
    try:
        with path.open("rb") as file:
            head = file.read(24)
            length = os.fstat(file.fileno()).st_size
    except OSError as error:
        return f"{plain(name)}   {error.strerror}"
    wide = ""
    if head.startswith(_PNG) and len(head) == 24:
        wide = "   {} x {} pixels".format(*struct.unpack(">II", head[16:24]))
    return f"{plain(name)}   {size(length)}B{wide}"


def file_of(outputs: Path, name: str) -> Path | None:
    """An image's file among the outputs; None when it is not there, or its name leads out of them."""
    root = outputs.resolve()
    path = (root / name).resolve()
    return path if path.is_file() and path.is_relative_to(root) else None


# Saving


def save_image(outputs: Path, name: str, run: str) -> Path:
    """Copy an image into the folder one is in; where it is then. Raises OSError, also when it is there."""
    import shutil

    source = file_of(outputs, name)
    if source is None:
        raise FileNotFoundError(2, "it is not among the outputs on this machine")
    target = Path.cwd() / f"{run}-{source.name}"
    with source.open("rb") as reading, target.open("xb") as out:
        shutil.copyfileobj(reading, out, 1 << 20)
    return target


def save_table(kind: str, values: Sequence[Any], place: int, run: str, name: str) -> Path:
    """Write a table, all rows or lists, or a text into the folder one is in; where it is. Raises OSError."""
    stem = "".join(char if char.isalnum() or char in "-_." else "_" for char in name).strip(".")[:100] or "metric"
    value = values[place]
    rows: list[list[Any]] | None = None
    if kind == "row":
        rows = _rows(columns_of_rows(values))
    elif kind == "table" and isinstance(value, dict):
        rows = _rows({one: _listed(column) for one, column in value.items()})
    elif kind == "list":
        rows = [_listed(one) for one in values]
    target = Path.cwd() / f"{run}-{stem}.{'csv' if rows is not None else 'txt'}"
    with target.open("x", encoding="utf-8", newline="") as out:
        if rows is not None:
            csv.writer(out).writerows(rows)
        else:
            out.write(str(value))
    return target


def _rows(columns: dict[str, list[Any]]) -> list[list[Any]]:
    most = max((len(column) for column in columns.values()), default=0)
    body = [[column[n] if n < len(column) else "" for column in columns.values()] for n in range(most)]
    return [list(columns), *body]
