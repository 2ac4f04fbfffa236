"""The lines at the edges: what is going on (top), the panes to switch to when there is no room, the keys (bottom)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engine.runs.model import State
from tui.actions import ACTIONS, PANE_TITLES, PANES, shown_key
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.style import Style
    from textual import events

    from engine.runs.model import Run
    from tui.actions import Situation

    Part = tuple[str, str]

COUNTED = (
    (State.RUNNING, "running", "accent"),
    (State.QUEUED, "queued", "dim"),
    (State.PREPARING, "preparing", "warn"),
    (State.STARTING, "starting", "warn"),
    (State.FINALIZING, "finalizing", "accent"),
    (State.CANCEL_REQUESTED, "canceling", "warn"),
)

# Of the footer's parts (a key and a label each), so many at its end are never left out.
KEPT = 4


def counts(runs: Iterable[Run]) -> list[Part]:
    """How many runs are in each unfinished state, as (text, ink)."""
    found: dict[State, int] = {}
    for run in runs:
        found[run.state] = found.get(run.state, 0) + 1
    return [(f"{found[state]} {word}", ink) for state, word, ink in COUNTED if found.get(state)]


class Bar(Widget):
    """One line of (text, ink) parts; it is painted only when it differs."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "bar--title",
        "bar--dim",
        "bar--key",
        "bar--off",
        "bar--accent",
        "bar--warn",
        "bar--bad",
        "bar--here",
    }
    can_focus = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left: list[Part] = []
        self._right: list[Part] = []

    def say(self, left: list[Part], right: list[Part] | None = None) -> None:
        if (left, right or []) != (self._left, self._right):
            self._left, self._right = left, right or []
            self.refresh()

    def _ink(self, name: str) -> Style:
        return self.get_component_rich_style(f"bar--{name}") if name else self.rich_style

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        right = Strip([Segment(text, self._ink(ink)) for text, ink in self._right])
        left = Strip([Segment(text, self._ink(ink)) for text, ink in self._left])
        space = width - right.cell_length
        if left.cell_length > space:
            # What is wrong or going on is on the right; the name on the left gives way.
            left = left.crop(0, max(0, space))
        return Strip.join([left.adjust_cell_length(max(0, space), base), right]).crop(0, width)


class HeaderLine(Bar):
    """Name of the project, counts of unfinished runs, and what is wrong."""

    def show(self, project: str, runs: Iterable[Run], trouble: Part | None, notice: str = "", missed: str = "") -> None:
        left: list[Part] = [(" aml-tui", "title"), ("  " + plain(project), "")]
        if notice:
            left.append(("  " + plain(notice), "dim"))
        if missed:
            left.append(("  " + missed, "bad"))
        right: list[Part] = []
        for text, ink in counts(runs):
            right += [(text, ink), ("  ", "")]
        if trouble is not None:
            right += [(plain(trouble[0]), trouble[1]), (" ", "")]
        self.say(left, right)


class PaneSwitcher(Bar):
    """Shown when the left column is folded away: the four panes with their digits, the present one marked."""

    class Chosen(Message):
        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def show(self, pane: str, sizes: Mapping[str, int]) -> None:
        parts: list[Part] = []
        for digit, name in enumerate(PANES, start=1):
            title = {"configs": "Configurations"}.get(name, PANE_TITLES[name])
            size = f" {sizes[name]:,}" if name in sizes else ""
            parts.append((f" {digit} ", "key"))
            parts.append((f"{title}{size} ", "here" if name == pane else "dim"))
        self.say(parts)

    def begins(self) -> list[int]:
        """Where each pane's digit is, in cells."""
        lengths = [len(text) for text, _ in self._left]
        return [sum(lengths[:place]) for place in range(0, len(lengths), 2)]

    def on_click(self, event: events.Click) -> None:
        at = 0
        for place, (text, _) in enumerate(self._left):
            at += len(text)
            if event.x < at:
                self.post_message(self.Chosen(PANES[place // 2]))
                return


class KeysLine(Bar):
    """The footer: the keys that count here. What cannot be done now is dim; the help tells why."""

    def show(
        self,
        now: Situation,
        keys: Mapping[str, tuple[str, ...]],
        own: tuple[Part, ...] = (),
        writing: frozenset[str] = frozenset(),
    ) -> None:
        """`own`: (key, label) of the focused widget's own keys; they come first and hide an action of the same key.

        `writing`: those of them that write files.
        """
        parts: list[Part] = []
        for key, label in own:
            off = now.readonly and key in writing
            parts += [(f" {key}", "off" if off else "key"), (f" {label}", "off" if off else "dim")]
        taken = {key for key, _ in own}
        for action in ACTIONS:
            if not action.in_footer(now.pane):
                continue
            off = bool(action.reason(now))
            first = keys.get(action.id, action.keys)[:1]
            if not first or shown_key(first[0]) in taken:
                continue
            parts.append((" " + shown_key(first[0]), "off" if off else "key"))
            parts.append((f" {action.label}", "off" if off else "dim"))
        # Where there is no room for all, the way to the others stays: the palette and the help, at the end.
        while len(parts) > KEPT and sum(len(text) for text, _ in parts) > self.size.width:
            del parts[-KEPT - 2 : -KEPT]
        if sum(len(text) for text, _ in parts) + len(parts) // 2 <= self.size.width:
            parts = [(text + (" " if place % 2 else ""), ink) for place, (text, ink) in enumerate(parts)]
        self.say(parts)
