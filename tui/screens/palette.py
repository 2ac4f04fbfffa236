"""Anything by a few letters: what can be done, and every run, target, configuration, project, metric and theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content

from engine.runs.model import State
from tui import things
from tui.screens.dialog import Dialog
from tui.things import KINDS, SHOWN, SIGN_OF, Finder, Found
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import Input

    from tui.glyphs import Glyphs
    from tui.screens.main import MainScreen

FOUND = Style(bold=True, underline=True)
# Signs, on the left, and what is said on the right.
SIGN, SAID = 4, 12


class ThingLines(LineList):
    """What was found, the letters that are why marked."""

    can_focus = False

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="actions")
        self.glyphs = glyphs
        self.found: dict[str, Found] = {}

    def draw_empty(self, width: int) -> list[Segment]:
        return [Segment(cut("  nothing of that name", width, self.glyphs.ellipsis), self.ink("dim"))]

    def draw(self, key: str, width: int) -> list[Segment]:
        found = self.found[key]
        thing, dots = found.thing, self.glyphs.ellipsis
        ink = "dim" if thing.why else ""
        text = thing.text + (f": {thing.why}" if thing.why else "")
        room = max(0, width - SIGN - SAID - 2)
        sign = self.glyphs.states[State(thing.state)] if thing.state else " "
        return [
            Segment(f"{SIGN_OF[thing.kind]:>2}{sign} ", self.ink("dim")),
            *marked(cut(text, room, dots), found.match.places, self.ink(ink), self.ink("accent") + FOUND),
            Segment(f" {cut(thing.said, SAID, dots).rstrip():>{SAID}} ", self.ink("dim")),
        ]


def marked(text: str, places: frozenset[int], ink: Style, other: Style) -> list[Segment]:
    """The text with the characters at these places in the other ink."""
    segments: list[Segment] = []
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or (at in places) != (start in places):
            segments.append(Segment(text[start:at], other if start in places else ink))
            start = at
    return segments


class PaletteScreen(Dialog[tuple[str, str]]):
    """Gives the kind and the id of what was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "step(1)", show=False, priority=True),
        Binding("up,ctrl+p", "step(-1)", show=False, priority=True),
        Binding("pagedown,ctrl+f", "page(1)", show=False, priority=True),
        Binding("pageup,ctrl+b", "page(-1)", show=False, priority=True),
    ]
    CSS_PATH = "../styles/dialog.tcss"
    KEYS = (
        ("enter", "", "Go there, or do it"),
        ("down,ctrl+n", "", "The next one"),
        ("up,ctrl+p", "", "The one before"),
        ("pagedown,pageup", "", "A page down, up"),
        *((sign, "", f"Typed first: {name} only") for _, sign, name in KINDS),
    )

    def __init__(self, main: MainScreen) -> None:
        super().__init__()
        self.main = main

    def compose(self) -> ComposeResult:
        app, main = self.app, self.main
        self.lines = ThingLines(app.glyphs)
        self.finder = Finder(
            (
                *things.actions(main.situation, app.keys),
                *things.places(app.model),
                *things.metrics(main.listing.known_metrics(), main.table.metrics),
                *things.looks(),
            ),
            [app.model.runs[run] for run in app.model.order],
        )
        self._looked_for: str | None = None
        self._chosen = False
        with Vertical(classes="dialog palette") as box:
            box.border_title = Content("Go to, or do")
            box.border_subtitle = Content(" ".join(f"{sign}{name}" for _, sign, name in KINDS))
            yield LineInput(placeholder="a few letters of anything", id="wanted")
            yield self.lines
        self.box = box

    def on_mount(self) -> None:
        self._look("")
        self.app.start(self._read_projects, group="projects", description="looking for projects")

    async def _read_projects(self) -> None:
        self.finder.things += things.projects(await self.app.model.projects())

    def on_input_changed(self, event: Input.Changed) -> None:
        self._look(event.value)

    def _look(self, typed: str) -> None:
        self.app.start(
            lambda: self._find(typed), group="palette", description="looking for what was typed", exclusive=True
        )

    async def _find(self, typed: str) -> None:
        found = await self.finder.find(typed)
        if not self.is_attached:
            return
        self._looked_for = typed
        self.lines.found = {f"{one.thing.kind} {one.thing.id}": one for one in found}
        self.lines.set_keys(self.lines.found)
        if self.lines.keys:
            self.lines.move_to(self.lines.keys[0])
        self.lines.refresh()
        more = f"the first {SHOWN}" if len(found) == SHOWN else ""
        self.box.border_title = Content("Go to, or do" + (f" ({more})" if more else ""))
        if self._chosen:
            self._take()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        # Who types quickly chooses what will be found, not what was found for half of it.
        self._chosen = True
        if self._looked_for == event.value:
            self._take()

    def on_line_list_opened(self) -> None:
        self._take()

    def _take(self) -> None:
        self._chosen = False
        found = self.lines.found.get(self.lines.cursor or "")
        if found is not None and self.is_current:
            self.dismiss((found.thing.kind, found.thing.id))

    def action_step(self, by: int) -> None:
        self.lines.action_step(by)

    def action_page(self, by: int) -> None:
        self.lines.action_page(by)


def chosen_names(names: Sequence[str], name: str) -> tuple[str, ...]:
    """The names with this one, or without it when it was among them."""
    return tuple(one for one in names if one != name) if name in names else (*names, name)
