"""Actions on compute targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.runs.model import State
from tui.actions.table import RUN_PANES, Action, needs_project, needs_run

if TYPE_CHECKING:
    from tui.actions.table import Reason, Situation

TARGETS = ("targets",)
# States in which there is no run directory.
NOWHERE = (State.NOT_STARTED, State.QUEUED)


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


def _needs_shell(now: Situation) -> Reason:
    if now.pane == "targets":
        return _needs_remote(now)
    why = needs_run(now)
    if why or now.run is None:
        return why
    return f"it is {now.run.state} and has no directory yet" if now.run.state in NOWHERE else ""


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


ACTIONS: tuple[Action, ...] = (
    Action(
        "attach",
        ("a",),
        "attach",
        "Attach a compute target",
        "Targets",
        footer=True,
        changes=True,
        why_not=needs_project,
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
        "Open a shell on the target, or in the run",
        "Targets",
        (*TARGETS, *RUN_PANES),
        True,
        changes=True,
        why_not=_needs_shell,
        footer_in=TARGETS,
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
)
