"""How the run list is shown: its columns, what it is ordered by, its groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from tui import columns, grouping
from tui.listing import NEWEST, Order, turned
from tui.screens.pick import PickScreen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.binding import BindingType

    from tui.glyphs import Glyphs
    from tui.screens.pick import Row


class ColumnsScreen(PickScreen[tuple[str, ...]]):
    """Gives the chosen columns in their order; () when it is to be as usual.

    `left_out` tells which of some columns have no room in the list now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", show=False, priority=True),
        Binding("shift+up,ctrl+up", "move(-1)", show=False, priority=True),
        Binding("shift+down,ctrl+down", "move(1)", show=False, priority=True),
        Binding("ctrl+r", "usual", show=False, priority=True),
    ]
    TITLE_TEXT = "Columns of the list"
    KEYS_TEXT = "space choose   shift+↑↓ move   ctrl+r as usual   enter done"

    def __init__(
        self,
        known: Sequence[str],
        chosen: Sequence[str],
        left_out: Callable[[tuple[str, ...]], Sequence[str]],
        ellipsis: str,
        *,
        ascii: bool = False,
    ) -> None:
        super().__init__(ellipsis)
        if ascii:
            self.KEYS_TEXT = self.KEYS_TEXT.replace("↑↓", "up/down")
        self.chosen = list(chosen)
        self._known = known
        self._left_out = left_out
        self._listed = [*chosen, *(name for name in known if name not in chosen)]

    def names(self) -> Sequence[str]:
        return self._listed

    def row(self, key: str) -> Row:
        words = columns.words(key)
        if key not in self.chosen:
            return "", columns.title(key), words
        if key in self._left_out(tuple(self.chosen)):
            words += ", no room now"
        return str(self.chosen.index(key) + 1), columns.title(key), words

    def action_turn(self) -> None:
        key = self.lines.cursor
        if key is None:
            return
        # In the order of the lines, so that what was taken away by mistake comes back to its place.
        self.chosen = [name for name in self._listed if (name in self.chosen) != (name == key)]
        self.lines.refresh()

    def action_move(self, by: int) -> None:
        key = self.lines.cursor
        if key is None:
            return
        if key not in self.chosen:
            self.action_turn()
        else:
            place = self.chosen.index(key)
            other = min(max(place + by, 0), len(self.chosen) - 1)
            self.chosen.insert(other, self.chosen.pop(place))
        self._listed = [*self.chosen, *(name for name in self._listed if name not in self.chosen)]
        self.show_names()
        self.lines.refresh()

    def action_usual(self) -> None:
        self.dismiss(())

    def done(self, key: str | None) -> None:
        if self.chosen:
            self.dismiss(tuple(self.chosen))
        else:
            self.app.tell("a list needs a column; ctrl+r shows the usual ones", "warning")


class OrderScreen(PickScreen[Order]):
    """Gives an order. On the column that the list is ordered by, enter turns it around."""

    TITLE_TEXT = "Order of the runs"
    KEYS_TEXT = "enter order by it   again: the other way   esc close"

    def __init__(self, known: Sequence[str], shown: Sequence[str], order: Order, glyphs: Glyphs) -> None:
        super().__init__(glyphs.ellipsis)
        self._order = order
        self._signs = {True: glyphs.down, False: glyphs.up}
        rest = (name for name in known if name not in shown)
        self._listed = ["", columns.NAME, *shown, *rest]

    def on_mount(self) -> None:
        super().on_mount()
        if self._order.column in self._listed:
            self.lines.move_to(self._order.column)

    def names(self) -> Sequence[str]:
        return self._listed

    def row(self, key: str) -> Row:
        if not key:
            return self._signs[True] if self._order == NEWEST else "", "newest", "the run submitted last comes first"
        sign, words = "", columns.words(key)
        if key == self._order.column:
            sign = self._signs[self._order.descending]
            words = f"{'falling' if self._order.descending else 'rising'}: enter turns it around"
        return sign, columns.title(key), words

    def done(self, key: str | None) -> None:
        if key is not None:
            self.dismiss(turned(self._order, key))


class GroupsScreen(PickScreen[str]):
    """Gives what to group by; "" for no groups."""

    TITLE_TEXT = "Groups of runs"

    def __init__(self, tags: Sequence[str], by: str, glyphs: Glyphs) -> None:
        super().__init__(glyphs.ellipsis)
        self._by = by
        self._sign = glyphs.cursor
        self._listed = ["", *grouping.KINDS, *(f"{columns.TAG}{tag}" for tag in tags)]

    def on_mount(self) -> None:
        super().on_mount()
        self.lines.move_to(self._by)

    def names(self) -> Sequence[str]:
        return self._listed

    def row(self, key: str) -> Row:
        sign = self._sign if key == self._by else ""
        if not key:
            return sign, "no groups", "one list"
        if key in grouping.KINDS:
            return sign, key, grouping.KINDS[key]
        return sign, columns.title(key), "the value of this tag"

    def done(self, key: str | None) -> None:
        if key is not None:
            self.dismiss(key)
