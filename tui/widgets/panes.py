"""The two lists on the left: compute targets and run configurations."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment

from engine.runs.model import State
from tui import hosts, wording
from tui.glyphs import UNICODE, Glyphs
from tui.host_load import shares
from tui.plain import plain
from tui.reading import CONTAINERS
from tui.widgets.line_list import LineList, cut, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.runs.model import Run, TargetState
    from tui.reading import ConfigView, TargetView

    # Sign, its ink, the name, and what is said about it: parts, of which as many are shown as there is room for; and a
    # reason, cut where the room ends.
    TargetRow = tuple[str, str, str, tuple[str, ...], str]

NOTHING_LIMITED: Mapping[str, int] = MappingProxyType({})
NOTHING: Mapping[str, str] = MappingProxyType({})
# Of a reason, less than this many cells say nothing.
WORTH_IT = 12
# Of a script with its arguments neither; names of targets that are longer leave no room for it.
COMMAND_LEAST = 8
TARGET_LEAST = 12


class TargetsPane(LineList):
    """Each target with its state, what is going on, its host's load, its Docker Engine or its YARN."""

    DEFAULT_CLASSES = "pane"

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        # Percent of a machine's memory and disk in use above which its line is a warning.
        self.limits: Mapping[str, int] = NOTHING_LIMITED
        self._rows: dict[str, TargetRow] = {}

    def show(
        self,
        targets: Iterable[TargetView],
        states: Mapping[str, TargetState],
        runs: Iterable[Run],
        preparing: Mapping[str, str] = NOTHING,
        now: float = 0.0,
    ) -> None:
        """Give it what is known now; rows that are the same as before are not drawn again.

        `preparing`: targets with an environment being prepared, and how far that is. `now`: epoch seconds.
        """
        busy: dict[str, int] = {}
        for run in runs:
            if run.state not in (State.QUEUED, State.NOT_STARTED):
                busy[run.target] = busy.get(run.target, 0) + 1
        rows: dict[str, TargetRow] = {}
        told: set[str] = set()
        for t in targets:
            state = states.get(t.host)
            rows[t.name] = self._row(t, state, busy.get(t.name, 0), preparing.get(t.name, ""), now, t.host in told)
            if not t.problem and t.type not in CONTAINERS:
                told.add(t.host)
        differ = [name for name, row in rows.items() if self._rows.get(name) != row]
        self._rows = rows
        if tuple(rows) != tuple(self.keys):
            self.set_keys(rows)
        else:
            self.paint(differ)

    def _row(
        self, target: TargetView, state: TargetState | None, busy: int, preparing: str, now: float, told: bool
    ) -> TargetRow:
        """`told`: another target of the same machine has its load already."""
        signs = self.glyphs
        if target.problem:
            return signs.wrong, "bad", target.name, (target.error or target.problem,), ""
        going = tuple(part for part in (preparing, f"{busy}/{target.slots}" if target.slots and busy else "") if part)
        if state is None:
            idle = hosts.NOT_LINKED if target.remote else "idle" if target.type == "local" else target.type
            return signs.idle, "dim", target.name, going or (idle,), ""
        if state.state in hosts.TROUBLE:
            said = (state.state, *hosts.since(state, now).split(", "), *going)
            return signs.trouble, "bad", target.name, said, wording.first_line(state.reason)
        behind = docker_parts if target.containers else yarn_parts if target.cluster else None
        if behind and isinstance(facts := state.sample.get("docker" if target.containers else "yarn"), dict):
            if facts.get("error"):
                return signs.trouble, "bad", target.name, (str(facts["error"]), *going), ""
            return signs.connected, "good", target.name, (*going, *behind(facts)), ""
        if state.state == "connected":
            # A machine's load is said once, and this one's at its own target.
            elsewhere = told or (target.type != "local" and not target.remote)
            if elsewhere:
                return signs.connected, "good", target.name, (*going, target.type), ""
            full = self._full(state.sample)
            parts = (*going, *full, *load_parts(state.sample), *room_parts(state.sample))
            return (
                (signs.trouble, "warn", target.name, parts, "")
                if full
                else (signs.connected, "good", target.name, parts, "")
            )
        if state.state == "connecting":
            return signs.idle, "warn", target.name, (*going, "connecting"), ""
        return signs.idle, "dim", target.name, (*going, state.state or "idle"), ""

    def _full(self, sample: Mapping[str, object]) -> tuple[str, ...]:
        """What of the machine is in use above its limit."""
        used = shares(sample)
        return tuple(
            f"{name} {used[name]:.0%} full"
            for name, limit in self.limits.items()
            if name in used and used[name] * 100 > limit
        )

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(indented(self.empty_text, width), self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        sign, ink, name, said, why = self._rows[key]
        dots = self.glyphs.ellipsis
        names = min(14, max(6, max(len(name) for name in self.keys)))
        room = max(0, width - names - 4)
        here = self.glyphs.cursor if key == self.cursor and self.has_focus else " "
        text = fitting((hosts.short(said[0], room), *said[1:]), room)
        if why and cell_len(text) + WORTH_IT < room:
            text += f"  {plain(why)}"
        return [
            Segment(here, self.ink("mark")),
            Segment(sign, self.ink(ink)),
            Segment(" " + cut(plain(name), names, dots) + " ", self.ink("")),
            Segment(
                cut(text, room, dots),
                self.ink(ink if ink == "bad" or (ink == "warn" and sign == self.glyphs.trouble) else "dim"),
            ),
        ]


def fitting(parts: Sequence[str], width: int) -> str:
    """As many of the parts as there is room for; the first in any case."""
    text = plain(parts[0])
    for part in map(plain, parts[1:]):
        if cell_len(text) + 1 + cell_len(part) > width:
            break
        text += f" {part}"
    return text


def docker_parts(facts: Mapping[str, object]) -> tuple[str, ...]:
    """A Docker Engine in a few words, the most wanted first."""
    counts = (("images", "image"), ("running", "running"), ("environments", "environment"))
    parts = [
        f"{count} {word}" if key == "running" else wording.count_of(count, word)
        for key, word in counts
        if isinstance(count := facts.get(key), int)
    ]
    return (*parts, f"Docker {facts.get('version') or 'Engine'}")


def yarn_parts(facts: Mapping[str, object]) -> tuple[str, ...]:
    """A cluster's YARN in a few words: how much of its memory is lent out, what runs, what waits, what is ill."""
    used, whole = facts.get("memory_used"), facts.get("memory")
    counts = [
        f"{count} {word}"
        for key, word in (("running", "running"), ("pending", "waiting"), ("unhealthy", "unhealthy"), ("lost", "lost"))
        if isinstance(count := facts.get(key), int) and (count or key == "running")
    ]
    share = f"mem {used / whole:.0%}" if isinstance(used, int) and isinstance(whole, int) and whole else ""
    return (*(part for part in (share, *counts) if part), f"YARN {facts.get('version') or ''}".rstrip())


def load(sample: Mapping[str, object]) -> str:
    """A host's last sample in a few words: "cpu 12% 3.1G", or its busiest GPU when it has some."""
    return " ".join(load_parts(sample))


def load_parts(sample: Mapping[str, object]) -> tuple[str, ...]:
    """The same, word by word."""
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
    return tuple(parts) or ("connected",)


def room_parts(sample: Mapping[str, object]) -> tuple[str, ...]:
    """What else is told of a machine where there is room: the disk that is left, and who holds which GPU."""
    free, gpus = sample.get("disk_free"), sample.get("gpus")
    left = (f"{wording.size(free)} of disk left",) if isinstance(free, (int, float)) else ()
    held = (
        f"gpu {gpu.get('index', '')}: {', '.join(map(str, gpu['held_by']))}"
        for gpu in (gpus if isinstance(gpus, list) else ())
        if gpu.get("held_by")
    )
    return (*left, *held)


def indented(text: str, width: int) -> str:
    """The text in lines of this width, where the names in a row begin."""
    return "\n".join(f"   {line}" for line in wrapped(text, width - 4))


class ConfigsPane(LineList):
    """Each run configuration with its framework and target; one that is wrong is listed with its error."""

    DEFAULT_CLASSES = "pane"

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._rows: dict[str, tuple[ConfigView, str]] = {}

    def show(self, configs: Iterable[ConfigView], preparing: Mapping[str, str] = NOTHING) -> None:
        """`preparing`: configurations whose environment is being prepared, and how far that is."""
        rows = {config.name: (config, preparing.get(config.name, "")) for config in configs}
        differ = [name for name, row in rows.items() if self._rows.get(name) != row]
        self._rows = rows
        if tuple(rows) != tuple(self.keys):
            self.set_keys(rows)
        else:
            self.paint(differ)

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(indented(self.empty_text, width), self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        config, preparing = self._rows[key]
        dots = self.glyphs.ellipsis
        names = min(14, max(6, max(len(name) for name in self.keys)))
        rest = max(0, width - names - 4)
        wrong = next((problem.message for problem in config.errors), config.problem)
        here = self.glyphs.cursor if key == self.cursor else " "
        # What it is about comes first where there is so little room.
        said = wrong.removeprefix("there is ") or preparing or self._about(config, rest)
        return [
            Segment(here, self.ink("mark")),
            Segment(self.glyphs.wrong if wrong else " ", self.ink("bad")),
            Segment(" " + cut(plain(config.name), names, dots) + " ", self.ink("")),
            Segment(cut(plain(said), rest, dots), self.ink("bad" if wrong else "warn" if preparing else "dim")),
        ]

    def _about(self, config: ConfigView, room: int) -> str:
        """Framework, target where the name does not tell it, and what is run as far as there is room for it."""
        wheres = [self._where(one) for one, _ in self._rows.values()]
        where = min(max(map(len, wheres)), TARGET_LEAST)
        said = f"{config.framework:<8}{self._where(config)}"
        at = 8 + where + (2 if where else 0)
        if not config.script or len(said) > at or room - at < COMMAND_LEAST:
            return said
        return f"{said:<{at}}{wording.command_line(config.script, config.arguments)}"

    def _where(self, config: ConfigView) -> str:
        return "" if config.target == config.name else config.target
