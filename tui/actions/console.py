"""Actions on the console itself."""

from __future__ import annotations

from tui.actions.table import Action

ACTIONS: tuple[Action, ...] = (
    Action("projects", ("O",), "projects", "Open another project", "Console"),
    Action("messages", ("exclamation_mark",), "messages", "Show what was said so far", "Console"),
    Action("settings", ("comma",), "settings", "Change settings and keys", "Console"),
    Action("theme", ("T",), "theme", "Choose the colours", "Console"),
    Action("redraw", ("ctrl+l",), "redraw", "Draw the whole screen again", "Console"),
    Action(
        "palette",
        ("colon", "ctrl+p"),
        "palette",
        "Find anything by name: actions, runs, targets",
        "Console",
        footer=True,
    ),
    Action("help", ("question_mark", "f1"), "help", "Show the keys here, and all others", "Console", footer=True),
    Action("quit", ("q", "ctrl+q"), "leave", "Leave the console; runs go on", "Console"),
)
