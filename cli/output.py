"""What commands print: the same data as a table for people, JSON or YAML for programs, TSV for shells."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any

from cli.table import draw
from engine.errors import UsageError
from engine.plain import plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

# A list of more items is written one item a line.
LONG = 500

# JSON leaves these as they are; a terminal would obey them, and no encoding carries a lone surrogate.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def emit(
    options: argparse.Namespace, data: Any, rows: list[dict[str, Any]] | None = None, *, names: bool = False
) -> None:
    """Print `data` as asked for. `rows` is what a table shows when it is not simply the data.

    `names`: the keys of `rows` are names that people gave; they head the columns as they are.
    """
    if options.query:
        data, rows = _search(options.query, data), None
    if options.output == "json" or not options.output:
        text = as_json(data)
    elif options.output == "yaml":
        text = _as_yaml(data)
    elif options.output == "tsv":
        text = _as_tsv(data)
    else:
        text = as_table(data if rows is None else rows, plain if names and rows is not None else _heading)
    sys.stdout.write(text)


def as_json(data: Any) -> str:
    """Strict JSON: NaN and infinities are the texts "NaN", "Infinity", "-Infinity", as in the metrics stream."""
    try:
        text = _laid_out(data)
    except ValueError:
        text = _laid_out(_finite(data))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text) + "\n"


def _laid_out(data: Any) -> str:
    """Indented; a long list has one item a line, which is read no worse and written four times as fast."""
    import json

    if isinstance(data, list) and len(data) > LONG:
        encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        return "[\n  " + ",\n  ".join(map(encode, data)) + "\n]"
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def _heading(name: str) -> str:
    return plain(name[:1].upper() + name[1:])


def as_table(data: Any, heading: Callable[[str], str] = _heading) -> str:
    """A list of objects has a row each; one object a line for each of its keys."""
    if isinstance(data, dict):
        return draw(["Key", "Value"], [[heading(str(key)), _cell(value)] for key, value in data.items()])
    if not isinstance(data, list):
        return "" if data is None else f"{_cell(data)}\n"
    if all(isinstance(item, dict) for item in data):
        names = list(dict.fromkeys(key for item in data for key in item))
        return draw([heading(name) for name in names], [[_cell(item.get(name)) for name in names] for item in data])
    if all(isinstance(item, list) for item in data):
        width = max(map(len, data), default=0)
        cells = [[_cell(value) for value in item] + [""] * (width - len(item)) for item in data]
        return draw([f"Column{number}" for number in range(1, width + 1)], cells)
    return draw(["Result"], [[_cell(item)] for item in data])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (dict, list)):
        import json

        return plain(json.dumps(value, ensure_ascii=False))
    return plain(value)


def number(value: float) -> str:
    """A number as a table shows it: six significant digits."""
    return f"{value:.6g}"


def _search(query: str, data: Any) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(query, data)
    except JMESPathError as error:
        raise UsageError(
            f"the query cannot be used: {str(error).splitlines()[0]}",
            where=f"--query {query}",
            remedy="https://jmespath.org explains the language.",
        ) from error


def _as_yaml(data: Any) -> str:
    import yaml

    return str(yaml.safe_dump(_finite(data), sort_keys=False, allow_unicode=True, default_flow_style=False))


def _as_tsv(data: Any) -> str:
    """No headings; an object's values in the order of its keys. Tabs and line breaks in values become \\t and \\n."""
    items = data if isinstance(data, list) else [data]
    lines = []
    for item in items:
        values = item.values() if isinstance(item, dict) else item if isinstance(item, list) else [item]
        lines.append("\t".join(map(_tsv_cell, values)) + "\n")
    return "".join(lines) if data is not None else ""


def _tsv_cell(value: Any) -> str:
    if isinstance(value, str):
        value = value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    elif isinstance(value, float):
        return repr(value)
    return _cell(value)


def _finite(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return "NaN" if math.isnan(data) else "Infinity" if data > 0 else "-Infinity"
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_finite(value) for value in data]
    return data
