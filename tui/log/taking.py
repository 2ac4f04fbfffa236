"""Lines of a log as one text, up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# More is not copied: nobody pastes it, and a file of it is what saving is for (characters).
MOST_COPIED = 16 << 20


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
