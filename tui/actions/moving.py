"""Moving about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.table import Action, needs_run

if TYPE_CHECKING:
    from tui.actions.table import Reason, Situation


def _open(now: Situation) -> Reason:
    if now.pane == "runs":
        return needs_run(now)
    if now.pane == "configs":
        return "" if now.config else "there is no run configuration"
    if now.pane == "targets":
        return "" if now.target else "there is no target"
    return "" if not now.zoomed else "it is open"


def _needs_column(now: Situation) -> Reason:
    if now.folded:
        return "there is room for one pane at a time"
    return "the run has the whole screen" if now.zoomed else ""


ACTIONS: tuple[Action, ...] = (
    Action("open", ("enter",), "open", "Open what is under the cursor", "Moving", footer=True, why_not=_open),
    Action("back", ("escape",), "back", "Go back", "Moving"),
    Action("next_pane", ("tab",), "next pane", "Go to the next pane", "Moving"),
    Action("previous_pane", ("shift+tab",), "previous pane", "Go to the previous pane", "Moving"),
    Action("pane_targets", ("1",), "targets", "Go to the targets", "Moving"),
    Action("pane_configs", ("2",), "configurations", "Go to the run configurations", "Moving"),
    Action("pane_runs", ("3",), "runs", "Go to the runs", "Moving"),
    Action("pane_run", ("4",), "run", "Go to the run's log and metrics", "Moving", why_not=needs_run),
    Action(
        "narrower", ("less_than_sign",), "narrower", "Make the left column narrower", "Moving", why_not=_needs_column
    ),
    Action("wider", ("greater_than_sign",), "wider", "Make the left column wider", "Moving", why_not=_needs_column),
    Action("jump", ("J",), "jump", "Go anywhere on the screen by a letter", "Moving"),
)
