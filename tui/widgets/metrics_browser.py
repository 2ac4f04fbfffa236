"""The metrics of a run to choose from: as a list or as a grid, ordered, searched as one types, with what was pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message

from tui.metric_order import HEADING, ORDERS, arranged
from tui.plain import plain
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList
from tui.widgets.metrics_grid import ROOM, MetricsGrid
from tui.widgets.metrics_list import MetricsList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import Input

    from engine.runs.model import Series
    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs


class MetricsBrowser(Vertical):
    """Sends `Opened` with the names to look at. Order, pins and form are remembered for the project."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("enter", "open", "A chart, a table, or what else was logged"),
        ("space", "choose", "Choose several for one chart"),
        ("slash", "search", "Search as one types; enter keeps it, esc ends it"),
        ("p", "pin", "Pin to the top, or not (remembered)"),
        ("o", "order", "In the order logged, by name, last change, last value"),
        ("v", "form", "As a list or as a grid, where there is room"),
        ("escape", "back", "End the search, then back"),
    )
    HINTS = (
        ("enter", "chart"),
        ("/", "search"),
        ("p", "pin"),
        ("o", "order"),
        ("v", "grid or list"),
        ("space", "choose"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, f"metrics_{action}", show=False) for keys, action, _ in KEYS]
    app: ConsoleApp

    class Opened(Message):
        """These metrics are to be looked at."""

        def __init__(self, names: tuple[str, ...]) -> None:
            super().__init__()
            self.names = names

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self.prompt = LineInput(id="metrics-prompt", placeholder="part of a metric's name")
        self.list = MetricsList(glyphs)
        self.grid = MetricsGrid(glyphs)
        self.series: dict[str, Series] = {}
        self.order = "logged"
        self.pinned: list[str] = []
        self.chosen: list[str] = []
        self._empty = ""
        self._as_grid = False
        self._shown = True

    def compose(self) -> ComposeResult:
        yield self.list
        yield self.grid
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.display = False
        self.recall()
        self._show_form()

    def recall(self) -> None:
        """What was remembered for the project that is open."""
        order = self.app.recall("metrics-order", str)
        self.order = order if order in ORDERS else "logged"
        self.pinned = [one for one in self.app.recall("metrics-pinned", list) or () if isinstance(one, str)]
        self._as_grid = bool(self.app.recall("metrics-grid", bool))
        self._share()

    # What is shown

    @property
    def shown(self) -> MetricsList | MetricsGrid:
        """The list or the grid."""
        return self.grid if self.grid.display else self.list

    @property
    def cursor(self) -> str | None:
        key = self.shown.cursor
        return None if key == HEADING else key

    def give(self, series: Sequence[Series]) -> None:
        """Show these."""
        self.series = {one.name: one for one in series}
        self._arrange()

    def say_empty(self, empty: str) -> None:
        """What is shown while there is nothing."""
        if empty != self._empty:
            self._empty = empty
            self._arrange()

    def show(self, shown: bool) -> None:
        """Whether it is to be seen."""
        self.display = self._shown = shown
        self._show_form()

    def _arrange(self) -> None:
        keys = arranged(self.series.values(), self.order, self.pinned, self.prompt.value)
        empty = self._empty if not self.series else f"no metric has {plain(self.prompt.value)!r} in its name"
        for one in (self.list, self.grid):
            if one.empty != empty:
                one.empty = empty
                one.refresh()
        self.shown.give(self.series, keys)

    def _share(self) -> None:
        for one in (self.list, self.grid):
            one.pinned, one.chosen = self.pinned, self.chosen
            one.refresh()

    def _show_form(self) -> None:
        grid = self._as_grid and self.size.width >= ROOM
        had_focus = self.shown.has_focus
        key = self.shown.cursor
        changed = self.grid.display != (grid and self._shown) or self.list.display != (not grid and self._shown)
        self.grid.display, self.list.display = grid and self._shown, not grid and self._shown
        if changed and self._shown:
            self._arrange()
            if key is not None:
                self.shown.move_to(key)
            if had_focus:
                self.shown.focus()

    def on_resize(self) -> None:
        if self._shown:
            self._show_form()

    def names_shown(self) -> list[str]:
        """The names in the order they are listed."""
        return [key for key in self.shown.keys if key != HEADING]

    def move_to(self, name: str) -> None:
        self.shown.move_to(name)

    # Keys

    def action_metrics_open(self) -> None:
        if self.prompt.has_focus:
            return
        name = self.cursor
        chosen = tuple(one for one in self.chosen if one in self.series)
        if name is not None:
            self.post_message(self.Opened(chosen if len(chosen) > 1 and name in chosen else (name,)))

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        event.stop()
        self.action_metrics_open()

    def on_metrics_grid_opened(self) -> None:
        self.action_metrics_open()

    def action_metrics_choose(self) -> None:
        name = self.cursor
        if name is None:
            return
        if self.series[name].last is None:
            self.app.tell(f"{plain(name)} is no series of numbers", "warning")
            return
        if name in self.chosen:
            self.chosen.remove(name)
        else:
            self.chosen.append(name)
        self.shown.paint([name])
        if isinstance(self.shown, LineList):
            self.shown.action_step(1)
        else:
            self.shown.action_step(1, 0)

    def action_metrics_pin(self) -> None:
        name = self.cursor
        if name is None:
            return
        if name in self.pinned:
            self.pinned.remove(name)
        else:
            self.pinned.append(name)
        self.app.remember("metrics-pinned", self.pinned or None)
        self._arrange()
        self.shown.paint([name])

    def action_metrics_order(self) -> None:
        names = list(ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]
        self.app.remember("metrics-order", self.order if self.order != names[0] else None)
        self.app.tell(f"metrics {ORDERS[self.order]}")
        self._arrange()

    def action_metrics_form(self) -> None:
        if not self._as_grid and self.size.width < ROOM:
            self.app.tell("the pane is too narrow for a grid; enter on the run gives it the whole screen", "warning")
            return
        self._as_grid = not self._as_grid
        self.app.remember("metrics-grid", self._as_grid or None)
        self._show_form()

    def action_metrics_search(self) -> None:
        self.prompt.display = True
        self.prompt.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._arrange()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.prompt.display = bool(self.prompt.value)
        self.shown.focus()

    def end_search(self) -> None:
        """Every metric again."""
        self.prompt.value = ""
        self.prompt.display = False
        self._arrange()

    def action_metrics_back(self) -> None:
        if self.prompt.display:
            self.end_search()
            self.shown.focus()
        elif self.chosen:
            self.chosen.clear()
            self._share()
        else:
            self.screen.call_later(self.screen.run_action, "act('back')")

    def forget(self) -> None:
        """Another run: nothing is chosen, and nothing looked for."""
        self.chosen.clear()
        self.end_search()

    def on_key(self, event: Any) -> None:
        if event.key == "down" and self.prompt.has_focus:
            event.stop()
            self.shown.focus()
