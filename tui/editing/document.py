"""A file as an editor holds it: lines of drawable text, which become the same bytes again where nothing was changed."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import cached_property

_BOM = b"\xef\xbb\xbf"
# Characters that an editor of lines would lose or could not draw: controls, other line breaks, lone surrogates (bytes
# that are not UTF-8). Each has a stand-in of the same length in a private plane, which YAML takes in a comment.
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BASE = 0xF0000
_STAND_IN = re.compile(r"[\U000F0000-\U000FFFFD]")
_ENDS = re.compile(r"\r\n|\n")


@dataclass(frozen=True)
class Original:
    """A file's bytes as they were read; b"" for one that is not there yet."""

    data: bytes = field(repr=False)

    @cached_property
    def _parts(self) -> tuple[list[str], list[str]]:
        """Its lines, and the line break behind each but the last."""
        text = self.data.removeprefix(_BOM).decode("utf-8", "surrogateescape")
        lines = _ENDS.split(text)
        return [_ODD.sub(_stand_in, line) for line in lines], _ENDS.findall(text)

    @property
    def foreign(self) -> bool:
        """Whether it has characters of its own that stand-ins would be taken for."""
        text = self.data.decode("utf-8", "surrogateescape")
        return _STAND_IN.search(text) is not None

    @cached_property
    def text(self) -> str:
        """What is edited: lines with "\\n" between them."""
        return "\n".join(self._parts[0])

    def bytes_of(self, text: str) -> bytes:
        """The file for an edited text: BOM, line breaks and odd bytes are as they were in all that was not changed."""
        lines, ends = self._parts
        usual = "\r\n" if ends.count("\r\n") * 2 > len(ends) else "\n"
        now = text.split("\n")
        if len(set(ends)) < 2:
            whole = (ends[0] if ends else usual).join(now)
        else:
            kept = dict(zip(range(len(now) - 1), [usual] * len(now), strict=False))
            matcher = difflib.SequenceMatcher(None, lines, now, autojunk=False)
            for before, after, count in matcher.get_matching_blocks():
                for step in range(count):
                    if after + step in kept and before + step < len(ends):
                        kept[after + step] = ends[before + step]
            whole = "".join(line + kept.get(place, "") for place, line in enumerate(now))
        bom = _BOM if self.data.startswith(_BOM) else b""
        return bom + _STAND_IN.sub(_original, whole).encode("utf-8", "surrogateescape")


def drawable(line: str) -> str:
    """A line with a sign for each character that no terminal is to see; as many characters as before."""
    if line.isprintable():
        return line if not _STAND_IN.search(line) else _STAND_IN.sub("\ufffd", line)
    return "".join(
        char if char == "\t" or (char.isprintable() and not "\U000f0000" <= char <= "\U000ffffd") else "\ufffd"
        for char in line
    )


def change_between(before: str, after: str) -> tuple[int, int, str]:
    """What turns one text into the other: the place where they part, where the old one goes on, what comes between."""
    start = 0
    shorter = min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, len(before) - end, after[start : len(after) - end]


def place_of(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 0, of a place in a text."""
    return text.count("\n", 0, index), index - (text.rfind("\n", 0, index) + 1)


def _stand_in(match: re.Match[str]) -> str:
    return chr(_BASE + ord(match.group()))


def _original(match: re.Match[str]) -> str:
    return chr(ord(match.group()) - _BASE)
