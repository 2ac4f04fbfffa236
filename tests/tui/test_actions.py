"""The action table: complete, without clashes, and honest about what cannot be done."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from engine.runs.model import State
from tests.tui.history import make_run
from tui.actions import ACTIONS, BY_ID, PANES, Situation
from tui.reading import ConfigView, TargetView
from tui.screens.acting import Acting
from tui.screens.text import help_text

RUNNING, DONE = make_run(1, State.RUNNING), make_run(2)
RERUN = make_run(3, rerun_of=DONE.id)
LOCAL = TargetView("local", "local", file="aml_config/local.compute")
DOCKER = TargetView("docker", "docker", file="aml_config/docker.compute")
GPU_BOX = TargetView("gpu-box", "remote", "ann@gpu-box", file="aml_config/gpu-box.compute", keyed=True)
BROKEN = TargetView("broken", file="aml_config/broken.compute", problem="line 1")


def at(target: TargetView | None, state: str = "") -> Situation:
    """Looking at a target."""
    return Situation(pane="targets", target=target, state=state)


def test_ids_and_keys_are_used_once() -> None:
    assert len(BY_ID) == len(ACTIONS)
    keys = Counter(key for action in ACTIONS for key in action.keys)
    assert [key for key, count in keys.items() if count > 1] == []


def test_every_action_is_done_by_something() -> None:
    for action in ACTIONS:
        assert callable(getattr(Acting, action.id)), action.id


def test_what_destroys_asks_and_is_refused_read_only() -> None:
    for action in ACTIONS:
        if action.question:
            assert action.changes
        if action.changes:
            assert "read-only" in action.reason(Situation(readonly=True, run=RUNNING, acted=(RUNNING,), configs=1))


def test_every_action_is_in_the_help() -> None:
    text = help_text(Situation(), {}).plain
    for action in ACTIONS:
        assert action.description in text


def test_the_help_says_why_not() -> None:
    assert "there is no run under the cursor" in help_text(Situation(), {}).plain
    assert "in Targets or Run configurations" in help_text(Situation(pane="runs"), {}).plain


@pytest.mark.parametrize(
    ("action", "now", "reason"),
    [
        ("cancel", Situation(run=RUNNING, acted=(RUNNING,)), ""),
        ("cancel", Situation(run=DONE, acted=(DONE,)), "it has ended"),
        ("cancel", Situation(run=DONE, acted=(DONE, DONE)), "they have all ended"),
        ("cancel", Situation(run=DONE, acted=(DONE, RUNNING)), ""),
        ("cancel", Situation(), "there is no run under the cursor"),
        ("delete", Situation(run=DONE, acted=(DONE,)), ""),
        ("delete", Situation(run=DONE, acted=(DONE, RUNNING)), "1 of them have not ended"),
        ("compare", Situation(), "there is no run under the cursor"),
        ("compare", Situation(run=DONE, acted=(DONE,)), "mark two or more with space"),
        ("compare", Situation(run=DONE, acted=(RERUN,)), ""),
        ("compare", Situation(run=DONE, acted=(DONE, RUNNING), readonly=True), ""),
        ("compare", Situation(run=DONE, acted=(DONE,) * 8), ""),
        ("compare", Situation(run=DONE, acted=(DONE,) * 9), "at most 8 are compared, 9 are marked"),
        ("undo", Situation(), "nothing was deleted"),
        ("undo", Situation(undoable=1), ""),
        ("undo", Situation(undoable=1, readonly=True), "the console was opened read-only"),
        ("submit", Situation(project=False), "no project is open"),
        ("submit", Situation(configs=0), "the project has no run configuration"),
        ("submit", Situation(configs=1), ""),
        ("edit", Situation(pane="runs"), "it belongs to Targets or Run configurations"),
        ("mark", Situation(pane="targets", run=DONE), "it belongs to Runs"),
        ("unmark", Situation(), "no run is marked"),
        ("prepare", Situation(project=False), "no project is open"),
        ("prepare", Situation(prepares=(ConfigView("docker"),)), ""),
        ("prepare", Situation(configs=1, run=DONE), "the run's configuration is not in this project any more"),
        ("prepare", Situation(pane="targets"), "there is no target"),
        (
            "prepare",
            Situation(pane="targets", target=TargetView("docker")),
            "no run configuration that can be used has this target",
        ),
        (
            "prepare",
            Situation(pane="configs", config=ConfigView("docker", problem="line 1")),
            "it cannot be used; P shows what is wrong",
        ),
        ("logs", Situation(run=DONE, acted=(DONE,)), "mark two to eight runs first"),
        ("logs", Situation(run=DONE, acted=(DONE, RUNNING), readonly=True), ""),
        ("logs", Situation(run=DONE, acted=(DONE,) * 9), "9 runs are marked: eight is the most"),
        ("build", Situation(), "no environment was built for this project yet"),
        ("build", Situation(builds=1, readonly=True), ""),
        ("attach", Situation(), ""),
        ("attach", Situation(project=False), "no project is open"),
        ("test", Situation(pane="runs", target=GPU_BOX), "it belongs to Targets"),
        ("test", at(GPU_BOX), ""),
        ("test", at(DOCKER), ""),
        ("test", at(LOCAL), "it is this machine: there is nothing to reach"),
        ("test", at(BROKEN), "its file cannot be read; P shows what is wrong"),
        ("test", at(None), "there is no target under the cursor"),
        ("shell", at(GPU_BOX), ""),
        ("shell", at(DOCKER), "it is on this machine"),
        ("public_key", at(GPU_BOX), ""),
        (
            "public_key",
            at(dataclasses.replace(GPU_BOX, keyed=False)),
            "it names no key: SSH finds its own, or asks a password",
        ),
        ("connect", at(GPU_BOX), "nothing has used it yet; t tests it"),
        ("connect", at(GPU_BOX, "connected"), "it is connected"),
        ("connect", at(GPU_BOX, "unreachable"), ""),
        ("connect", at(GPU_BOX, "not connected"), ""),
        ("connect", at(GPU_BOX, "authentication needed"), "a person is asked for something; t asks it"),
        ("detach", at(LOCAL), ""),
        ("detach", at(BROKEN), ""),
        ("detach", at(None), "there is no target under the cursor"),
    ],
)
def test_reasons(action: str, now: Situation, reason: str) -> None:
    assert BY_ID[action].reason(now) == reason


def test_actions_that_can_be_done_now_have_no_reason_in_some_situation() -> None:
    for action in ACTIONS:
        found = False
        for pane in PANES:
            for acted in ((RUNNING,), (DONE,), (RUNNING, DONE)):
                now = Situation(
                    pane=pane,
                    configs=1,
                    acted=acted,
                    run=acted[0],
                    marked=1,
                    config=ConfigView("local", file="aml_config/local.runconfig"),
                    target=GPU_BOX,
                    state="unreachable",
                    prepares=(ConfigView("local"),),
                    builds=1,
                    undoable=1,
                    listed=1,
                )
                found = found or not action.reason(now)
        assert found, action.id
