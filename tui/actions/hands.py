"""Actions of one's own hands: the plan of a submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.table import Action, needs_run, needs_usable

if TYPE_CHECKING:
    from tui.actions.table import Reason, Situation


def _needs_planned(now: Situation) -> Reason:
    return needs_usable(now) if now.pane == "configs" else needs_run(now)


ACTIONS: tuple[Action, ...] = (
    Action(
        "plan",
        ("I",),
        "plan",
        "Show what a submission would meet: files, environment, queue, disk",
        "Runs",
        ("configs", "runs", "run"),
        why_not=_needs_planned,
    ),
)
