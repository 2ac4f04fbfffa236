"""Which colour and which sign each curve of a chart has: the same for a run wherever it is drawn, no two alike."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Told apart without colour by these, along the curve and before its name.
SIGNS, ASCII_SIGNS = "●■▲◆○□△◇", "ox+*#@%&"
MOST = len(SIGNS)


def places(names: Iterable[str]) -> dict[str, int]:
    """A place from 0 to MOST - 1 for each name (a run's id, or one with a metric); at most MOST names.

    Each has the place that its name gives it, unless one that sorts before it is there: so that the places depend on
    which names there are, not on their order.
    """
    found: dict[str, int] = {}
    for name in sorted(set(names)):
        place = zlib.crc32(name.encode("utf-8", "surrogatepass")) % MOST
        while place in found.values():
            place = (place + 1) % MOST
        found[name] = place
    return found
