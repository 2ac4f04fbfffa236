"""Which stretches of a file's lines are secrets, so that they are drawn as stars. By name, as in commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine import masking
from engine.secrets.references import is_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAIR = re.compile(r"""^[\s\-?]*["']?(?P<name>[^\s"':#\[\]{}][^"':#]*?)["']?\s*:\s+(?P<value>[^\s#].*?)\s*$""")
_ITEM = re.compile(r"""^\s*-\s+["']?(?P<value>[^\s"'#].*?)["']?\s*(?:\s#.*)?$""")
_IN_FLOW = re.compile(r"""["']?(?P<name>[\w.\-]+)["']?\s*[:=]\s*(?P<value>"[^"]*"|'[^']*'|[^,{}\[\]"'\s]+)""")
# `[--api-key, abc]`
_BEHIND = re.compile(r"""(?P<name>--?[\w.\-]+)["']?\s*,\s*(?P<value>"[^"]*"|'[^']*'|(?!--)[^,{}\[\]"'\s]+)""")
_ADDRESS = re.compile(r"://(?P<value>[^/@\s]+)@")
# `key: |` and the like: the secret is in the lines below.
_BLOCK = re.compile(r"[|>][+\-0-9]*(\s*#.*)?")


def secret_spans(lines: Sequence[str]) -> dict[int, list[tuple[int, int]]]:
    """Line (from 0) to the stretches (from, to) in it that are not to be seen."""
    found: dict[int, list[tuple[int, int]]] = {}
    follows = False
    hidden: int | None = None
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if hidden is not None and (indent > hidden or not line.strip()):
            if line.strip():
                found[number] = [(indent, len(line))]
            continue
        hidden = None
        spans = [match.span("value") for match in _ADDRESS.finditer(line)]
        pair, item = _PAIR.match(line), _ITEM.match(line)
        if pair is not None and masking.is_secret(pair["name"]):
            if _BLOCK.fullmatch(pair["value"]):
                hidden = indent
            elif not is_reference(pair["value"].strip("\"'")):
                spans.append(pair.span("value"))
        elif item is not None and not (pair is not None and ": " in item["value"]):
            value = item["value"]
            name, equals, _ = value.partition("=")
            if follows and not value.startswith("--"):
                spans.append(item.span("value"))
            elif equals and masking.is_secret(name):
                spans.append((item.start("value") + len(name) + 1, item.end("value")))
            follows = value.startswith("-") and not equals and masking.is_secret(value)
        if "{" in line or "[" in line:
            in_flow = (*_IN_FLOW.finditer(line), *_BEHIND.finditer(line))
            spans += [match.span("value") for match in in_flow if masking.is_secret(match["name"])]
        if spans:
            found[number] = _merged(spans)
    return found


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, without one in another."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def masked(line: str, spans: Sequence[tuple[int, int]], star: str) -> str:
    """The line with stars in these stretches, as long as it was."""
    for start, end in spans:
        line = line[:start] + star * (end - start) + line[end:]
    return line


def masked_lines(lines: Sequence[str]) -> list[str]:
    """The lines with each secret as the same few stars: nothing tells how long it is."""
    found = secret_spans(lines)
    shown = []
    for number, line in enumerate(lines):
        for start, end in reversed(found.get(number, ())):
            line = line[:start] + masking.STARS + line[end:]
        shown.append(line)
    return shown
