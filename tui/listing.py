"""Which runs the list shows, in what order and groups, with which columns; all but the filter is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tui import columns, grouping, wording
from tui.filter import Filter, parse
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tui.columns import Key
    from tui.model import Change, ConsoleModel
    from tui.widgets.runs_table import RunsTable

# Metrics are chosen from the newest runs; more than these are there to be chosen by hand.
COLUMNS = 4
LOOKED_AT = 50
# So many folded groups are remembered.
FOLDED_KEPT = 200


class Memory(Protocol):
    """What remembers a layout from one start to the next: `tui.app.ConsoleApp`."""

    def recall(self, name: str, kind: type) -> Any: ...
    def remember(self, name: str, value: Any) -> None: ...


@dataclass(frozen=True)
class Order:
    """By which column; "": the newest first. Runs that have no value there come last either way."""

    column: str = ""
    descending: bool = False


NEWEST = Order()


def turned(order: Order, column: str) -> Order:
    """By this column: as one most likely wants it, and where it is so already, the other way."""
    if not column:
        return NEWEST
    return Order(column, not order.descending if column == order.column else columns.descends(column))


class Listing:
    """Keeps the table's rows. Metrics of runs out of sight are read only when the filter or the order asks for them.

    What a run is filtered and ordered by is kept, so that a change of one run costs what one run costs, and a sort.
    """

    def __init__(self, model: ConsoleModel, table: RunsTable, memory: Memory) -> None:
        self.model = model
        self.table = table
        self.memory = memory
        self.filter: Filter = parse("")
        self.order = NEWEST
        self.groups = ""
        self.columns: tuple[str, ...] | None = None
        # The runs that pass the filter, in order, whether or not their group is folded.
        self.shown: tuple[str, ...] = ()
        self._metrics: tuple[str, ...] | None = None
        self._folded: dict[str, list[str]] = {}
        self._passing: dict[str, bool] = {}
        self._keys: dict[str, Key | None] = {}
        self._group_of: dict[str, str] = {}
        self._remembered_of: tuple[Path | None] | None = None

    # What is remembered

    def restore(self) -> None:
        """Have the layout of this project again."""
        self._remembered_of = (self.model.folder,)
        chosen = self.memory.recall("columns", list)
        self.columns = tuple(c for c in chosen if isinstance(c, str) and columns.exists(c)) if chosen else None
        order = self.memory.recall("order", dict) or {}
        column = str(order.get("column") or "")
        known = column == columns.NAME or columns.exists(column)
        self.order = Order(column, bool(order.get("descending"))) if known else NEWEST
        groups = str(self.memory.recall("groups", str) or "")
        self.groups = groups if groups in grouping.KINDS or groups.startswith(columns.TAG) else ""
        folded = self.memory.recall("folded", dict) or {}
        self._folded = {str(by): [str(one) for one in some] for by, some in folded.items() if isinstance(some, list)}
        self._forget()
        self.table.choose_columns(self.columns)
        self.table.say_order(self.order.column, self.order.descending)

    @property
    def needs_series(self) -> bool:
        """Whether the order is by a metric, so that those of every run are needed."""
        return self.order.column.startswith(columns.METRIC)

    # News

    def changed(self, change: Change) -> None:
        """Take over what is new; rows that are the same are not drawn again."""
        runs = self.model.runs
        if self._remembered_of != (self.model.folder,):
            self.restore()
        if change.order:
            self.table.measure(runs.values())
            self.table.keep_marks(runs)
        else:
            self.table.measure(runs[i] for i in change.runs if i in runs)
        touched = change.runs | change.series
        for run_id in touched:
            self._passing.pop(run_id, None)
            self._keys.pop(run_id, None)
            self._group_of.pop(run_id, None)
        depends = not self.filter.empty or self.order != NEWEST or bool(self.groups)
        if change.order or (depends and touched):
            self.arrange()
        if change.series:
            self._choose_metrics()
        self.table.paint(touched)
        self.table.paint_heads(touched)

    def arrange(self) -> None:
        """Filter, order and group again."""
        if self.filter.timed:
            self._passing.clear()
        self.shown = tuple(self._ordered(self._matching()))
        self._show()

    def _show(self) -> None:
        if self.groups:
            folded = self._folded.get(self.groups, ())
            found = grouping.grouped(self.groups, self.shown, self.model.runs.get, folded, self._group_of)
            if found != tuple(self.table.heads.values()):
                self.table.set_groups(found)
        elif self.table.heads or self.shown != tuple(self.table.keys):
            self.table.set_runs(self.shown)

    def _matching(self) -> Iterable[str]:
        """The runs that the filter lets through, newest first."""
        model, chosen, known = self.model, self.filter, self._passing
        if chosen.empty:
            return model.order
        now = model.clock()
        for run_id in model.order:
            if run_id not in known:
                metrics = model.metrics(run_id) if chosen.metrics else {}
                known[run_id] = chosen.matches(model.runs[run_id], metrics, now)
        return [run_id for run_id in model.order if known[run_id]]

    def _ordered(self, ids: Iterable[str]) -> Iterable[str]:
        column, model, known = self.order.column, self.model, self._keys
        if not column:
            return ids
        now = model.clock()
        if column in columns.TIMED:
            known.clear()
        for run_id in model.order:
            if run_id not in known:
                known[run_id] = columns.key(column, model.runs[run_id], model.series.get(run_id, ()), now)
        having = [(key, run_id) for run_id in ids if (key := known[run_id]) is not None]
        without = [run_id for run_id in ids if known[run_id] is None]
        # Equal ones stay newest first.
        having.sort(key=lambda pair: pair[0], reverse=self.order.descending)
        return [run_id for _, run_id in having] + without

    def _forget(self) -> None:
        self._passing.clear()
        self._keys.clear()
        self._group_of.clear()

    # What a person chooses

    async def set_filter(self, chosen: Filter) -> None:
        """Show what this filter lets through."""
        if chosen.metrics:
            await self.model.load_all_series()
        self.filter = chosen
        self._passing.clear()
        self.arrange()

    async def set_order(self, order: Order) -> None:
        """Order the runs so, here and at the next start."""
        if order.column.startswith(columns.METRIC):
            await self.model.load_all_series()
        self.order = order
        self._keys.clear()
        kept = {"column": order.column, "descending": order.descending}
        self.memory.remember("order", kept if order != NEWEST else None)
        self.table.say_order(order.column, order.descending)
        self.arrange()

    def set_columns(self, chosen: tuple[str, ...] | None) -> None:
        """Show these columns, here and at the next start; None: the usual ones."""
        self.columns = chosen or None
        self.memory.remember("columns", list(chosen) if chosen else None)
        self.table.choose_columns(self.columns)
        self.table.measure(self.model.runs.values())

    def set_groups(self, by: str) -> None:
        """Show the runs in groups, here and at the next start; "": in none."""
        self.groups = by
        self._group_of.clear()
        self.memory.remember("groups", by or None)
        self._show()

    def fold(self, key: str, folded: bool) -> None:
        """Fold or unfold the group with this head."""
        name = key.removeprefix(grouping.HEAD)
        kept = [one for one in self._folded.get(self.groups, ()) if one != name]
        self._folded[self.groups] = ([*kept, name] if folded else kept)[-FOLDED_KEPT:]
        self.memory.remember("folded", {by: some for by, some in self._folded.items() if some} or None)
        self._show()

    def reveal(self, run_id: str) -> bool:
        """Unfold the group that a run is in; whether it is a row of the list."""
        head = next((group.key for group in self.table.heads.values() if group.folded and run_id in group.runs), None)
        if head is not None:
            self.fold(head, False)
        return run_id in self.table.keys

    async def see(self) -> None:
        """Have the metrics of the visible rows at hand; where the order is by a metric, those of every run."""
        await self.model.see(self.table.seen_runs())
        if self.needs_series:
            await self.model.load_all_series()

    def choose(self, names: tuple[str, ...] | None) -> None:
        """Show these metrics where nobody chose columns; None: those of the newest runs."""
        self._metrics = names
        self._choose_metrics()

    def known_metrics(self) -> list[str]:
        """Every scalar metric of the runs that were read, those of the newest runs first."""
        names: dict[str, None] = {}
        for run_id in self.model.order:
            for series in self.model.series.get(run_id, ()):
                if series.kind == "scalar":
                    names.setdefault(series.name)
        return list(names)

    def shown_columns(self) -> tuple[str, ...]:
        """What the list shows, also when nobody chose it: then without the metrics that have no room."""
        if self.columns is not None:
            return self.columns
        return (*columns.AUTOMATIC, *(f"{columns.METRIC}{name}" for name in self.table.shown_metrics()))

    def _choose_metrics(self) -> None:
        if self._metrics is not None:
            self.table.choose_metrics(self._metrics)
            return
        found: dict[str, int] = {}
        moving: set[str] = set()
        looked = 0
        for run_id in self.model.order:
            series = self.model.series.get(run_id)
            if not series:
                continue
            looked += 1
            for one in series:
                if one.kind == "scalar":
                    found[one.name] = found.get(one.name, 0) + 1
                    if one.count > 1:
                        moving.add(one.name)
            if looked >= LOOKED_AT:
                break
        # A metric that changes says more in a line than a parameter logged once, and most runs share the interesting
        # ones; ties stay in the order they were logged.
        ranked = sorted(found, key=lambda name: (name not in moving, -found[name]))
        self.table.choose_metrics(tuple(ranked[:COLUMNS]))

    # Words around the list

    def title(self) -> str:
        text = "Runs"
        if not self.filter.empty:
            text += f" {self.table.glyphs.dot} filter: {plain(self.filter.text)}"
        return text

    def subtitle(self) -> str:
        parts = []
        marked, listed, total = len(self.table.marks), len(self.shown), len(self.model.runs)
        if marked:
            hidden = marked - sum(run_id in self.table.marks for run_id in self.shown)
            parts.append(f"{marked:,} marked" + (f", {hidden:,} of them not listed" if hidden else ""))
        if self.groups:
            parts.append(f"{len(self.table.heads):,} by {plain(self.groups.removeprefix(columns.TAG))}")
        if self.order.column:
            way = "falling" if self.order.descending else "rising"
            parts.append(f"by {plain(columns.title(self.order.column))}, {way}")
        if listed != total:
            parts.append(f"{listed:,} of {total:,}")
        elif total:
            parts.append(wording.count_of(total, "run"))
        return f" {self.table.glyphs.dot} ".join(parts)

    def empty_text(self, none_yet: str) -> str:
        """What stands there without a row. `none_yet`: when there is no run at all."""
        if self.model.trouble:
            return plain(self.model.trouble)
        if not self.model.loaded:
            return "reading the run history"
        if self.model.runs:
            return "no run matches the filter; esc clears it"
        return none_yet
