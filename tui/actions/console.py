"""Actions on the console itself."""

from __future__ import annotations

from tui.actions.table import Action

ACTIONS: tuple[Action, ...] = (
    Action("projects", ("O",), "projects", "Open another project", "Console"),
    Action("messages", ("exclamation_mark",), "messages", "Show what was said so far", "Console"),
    Action("theme", ("T",), "light or dark", "Change between light and dark", "Console"),
    Action("redraw", ("ctrl+l",), "redraw", "Draw the whole screen again", "Console"),
    Action("palette", ("colon", "ctrl+p"), "palette", "Find any action by name", "Console", footer=True),
    Action("help", ("question_mark",), "help", "Show all keys", "Console", footer=True),
    Action("quit", ("q", "ctrl+q"), "leave", "Leave the console; runs go on", "Console"),
)
