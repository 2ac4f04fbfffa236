"""What `enter` opens in a comparison: values in full, the diff of a file, the curves of a metric."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from tui.comparing import CODE, METRICS, SUMMARY
from tui.plain import plain

if TYPE_CHECKING:
    from engine.runs.comparing import Comparer, Comparison, FileRow
    from engine.runs.model import Run
    from tui.app import ConsoleApp
    from tui.comparing import Line
    from tui.widgets.compare_table import CompareTable


class Opening(Screen[None]):
    """What the screen of a comparison is made from."""

    app: ConsoleApp
    table: CompareTable
    comparison: Comparison | None
    comparer: Comparer
    part: int

    def action_open(self) -> None:
        found, line = self.comparison, self.table.line
        if found is None or line is None:
            return
        if self.part == CODE and line.subject:
            file = next(one for one in found.files if one.path == line.subject)
            self._open_diff(found, file)
        elif line.subject and any(one.name == line.subject and one.kind == "scalar" for one in found.metrics):
            self._open_curves(found, line.subject)
        else:
            self.action_values()

    def action_values(self) -> None:
        """The line's values, each whole."""
        from tui.screens.text import TextScreen, rows_text

        found, line = self.comparison, self.table.line
        if found is not None and line is not None:
            rows = zip(found.labels, (cell or "-" for cell in self._whole(found, line)), strict=True)
            self.app.push_screen(TextScreen(line.name.strip() or line.subject, rows_text(rows)))

    def _whole(self, found: Comparison, line: Line) -> tuple[str, ...]:
        """What a column had to shorten."""
        from engine.runs.comparison_files import first_words, metric_rows

        if self.part == SUMMARY and line.subject:
            return tuple(map(first_words, found.firsts))
        metric = next((one for one in found.metrics if self.part == METRICS and one.name == line.subject), None)
        if metric is None:
            return line.cells
        wanted = line.name.strip() if line.minor else "last"
        return next((cells for name, cells in metric_rows(metric) if name.startswith(wanted)), line.cells)

    # A file

    def _open_diff(self, found: Comparison, file: FileRow) -> None:
        place = self.table.current
        why = found.no_code[0] or found.no_code[place]
        if why:
            self.app.tell(f"no diff: {why}", "warning")
            return
        work = partial(self._diff, found, file, place)
        self.app.start(work, group="diff", description="comparing the files", exclusive=True, opens=True)

    async def _diff(self, found: Comparison, file: FileRow, place: int) -> None:
        diff = await asyncio.to_thread(self.comparer.diff, found, file, place)
        if diff.note:
            self.app.tell(f"{file.path}: {diff.note}")
            return
        written = await asyncio.to_thread(_kept, self.app.model.paths.cache, diff.lines)
        if self.app.screen is not self:
            await asyncio.to_thread(written.unlink)
            return
        self._show_diff(found.runs[place], written, f"{file.path}  {found.labels[0]}, {found.labels[place]}")

    def _show_diff(self, run: Run, file: Path, title: str) -> None:
        from tui.screens.diff import DiffScreen

        def closed(_: None) -> None:
            self.app.start(partial(asyncio.to_thread, file.unlink), group="diff", description="forgetting the diff")

        self.app.push_screen(DiffScreen(run, file, plain(title)), closed)

    # A metric

    def _open_curves(self, found: Comparison, name: str) -> None:
        from tui.screens.overlay import OverlayScreen

        curves = [one.name for one in found.metrics if one.kind == "scalar"]
        self.app.push_screen(OverlayScreen(found.runs, name, curves))


def _kept(folder: Path, lines: tuple[str, ...]) -> Path:
    """The diff as a file, which is how texts of any size are shown. Blocking."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix="compare-", suffix=".diff", delete=False) as file:
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    return Path(file.name)
