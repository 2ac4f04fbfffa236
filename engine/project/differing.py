"""How two snapshots differ: which files, and their contents line by line."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.project.snapshot import blob_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.project.snapshot import Entry, Snapshot

# Larger files are of data, and a diff of many lines takes minutes: that they differ is said. Bytes, and lines.
LARGEST, MOST_LINES = 1 << 20, 20_000
# Looked at to tell binary content from text.
_HEAD = 8000
_CONTEXT = 3


@dataclass(frozen=True)
class Diff:
    """A unified diff, line by line without line ends; `note` says it in words where there is none."""

    lines: tuple[str, ...] = ()
    note: str = ""


def paths_of(snapshots: Sequence[Snapshot | None]) -> list[tuple[str, tuple[Entry | None, ...]]]:
    """Every file and link of these snapshots with what it is in each; None where it is not there. In order of path."""
    known = [
        {entry.path: entry for entry in snapshot.entries if entry.kind != "dir"} if snapshot is not None else {}
        for snapshot in snapshots
    ]
    paths = sorted({path for one in known for path in one})
    return [(path, tuple(one.get(path) for one in known)) for path in paths]


def same(one: Entry | None, other: Entry | None) -> bool:
    """Whether a file is the same in both: content, kind, whether it can be executed."""
    if one is None or other is None:
        return one is other
    return (one.kind, one.sha256, one.link, one.mode) == (other.kind, other.sha256, other.link, other.mode)


def diff(blobs: Path, before: Entry | None, after: Entry | None, names: tuple[str, str]) -> Diff:
    """What became of a file. Blocking; `names` are those of the two sides."""
    if same(before, after):
        return Diff(note="the same in both")
    for entry in (before, after):
        if entry is not None and entry.kind == "link":
            return Diff(note=f"{_what(before)}, then {_what(after)}")
    if before is not None and after is not None and before.sha256 == after.sha256:
        return Diff(note=f"the same content; mode {before.mode:o}, then {after.mode:o}")
    texts: list[list[str]] = []
    for entry in (before, after):
        content = _content(blobs, entry)
        if content is None:
            return Diff(note=f"{_what(before)}, then {_what(after)}; the content is not kept any more")
        if len(content) > LARGEST:
            return Diff(note=f"too large for a diff: {_what(before)}, then {_what(after)}")
        text = _text(content)
        if text is None:
            return Diff(note=f"binary: {_what(before)}, then {_what(after)}")
        texts.append(text)
    if max(map(len, texts)) > MOST_LINES:
        return Diff(note=f"too many lines for a diff: {len(texts[0]):,}, then {len(texts[1]):,}")
    path = (before or after).path  # type: ignore[union-attr]
    old, new = texts
    heads = [
        f"{'nothing' if entry is None else path} ({name})" for entry, name in zip((before, after), names, strict=True)
    ]
    if old == new:
        return Diff(note="only line ends differ")
    return Diff(tuple(_unified(old, new, *heads)))


def _unified(old: list[str], new: list[str], old_name: str, new_name: str) -> list[str]:
    """Without what both begin and end with, which the search for what moved need not go through."""
    begin = 0
    while begin < min(len(old), len(new)) and old[begin] == new[begin]:
        begin += 1
    end = 0
    while end < min(len(old), len(new)) - begin and old[-1 - end] == new[-1 - end]:
        end += 1
    skipped = max(0, begin - _CONTEXT)
    kept = max(0, end - _CONTEXT)
    lines = list(
        difflib.unified_diff(
            old[skipped : len(old) - kept],
            new[skipped : len(new) - kept],
            old_name,
            new_name,
            n=_CONTEXT,
            lineterm="",
        )
    )
    return [_moved(line, skipped) for line in lines]


def _moved(line: str, by: int) -> str:
    """The line numbers of a hunk's head, counted from the file's beginning."""
    if not by or not line.startswith("@@ "):
        return line
    words = line.split(" ")
    for place in (1, 2):
        first, comma, count = words[place][1:].partition(",")
        words[place] = f"{words[place][0]}{int(first) + by}{comma}{count}"
    return " ".join(words)


def _content(blobs: Path, entry: Entry | None) -> bytes | None:
    if entry is None:
        return b""
    if entry.sha256 is None:
        return None
    try:
        with blob_path(blobs, entry.sha256).open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError:
        return None


def _text(content: bytes) -> list[str] | None:
    if b"\0" in content[:_HEAD]:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        if any(byte < 32 and byte not in b"\t\r\n\f\x1b" for byte in content[:_HEAD]):
            return None
        text = content.decode("latin-1")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _what(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    return f"a link to {entry.link}" if entry.kind == "link" else f"{entry.size:,} bytes"
