"""Text from outside, made safe to draw: no control character, escape sequence or lone surrogate gets through."""

from __future__ import annotations

import re

# A whole escape sequence goes, not only its first byte: "\x1b[2J" must not leave "[2J" behind. OSC, DCS, PM, APC and
# SOS strings end with BEL or ST; one without an end takes the rest of the text. The C1 forms are single characters.
_SEQUENCE = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|\Z)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
# C0, DEL, C1; marks that turn the direction of the text (a name could show in reverse); lone surrogates, which no
# terminal encoding can carry (they stand for bytes that were not UTF-8).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHOWN = {"\t": " ", "\n": " ", "\r": " ", "\u2028": " ", "\u2029": " "}


def plain(text: object) -> str:
    """One line of drawable text. Line breaks and tabs become blanks, bytes that were not UTF-8 become U+FFFD."""
    line = str(text)
    if line.isprintable():
        return line
    return _CONTROL.sub(_instead, _SEQUENCE.sub("", line))


def plain_lines(text: object) -> str:
    """The same, with the line breaks kept: for messages that are shown as a paragraph."""
    return "\n".join(plain(line) for line in str(text).splitlines())


def _instead(match: re.Match[str]) -> str:
    char = match.group()
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return _SHOWN.get(char, "")
