"""Which runs the list shows and in what order: the filter, the order, and the metrics in its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui import wording
from tui.filter import Filter, parse
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runs.model import Run
    from tui.model import Change, ConsoleModel
    from tui.widgets.runs_table import RunsTable

# Metrics are chosen from the newest runs; more than these are there to be chosen by hand.
COLUMNS = 4
LOOKED_AT = 50
ORDERS = ("newest", "state", "name", "target", "duration")


class Listing:
    """Keeps the table's rows. Metrics of runs out of sight are read only when the filter or the order asks for them."""

    def __init__(self, model: ConsoleModel, table: RunsTable) -> None:
        self.model = model
        self.table = table
        self.filter: Filter = parse("")
        self.order = "newest"
        self.chosen: tuple[str, ...] | None = None

    def changed(self, change: Change) -> None:
        """Take over what is new; rows that are the same are not drawn again."""
        depends = (not self.filter.empty and bool(change.runs or change.series)) or self.order != "newest"
        if change.order:
            self.table.measure(self.model.runs.values())
            self.table.keep_marks(self.model.runs)
        else:
            self.table.measure(self.model.runs[i] for i in change.runs if i in self.model.runs)
        if change.order or depends:
            self.arrange()
        if change.series:
            self._choose_metrics()
        self.table.paint(change.runs | change.series)

    def arrange(self) -> None:
        """Filter and order again."""
        keys = self.matching(self.filter)
        if tuple(keys) != tuple(self.table.keys):
            self.table.set_keys(keys)

    def matching(self, chosen: Filter) -> list[str]:
        """The runs that this filter lets through, in the order of the list."""
        model, now = self.model, self.model.clock()
        keys = list(model.order)
        if not chosen.empty:
            keys = [i for i in keys if chosen.matches(model.runs[i], model.metrics(i) if chosen.metrics else {}, now)]
        if self.order != "newest":
            keys.sort(key=lambda i: _ORDER_KEYS[self.order](model.runs[i]))
        return keys

    async def set_filter(self, chosen: Filter) -> None:
        """Show what this filter lets through."""
        if chosen.metrics:
            await self.model.load_all_series()
        self.filter = chosen
        self.arrange()

    def next_order(self) -> str:
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self.arrange()
        return self.order

    async def see(self) -> None:
        """Have the metrics of the visible rows at hand."""
        await self.model.see(self.table.seen())

    def choose(self, names: tuple[str, ...] | None) -> None:
        """Show these metrics; None: those of the newest runs."""
        self.chosen = names
        self._choose_metrics()

    def known_metrics(self) -> list[str]:
        """Every scalar metric of the runs that were read, those of the newest runs first."""
        names: dict[str, None] = {}
        for run_id in self.model.order:
            for series in self.model.series.get(run_id, ()):
                if series.kind == "scalar":
                    names.setdefault(series.name)
        return list(names)

    def _choose_metrics(self) -> None:
        if self.chosen is not None:
            self.table.choose_metrics(self.chosen)
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
            text += f" · filter: {plain(self.filter.text)}"
        return text

    def subtitle(self) -> str:
        parts = []
        marked, listed, total = len(self.table.marks), len(self.table.keys), len(self.model.runs)
        if marked:
            parts.append(f"{marked} marked")
        if self.order != "newest":
            parts.append(f"by {self.order}")
        if listed != total:
            parts.append(f"{listed:,} of {total:,}")
        elif total:
            parts.append(wording.count_of(total, "run"))
        return " · ".join(parts)

    def empty_text(self, none_yet: str) -> str:
        """What stands there without a row. `none_yet`: when there is no run at all."""
        if self.model.trouble:
            return plain(self.model.trouble)
        if not self.model.loaded:
            return "reading the run history"
        if self.model.runs:
            return "no run matches the filter; esc clears it"
        return none_yet


def _duration(run: Run) -> float:
    return -((run.ended or run.state_since) - run.started) if run.started is not None else 0.0


_ORDER_KEYS: dict[str, Callable[[Run], Any]] = {
    "state": lambda run: list(type(run.state)).index(run.state),
    "name": lambda run: (run.project_name, run.number),
    "target": lambda run: run.target,
    "duration": _duration,
}
