"""How a person has arranged the main screen, from one start to the next: the pane, the run's tab, the left column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import PANES

if TYPE_CHECKING:
    from tui.screens.main import MainScreen

# Of the left column (cells): what it may be, and by how much a key changes it.
NARROWEST, WIDEST, STEP = 20, 80, 4
# With fewer cells than this the left column is folded away.
FOLDED_BELOW = 100


class Layout:
    """`restore` may come before everything is there; what it could not do yet it does the next time."""

    def __init__(self, screen: MainScreen) -> None:
        self.screen = screen
        self._restored = False
        self._tab_restored = False
        self.resumed = False
        # Of the left column; 0: as it comes.
        self._width = 0

    def restore(self) -> None:
        """Arrange it as it was left. Who has pressed a key already is where that led."""
        app, screen = self.screen.app, self.screen
        if app.settings is None:
            # What is remembered is read before these are.
            return
        if not self._restored:
            self._restored = True
            width = app.recall("left", int, everywhere=True)
            if width is not None:
                self._width = min(max(width, NARROWEST), WIDEST)
                self.fit()
            pane = app.recall("pane", str)
            if pane in PANES and pane != "run" and not app.touched and app.screen is screen:
                screen.set_pane(pane)
        view = screen.run_view
        if view is None or self._tab_restored:
            return
        from tui.widgets.run_view import TABS

        tab = app.recall("tab", int)
        self._tab_restored = True
        if not tab or not 0 < tab < len(TABS) or view.open_tab != 0:
            return
        if view.is_mounted:
            app.start(lambda: view.go_to(tab), group="tab", description="opening a tab")
        else:
            # The one that it opens first.
            view.open_tab = tab

    def resume(self) -> None:
        """The run that had the whole screen has it again; once there are runs, and nobody has pressed a key yet."""
        app, screen = self.screen.app, self.screen
        if self.resumed or not self._restored:
            return
        self.resumed = True
        run = app.recall("zoomed", str)
        if run and run in screen.table.keys and not app.touched and app.screen is screen:
            screen.table.move_to(run)
            screen.zoom(True)

    def keep(self) -> None:
        """Remember the pane, the tab, and the run that has the whole screen."""
        app, view = self.screen.app, self.screen.run_view
        if app.settings is None or not self._restored:
            return
        if app.recall("pane", str) != self.screen.pane:
            app.remember("pane", self.screen.pane)
        if view is not None and self._tab_restored and (app.recall("tab", int) or 0) != view.open_tab:
            app.remember("tab", view.open_tab)
        run = self.screen.current
        zoomed = run.id if run is not None and self.screen.has_class("-zoomed") else ""
        if self.resumed and (app.recall("zoomed", str) or "") != zoomed:
            app.remember("zoomed", zoomed or None)

    def widen(self, by: int) -> None:
        """The left column wider or narrower by this many steps."""
        most = self.screen.size.width // 2
        # What was chosen last may not have been laid out yet.
        now = min(self._width, most) if self._width else self.screen.query_one("#left").size.width
        self._width = min(max(now + by * STEP, NARROWEST), WIDEST, most)
        self.fit()
        self.screen.app.remember("left", self._width, everywhere=True)

    def fit(self) -> None:
        """The width that was chosen, where there is room for two columns; else, and without one, the style sheet's."""
        wide = self.screen.size.width
        width = min(self._width, wide // 2) if self._width and wide >= FOLDED_BELOW else None
        self.screen.query_one("#left").styles.width = width
