"""In what order the metrics of a run are listed, and which: pinned ones first, resources last, what one looks for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.runs.model import RESOURCE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from engine.runs.model import Series

# How they can be ordered, with the words for it.
ORDERS = {
    "logged": "in the order they were logged",
    "name": "by name",
    "changed": "by their last change",
    "value": "by their last value",
}
# Stands before the resources in the list; no metric is called so.
HEADING = "\0resources"
PINNED = "*"


def arranged(series: Iterable[Series], order: str, pinned: Collection[str], search: str) -> list[str]:
    """The names to list, HEADING among them when resources follow."""
    words = search.casefold().split()
    found = [one for one in series if all(word in one.name.casefold() for word in words)]
    if order == "name":
        found.sort(key=lambda one: one.name.casefold())
    elif order == "changed":
        found.sort(key=lambda one: -one.last_at)
    elif order == "value":
        found.sort(key=_by_value)
    found.sort(key=lambda one: (one.kind == RESOURCE, one.name not in pinned))
    names = [one.name for one in found]
    first = next((place for place, one in enumerate(found) if one.kind == RESOURCE), None)
    if first is not None:
        names.insert(first, HEADING)
    return names


def _by_value(one: Series) -> tuple[int, float]:
    """The largest first; what is no number after them."""
    if one.last is None:
        return 2, 0.0
    return (1, 0.0) if math.isnan(one.last) else (0, -one.last)
