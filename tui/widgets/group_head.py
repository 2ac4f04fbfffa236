"""The head line of a group of runs: its title, how many are in each state, the first metric's best and last value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from tui import grouping, wording
from tui.plain import plain
from tui.widgets.line_list import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from engine.runs.model import Run, Series
    from tui.glyphs import Glyphs
    from tui.grouping import Group

# Narrower lists say nothing of a metric, or less.
_FIGURES_FROM, _LAST_FROM, _NAMES_FROM = 60, 80, 100


class GroupHead:
    """Draws heads: (ink, text) parts for a width in cells."""

    def __init__(
        self, run_of: Callable[[str], Run | None], series_of: Callable[[str], tuple[Series, ...]], glyphs: Glyphs
    ) -> None:
        self._run_of = run_of
        self._series_of = series_of
        self._glyphs = glyphs

    def parts(
        self, group: Group, width: int, marks: Collection[str], metric: str | None, here: bool
    ) -> list[tuple[str, str]]:
        """`here`: the cursor is on it."""
        marked = sum(run in marks for run in group.runs) if marks else 0
        sign = self._glyphs.marked if marked == len(group.runs) else self._glyphs.cursor if here else " "
        fold = self._glyphs.cursor if group.folded else self._glyphs.down
        runs = (run for run in map(self._run_of, group.runs) if run is not None)
        counts, short = grouping.counts(runs, self._glyphs.states)
        more = f", {marked:,} marked" if marked else ""
        figures = self._figures(group, width, metric) if metric is not None and width >= _FIGURES_FROM else ""
        room = max(0, width - 3 - (len(figures) + 2 if figures else 0))
        title = plain(group.title)
        wide = cell_len(title)
        counts = (counts if wide + len(counts) + len(more) + 2 <= room else short) + more
        # They say more than the end of a long title.
        title = cut(title, min(wide, max(12, room - len(counts) - 2)), self._glyphs.ellipsis)
        said = cut(f"{title}  {counts}", room, self._glyphs.ellipsis)
        return [
            ("mark", f"{sign}{fold} "),
            ("accent", said[: len(title)]),
            ("dim", said[len(title) :]),
            ("", f"  {figures}" if figures else ""),
        ]

    def _figures(self, group: Group, width: int, metric: str) -> str:
        best = grouping.best(metric, group.runs, self._series_of)
        if best is None:
            return ""
        word, value, run_id = best
        run = self._run_of(run_id)
        by = f" ({plain(run.name)})" if run is not None and width >= _NAMES_FROM else ""
        said = f"{cut(plain(metric), 12, self._glyphs.ellipsis).rstrip()} {word} {wording.number(value)}{by}"
        last = grouping.last(metric, group.runs, self._run_of, self._series_of)
        return f"{said}, last {wording.number(last)}" if last is not None and width >= _LAST_FROM else said
