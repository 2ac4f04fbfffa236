"""Actions on the project's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.table import Action, needs_project, needs_usable

if TYPE_CHECKING:
    from tui.actions.table import Reason, Situation


def _needs_file(now: Situation) -> Reason:
    item = now.config if now.pane == "configs" else now.target if now.pane == "targets" else None
    return "" if item is not None and item.file else "there is no file under the cursor"


ACTIONS: tuple[Action, ...] = (
    Action(
        "edit",
        ("e",),
        "edit",
        "Edit the file as form or text",
        "Files",
        ("targets", "configs"),
        True,
        why_not=_needs_file,
    ),
    Action(
        "edit_outside",
        ("E",),
        "$EDITOR",
        "Edit the file in $EDITOR",
        "Files",
        ("targets", "configs"),
        changes=True,
        why_not=_needs_file,
    ),
    Action("conda_file", ("f5",), "packages", "Edit the conda dependencies", "Files", why_not=needs_project),
    Action("spark_file", ("f6",), "Spark settings", "Edit the Spark dependencies", "Files", why_not=needs_project),
    Action(
        "new",
        ("n",),
        "new",
        "Make a run configuration",
        "Files",
        ("targets", "configs"),
        footer=True,
        changes=True,
        why_not=needs_project,
    ),
    Action(
        "duplicate",
        ("d",),
        "copy",
        "Copy the run configuration",
        "Files",
        ("configs",),
        footer=True,
        changes=True,
        why_not=needs_usable,
    ),
    Action(
        "remove",
        ("x",),
        "delete",
        "Delete the run configuration",
        "Files",
        ("configs",),
        footer=True,
        question=True,
        changes=True,
        why_not=_needs_file,
    ),
    Action("problems", ("P",), "problems", "Show what is wrong in the project's files", "Files", why_not=needs_project),
)
