"""What a run is and how it went: states in time, code, arguments, tags, what it used."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from engine.runs.model import State
from tui.plain import plain
from tui.widgets.facts_pane import Fact, FactsPane
from tui.widgets.runs_table import INKS
from tui.wording import command_line, number, outcome, size, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.binding import BindingType

    from engine.runs.model import Run, Transition
    from engine.runs.store import StoreReader

# Properties with lines of their own, by what their names begin with.
TOLD = (
    "Snapshot",
    "CpuSeconds",
    "PeakMemoryBytes",
    "LeftBehind",
    "NotBroughtHome",
    "Application",
    "VcoreSeconds",
    "MemoryMegabyteSeconds",
)


def moment(at: float | None) -> str:
    """A point in time as the person's clock has it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at is not None else ""


class OverviewPane(FactsPane):
    """The run's row of the history in words."""

    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("d", "diff", "The changes that were not committed when the run was submitted"),
        *FactsPane.KEYS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding(keys, action, show=False) for keys, action, _ in KEYS]

    @property
    def HINTS(self) -> tuple[tuple[str, str], ...]:  # noqa: N802 - what other panes have as a constant
        return (("d", "diff"),) if self.run is not None and self.run.dirty else ()

    def action_diff(self) -> None:
        if self.run is not None:
            self.app.start(
                partial(self._diff, self.run), group="diff", description="opening the diff", exclusive=True, opens=True
            )

    async def _diff(self, run: Run) -> None:
        from tui.screens.diff import DiffScreen, diff_of

        file = await asyncio.to_thread(diff_of, self.paths, run)
        if self.app.screen is self.screen:
            self.app.push_screen(DiffScreen(run, file))

    def read(self, store: StoreReader, run: Run) -> Sequence[Fact]:
        run = store.run(run.id)
        return [*self._state(run), *self._line(run, store.transitions(run.id)), *self._what(run), *self._used(run)]

    def _state(self, run: Run) -> Iterator[Fact]:
        exit_ = "" if run.exit_code is None else f", exit code {run.exit_code}"
        yield Fact("state", f"{self.glyphs.states[run.state]} {run.state}{exit_}", INKS[run.state])
        why = outcome(run)
        if why:
            yield Fact("now" if run.state is State.RUNNING and not run.reason else "reason", why, INKS[run.state])
        if run.unreachable_since is not None:
            yield Fact("unreachable", f"since {moment(run.unreachable_since)}", "warn")

    def _line(self, run: Run, transitions: list[Transition]) -> Iterator[Fact]:
        yield Fact("submitted", moment(run.created))
        for place, one in enumerate(transitions):
            if one.before == one.after:
                continue
            later = transitions[place + 1].at if place + 1 < len(transitions) else None
            end = later if later is not None else None if one.after.ended else self.clock()
            lasted = f"{end - one.at:8.1f} s" if end is not None and end - one.at < 60 else ""
            if end is not None and not lasted:
                lasted = span(end - one.at).rjust(10)
            reason = f"  {plain(one.reason)}" if one.reason else ""
            yield Fact("", f"{moment(one.at)[11:]}  {one.after!s:<16}{lasted}{reason}", "dim")

    def _what(self, run: Run) -> Iterator[Fact]:
        yield Fact("script", command_line(run.script, run.arguments), "accent")
        yield Fact("configuration", f"{plain(run.config)}, {run.framework} on {plain(run.target)} ({run.target_type})")
        if run.commit:
            dirty = ", with changes that are not committed: d shows them" if run.dirty else ""
            yield Fact("git", f"{run.commit[:12]} {plain(run.branch or '')}{dirty}", "", run.commit)
        files = run.properties.get("SnapshotFiles")
        if files:
            yield Fact("snapshot", f"{files} files, {size(float(run.properties.get('SnapshotBytes', 0)))}")
        for line in run.properties.get("SnapshotWarnings", "").splitlines():
            yield Fact("", plain(line), "warn")
        if run.tags:
            tags = sorted(run.tags.items())
            yield Fact(
                "tags", "  ".join(f"{plain(key)}={plain(value)}" if value else plain(key) for key, value in tags)
            )
        if run.description:
            yield Fact("description", plain(run.description))
        if run.rerun_of:
            yield Fact("rerun of", plain(run.rerun_of))
        if run.priority:
            yield Fact("priority", str(run.priority))

    def _used(self, run: Run) -> Iterator[Fact]:
        if run.started is not None:
            took = (run.ended or self.clock()) - run.started
            yield Fact("took", f"{took:.1f} s" if took < 60 else span(took))
        if "CpuSeconds" in run.properties:
            memory = size(float(run.properties.get("PeakMemoryBytes", 0)))
            yield Fact("used", f"{number(float(run.properties['CpuSeconds']))} s of CPU, {memory} of memory at most")
        if run.properties.get("LeftBehind"):
            yield Fact("left behind", plain(run.properties["LeftBehind"]), "warn")
        for line in run.properties.get("NotBroughtHome", "").splitlines():
            yield Fact("not brought", plain(line), "warn")
        if "VcoreSeconds" in run.properties:
            vcores = float(run.properties["VcoreSeconds"])
            lent = float(run.properties.get("MemoryMegabyteSeconds", 0)) / 1024
            yield Fact("lent by YARN", f"{number(vcores)} s of a vcore, {number(lent)} s of a GB")
        yield Fact("run id", run.id)
        if "Application" in run.properties:
            yield Fact("application", plain(run.properties["Application"]))
        for key, value in sorted(run.properties.items()):
            if not key.startswith(TOLD):
                yield Fact(plain(key), plain(value))
        if run.target_type == "local":
            yield Fact("folder", plain(self.paths.host_run(run.id)))
