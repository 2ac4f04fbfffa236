"""How busy hosts were while one looked: their samples as short series, kept in memory alone."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tui.glyphs import sparkline
from tui.wording import span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.runs.model import TargetState

# So many of a host's samples are kept. A sparkline of them has so many cells: it fits beside its range at 80 columns.
WIDTH, CELLS = 60, 24
# Between two looks nothing is known; after a longer pause the series begins anew (s).
PAUSE = 60.0

Shares = dict[str, float]


class HostLoad:
    """`take` what is known of hosts, `lines` tells what there is of one."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[tuple[float, Shares]]] = {}

    def take(self, states: Mapping[str, TargetState]) -> None:
        """Keep the samples that are new."""
        for host, state in states.items():
            at = state.sample.get("at")
            if not isinstance(at, (int, float)):
                continue
            kept = self._samples.setdefault(host, deque(maxlen=WIDTH))
            if kept and at <= kept[-1][0]:
                continue
            if kept and at - kept[-1][0] > PAUSE:
                kept.clear()
            kept.append((float(at), shares(state.sample)))

    def lines(self, host: str, signs: str) -> Iterator[tuple[str, str]]:
        """(label, sparkline with its range) of each part that has more than one sample."""
        kept = list(self._samples.get(host, ()))
        if len(kept) < 2:
            return
        length = kept[-1][0] - kept[0][0]
        for name in kept[-1][1]:
            values = [found[name] for _, found in kept if name in found]
            if len(values) > 1:
                each = -(-len(values) // CELLS)
                peaks = [max(values[at : at + each]) for at in range(0, len(values), each)]
                bars = sparkline([0.0, *peaks, 1.0], len(peaks) + 2, signs)[1:-1]
                yield f"{name} lately", f"{bars}  {min(values):.0%} to {max(values):.0%} in {span(length)}"


def shares(sample: Mapping[str, Any]) -> Shares:
    """The parts of a host that are in use, from 0 to 1, by name; what is not known is left out."""
    found: Shares = {}
    parts = [("cpu", sample.get("cpu"), 1.0), ("memory", sample.get("mem_used"), sample.get("mem_total"))]
    free, total = sample.get("disk_free"), sample.get("disk_total")
    if isinstance(free, (int, float)) and isinstance(total, (int, float)):
        parts.append(("disk", total - free, total))
    gpus = sample.get("gpus")
    for gpu in gpus if isinstance(gpus, list) else ():
        parts.append((f"GPU {gpu.get('index', '')}".rstrip(), gpu.get("util"), 1.0))
        parts.append((f"GPU {gpu.get('index', '')} memory", gpu.get("mem_used"), gpu.get("mem_total")))
    for name, used, whole in parts:
        if isinstance(used, (int, float)) and isinstance(whole, (int, float)) and whole > 0:
            found[name] = used / whole
    return found
