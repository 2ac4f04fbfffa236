"""The main screen: targets, run configurations, runs, and the run under the cursor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen

from tui import hosts, troubles
from tui.actions import ACTIONS, PANES, Situation
from tui.first_steps import FirstSteps
from tui.listing import Listing, turned
from tui.model import Change
from tui.noticing import Noticing
from tui.plain import plain
from tui.screens.acting import Acting
from tui.screens.filtering import Filtering
from tui.screens.layout import FOLDED_BELOW, Layout
from tui.screens.preferred import Preferred
from tui.widgets.bars import HeaderLine, KeysLine, PaneSwitcher
from tui.widgets.panes import ConfigsPane, TargetsPane
from tui.widgets.run_place import RunPlace
from tui.widgets.runs_table import RunsTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.widget import Widget

    from engine.runs.model import Run
    from tui.app import ConsoleApp
    from tui.reading import ConfigView
    from tui.settings import Settings
    from tui.widgets.line_list import LineList
    from tui.widgets.run_view import RunView

# The lower pane follows the cursor after this pause, longer than between two keys that repeat: running down a list
# reads no logs on the way. Seconds.
SETTLE = 0.2


def table_bindings() -> list[BindingType]:
    """The action table as key bindings."""
    return [Binding(",".join(a.keys), f"act('{a.id}')", a.label, show=False, id=a.id) for a in ACTIONS]


class MainScreen(Filtering, Screen[None]):
    """Puts the model's data into the panes and the keys' actions into effect; decides nothing itself."""

    AUTO_FOCUS = "#runs"
    CSS_PATH = ["../styles/app.tcss", "../styles/main.tcss", "../styles/run.tcss"]  # noqa: RUF012 - as Textual declares it
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (FOLDED_BELOW, "-normal"), (161, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = table_bindings()
    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self.pane = "runs"
        self.run_view: RunView | None = None
        self.acting = Acting(self)
        self._settling: Timer | None = None
        self._preferred = Preferred(self)
        self.layout_kept = Layout(self)
        self._noticing = Noticing(self)
        self._titles: dict[Widget, tuple[str, str]] = {}
        self._expected: str | None = None
        # Runs that another screen shows.
        self._watched_too: tuple[str, ...] = ()
        # The hosts that may be asked for samples, when the engine was told last.
        self._linked: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        app = self.app
        self.header = HeaderLine(id="header")
        self.switcher = PaneSwitcher(id="switcher")
        self.targets = TargetsPane(app.glyphs, id="targets")
        self.configs = ConfigsPane(app.glyphs, id="configs")
        self.table = RunsTable(self._run, self._series, app.clock, app.glyphs, id="runs")
        self.lower = RunPlace(id="run", classes="pane")
        self.keys_line = KeysLine(id="keys")
        self.listing = Listing(app.model, self.table, app)
        yield self.header
        yield self.switcher
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield self.targets
                yield self.configs
            with Vertical(id="right"):
                yield self.table
                yield self.lower
        yield self.keys_line

    def on_mount(self) -> None:
        self._entitle(self.targets, "Targets")
        self.app.model.listeners.append(self._model_changed)
        self.app.link_listeners.append(self._link_moved)
        self.app.settings_listeners.append(self._use_settings)
        self.app.said_listeners.append(self._show_header)
        self._use_settings(self.app.settings)
        self._show_pane()
        # Reading may have been quicker than mounting.
        model = self.app.model
        known, builds = frozenset(model.runs), frozenset(model.builds)
        trouble = bool(model.trouble)
        self._model_changed(Change(order=True, runs=known, builds=builds, targets=True, project=True, trouble=trouble))
        self.call_after_refresh(self._make_run_view)

    def on_screen_suspend(self) -> None:
        # What waits for a first frame may wait for ever under a dialog that comes before it.
        self._make_run_view()

    def on_unmount(self) -> None:
        self.app.model.listeners.remove(self._model_changed)
        self.app.link_listeners.remove(self._link_moved)
        self.app.settings_listeners.remove(self._use_settings)
        self.app.said_listeners.remove(self._show_header)

    def _use_settings(self, settings: Settings | None) -> None:
        self._preferred.use(settings)
        self.layout_kept.restore()
        self.listing.restore()
        self.restore_filter()
        self._show_keys()

    def _make_run_view(self) -> None:
        """The lower pane is made after the first frame: its parts are the heaviest to import."""
        if self.run_view is not None or not self.lower.is_attached:
            # One left before it was there.
            return
        from tui.widgets.run_view import RunView

        app = self.app
        self.run_view = RunView(app.model.paths, app.clock, app.glyphs, id="run-view")
        self.lower.fill(self.run_view)
        self.layout_kept.restore()
        self._settle()

    # What the panes ask for

    def _run(self, run_id: str) -> Run | None:
        return self.app.model.runs.get(run_id)

    def _series(self, run_id: str) -> Any:
        return self.app.model.series.get(run_id, ())

    @property
    def current(self) -> Run | None:
        """The run under the cursor."""
        return self._run(self.table.cursor) if self.table.cursor else None

    @property
    def marked(self) -> list[Run]:
        """The marked runs in the order of the list."""
        model = self.app.model
        marks = self.table.marks
        return [model.runs[i] for i in self.listing.shown if i in marks and i in model.runs] if marks else []

    @property
    def situation(self) -> Situation:
        model = self.app.model
        run = self.current
        marked = self.marked
        zoomed = self.has_class("-zoomed")
        target = model.project.target(self.targets.cursor or "")
        known = model.targets.get(target.host) if target is not None else None
        acted = tuple(marked) if marked and not zoomed else (run,) if run is not None else self._group_here()
        return Situation(
            pane=self.pane,
            readonly=self.app.options.readonly,
            project=model.folder is not None and not model.project.missing,
            configs=len(model.project.configs),
            acted=acted,
            run=run,
            marked=len(self.table.marks),
            config=model.project.config(self.configs.cursor or ""),
            target=target,
            state=known.state if known is not None else "",
            filtered=not self.listing.filter.empty,
            listed=len(self.listing.shown),
            zoomed=zoomed,
            prepares=self._prepares(run),
            builds=len(model.builds),
            undoable=self.acting.undoable(),
            folded=self.size.width < FOLDED_BELOW,
        )

    def _group_here(self) -> tuple[Run, ...]:
        """The runs of the group whose head is under the cursor."""
        group = self.table.heads.get(self.table.cursor or "")
        found = map(self._run, group.runs) if group is not None else ()
        return tuple(run for run in found if run is not None)

    def _prepares(self, run: Run | None) -> tuple[ConfigView, ...]:
        """Those of the target, the one under the cursor, that of the run; without a run the first that can be used."""
        project = self.app.model.project
        if self.pane == "targets":
            return project.usable(self.targets.cursor) if self.targets.cursor else ()
        if self.pane != "configs" and run is None:
            return project.usable()[:1]
        named = project.config((self.configs.cursor if self.pane == "configs" else run.config if run else "") or "")
        return (named,) if named is not None and not named.problem else ()

    # The model's news

    def _model_changed(self, change: Change) -> None:
        model = self.app.model
        if change.project:
            self.restore_filter()
        if change.project or change.builds:
            self.configs.show(model.project.configs, {name: one.far for name, one in model.preparing().items()})
        self._noticing.look(change)
        if change.trouble and model.trouble:
            self.app.tell(model.trouble, "error")
        if change.order or change.runs or change.series:
            self.listing.changed(change)
            self._go_to_expected()
        if change.project or change.targets or change.runs or change.builds:
            self._show_targets()
        run = self.table.cursor
        if self.run_view is not None and run is not None and self._concerns(change, run):
            self._settle(soon=True)
        if change.project or hosts.linked(model.targets) != self._linked:
            self._look()
        self._show_header()
        self.show_titles()
        self._show_keys()

    def _show_targets(self) -> None:
        model = self.app.model
        preparing = model.preparing()
        waiting = {one.target: preparing[one.name].far for one in model.project.configs if one.name in preparing}
        self.targets.show(model.project.targets, model.targets, model.unfinished(), waiting, self.app.clock())

    def _concerns(self, change: Change, run_id: str) -> bool:
        """Whether there is news of a run: its own, or of a build for its configuration."""
        if run_id in change.runs or run_id in change.series:
            return True
        run = self._run(run_id)
        return run is not None and any(run.config in self.app.model.builds[one].configs for one in change.builds)

    def _link_moved(self) -> None:
        self._show_header()
        self._look()

    def _show_header(self) -> None:
        model = self.app.model
        trouble = troubles.worst(model, self.app.link, self.app.clock())
        notice = "read-only" if self.app.options.readonly else ""
        self.header.show(
            model.project.name or "no project", model.unfinished(), trouble, notice, self.app.missed_text()
        )

    def show_titles(self) -> None:
        model = self.app.model
        FirstSteps(model, self.app.keys).tell(self)
        problems = len(model.project.problems)
        self._entitle(self.table, self.listing.title(), self.listing.subtitle())
        self._entitle(self.configs, "Run configurations", f"{problems} to look at: P" if problems else "")
        self.switcher.show(
            self.pane,
            {
                "targets": len(model.project.targets),
                "configs": len(model.project.configs),
                "runs": len(self.listing.shown),
            },
        )

    def _entitle(self, widget: Widget, title: str, subtitle: str = "") -> None:
        """Set a pane's titles when they differ: setting them draws the whole pane."""
        if self._titles.get(widget) != (title, subtitle):
            self._titles[widget] = (title, subtitle)
            widget.border_title = Content(title)
            widget.border_subtitle = Content(subtitle)

    def _show_keys(self) -> None:
        view = self.run_view if self.pane == "run" else None
        own, writing = (view.hints(), view.writing) if view is not None else ((), frozenset())
        self.keys_line.show(self.situation, self.app.keys, own, writing)

    def tick(self) -> None:
        if self.app.screen is self:
            self.table.tick()
            if hosts.away(self.app.model.targets):
                # How long ago it was lost.
                self._show_targets()
                self._show_header()

    # The run under the cursor

    def _settle(self, soon: bool = False) -> None:
        if self._settling is not None:
            self._settling.stop()
        if self.run_view is not None:
            self._settling = self.set_timer(SETTLE if not soon else 0.01, self._show_run)

    def _show_run(self) -> None:
        run = self.current
        view = self.run_view
        if view is None:
            return
        self._entitle(self.lower, plain(run.name) if run is not None else "Run")
        view.show(run)
        view.refresh_from_store()
        if run is not None:
            self.layout_kept.resume()
        self._look()

    def watch_too(self, runs: Iterable[str]) -> None:
        """Have these followed closely as well."""
        self._watched_too = tuple(runs)
        self._look()

    def _look(self) -> None:
        """Tell the engine what is on the screen."""
        run = self.current
        watched = {*self._watched_too, *([run.id] if run is not None and not run.state.ended else [])}
        shown = not self.has_class("-zoomed") and self.targets.region.height > 0
        self._linked = hosts.linked(self.app.model.targets)
        usable = [target for target in self.app.model.project.targets if shown and not target.problem]
        # A machine is not connected because somebody looks at a list it is in.
        targets = [target for target in usable if target.host in self._linked]
        docker = {target.host for target in targets if target.containers}
        yarn = {target.host for target in targets if target.cluster}
        look = partial(self.app.link.look_at, watched, {target.host for target in targets}, docker, yarn)
        self.app.start(look, group="look", description="telling the engine what is on the screen", exclusive=True)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        if event.lines is self.table:
            self._settle()
        self._show_keys()

    def on_run_view_opened(self) -> None:
        self.layout_kept.keep()
        self._show_keys()

    def on_resize(self) -> None:
        self.layout_kept.fit()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        if event.key in self.table.heads and event.lines is self.table:
            self.table.action_fold()
        else:
            self.action_act("open")

    def on_runs_table_seen(self) -> None:
        self.app.start(self.listing.see, group="seen", description="reading metrics", exclusive=True)

    def on_runs_table_folded(self, event: RunsTable.Folded) -> None:
        self.listing.fold(event.key, event.folded)

    def on_runs_table_ordered(self, event: RunsTable.Ordered) -> None:
        self.acting.order_by(turned(self.listing.order, event.column))

    def on_marked_list_marked(self) -> None:
        self._settle()
        self.show_titles()
        self._show_keys()

    # Panes

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for widget in event.widget.ancestors_with_self:
            if widget.id in PANES:
                self.set_pane(widget.id or "runs", focus=False)
                return

    def set_pane(self, pane: str, *, focus: bool = True) -> None:
        """Go to a pane; when there is room for one only, it takes the others' place. A run's is of the current one."""
        if pane != self.pane:
            # Other panes may be on the screen then, once they are laid out.
            self.set_timer(SETTLE, self._look)
        self.pane = pane
        if pane == "run" and self.run_view is not None and self.run_view.run != self.current:
            self._show_run()
        if pane != "run":
            self.remove_class("-zoomed")
        self._show_pane()
        if focus:
            self._pane_widget(pane).focus()
        self.layout_kept.keep()
        self.show_titles()
        self._show_keys()

    def _show_pane(self) -> None:
        for pane in PANES:
            self.set_class(pane == self.pane, f"-at-{pane}")

    def _pane_widget(self, pane: str) -> Widget:
        return {"targets": self.targets, "configs": self.configs, "runs": self.table, "run": self.lower}[pane]

    def zoom(self, on: bool) -> None:
        """The run's pane over the whole screen, or back in its place."""
        self.set_class(on, "-zoomed")
        self.set_pane("run" if on else "runs")

    # A run that was asked for

    def expect(self, run_id: str | None) -> None:
        """Put the cursor on this run as soon as it is listed."""
        if run_id is not None:
            self._expected = run_id
            self.app.model.changed([run_id])
            self._go_to_expected()

    def _go_to_expected(self) -> None:
        if self._expected is not None and self.listing.reveal(self._expected):
            self.table.move_to(self._expected)
            self._expected = None

    def action_act(self, action: str) -> None:
        self.acting.do(action)
