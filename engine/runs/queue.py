"""Who runs next on a target: a pure choice, so that it can be tested and told in words.

Order: higher priority first; among equals the project with fewer runs at work, so that one person's sweep of a
hundred does not hold up another's single run; then first come, first served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Place(NamedTuple):
    """A compute target: the host it is on, and its name."""

    host: str
    target: str


@dataclass(frozen=True)
class Waiting:
    """A queued run. `slots` is how many runs its target allows at once, `since` epoch seconds."""

    run_id: str
    place: Place
    project: str
    priority: int
    since: float
    slots: int


@dataclass(frozen=True)
class Choice:
    """`grants`: run ids that may start now, in order. `reasons`: why each other one waits, in words."""

    grants: tuple[str, ...]
    reasons: dict[str, str]


def choose(waiting: Iterable[Waiting], active: dict[str, str], place: Place) -> Choice:
    """Grant the free slots of a target. `active` maps the id of each run at work there to its project."""
    at_work: dict[str, int] = {}
    for project in active.values():
        at_work[project] = at_work.get(project, 0) + 1
    busy = len(active)
    left = [one for one in waiting if one.place == place]
    grants: list[str] = []
    while left:
        left.sort(key=lambda one: (-one.priority, at_work.get(one.project, 0), one.since, one.run_id))
        chosen = next((one for one in left if busy < one.slots), None)
        if chosen is None:
            break
        left.remove(chosen)
        grants.append(chosen.run_id)
        busy += 1
        at_work[chosen.project] = at_work.get(chosen.project, 0) + 1
    reasons: dict[str, str] = {}
    for ahead, one in enumerate(left):
        turn = "next in line" if ahead == 0 else f"{ahead} ahead of it"
        reasons[one.run_id] = f"waits for a free slot on {place.target} ({busy} of {one.slots} busy), {turn}"
    return Choice(tuple(grants), reasons)
