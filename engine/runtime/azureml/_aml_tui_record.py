"""Reading a run's own record back, and keeping its pictures."""

import json
import os

from azureml import _aml_tui_outputs as outputs
from azureml import _aml_tui_wire as wire

MYPY = False
if MYPY:
    from typing import Any, Iterator, Optional

_METRICS = ("scalar", "list", "row", "table", "image", "text")


def _records(way: "Optional[wire.Wire]", kinds: "tuple[str, ...]", prefix: str) -> "Iterator[tuple[str, str, Any]]":
    """(kind, name without the prefix, value) of each record of these kinds, in order, passing over broken lines."""
    if way is None:
        return
    try:
        file = open(way.path, "rb")
    except OSError:
        return
    with file:
        for line in file:
            try:
                found = json.loads(line.decode("ascii"))
                kind, name, value = found["k"], found["n"], found.get("v")
            except (ValueError, KeyError, TypeError):
                continue
            if kind in kinds and name.startswith(prefix):
                yield kind, name[len(prefix) :], value


def notes(way: "Optional[wire.Wire]", kind: str, prefix: str) -> "dict[str, str]":
    """The last value of each tag or property."""
    return dict((name, value) for _, name, value in _records(way, (kind,), prefix))


def metrics(way: "Optional[wire.Wire]", prefix: str) -> "dict[str, Any]":
    """Each metric: its value when logged once, else the list of values; rows as {column: value or values}."""
    found = {}  # type: dict[str, list[Any]]
    kinds = {}  # type: dict[str, str]
    for kind, name, value in _records(way, _METRICS, prefix):
        if kind == "scalar" and isinstance(value, str):
            value = float(value)
        kinds[name] = kind
        found.setdefault(name, []).append(value)
    return dict(
        (name, _joined(values) if kinds[name] == "row" else values[0] if len(values) == 1 else values)
        for name, values in found.items()
    )


def _joined(rows: "list[Any]") -> "Any":
    if len(rows) == 1:
        return rows[0]
    columns = {}  # type: dict[str, list[Any]]
    for row in rows:
        for name, value in row.items() if isinstance(row, dict) else ():
            columns.setdefault(name, []).append(value)
    return columns


def keep_image(name: str, path: "Any", plot: "Any") -> str:
    """The picture's path below outputs, copied or drawn there when it is not yet.

    Raises ValueError unless exactly one of path and plot is given.
    """
    if (path is None) == (plot is None):
        raise ValueError("give either a path or a plot")
    if path is not None:
        path = outputs.path_of(path)
        if not os.path.isfile(path):
            raise ValueError("no such file: %s" % path)
        if outputs.relative(path):
            return outputs.relative(path)
    below = outputs.new_image(name, ".png" if path is None else os.path.splitext(path)[1])
    kept = os.path.join(outputs.folder(), below)
    try:
        if path is None:
            plot.savefig(kept, format="png", bbox_inches="tight")
        else:
            outputs.put(below, path)
    except Exception:
        os.unlink(kept)
        raise
    return below
