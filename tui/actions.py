"""The one table of actions. It feeds the keys, the footer, the help and the palette."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runs.model import Run
    from tui.reading import ConfigView, TargetView

PANES = ("targets", "configs", "runs", "run")
PANE_TITLES = {"targets": "Targets", "configs": "Run configurations", "runs": "Runs", "run": "Run"}


@dataclass(frozen=True)
class Situation:
    """What an action would act on: `acted` is the marked runs or, with none marked, the one under the cursor.

    `state` is what the engine knows of the host of `target`, "" when it knows nothing of it.
    `prepares` are the configurations whose environment `prepare` would have there: one, or several to choose from.
    `builds` is how many builds of environments there are to look at.
    """

    pane: str = "runs"
    readonly: bool = False
    project: bool = True
    configs: int = 0
    acted: tuple[Run, ...] = ()
    run: Run | None = None
    marked: int = 0
    config: ConfigView | None = None
    target: TargetView | None = None
    state: str = ""
    filtered: bool = False
    listed: int = 0
    zoomed: bool = False
    prepares: tuple[ConfigView, ...] = ()
    builds: int = 0


Reason = str


def _always(_: Situation) -> Reason:
    return ""


@dataclass(frozen=True)
class Action:
    """`why_not` gives the reason why it cannot be done now, or "". `panes`: where its keys count (none: anywhere).

    `question`: it is asked first, naming what is hit. `changes`: refused by `--readonly`.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    description: str
    group: str
    panes: tuple[str, ...] = ()
    footer: bool = False
    question: bool = False
    changes: bool = False
    why_not: Callable[[Situation], Reason] = _always

    def reason(self, now: Situation) -> Reason:
        """Why it cannot be done now, in words; "" when it can."""
        if self.changes and now.readonly:
            return "the console was opened read-only"
        if self.panes and now.pane not in self.panes:
            places = " or ".join(PANE_TITLES[pane] for pane in self.panes)
            return f"it belongs to {places}"
        return self.why_not(now)


def _needs_run(now: Situation) -> Reason:
    return "" if now.run is not None else "there is no run under the cursor"


def _needs_config(now: Situation) -> Reason:
    if not now.project:
        return "no project is open"
    return "" if now.configs else "the project has no run configuration"


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


def _needs_marks(now: Situation) -> Reason:
    return "" if now.marked else "no run is marked"


def _needs_file(now: Situation) -> Reason:
    item = now.config if now.pane == "configs" else now.target if now.pane == "targets" else None
    return "" if item is not None and item.file else "there is no file under the cursor"


def _needs_usable(now: Situation) -> Reason:
    if now.config is None:
        return "there is no run configuration under the cursor"
    return "it cannot be used; P shows what is wrong" if now.config.problem else ""


def _needs_preparable(now: Situation) -> Reason:
    if now.prepares:
        return ""
    if now.pane == "configs" and now.project:
        return _needs_usable(now)
    if now.pane == "targets" and now.project:
        return "no run configuration that can be used has this target" if now.target else "there is no target"
    return _needs_config(now) or "the run's configuration is not in this project any more"


def _needs_build(now: Situation) -> Reason:
    return "" if now.builds else "no environment was built for this project yet"


def _needs_target(now: Situation) -> Reason:
    if not now.project:
        return "no project is open"
    return "" if now.target is not None and now.target.file else "there is no target under the cursor"


def _needs_testable(now: Situation) -> Reason:
    if now.target is not None and now.target.problem:
        return "its file cannot be read; P shows what is wrong"
    if now.target is not None and now.target.type == "local":
        return "it is this machine: there is nothing to reach"
    return _needs_target(now)


def _needs_remote(now: Situation) -> Reason:
    return _needs_testable(now) or ("" if now.target and now.target.remote else "it is on this machine")


def _needs_key(now: Situation) -> Reason:
    why = _needs_remote(now)
    return why or ("" if now.target and now.target.keyed else "it names no key: SSH finds its own, or asks a password")


def _needs_away(now: Situation) -> Reason:
    why = _needs_remote(now)
    if why:
        return why
    if not now.state:
        return "nothing has used it yet; t tests it"
    if now.state in ("connected", "connecting"):
        return f"it is {now.state}"
    return "a person is asked for something; t asks it" if now.state not in ("unreachable", "not connected") else ""


def _needs_project(now: Situation) -> Reason:
    return "" if now.project else "no project is open"


def _open(now: Situation) -> Reason:
    if now.pane == "runs":
        return _needs_run(now)
    if now.pane == "configs":
        return "" if now.config else "there is no run configuration"
    if now.pane == "targets":
        return "" if now.target else "there is no target"
    return "" if not now.zoomed else "it is open"


RUN_PANES = ("runs", "run")
TARGETS = ("targets",)

ACTIONS: tuple[Action, ...] = (
    Action("submit", ("s",), "submit", "Submit a script", "Runs", footer=True, changes=True, why_not=_needs_config),
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
        why_not=_needs_run,
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
    Action("mark", ("space",), "mark", "Mark or unmark the run", "Runs", ("runs",), True, why_not=_needs_run),
    Action("unmark", ("u",), "unmark all", "Remove all marks", "Runs", why_not=_needs_marks),
    Action("filter", ("slash",), "filter", "Filter the runs", "Runs", footer=True),
    Action("sort", ("o",), "order", "Order the runs by the next column", "Runs"),
    Action("columns", ("v",), "columns", "Choose the metrics that the list shows", "Runs"),
    Action("build", ("b",), "build log", "Show the environment's build and its log", "Runs", why_not=_needs_build),
    Action("copy", ("y",), "copy id", "Copy the run's id", "Runs", RUN_PANES, why_not=_needs_run),
    Action(
        "attach",
        ("a",),
        "attach",
        "Attach a compute target",
        "Targets",
        footer=True,
        changes=True,
        why_not=_needs_project,
    ),
    Action(
        "test",
        ("t",),
        "test",
        "Test the target step by step, and answer what it asks",
        "Targets",
        TARGETS,
        True,
        changes=True,
        why_not=_needs_testable,
    ),
    Action(
        "shell",
        ("dollar_sign",),
        "shell",
        "Open a shell on the target's machine",
        "Targets",
        TARGETS,
        True,
        changes=True,
        why_not=_needs_remote,
    ),
    Action(
        "connect",
        ("C",),
        "connect",
        "Connect the target's machine now",
        "Targets",
        TARGETS,
        changes=True,
        why_not=_needs_away,
    ),
    Action("public_key", ("K",), "public key", "Show the target's public key", "Targets", TARGETS, why_not=_needs_key),
    Action(
        "detach",
        ("X",),
        "detach",
        "Detach the target: remove its files and secrets",
        "Targets",
        TARGETS,
        question=True,
        changes=True,
        why_not=_needs_target,
    ),
    Action(
        "edit",
        ("e",),
        "edit",
        "Edit the file in $EDITOR",
        "Files",
        ("targets", "configs"),
        True,
        changes=True,
        why_not=_needs_file,
    ),
    Action(
        "new",
        ("n",),
        "new",
        "Make a run configuration",
        "Files",
        ("targets", "configs"),
        footer=True,
        changes=True,
        why_not=_needs_project,
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
        why_not=_needs_usable,
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
    Action(
        "problems", ("P",), "problems", "Show what is wrong in the project's files", "Files", why_not=_needs_project
    ),
    Action("open", ("enter",), "open", "Open what is under the cursor", "Moving", footer=True, why_not=_open),
    Action("back", ("escape",), "back", "Go back", "Moving"),
    Action("next_pane", ("tab",), "next pane", "Go to the next pane", "Moving"),
    Action("previous_pane", ("shift+tab",), "previous pane", "Go to the previous pane", "Moving"),
    Action("pane_targets", ("1",), "targets", "Go to the targets", "Moving"),
    Action("pane_configs", ("2",), "configurations", "Go to the run configurations", "Moving"),
    Action("pane_runs", ("3",), "runs", "Go to the runs", "Moving"),
    Action("pane_run", ("4",), "run", "Go to the run's log and metrics", "Moving", why_not=_needs_run),
    Action("projects", ("O",), "projects", "Open another project", "Console"),
    Action("messages", ("exclamation_mark",), "messages", "Show what was said so far", "Console"),
    Action("theme", ("T",), "light or dark", "Change between light and dark", "Console"),
    Action("palette", ("colon", "ctrl+p"), "palette", "Find any action by name", "Console", footer=True),
    Action("help", ("question_mark",), "help", "Show all keys", "Console", footer=True),
    Action("quit", ("q", "ctrl+q"), "leave", "Leave the console; runs go on", "Console"),
)
BY_ID = {action.id: action for action in ACTIONS}
_SHOWN_KEYS = {
    "slash": "/",
    "dollar_sign": "$",
    "ampersand": "&",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "colon": ":",
    "question_mark": "?",
    "exclamation_mark": "!",
    "escape": "esc",
    "delete": "del",
}


def shown_key(key: str) -> str:
    """A key as the footer and the help write it."""
    return _SHOWN_KEYS.get(key, key)
