"""The two lists on the left: compute targets and run configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from engine.runs.model import State
from tui import wording
from tui.glyphs import UNICODE, Glyphs
from tui.plain import plain
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.runs.model import Run, TargetState
    from tui.reading import ConfigView, TargetView


class TargetsPane(LineList):
    """Each target with its state, what is going on, and its host's load."""

    DEFAULT_CLASSES = "pane"

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._rows: dict[str, tuple[str, str, str, str]] = {}

    def show(self, targets: Iterable[TargetView], states: Mapping[str, TargetState], runs: Iterable[Run]) -> None:
        """Give it what is known now; rows that are the same as before are not drawn again."""
        busy: dict[str, int] = {}
        for run in runs:
            if run.state not in (State.QUEUED, State.NOT_STARTED):
                busy[run.target] = busy.get(run.target, 0) + 1
        rows = {t.name: self._row(t, states.get(t.host), busy.get(t.name, 0)) for t in targets}
        differ = [name for name, row in rows.items() if self._rows.get(name) != row]
        self._rows = rows
        if tuple(rows) != tuple(self.keys):
            self.set_keys(rows)
        else:
            self.paint(differ)

    def _row(self, target: TargetView, state: TargetState | None, busy: int) -> tuple[str, str, str, str]:
        """Sign, its ink, the name's text, what is said about it."""
        if target.problem:
            return self.glyphs.wrong, "bad", target.name, "cannot be read"
        slots = f"{busy}/{target.slots} " if target.slots and busy else ""
        if state is None:
            return self.glyphs.idle, "dim", target.name, slots or ("idle" if target.type == "local" else target.type)
        if state.state == "connected" and target.type != "local" and target.host == "local":
            return self.glyphs.connected, "good", target.name, slots + target.type
        if state.state == "connected":
            return self.glyphs.connected, "good", target.name, slots + load(state.sample)
        if state.state in ("unreachable", "authentication needed", "host key changed"):
            return self.glyphs.trouble, "bad", target.name, f"{slots}{state.state}"
        if state.state == "connecting":
            return self.glyphs.idle, "warn", target.name, f"{slots}connecting"
        return self.glyphs.idle, "dim", target.name, slots + (state.state or "idle")

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(cut("   no compute target", width, self.glyphs.ellipsis), self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        sign, ink, name, said = self._rows[key]
        dots = self.glyphs.ellipsis
        names = min(14, max(6, max(len(name) for name in self.keys)))
        here = self.glyphs.cursor if key == self.cursor and self.has_focus else " "
        return [
            Segment(here, self.ink("mark")),
            Segment(sign, self.ink(ink)),
            Segment(" " + cut(plain(name), names, dots) + " ", self.ink("")),
            Segment(cut(plain(said), max(0, width - names - 4), dots), self.ink("bad" if ink == "bad" else "dim")),
        ]


def load(sample: Mapping[str, object]) -> str:
    """A host's last sample in a few words: "cpu 12% 3.1G", or its busiest GPU when it has some."""
    parts: list[str] = []
    gpus = sample.get("gpus")
    if isinstance(gpus, list) and gpus:
        busiest = max(float(gpu.get("util") or 0) for gpu in gpus)
        parts.append(f"gpu {busiest:.0%}")
    cpu, memory = sample.get("cpu"), sample.get("mem_used")
    if isinstance(cpu, (int, float)):
        parts.append(f"cpu {cpu:.0%}")
    if isinstance(memory, (int, float)):
        parts.append(wording.size(memory))
    return " ".join(parts) or "connected"


class ConfigsPane(LineList):
    """Each run configuration with its framework and target; one that cannot be read is listed with its error."""

    DEFAULT_CLASSES = "pane"

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._rows: dict[str, ConfigView] = {}

    def show(self, configs: Iterable[ConfigView]) -> None:
        rows = {config.name: config for config in configs}
        differ = [name for name, row in rows.items() if self._rows.get(name) != row]
        self._rows = rows
        if tuple(rows) != tuple(self.keys):
            self.set_keys(rows)
        else:
            self.paint(differ)

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(cut("   no run configuration", width, self.glyphs.ellipsis), self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        config = self._rows[key]
        dots = self.glyphs.ellipsis
        names = min(14, max(6, max(len(name) for name in self.keys)))
        rest = max(0, width - names - 4)
        wrong = bool(config.problem)
        here = self.glyphs.cursor if key == self.cursor else " "
        said = "cannot be read" if wrong else f"{config.framework:<8}{self._where(config)}"
        return [
            Segment(here, self.ink("mark")),
            Segment(self.glyphs.wrong if wrong else " ", self.ink("bad")),
            Segment(" " + cut(plain(config.name), names, dots) + " ", self.ink("")),
            Segment(cut(plain(said), rest, dots), self.ink("bad" if wrong else "dim")),
        ]

    def _where(self, config: ConfigView) -> str:
        return "" if config.target == config.name else config.target
