"""One run: its log, metrics, overview, outputs, environment and commands, a tab each. Only the seen tab does work."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.message import Message
from textual.strip import Strip

from tui.widgets.bars import Bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from engine.paths import Paths
    from engine.runs.model import Run
    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs
    from tui.widgets.log_pane import LogPane

# Tab, and where its pane is; all but the log are imported when they are first opened.
TABS: tuple[tuple[str, str, str], ...] = (
    ("Log", "tui.widgets.run_log", "RunLog"),
    ("Metrics", "tui.widgets.metrics_pane", "MetricsPane"),
    ("Overview", "tui.widgets.overview_pane", "OverviewPane"),
    ("Outputs", "tui.widgets.outputs_pane", "OutputsPane"),
    ("Environment", "tui.widgets.environment_pane", "EnvironmentPane"),
    ("Commands", "tui.widgets.commands_pane", "CommandsPane"),
)
# What the tabs are called where there is no room beside them for what the log says (cells of the line).
SHORT = {"Environment": "Env", "Commands": "Cmds"}
ROOM = 84
# From this width on, the metrics stand beside the log (cells of the view itself).
SIDE_BY_SIDE = 150


class Pane(Protocol):
    """What a tab's widget has to offer."""

    display: bool

    def show(self, run: Run | None) -> None: ...
    def refresh_from_store(self) -> None: ...


class TabsLine(Bar):
    """The tabs, the open one reversed; on the right what the log says of itself."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def show(self, open_tab: int, said: str) -> None:
        names = [SHORT.get(name, name) if self.size.width < ROOM else name for name, _, _ in TABS]
        left = [(f" {name} ", "here" if place == open_tab else "dim") for place, name in enumerate(names)]
        self.say(left, [(f"{said} ", "dim")] if said else [])

    def begins(self) -> list[int]:
        """Where each tab begins, in cells."""
        return [sum(len(text) for text, _ in self._left[:place]) for place in range(len(self._left))]

    def render_line(self, y: int) -> Strip:
        """The tabs stay whole as long as they can: of what the log says, the later parts matter more."""
        width = self.size.width
        left = Strip([Segment(text, self._ink(ink)) for text, ink in self._left])
        said = self._right[0][0].split("  ") if self._right else []
        while said and left.cell_length + cell_len("  ".join(said)) > width:
            said.pop(0)
        text = "  ".join(said)
        gap = max(0, width - left.cell_length - cell_len(text))
        strip = Strip([*left, Segment(" " * gap), Segment(text, self._ink("dim"))])
        return strip.adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        at = 0
        for place, (text, _) in enumerate(self._left):
            at += len(text)
            if event.x < at:
                self.post_message(self.Chosen(place))
                return


TAB_KEYS = (("right_square_bracket", "", "The next tab of the run"), ("left_square_bracket", "", "The one before"))


class RunView(Vertical):
    """Made with where things are and how to draw; `show` says which run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "tab(1)", show=False),
        Binding("left_square_bracket", "tab(-1)", show=False),
    ]
    app: ConsoleApp

    class Opened(Message):
        """Another tab is open."""

    def __init__(self, paths: Paths, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.paths = paths
        self.clock = clock
        self.glyphs = glyphs
        self.run: Run | None = None
        self.open_tab = 0
        self.tabs = TabsLine(id="run-tabs")
        self.body = Container(id="run-body")
        self._panes: dict[int, Widget] = {}
        self._said = ""
        self._wide = False

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.body

    async def on_mount(self) -> None:
        await self._open(self.open_tab)

    @property
    def pane(self) -> Widget | None:
        """The open tab's widget."""
        return self._panes.get(self.open_tab)

    def show(self, run: Run | None) -> None:
        """Another run, or the same with news."""
        self.run = run
        for pane in self._seen():
            pane.show(run)

    def refresh_from_store(self) -> None:
        for pane in self._seen():
            pane.refresh_from_store()

    def _seen(self) -> list[Pane]:
        return [cast("Pane", widget) for widget in self._panes.values() if widget.display]

    def focus(self, scroll_visible: bool = True) -> RunView:
        target = self.first_focusable()
        if target is not None:
            target.focus(scroll_visible)
        return self

    def first_focusable(self) -> Widget | None:
        """What has the focus when one goes to the open tab."""
        return next(iter(self._focusable()), None)

    def _focusable(self) -> list[Widget]:
        pane = self.pane
        if pane is None:
            return []
        from textual.widget import Widget

        return [one for one in (pane, *pane.query("*").results(Widget)) if one.focusable and one.display]

    def hints(self) -> tuple[tuple[str, str], ...]:
        """(key, label) for the footer: the open tab's own keys, then those of the tabs."""
        own: tuple[tuple[str, str], ...] = getattr(self.pane, "HINTS", ())
        return (*own, ("[ ]", "tabs"))

    @property
    def writing(self) -> frozenset[str]:
        """The keys among them that write files."""
        return getattr(self.pane, "WRITING", frozenset())

    def action_tab(self, by: int) -> None:
        self.app.start(
            lambda: self.go_to((self.open_tab + by) % len(TABS)), group="tab", description="opening a tab", opens=True
        )

    def on_tabs_line_chosen(self, event: TabsLine.Chosen) -> None:
        self.app.start(lambda: self.go_to(event.place), group="tab", description="opening a tab", opens=True)

    async def go_to(self, place: int) -> None:
        """Open the tab at this place, counted from 0."""
        had_focus = self.has_focus_within
        await self._open(place)
        if had_focus:
            self.focus()
        self.post_message(self.Opened())

    async def _open(self, place: int) -> None:
        self.open_tab = place
        wanted = {place}
        if self._wide and place in (0, 1):
            wanted = {0, 1}
        for other, pane in self._panes.items():
            pane.display = other in wanted
        for one in sorted(wanted):
            if not self.body.is_attached:
                # The console was left meanwhile.
                return
            pane_ = await self._made(one)
            pane_.set_class(self._wide and len(wanted) == 2, "-beside")
            cast("Pane", pane_).show(self.run)
            cast("Pane", pane_).refresh_from_store()
        self.tabs.show(place, self._said if 0 in wanted else "")

    async def _made(self, place: int) -> Widget:
        if place not in self._panes:
            name, module, kind = TABS[place]
            made: Widget = getattr(import_module(module), kind)(
                self.paths, self.clock, self.glyphs, id=f"tab-{name.lower()}"
            )
            self._panes[place] = made
            await self.body.mount(made)
        return self._panes[place]

    def on_resize(self, event: events.Resize) -> None:
        self.tabs.show(self.open_tab, self._said if 0 in self._panes and self._panes[0].display else "")
        wide = event.size.width >= SIDE_BY_SIDE
        if wide != self._wide:
            self._wide = wide
            self.app.start(lambda: self._open(self.open_tab), group="tab", description="arranging the run's tabs")

    def on_log_pane_said(self, event: LogPane.Said) -> None:
        self._said = event.text
        self.tabs.show(self.open_tab, self._said if self._panes[0].display else "")

    def on_log_pane_left(self) -> None:
        self.screen.call_later(self.screen.run_action, "act('back')")
