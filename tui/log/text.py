"""A stretch of a log as text for elsewhere: the clipboard, a file, a pager. Nothing but colours stays in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.log.ansi import coloured, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui.log.file import LogFile

# Read at once, and the longest line that is given as one (bytes).
_PIECE = 1 << 20
# More is not copied: nobody pastes it, and a file of it is what saving is for (characters).
MOST_COPIED = 16 << 20


def lines(file: LogFile, start: int, end: int) -> Iterator[bytes]:
    """The lines between two offsets, without their ends; a longer one than a piece comes in parts. Blocking."""
    rest = b""
    while start < end:
        data = file.read(start, min(_PIECE, end - start))
        if not data:
            break
        start += len(data)
        *whole, rest = (rest + data).split(b"\n")
        yield from whole
        if len(rest) >= _PIECE:
            yield rest
            rest = b""
    if rest:
        yield rest


def plain_line(data: bytes) -> str:
    """A line as the screen shows it, without its colours."""
    return "".join(text for text, _ in pieces(data))


def coloured_line(data: bytes) -> bytes:
    """A line as the screen shows it, for a terminal: its colours, and no other control."""
    return coloured(data).encode("utf-8", "replace")


def taken(lines: Iterable[str], most: int) -> str | None:
    """The lines, each with its end; None when there is more than `most` of them (characters)."""
    found: list[str] = []
    count = 0
    for line in lines:
        count += len(line) + 1
        if count > most:
            return None
        found.append(line)
    return "".join(f"{line}\n" for line in found)
