"""What of a log is on the screen: where it begins, whether it follows, what is searched and filtered. No Textual.

Every method that reads is blocking and is called in a worker thread, one at a time.
"""

from __future__ import annotations

import bisect
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.runs import outages, tails
from tui.log.file import LogFile, Row
from tui.log.search import Search
from tui.wording import size as words_of_size
from tui.wording import span

if TYPE_CHECKING:
    from pathlib import Path


# A search goes to its first match at once if that lies within so many bytes; beyond, one asks for it.
AT_ONCE = 1 << 28
# So much of a log's end is looked through for the rows that fill a screen (bytes).
TAIL = 64 << 10


@dataclass(frozen=True)
class Page:
    """What is to be drawn. `size` bytes in all, `new` rows that came since following stopped.

    `notes` are words of our own, each with the start of the row it stands before, or the end of the last row.
    """

    rows: tuple[Row, ...] = ()
    top: int = 0
    size: int = 0
    following: bool = True
    new: int = 0
    matches: int = 0
    match: int = 0
    searching: bool = False
    notes: tuple[tuple[int, str], ...] = ()
    shown: str = field(default="", compare=False)

    @property
    def part(self) -> int:
        """How far down the page's end is, in percent."""
        if not self.size or not self.rows:
            return 100
        return min(100, round(100 * self.rows[-1].end / self.size))


def _words(outage: outages.Outage) -> str:
    since, until = (time.strftime("%H:%M:%S", time.localtime(at)) for at in (outage.since, outage.until))
    return f"no contact with its host from {since} to {until} ({span(outage.until - outage.since)})"


def _size(path: Path) -> int:
    """-1 for a file that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


class LogView:
    """One log. Moving up stops following; reaching the end begins it again."""

    def __init__(self, path: Path) -> None:
        self.file = LogFile(path)
        self.following = True
        self.search: Search | None = None
        self.filter: Search | None = None
        self._top = 0
        # The row that was gone to, until one moves: on a page that holds the whole log it is not the top one.
        self._at: int | None = None
        self._left_at = 0
        self._counted = 0
        self._new = 0

    def close(self) -> None:
        self.file.close()

    def stamp(self) -> tuple[str | int, ...]:
        """Differs when there may be something else to be seen."""
        folder = self.file.path.parent
        return (
            str(self.file.path),
            self.file.size(),
            *(_size(folder / name) for name in (outages.OUTAGES, tails.TAIL)),
        )

    def page(self, height: int) -> Page:
        """The page as things stand now."""
        size = self.file.size()
        if size < self._top:
            # The file was cut: what one looked at is gone.
            self._top, self._at, self.following = 0, None, True
        rows = self._filtered(height) if self.filter is not None else self._rows(height)
        notes = self._outages(rows)
        tail = self._tail(size, height) if self.following and self.filter is None else []
        if tail:
            rows = tail
            notes = ((tail[0].start, f"{words_of_size(tail[0].start - size)} before this are on their way"),)
        if self.following:
            self._left_at = self._counted = size
            self._new = 0
        elif size > self._counted:
            self._new += self.file.count_rows(self._counted, size)
            self._counted = size
        search = self.search
        return Page(
            rows=tuple(rows),
            top=self._top,
            size=size,
            following=self.following,
            new=self._new,
            notes=notes,
            matches=len(search.matches) if search else 0,
            match=search.place(self._standing(size)) if search else 0,
            searching=(search is not None and not search.done) or (self.filter is not None and not self.filter.done),
        )

    def _standing(self, size: int) -> int:
        """The offset of the row that is counted from: the one gone to, the end while one follows, else the top."""
        return self._at if self._at is not None else size if self.following else self._top

    def _tail(self, size: int, height: int) -> list[Row]:
        """The last rows of a log of which the mirror has only `size` bytes, when its end is here already."""
        found = tails.read(self.file.path.parent, TAIL)
        if found is None or found[0] <= size:
            return []
        start, data = found
        rows = []
        # The first line is most likely half of one.
        half = data.find(b"\n") + 1
        start += half
        for line in data[half:].removesuffix(b"\n").split(b"\n"):
            end = start + len(line) + 1
            rows.append(Row(start, end, line.rstrip(b"\r").rpartition(b"\r")[2]))
            start = end
        return rows[-height:]

    def _outages(self, rows: list[Row]) -> tuple[tuple[int, str], ...]:
        """Each before the first whole row that came after it; with a filter there is no place for them."""
        if self.filter is not None or not rows:
            return ()
        found = []
        for outage in outages.read(self.file.path.parent):
            if rows[0].start <= outage.offset <= rows[-1].end:
                place = next((row.start for row in rows if row.start >= outage.offset), rows[-1].end)
                found.append((place, _words(outage)))
        return tuple(found)

    def _rows(self, height: int) -> list[Row]:
        if self.following:
            self._top = self.file.last_top(height)
        rows = self.file.rows(self._top, height)
        if len(rows) < height and not self.following and self._top > 0:
            self._top = self.file.last_top(height)
            rows = self.file.rows(self._top, height)
        return rows

    def _filtered(self, height: int) -> list[Row]:
        assert self.filter is not None
        matches = self.filter.matches
        if self.following:
            chosen = matches[max(0, len(matches) - height) :]
            self._top = chosen[0] if chosen else 0
        else:
            place = min(bisect.bisect_left(matches, self._top), max(0, len(matches) - height))
            chosen = matches[place : place + height]
        return [self.file.row(start) for start in chosen]

    def move(self, rows: int, height: int) -> None:
        """Up (negative) or down by rows."""
        self._at = None
        if rows < 0:
            self.following = False
        if self.filter is not None:
            matches = self.filter.matches
            place = bisect.bisect_left(matches, self._top) + rows
            last = max(0, len(matches) - height)
            if matches:
                self._top = matches[min(max(place, 0), last)]
            self.following = rows > 0 and place >= last
            return
        if rows < 0:
            self._top = self.file.back(self._top, -rows)
            return
        last_top = self.file.last_top(height)
        self._top = min(self.file.forward(self._top, rows), last_top)
        if self._top >= last_top:
            self.following = True

    def to_start(self) -> None:
        self.following = False
        self._top, self._at = 0, None

    def to_end(self) -> None:
        self.following = True
        self._at = None

    def hold(self) -> None:
        """Stay where one is while the log grows."""
        self.following = False

    def go_to(self, offset: int) -> None:
        """Show the row at `offset` at the top, or where it is on a page that cannot begin with it."""
        self.following = False
        self._top = self.file.row_start(offset) if offset else 0
        self._at = offset

    def begin_search(self, pattern: str, *, regex: bool) -> None:
        """Raises `re.error` for a pattern that is none."""
        self.search = Search(self.file, pattern, regex=regex) if pattern else None

    def to_first_match(self) -> None:
        """When one does not follow: the first match at or below the top, as far as one may wait for it."""
        if self.search is None or self.following:
            return
        while self.search.searched - self._top < AT_ONCE:
            found = self.search.next(self._top - 1)
            if found is not None:
                self.go_to(found)
                return
            if not self.search.advance():
                return

    def begin_filter(self, pattern: str, *, regex: bool) -> None:
        self.filter = Search(self.file, pattern, regex=regex) if pattern else None
        if self.filter is None:
            self._top = self.file.row_start(self._top) if self._top else 0

    def advance(self) -> bool:
        """Search further, a piece at a time. Returns whether anything was left to look through."""
        went = False
        for one in (self.search, self.filter):
            if one is not None and one.advance():
                went = True
        return went

    def step(self, way: int) -> bool:
        """To the next match (1) or the previous one (-1); False when there is none in what was searched so far."""
        if self.search is None:
            return False
        if way > 0:
            found = self.search.next(self._before)
        else:
            found = self.search.previous(self._standing(self.file.size()))
        if found is None:
            return False
        self.go_to(found)
        return True

    @property
    def _before(self) -> int:
        """What is looked for lies below this offset; where one has gone to nothing yet, the top row counts as well."""
        return self._at if self._at is not None else self._top - 1

    def next_row_like(self, search: Search, limit: int) -> bool:
        """Go to the next row that `search` finds, looking through at most `limit` bytes."""
        begin = search.searched
        while True:
            found = search.next(self._before)
            if found is not None:
                self.go_to(found)
                return True
            if search.searched - begin > limit or not search.advance():
                return False
