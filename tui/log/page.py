"""What of a log is to be drawn now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.log.file import Row


@dataclass(frozen=True)
class Page:
    """`size` bytes in all, `end` of them above the page's end, `new` rows that came since following stopped.

    `notes` are words of our own, each with the source and the start of the row it stands before, or the end of the last
    row. `cursor` and `chosen` are places in `rows`: of the row one has gone to, and of the first and last that are
    selected (the last one may be before the first: none of them is on the page). `taken`: how
    much is selected, in words. `apart`: stdout and stderr can be told from each other by the rows' `stream`.
    `unsure`: one of them is shown, with rows of which it is not known whether they are of it.
    """

    rows: tuple[Row, ...] = ()
    size: int = 0
    end: int = 0
    following: bool = True
    new: int = 0
    matches: int = 0
    match: int = 0
    kept: int = 0
    full: bool = False
    searching: bool = False
    selecting: bool = False
    cursor: int = -1
    chosen: tuple[int, int] = (0, -1)
    taken: str = ""
    notes: tuple[tuple[int, int, str], ...] = ()
    apart: bool = False
    unsure: bool = False

    @property
    def part(self) -> int:
        """How far down the page's end is, in percent."""
        if not self.size or not self.rows:
            return 100
        return min(100, round(100 * self.end / self.size))
