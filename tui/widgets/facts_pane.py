"""A tab of lines about a run: read from the store beside the keys, drawn as a list one can move through."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding

from engine.runs.store import StoreReader
from tui.widgets.line_list import LineList, cut, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textual.binding import BindingType

    from engine.paths import Paths
    from engine.runs.model import Run
    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs

LABEL_WIDTH = 15


@dataclass(frozen=True)
class Fact:
    """One line: a label (empty: goes on with the line above), its text, the ink of the text, what `Y` copies."""

    label: str
    text: str
    ink: str = ""
    copy: str = ""


class FactsPane(LineList):
    """Subclasses give `read`, which runs in a worker thread, and `empty`."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (("Y", "copy_line", "Copy the line under the cursor"),)
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, action, show=False) for keys, action, _ in KEYS]
    LABELS = LABEL_WIDTH
    app: ConsoleApp
    empty = "nothing to show"

    def __init__(self, paths: Paths, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.paths = paths
        self.clock = clock
        self.glyphs = glyphs
        self.run: Run | None = None
        # The lines on the screen: a fact that is longer than one goes on in the next.
        self.facts: Sequence[Fact] = ()
        self._found: Sequence[Fact] = ()
        # The fact that each line is of.
        self._whole: Sequence[Fact] = ()

    def read(self, store: StoreReader, run: Run) -> Sequence[Fact]:
        """The lines for this run. Blocking."""
        raise NotImplementedError

    def show(self, run: Run | None) -> None:
        """Another run, or the same with news."""
        if (run.id if run else None) != (self.run.id if self.run else None):
            self.forget()
        self.run = run

    def forget(self) -> None:
        """Show nothing until something was read again."""
        self._found = self.facts = self._whole = ()
        self.set_keys(())

    def refresh_from_store(self) -> None:
        run = self.run
        if run is not None:
            self.app.start(
                partial(self._load, run), group=f"facts-{self.id}", description="reading the run", exclusive=True
            )

    async def _load(self, run: Run) -> None:
        facts = await asyncio.to_thread(self._read, run)
        if self.run is not None and self.run.id == run.id and facts != self._found:
            self._found = facts
            self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """The facts in lines as wide as the pane."""
        before = self.facts
        region = self.content_region
        room = region.width - self.LABELS - 1
        lines = [(line, fact) for fact in self._found for line in _lines(fact, room)]
        if len(lines) > region.height:
            # They make a scrollbar appear, which takes its part of the width.
            room -= self.styles.scrollbar_size_vertical
            lines = [(line, fact) for fact in self._found for line in _lines(fact, room)]
        self.facts, self._whole = tuple(line for line, _ in lines), tuple(fact for _, fact in lines)
        if len(before) != len(self.facts):
            self.set_keys([str(place) for place in range(len(self.facts))])
            return
        self.paint(str(place) for place, fact in enumerate(self.facts) if fact != before[place])

    def _read(self, run: Run) -> Sequence[Fact]:
        with StoreReader(self.paths.store) as store:
            return tuple(self.read(store, run))

    def draw_empty(self, width: int) -> list[Segment]:
        empty = self.empty if self.run is not None else "no run is chosen"
        if self.run is not None and self.run.state.ended:
            # Nothing more comes.
            empty = empty.removesuffix(" yet")
        return [Segment(f" {empty}", self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        fact = self.facts[int(key)]
        if not fact.label and not self.LABELS:
            return [Segment(cut(f" {fact.text}", width, self.glyphs.ellipsis), self.ink(fact.ink))]
        label = cut(f" {fact.label}", self.LABELS, self.glyphs.ellipsis)
        room = max(0, width - self.LABELS - 1)
        return [
            Segment(f"{label} ", self.ink("dim")),
            Segment(cut(fact.text, room, self.glyphs.ellipsis), self.ink(fact.ink)),
        ]

    def action_copy_line(self) -> None:
        if self.cursor is not None:
            fact = self._whole[int(self.cursor)]
            self.app.copy_text(fact.copy or fact.text)


def _lines(fact: Fact, room: int) -> Iterator[Fact]:
    if room <= 0 or (len(fact.text) <= room and fact.text.isascii()):
        yield fact
        return
    label = fact.label
    for text in wrapped(fact.text, room):
        yield replace(fact, label=label, text=text)
        label = ""
