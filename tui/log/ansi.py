"""A row's bytes as styled text: colours stay, every other control goes, progress bars show their last state."""

from __future__ import annotations

import re
from functools import lru_cache

from rich.style import Style

from engine.plain import UNSEEN, calmed

# Everything but SGR: OSC, DCS, PM, APC and SOS strings (also unfinished), other CSI, other escapes, C0 and C1.
_CONTROL = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|$)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-ln-~]"
    r"|\x1b\[[0-?]*[ -/]*$|\x1b(?!\[)[ -/]*[0-~]?"
    rf"|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9a\x9c-\x9f{UNSEEN}]"
)
_SGR = re.compile(r"(?:\x1b\[|\x9b)([0-9;:]*)[ -/]*m")
_LEFT = re.compile(r"[\x1b\x9b]")
_TAB = 8
# After so many changes of colour in one row the rest of it has the last one.
_MOST = 1000
_BASIC = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_CLEARED = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",), 29: ("strike",)}

Piece = tuple[str, "Style | None"]


def pieces(data: bytes) -> list[Piece]:
    """The row as (text, style) pieces; style None where the row has no colour of its own."""
    text = folded(data).decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return [(text, None)]
    text = _CONTROL.sub("", text)
    if "\t" in text:
        text = text.expandtabs(_TAB)
    if "\x1b" not in text and "\x9b" not in text:
        return [(calmed(text), None)]
    found: list[Piece] = []
    state: dict[str, object] = {}
    style: Style | None = None
    at = 0
    for match in _SGR.finditer(text):
        if len(found) >= _MOST:
            text = text[:at] + _SGR.sub("", text[at:])
            break
        if match.start() > at:
            found.append((_LEFT.sub("", text[at : match.start()]), style))
        _apply(state, match.group(1))
        style = _style(tuple(state.items())) if state else None
        at = match.end()
    if at < len(text):
        found.append((_LEFT.sub("", text[at:]), style))
    calm = ((calmed(text), style) for text, style in found)
    return [piece for piece in calm if piece[0]]


def coloured(data: bytes) -> str:
    """The row with its SGR sequences, written anew, and no other control; the colours end with it."""
    text = _CONTROL.sub("", folded(data).decode("utf-8", "replace"))
    parts: list[str] = []
    at = 0
    for match in _SGR.finditer(text):
        parts += [_LEFT.sub("", text[at : match.start()]), f"\x1b[{match.group(1)}m"]
        at = match.end()
    if not parts:
        return _LEFT.sub("", text)
    return "".join([*parts, _LEFT.sub("", text[at:]), "\x1b[0m"])


def folded(data: bytes) -> bytes:
    """What a terminal shows of a row in which carriage returns go back to its beginning."""
    data = data.rstrip(b"\r\n")
    if b"\r" not in data:
        return data
    parts = [part for part in data.split(b"\r") if part]
    if not parts:
        return b""
    shown = parts[-1]
    # A shorter text leaves the end of the longer one it overwrote; with colours in play lengths mean nothing.
    if len(parts) > 1 and b"\x1b" not in data and len(parts[-2]) > len(shown):
        shown += parts[-2][len(shown) :]
    return shown


@lru_cache(1024)
def _style(state: tuple[tuple[str, object], ...]) -> Style:
    return Style(**dict(state))  # type: ignore[arg-type]


def _apply(state: dict[str, object], codes: str) -> None:
    numbers = [int(part) if part else 0 for part in re.split("[;:]", codes)] if codes else [0]
    place = 0
    while place < len(numbers):
        code = numbers[place]
        if code == 0:
            state.clear()
        elif code in _FLAGS:
            state[_FLAGS[code]] = True
        elif code in _CLEARED:
            for name in _CLEARED[code]:
                state.pop(name, None)
        elif 30 <= code <= 37 or 40 <= code <= 47:
            state["color" if code < 40 else "bgcolor"] = _BASIC[code % 10]
        elif 90 <= code <= 97 or 100 <= code <= 107:
            state["color" if code < 100 else "bgcolor"] = f"bright_{_BASIC[code % 10]}"
        elif code in (39, 49):
            state.pop("color" if code == 39 else "bgcolor", None)
        elif code in (38, 48):
            name = "color" if code == 38 else "bgcolor"
            kind = numbers[place + 1] if place + 1 < len(numbers) else 0
            if kind == 5 and place + 2 < len(numbers):
                state[name] = f"color({min(numbers[place + 2], 255)})"
                place += 2
            elif kind == 2 and place + 4 < len(numbers):
                red, green, blue = (min(one, 255) for one in numbers[place + 2 : place + 5])
                state[name] = f"#{red:02x}{green:02x}{blue:02x}"
                place += 4
            else:
                return
        place += 1
