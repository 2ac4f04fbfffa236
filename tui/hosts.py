"""What the engine knows of hosts, in words: which are linked, since when one is away, what a person has to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import wording
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from engine.runs.model import TargetState
    from tui.reading import ProjectView

THIS_MACHINE = "local"
AWAY, NOT_LINKED = "unreachable", "not connected"
# What no host comes back from before a person has done something.
NEEDS_PERSON = ("authentication needed", "host key unknown", "host key changed")
TROUBLE = (AWAY, *NEEDS_PERSON)
_SHORT = {"authentication needed": "login needed", "host key unknown": "key unknown", "host key changed": "key changed"}
_WHAT_TO_DO = {
    "authentication needed": "t asks for what it needs",
    "host key unknown": "t shows its key's fingerprint and asks whether it is the right one",
    "host key changed": "t shows the old key and the new one; nothing is sent to it before that is cleared up",
    AWAY: "it is tried again by itself; C tries now, t shows how far one gets",
}


def linked(states: Mapping[str, TargetState]) -> frozenset[str]:
    """The hosts that may be asked for samples: a console that is open connects no machine."""
    return frozenset({THIS_MACHINE, *(host for host, state in states.items() if state.state != NOT_LINKED)})


def away(states: Mapping[str, TargetState]) -> bool:
    """Whether a host is in trouble."""
    return any(state.state in TROUBLE for state in states.values())


def short(state: str, room: int) -> str:
    """A host's state in a word or two: the shorter one where there is no room."""
    return state if len(state) <= room else _SHORT.get(state, state)


def since(state: TargetState, now: float) -> str:
    """How long it has been so, and what goes on about it."""
    span = wording.span(now - state.since)
    return f"{span}, retrying" if state.state == AWAY else span


def todo(state: TargetState) -> str:
    """What a person can do about it; "" when nothing is wrong."""
    return _WHAT_TO_DO.get(state.state, "")


def trouble(project: ProjectView, states: Mapping[str, TargetState], now: float) -> str:
    """The first host that is in trouble, named as its target, in a line; "" when all are well.

    Hosts of other projects count only where no project is open.
    """
    for host, name in _named(project, states):
        state = states.get(host)
        if state is not None and state.state in TROUBLE:
            reason = f" {plain(state.reason)}" if state.reason and state.state != AWAY else ""
            return f"{plain(name)}: {state.state} {since(state, now)}{reason}"
    return ""


def _named(project: ProjectView, hosts: Collection[str]) -> Iterable[tuple[str, str]]:
    if not project.targets:
        return [(host, host) for host in hosts]
    named: dict[str, str] = {}
    for target in project.targets:
        if not target.problem:
            named.setdefault(target.host, target.name)
    return named.items()
