"""The one table of actions. It feeds the keys, the footer, the help and the palette."""

from __future__ import annotations

from tui.actions import console, files, hands, moving, runs, targets
from tui.actions.table import PANE_TITLES, PANES, Action, Situation, shown_key

__all__ = ["ACTIONS", "BY_ID", "PANES", "PANE_TITLES", "Action", "Situation", "shown_key"]

ACTIONS: tuple[Action, ...] = (
    *runs.ACTIONS,
    *hands.ACTIONS,
    *targets.ACTIONS,
    *files.ACTIONS,
    *moving.ACTIONS,
    *console.ACTIONS,
)
BY_ID = {action.id: action for action in ACTIONS}
