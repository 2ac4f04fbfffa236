"""The filter of the run list as the main screen has it: the line it is typed in, and the saved ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui.filter import FilterError, parse

if TYPE_CHECKING:
    from pathlib import Path

    from textual.screen import Screen

    from tui.app import ConsoleApp
    from tui.filter import Filter
    from tui.listing import Listing
    from tui.widgets.filter_bar import FilterBar
    from tui.widgets.runs_table import RunsTable

    class _Main(Screen[None]):
        """What the filter needs of the main screen."""

        app: ConsoleApp
        listing: Listing
        table: RunsTable

        def set_pane(self, pane: str, *, focus: bool = True) -> None: ...
        def show_titles(self) -> None: ...
        def _show_keys(self) -> None: ...
        def _go_to_expected(self) -> None: ...

else:
    _Main = object


# What the filter is remembered as.
FILTER = "filter"


class Filtering(_Main):
    """A part of the main screen."""

    filter_bar: FilterBar | None = None
    _filter_before: Filter | None = None
    # The project that the filter in use is of; None before the first.
    _filter_of: tuple[Path | None] | None = None

    def open_filter(self) -> None:
        from tui.completing import vocabulary
        from tui.widgets.filter_bar import FilterBar, saved_filters

        if self.filter_bar is None:
            glyphs = self.app.glyphs
            self.filter_bar = FilterBar(glyphs.cursor, glyphs.ellipsis)
            self.query_one("#right").mount(self.filter_bar, before=self.table)
        bar, text = self.filter_bar, self.listing.filter.text
        self._filter_before = self.listing.filter
        self.set_pane("runs", focus=False)
        model = self.app.model
        runs = (model.runs[run_id] for run_id in model.order)
        known = vocabulary(runs, self.listing.known_metrics(), saved_filters(self.app))

        async def begin() -> None:
            await bar.there.wait()
            bar.open(text, known)

        self.app.start(begin, group="filter-open", description="opening the filter line", exclusive=True, opens=True)

    def on_filter_bar_typed(self, event: FilterBar.Typed) -> None:
        self._start_filter(event.wanted)

    def _start_filter(self, wanted: Filter) -> None:
        self.app.start(partial(self._filter, wanted), group="filter", description="filtering", exclusive=True)

    async def _filter(self, wanted: Filter) -> None:
        await self.listing.set_filter(wanted)
        self._go_to_expected()
        if self.filter_bar is not None:
            self.filter_bar.count(len(self.listing.shown), len(self.app.model.runs))
        self.show_titles()
        self._show_keys()

    def on_filter_bar_closed(self, event: FilterBar.Closed) -> None:
        if not event.kept and self._filter_before is not None:
            self._start_filter(self._filter_before)
        elif event.kept:
            self._keep_filter(event.text)
        self.table.focus()

    def clear_filter(self) -> None:
        self._keep_filter("")
        self._start_filter(parse(""))

    def _keep_filter(self, text: str) -> None:
        if (self.app.recall(FILTER, str) or "") != text:
            self.app.remember(FILTER, text or None)

    def restore_filter(self) -> None:
        """Have the filter again that this project was left with."""
        folder = self.app.model.folder
        if self.app.settings is None or self._filter_of == (folder,):
            return
        before, self._filter_of = self._filter_of, (folder,)
        text = self.app.recall(FILTER, str) or ""
        if text or before is not None:
            self._use_filter(text)

    def use_filter(self, text: str) -> None:
        """Filter by this text, here and at the next start; one that cannot be understood is told."""
        if self._use_filter(text):
            self._keep_filter(text)

    def _use_filter(self, text: str) -> bool:
        from tui.widgets.filter_bar import saved_filters

        try:
            self._start_filter(parse(text, saved_filters(self.app)))
        except FilterError as error:
            self.app.tell(f"the filter cannot be used: {error.message}", "warning")
            return False
        return True
