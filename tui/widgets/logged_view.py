"""Tables, rows, lists, texts and images that a run logged: scrolled both ways, saved where one is."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip

from engine.runs.store import StoreReader
from tui.logged import Logged, logged, save_image, save_table
from tui.plain import plain
from tui.widgets.line_list import LineList, cut

if TYPE_CHECKING:
    from pathlib import Path

    from textual.binding import BindingType

    from engine.paths import Paths
    from engine.runs.model import Run, Series
    from tui.app import ConsoleApp
    from tui.glyphs import Glyphs

# Cells that left and right move by.
PAN = 16


class LoggedView(LineList):
    """`show` says what of which run."""

    HEAD = 2
    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("left", "pan(-1)", "To the left"),
        ("right", "pan(1)", "To the right"),
        ("0", "start", "To the first column"),
        ("n", "value(1)", "The next one logged under this name"),
        ("N", "value(-1)", "The one before"),
        ("W", "save", "Save it in the folder you are in: a table as CSV, an image as its file"),
        ("escape,enter", "leave", "Back to the metrics"),
    )
    HINTS = (("W", "save"), ("n", "next"), ("N", "before"))
    # Of these, those that write files.
    WRITING = frozenset({"W"})
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, f"logged_{action}", show=False) for keys, action, _ in KEYS]
    app: ConsoleApp

    class Left(Message):
        """Back to the metrics."""

    def __init__(self, paths: Paths, glyphs: Glyphs) -> None:
        super().__init__(id="logged")
        self.paths = paths
        self.glyphs = glyphs
        self.run: Run | None = None
        self.series: Series | None = None
        self.what = Logged()
        self.pan = 0
        # Which of the values; None: the last there is.
        self.nth: int | None = None
        self._count = 0

    def show(self, run: Run, series: Series) -> None:
        """This, of this run: its last value first."""
        if self.run is None or self.series is None or (run.id, series.name) != (self.run.id, self.series.name):
            self.nth, self.pan, self.what = None, 0, Logged("reading")
            self.set_keys(())
        elif (run, series) == (self.run, self.series):
            return
        self.run, self.series = run, series
        self.read()

    def read(self) -> None:
        run, series = self.run, self.series
        if run is not None and series is not None:
            self.app.start(
                partial(self._read, run, series), group="logged", description="reading what was logged", exclusive=True
            )

    async def _read(self, run: Run, series: Series) -> None:
        def work() -> tuple[int, Logged]:
            values = self._values(run, series)
            place = self.nth if self.nth is not None else len(values) - 1
            return len(values), logged(series.kind, values, place, self._outputs(run))

        count, what = await asyncio.to_thread(work)
        if self.run is run and self.series is series:
            self._count = count
            if what != self.what:
                self.what = what
                self.set_keys([str(n) for n in range(len(what.lines))])

    def _values(self, run: Run, series: Series) -> list[Any]:
        with StoreReader(self.paths.store) as store:
            return store.values(run.id, series.name)

    def _outputs(self, run: Run) -> Path:
        return self.paths.host_run(run.id) / "outputs"

    # Drawing

    def draw_head(self, line: int, width: int) -> list[Segment]:
        run, series = self.run, self.series
        if run is None or series is None:
            return []
        if line == 0:
            words = f" {plain(run.name)} {plain(series.name)}   {series.kind}  {self.what.said}"
            return [Segment(cut(words, width, self.glyphs.ellipsis), self.ink(""))]
        return self._panned(self.what.head, width, "head")

    def draw(self, key: str, width: int) -> list[Segment]:
        return self._panned(self.what.lines[int(key)], width, "")

    def _panned(self, text: str, width: int, ink: str) -> list[Segment]:
        return list(Strip([Segment(f" {text}", self.ink(ink))]).crop(self.pan, self.pan + width))

    # Keys

    def action_logged_pan(self, way: int) -> None:
        wide = max(cell_len(line) for line in (self.what.head, *(self.what.lines[int(k)] for k in self.seen())))
        most = max(0, wide + 1 - self.scrollable_content_region.width)
        self.pan = min(max(0, self.pan + way * PAN), most)
        self.refresh()

    def action_logged_start(self) -> None:
        self.pan = 0
        self.refresh()

    def action_logged_value(self, by: int) -> None:
        if self.series is None or self.series.kind in ("row", "list", "image") or self._count < 2:
            self.app.tell("all of it is shown here", "warning")
            return
        now = self.nth if self.nth is not None else self._count - 1
        self.nth = min(max(0, now + by), self._count - 1)
        self.read()

    def action_logged_save(self) -> None:
        run, series = self.run, self.series
        if run is None or series is None or self.app.refuses("save"):
            return
        image = self.what.files[int(self.cursor)] if self.what.files and self.cursor is not None else ""
        self.app.start(partial(self._save, run, series, image), group="logged-save", description="saving")

    async def _save(self, run: Run, series: Series, image: str) -> None:
        def work() -> Path:
            if image:
                return save_image(self._outputs(run), image, run.name)
            values = self._values(run, series)
            place = self.nth if self.nth is not None else len(values) - 1
            return save_table(series.kind, values, place, run.name, series.name)

        try:
            self.app.tell(f"saved to {await asyncio.to_thread(work)}")
        except OSError as error:
            what = plain(image or series.name)
            self.app.tell(f"{what} was not saved in the folder you are in: {error.strerror}.", "error")

    def action_logged_leave(self) -> None:
        self.post_message(self.Left())
