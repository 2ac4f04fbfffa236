"""Actions on runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.table import RUN_PANES, Action, needs_config, needs_run, needs_usable

if TYPE_CHECKING:
    from tui.actions.table import Reason, Situation


def _needs_unfinished(now: Situation) -> Reason:
    if not now.acted:
        return "there is no run under the cursor"
    if all(run.state.ended for run in now.acted):
        return "it has ended" if len(now.acted) == 1 else "they have all ended"
    if all(run.cancel_requested is not None for run in now.acted if not run.state.ended):
        return "it is being canceled already"
    return ""


def _needs_ended(now: Situation) -> Reason:
    if not now.acted:
        return "there is no run under the cursor"
    going = sum(not run.state.ended for run in now.acted)
    if going:
        return "it has not ended; cancel it first" if len(now.acted) == 1 else f"{going} of them have not ended"
    return ""


def _needs_acted(now: Situation) -> Reason:
    return "" if now.acted else "there is no run under the cursor"


def _needs_listed(now: Situation) -> Reason:
    return "" if now.listed else "no run is listed"


def _needs_marks(now: Situation) -> Reason:
    return "" if now.marked else "no run is marked"


def _needs_several(now: Situation) -> Reason:
    if len(now.acted) < 2:
        return "mark two to eight runs first"
    return "" if len(now.acted) <= 8 else f"{len(now.acted)} runs are marked: eight is the most"


def _needs_preparable(now: Situation) -> Reason:
    if now.prepares:
        return ""
    if now.pane == "configs" and now.project:
        return needs_usable(now)
    if now.pane == "targets" and now.project:
        return "no run configuration that can be used has this target" if now.target else "there is no target"
    return needs_config(now) or "the run's configuration is not in this project any more"


def _needs_build(now: Situation) -> Reason:
    return "" if now.builds else "no environment was built for this project yet"


def _needs_compared(now: Situation) -> Reason:
    if not now.acted:
        return "there is no run under the cursor"
    if len(now.acted) > COMPARED:
        return f"at most {COMPARED} are compared, {len(now.acted)} are marked"
    if len(now.acted) == 1 and now.acted[0].rerun_of is None:
        return "mark two or more with space"
    return ""


def _needs_undoable(now: Situation) -> Reason:
    return "" if now.undoable else "nothing was deleted"


# As many runs as can be compared (`engine.runs.comparing.MOST`, which is too much to import for it).
COMPARED = 8

ACTIONS: tuple[Action, ...] = (
    Action("submit", ("s",), "submit", "Submit a script", "Runs", footer=True, changes=True, why_not=needs_config),
    Action(
        "prepare",
        ("p",),
        "prepare",
        "Prepare the environment of the run configuration",
        "Runs",
        footer=True,
        changes=True,
        why_not=_needs_preparable,
    ),
    Action(
        "cancel",
        ("c",),
        "cancel",
        "Cancel the run, or the marked ones",
        "Runs",
        RUN_PANES,
        True,
        True,
        True,
        _needs_unfinished,
    ),
    Action(
        "rerun", ("r",), "rerun", "Run again as it was", "Runs", RUN_PANES, True, changes=True, why_not=_needs_acted
    ),
    Action(
        "rerun_changed",
        ("R",),
        "rerun changed",
        "Run again with other arguments",
        "Runs",
        RUN_PANES,
        changes=True,
        why_not=needs_run,
    ),
    Action(
        "delete",
        ("D", "delete"),
        "delete",
        "Delete the run, its log and outputs, or the marked ones",
        "Runs",
        RUN_PANES,
        question=True,
        changes=True,
        why_not=_needs_ended,
    ),
    Action(
        "compare",
        ("m",),
        "compare",
        "Compare the marked runs, or a rerun with the run it repeats",
        "Runs",
        RUN_PANES,
        why_not=_needs_compared,
    ),
    Action("undo", ("U",), "undo", "Bring back what was deleted", "Runs", changes=True, why_not=_needs_undoable),
    Action("mark", ("space",), "mark", "Mark or unmark the run", "Runs", ("runs",), True, why_not=_needs_listed),
    Action("unmark", ("u",), "unmark all", "Remove all marks", "Runs", why_not=_needs_marks),
    Action("filter", ("slash",), "filter", "Filter the runs", "Runs", footer=True),
    Action("saved_filters", ("at",), "saved filters", "Choose, save or delete a filter with a name", "Runs"),
    Action("sort", ("o",), "order", "Order the runs by a column", "Runs"),
    Action("columns", ("v",), "columns", "Choose the columns of the list", "Runs"),
    Action("group", ("z",), "group", "Show the runs in groups", "Runs"),
    Action("mark_to_here", ("M",), "mark to here", "Mark the runs from the last mark to here", "Runs", ("runs",)),
    Action("mark_all", ("asterisk",), "mark all", "Mark every run that is listed", "Runs", why_not=_needs_listed),
    Action(
        "invert",
        ("tilde",),
        "invert marks",
        "Mark the listed runs that are not, and no others",
        "Runs",
        why_not=_needs_listed,
    ),
    Action(
        "tag",
        ("number_sign",),
        "tag",
        "Put tags on the run, or the marked ones",
        "Runs",
        RUN_PANES,
        changes=True,
        why_not=_needs_acted,
    ),
    Action(
        "why",
        ("i",),
        "why",
        "Say why the run waits, failed or ended, with the end of its log",
        "Runs",
        RUN_PANES,
        why_not=needs_run,
    ),
    Action(
        "fetch",
        ("f",),
        "fetch",
        "Copy the outputs of the run, or the marked ones, to a folder",
        "Runs",
        RUN_PANES,
        changes=True,
        why_not=_needs_acted,
    ),
    Action(
        "logs",
        ("L",),
        "logs together",
        "Show the marked runs' logs side by side, or merged by arrival",
        "Runs",
        ("runs",),
        why_not=_needs_several,
    ),
    Action("build", ("b",), "build log", "Show the environment's build and its log", "Runs", why_not=_needs_build),
    Action("copy", ("y",), "copy id", "Copy the run's id", "Runs", RUN_PANES, why_not=needs_run),
)
