"""Figures that stand still: over SSH each that moves is bytes on a narrow wire, and an idle machine's move all day."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.runs.model import TargetState

# A host's figures change at most this often (s), and only when one differs by more than this part of the whole.
EVERY = 10.0
PART = 0.05
# Where what is measured has a whole: the figure, and the one that it is a part of ("": it is a part itself).
_FIGURES = (("cpu", ""), ("mem_used", "mem_total"), ("disk_free", "disk_total"))
_OF_GPUS = (("util", ""), ("mem_used", "mem_total"))
_OF_YARN = (("memory_used", "memory"), ("vcores_used", "vcores"))
_OF_QUEUES = (("used", ""),)


class Steady:
    """What is to be shown of hosts' samples. States, reasons, what Docker Engines hold and YARN counts pass at once."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[float, dict[str, Any]]] = {}

    def take(self, states: Mapping[str, TargetState], now: float) -> dict[str, TargetState]:
        """The states with the figures that were shown before, where these will do. `now`: epoch seconds."""
        taken = {host: self._taken(state, now) for host, state in states.items()}
        self._shown = {host: self._shown[host] for host in taken}
        return taken

    def _taken(self, state: TargetState, now: float) -> TargetState:
        since, shown = self._shown.get(state.host, (0.0, {}))
        still = now - since < EVERY or not _moved(shown, state.sample)
        if shown and still and _facts(shown) == _facts(state.sample):
            return dataclasses.replace(state, sample=shown)
        self._shown[state.host] = (now, state.sample)
        return state


def _facts(sample: Mapping[str, Any]) -> object:
    """What of a sample is no figure: the GPUs and who holds them, the Docker Engine's facts, what YARN counts."""
    yarn = sample.get("yarn") or {}
    figures = ("queues", *(name for name, _ in _OF_YARN))
    counted = {name: value for name, value in yarn.items() if name not in figures}
    queues = [{name: value for name, value in one.items() if name != "used"} for one in _listed(yarn, "queues")]
    holders = [(gpu.get("name"), gpu.get("holders"), gpu.get("held_by")) for gpu in _listed(sample, "gpus")]
    return sample.keys(), sample.get("docker"), counted, queues, holders


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if _differ(before, after, _FIGURES) or _pairs_differ(before, after, "gpus", _OF_GPUS):
        return True
    old, new = before.get("yarn") or {}, after.get("yarn") or {}
    return _differ(old, new, _OF_YARN) or _pairs_differ(old, new, "queues", _OF_QUEUES)


def _pairs_differ(
    before: Mapping[str, Any], after: Mapping[str, Any], name: str, figures: tuple[tuple[str, str], ...]
) -> bool:
    pairs = zip(_listed(before, name), _listed(after, name), strict=False)
    return any(_differ(one, other, figures) for one, other in pairs)


def _listed(told: Mapping[str, Any], name: str) -> list[Any]:
    found = told.get(name)
    return found if isinstance(found, list) else []


def _differ(before: Mapping[str, Any], after: Mapping[str, Any], figures: tuple[tuple[str, str], ...]) -> bool:
    for name, whole in figures:
        old, new = before.get(name), after.get(name)
        if not isinstance(old, (int, float)) or not isinstance(new, (int, float)):
            if old != new:
                return True
            continue
        of = after.get(whole) if whole else 1.0
        if abs(new - old) > PART * (of if isinstance(of, (int, float)) else max(old, new)):
            return True
    return False
