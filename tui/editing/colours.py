"""YAML by the line, as an editor colours it: what each stretch is. No parser: what is being typed is seldom YAML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY, TEXT, WORD, COMMENT, MARK, NAME = "key", "text", "word", "comment", "mark", "name"
# `key:` followed by a blank or the end of the line; a quoted key too.
_KEY = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#\-?&*!|>%@`"'{}\[\],:][^#:{}\[\],]*?(?::\S[^#:]*?)*)\s*:(?=\s|$)"""
)
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?""")
_WORD = re.compile(
    r"(?:true|false|yes|no|on|off|null|~|[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|0x[0-9a-f]+|\.inf|\.nan)"
    r"(?=\s*(?:$|,|\]|\}|\s#))",
    re.IGNORECASE,
)
_NAME = re.compile(r"[&*!][^\s,{}\[\]]*")
_DOCUMENT = re.compile(r"(?:---|\.\.\.)(?=\s|$)|%.*")
_BLOCK = re.compile(r"[|>][+\-0-9]*(?=\s*(?:#.*)?$)")


def block_texts(lines: Sequence[str]) -> frozenset[int]:
    """The lines (from 0) that belong to a text begun with `|` or `>` further up."""
    found: set[int] = set()
    within: int | None = None
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip(" "))
        if within is not None and (indent > within or not line.strip()):
            found.add(number)
            continue
        within = None
        if re.search(r"(?:^|[\s:\-])[|>][+\-0-9]*\s*(?:#.*)?$", line) and not line.lstrip().startswith("#"):
            within = indent
    return frozenset(found)


def spans_of(line: str) -> list[tuple[int, int, str]]:
    """Stretches (from, to, what it is) of a line that is no part of a block text; what is left out is plain."""
    found: list[tuple[int, int, str]] = []
    at = 0
    key_may_come = True
    while at < len(line):
        char = line[at]
        if char.isspace():
            at += 1
            continue
        if char == "#" and (at == 0 or line[at - 1].isspace()):
            found.append((at, len(line), COMMENT))
            break
        if at == 0 and (match := _DOCUMENT.match(line)):
            found.append((0, match.end(), MARK))
            at = match.end()
            continue
        if char in "-?" and (at + 1 == len(line) or line[at + 1].isspace()):
            found.append((at, at + 1, MARK))
            at += 1
            continue
        if char in "{}[],":
            found.append((at, at + 1, MARK))
            at += 1
            key_may_come = True
            continue
        if key_may_come and (match := _KEY.match(line, at)):
            found += [(at, match.end("key"), KEY), (match.end() - 1, match.end(), MARK)]
            at = match.end()
            key_may_come = False
            continue
        kind, end = _value(line, at)
        if kind:
            found.append((at, end, kind))
        at = end
        key_may_come = kind == NAME and key_may_come
    return found


def _value(line: str, at: int) -> tuple[str, int]:
    """What begins here, and where it ends."""
    for pattern, kind in ((_QUOTED, TEXT), (_NAME, NAME), (_BLOCK, MARK), (_WORD, WORD)):
        match = pattern.match(line, at)
        if match is not None and match.end() > at:
            return kind, match.end()
    # A plain text goes on to a comment, or in brackets to the next sign.
    stop = re.compile(r"\s#|[,\]\}]" if re.search(r"[\[{]", line[:at]) else r"\s#").search(line, at)
    return TEXT, max(at + 1, stop.start() if stop else len(line))
