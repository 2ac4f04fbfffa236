"""What the actions on the run list do: its order, columns, groups, marks; tags, outputs and reasons of its runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import AmlError, UsageError
from tui import columns, wording
from tui.screens.main_actions import MainActions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.runs.model import Run
    from tui.listing import Order


class TableActions(MainActions):
    """One method an action, named after its id."""

    # What is listed, and how

    def saved_filters(self) -> None:
        from tui.screens.saved import SavedScreen

        def chosen(name: str | None) -> None:
            if name is not None:
                self.screen.use_filter(f"@{name}")

        self.app.push_screen(SavedScreen(self.screen.listing.filter.text, self.app.glyphs.ellipsis), chosen)

    def sort(self) -> None:
        from tui.screens.list_choices import OrderScreen

        listing = self.screen.listing

        def chosen(order: Order | None) -> None:
            if order is not None:
                self.order_by(order)

        self.app.push_screen(
            OrderScreen(self._known_columns(), listing.shown_columns(), listing.order, self.app.glyphs), chosen
        )

    def order_by(self, order: Order) -> None:
        """Order the runs so and go to the first: what one ordered for."""

        async def work() -> None:
            await self.screen.listing.set_order(order)
            self.screen.table.action_edge(-1)
            self.screen.show_titles()

        self.app.start(work, group="order", description="ordering the runs", exclusive=True)

    def columns(self) -> None:
        from tui.screens.list_choices import ColumnsScreen

        listing, table = self.screen.listing, self.screen.table

        def chosen(names: tuple[str, ...] | None) -> None:
            if names is not None:
                # As it was shown without a choice: it goes on following the newest runs' metrics.
                as_usual = listing.columns is None and names == listing.shown_columns()
                listing.set_columns(None if as_usual else names)

        self.app.push_screen(
            ColumnsScreen(
                self._known_columns(),
                listing.shown_columns(),
                table.left_out,
                self.app.glyphs.ellipsis,
                ascii=self.app.options.ascii,
            ),
            chosen,
        )

    def _known_columns(self) -> list[str]:
        return columns.known(self.app.model.runs.values(), self.screen.listing.known_metrics())

    def group(self) -> None:
        from tui.screens.list_choices import GroupsScreen

        listing = self.screen.listing
        tags = sorted({name for run in self.app.model.runs.values() for name in run.tags})

        def chosen(by: str | None) -> None:
            if by is not None:
                listing.set_groups(by)
                self.screen.show_titles()

        self.app.push_screen(GroupsScreen(tags, listing.groups, self.app.glyphs), chosen)

    # Marks

    def mark_to_here(self) -> None:
        if not self.screen.table.mark_to_here():
            self.app.tell("mark to here: nothing was marked last; space marks where it begins", "warning")

    def mark_all(self) -> None:
        self.screen.table.mark_these(self.screen.listing.shown)

    def invert(self) -> None:
        self.screen.table.invert(self.screen.listing.shown)

    # Tags

    def tag(self) -> None:
        from engine.runs.tags import written
        from tui.screens.tags import TagsScreen

        runs = self.screen.situation.acted
        known = {
            written(name, value) for run in self.app.model.runs.values() for name, value in run.tags.items() if run.tags
        }

        def chosen(changes: dict[str, bool] | None) -> None:
            if changes:
                self.app.start(lambda: self._retag(runs, changes), group="tags", description="changing tags")

        self.app.push_screen(TagsScreen(runs, known, self.app.glyphs.ellipsis), chosen)

    async def _retag(self, runs: Sequence[Run], changes: Mapping[str, bool]) -> None:
        from tui.screens.run_actions import refusals
        from tui.screens.tags import changes_of

        refused: dict[str, str] = {}
        done = []
        for run in runs:
            own = changes_of(run, changes)
            if not own:
                continue
            try:
                await self.app.link.update(run.id, retag=own)
                done.append(run.id)
            except AmlError as error:
                refused[run.id] = str(error)
        self.app.model.changed(done)
        for reason, names in refusals(runs, refused).items():
            self.app.tell(f"{names} not tagged: {reason}", "warning")
        if done:
            self.app.tell(f"tags of {wording.count_of(len(done), 'run')} changed")

    # Why

    def why(self) -> None:
        from tui.screens.why import WhyScreen

        run = self.screen.current
        if run is not None:
            self.app.push_screen(WhyScreen(run))

    # Outputs

    def fetch(self) -> None:
        from tui.screens.name import NameScreen

        runs = self.screen.situation.acted
        single = len(runs) == 1
        title = f"Copy the outputs of {runs[0].name if single else wording.count_of(len(runs), 'run')} into"
        default = f"./{runs[0].name}-outputs" if single else "./outputs"
        told: set[str] = set()

        async def use(name: str) -> None:
            folder = await self.app.model.ask(folder_for, name)
            if str(folder) not in told and await self.app.model.ask(_holds_something, folder):
                told.add(str(folder))
                raise UsageError("there is something in it already; enter again writes beside and over it")
            self.app.start(
                lambda: self._fetch(runs, folder), group=f"fetch-{folder}", description="fetching the outputs"
            )

        self.app.push_screen(NameScreen(title, default, use))

    async def _fetch(self, runs: Sequence[Run], folder: Path) -> None:
        """One run after the other: they may share a narrow wire."""
        from tui.fetching import Fetched, fetch_run, summary
        from tui.screens.run_actions import refusals

        done: list[Fetched] = []
        refused: dict[str, str] = {}
        for place, run in enumerate(runs, start=1):
            of = f", {place} of {len(runs)}" if len(runs) > 1 else ""
            self.app.tell(f"fetching the outputs of {run.name}{of}")
            try:
                own = folder if len(runs) == 1 else folder / f"{run.name}-outputs"
                done.append(await fetch_run(self.app, run, own))
            except (AmlError, OSError) as error:
                refused[run.id] = str(error)
        for reason, names in refusals(runs, refused).items():
            self.app.tell(f"{names} not fetched: {reason}", "warning")
        if done:
            self.app.tell(summary(done, folder), "warning" if any(one.skipped for one in done) else "information")


def folder_for(name: str) -> Path:
    """The folder that a person named; relative to where the console was started. Blocking. Raises UsageError."""
    if not name.strip():
        raise UsageError("name a folder")
    try:
        folder = Path(name.strip()).expanduser().absolute()
        if folder.exists() and not folder.is_dir():
            raise UsageError("that is a file; name a folder")
    except (RuntimeError, ValueError, OSError) as error:
        raise UsageError(f"that cannot be a folder: {error}") from error
    return folder


def _holds_something(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
