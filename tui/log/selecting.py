"""A selection of whole lines, from the row where it was begun to the row one is at. No Textual."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from tui.log.text import lines, plain_line
from tui.wording import count_of, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.log.order import Order, Spot

# The lines of a larger selection are not counted (bytes).
COUNTED = 8 << 20


class Selecting:
    """What of a view is selected, and its text. Blocking, in the view's worker thread."""

    order: Order
    following: bool
    # The row that was gone to, and the one where the selection was begun.
    _at: Spot | None
    _anchor: Spot | None
    _shown: tuple[Spot, ...]

    @property
    def selecting(self) -> bool:
        return self._anchor is not None

    def begin_selecting(self) -> None:
        """From the row one has gone to, else the last one on the screen while it follows, else the first one."""
        end = self.order.end
        # The end of a log whose middle is on its way cannot be had yet.
        here = [spot for spot in self._shown if spot[1] < end[spot[0]]]
        if not here:
            return
        if self._at not in here:
            self._at = here[-1 if self.following else 0]
        self._anchor = self._at
        self.following = False

    def select(self, first: int, last: int) -> None:
        """From one row of the page that was shown last to another, by their places on it."""
        end = self.order.end
        spots = [self._shown[place] for place in (first, last) if place < len(self._shown)]
        if len(spots) == 2 and all(offset < end[source] for source, offset in spots):
            self._anchor, self._at = spots
            self.following = False

    def end_selecting(self) -> None:
        """Stay where one is, with nothing selected."""
        self._anchor = None

    def _ends(self) -> tuple[Spot, Spot]:
        assert self._anchor is not None
        assert self._at is not None
        low, high = sorted((self._anchor, self._at), key=self.order.key)
        return low, high

    def chosen_rows(self) -> tuple[int, int]:
        """The first and the last row of the page that are selected; the last before the first: none of them is."""
        low, high = (self.order.key(spot) for spot in self._ends())
        inside = [number for number, spot in enumerate(self._shown) if low <= self.order.key(spot) <= high]
        return (inside[0], inside[-1]) if inside else (0, -1)

    def _stretch(self) -> list[tuple[int, int]]:
        """What is selected of each log, from and to."""
        low, high = self._ends()
        end = list(self.order.at(high))
        end[high[0]] = self.order.files[high[0]].row_end(high[1])
        return list(zip(self.order.at(low), end, strict=True))

    def selected_words(self) -> str:
        """How much is selected: "3 lines", or bytes where counting would take long. Blocking."""
        if self.order.only is not None:
            low, high = self._ends()
            first, last = self.order.at(low), list(self.order.at(high))
            last[high[0]] = high[1] + 1
            found = [part.kept(one.matches) for one, part in zip(self.order.only, self.order.parts, strict=True)]
            kept = [
                bisect.bisect_left(matches, below) - bisect.bisect_left(matches, above)
                for matches, above, below in zip(found, first, last, strict=True)
            ]
            return count_of(sum(kept), "line")
        stretch = self._stretch()
        taken = sum(end - start for start, end in stretch)
        if taken > COUNTED:
            return size(taken)
        count = 0
        for file, part, (start, end) in zip(self.order.files, self.order.parts, stretch, strict=True):
            count += part.count(start, end) + (end > start and file.read(end - 1, 1) != b"\n")
        return count_of(count, "line")

    def chosen(self) -> Iterator[str]:
        """The selected lines as text; all of them with nothing selected."""
        order = self.order
        if len(order.files) == 1 and order.all_shown:
            start, end = self._stretch()[0] if self.selecting else (0, order.end[0])
            yield from map(plain_line, lines(order.files[0], start, end))
            return
        low, high = self._ends() if self.selecting else (order.first(order.begin), order.last(order.end))
        for spot, _ in order.walk(order.at(low)) if low is not None else ():
            yield plain_line(order.files[spot[0]].row(spot[1]).data)
            if spot == high:
                return
