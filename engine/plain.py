"""Text from outside, made safe to draw: no control character, escape sequence or lone surrogate gets through, and none
that has no width of its own: terminals do not agree about what those do to the cells beside them."""

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
# Those without a width, as the inside of a set of characters: marks that turn the direction of the text (a name could
# show in reverse), joiners, selectors of variants, fillers, tags.
UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# C0, DEL, C1, these, and lone surrogates, which no terminal encoding can carry (they stand for bytes that were not
# UTF-8).
_CONTROL = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f{UNSEEN}\\ud800-\\udfff]")
# Accents and the like over one character; languages need two or three.
_MOST_MARKS = 4
_SHOWN = {"\t": " ", "\n": " ", "\r": " ", "\u2028": " ", "\u2029": " "}


def plain(text: object) -> str:
    """One line of drawable text. Line breaks and tabs become blanks, bytes that were not UTF-8 become U+FFFD."""
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return calmed(_CONTROL.sub(_instead, _SEQUENCE.sub("", line)))


def plain_lines(text: object) -> str:
    """The same, with the line breaks kept: for messages that are shown as a paragraph."""
    return "\n".join(plain(line) for line in str(text).splitlines())


def calmed(text: str) -> str:
    """Marks that belong to no character go, and those piled up over one: they would be drawn over the lines around."""
    if text.isascii():
        return text
    from unicodedata import category

    marks = {char for char in set(text) if category(char) in ("Mn", "Me")}
    if not marks:
        return text
    kept: list[str] = []
    over = _MOST_MARKS
    for char in text:
        over = over + 1 if char in marks else 0
        if over <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def _instead(match: re.Match[str]) -> str:
    char = match.group()
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return _SHOWN.get(char, "")
