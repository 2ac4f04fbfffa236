"""Actions of one's own hands: the plan of a submission, a script that runs a run again, its ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.runs.model import State
from tui.actions.table import RUN_PANES, Action, needs_run, needs_usable

if TYPE_CHECKING:
    from tui.actions.table import Reason, Situation


def _needs_planned(now: Situation) -> Reason:
    return needs_usable(now) if now.pane == "configs" else needs_run(now)


def _needs_running(now: Situation) -> Reason:
    why = needs_run(now)
    if why or now.run is None:
        return why
    return "" if now.run.state is State.RUNNING else f"it does not run ({now.run.state})"


ACTIONS: tuple[Action, ...] = (
    Action(
        "plan",
        ("I",),
        "plan",
        "Show what a submission would meet",
        "Runs",
        ("configs", "runs", "run"),
        why_not=_needs_planned,
    ),
    Action(
        "reproduce",
        ("S",),
        "reproduce.sh",
        "Write a script that runs it again from its files",
        "Runs",
        RUN_PANES,
        changes=True,
        why_not=needs_run,
    ),
    Action(
        "forward",
        ("F",),
        "forward",
        "Reach a port of it: TensorBoard, Jupyter",
        "Runs",
        RUN_PANES,
        changes=True,
        why_not=_needs_running,
    ),
)
