"""Every state with every event: either a decision that is written down here, or refused."""

from __future__ import annotations

import pytest

from engine.errors import NotNow
from engine.runs import lifecycle as life
from engine.runs.model import State

HANDLE = {"process": {"pid": 7}}
CAPTURED = life.Captured({"snapshot": "abc"})
STARTED = life.Started(HANDLE, 10.0)
EXITED = life.Exited(0, None, 10.0, 20.0)
VANISHED = life.Vanished(19.0, rebooted=False)
DEAD = life.Dead(21.0, None, 2)
CANCEL = life.CancelAsked(15.0)
EVENTS = [
    CAPTURED,
    life.SlotGranted(),
    life.Prepared(),
    STARTED,
    life.StepFailed("no disk"),
    EXITED,
    VANISHED,
    CANCEL,
    DEAD,
    life.Finalized(),
]

ALLOWED = {
    (State.NOT_STARTED, "captured"): State.QUEUED,
    (State.NOT_STARTED, "step failed"): State.FINALIZING,
    (State.NOT_STARTED, "cancel asked"): State.CANCELED,
    (State.QUEUED, "slot granted"): State.PREPARING,
    (State.QUEUED, "step failed"): State.FINALIZING,
    (State.QUEUED, "cancel asked"): State.CANCELED,
    (State.PREPARING, "prepared"): State.STARTING,
    (State.PREPARING, "step failed"): State.FINALIZING,
    (State.PREPARING, "cancel asked"): State.CANCEL_REQUESTED,
    (State.STARTING, "started"): State.RUNNING,
    (State.STARTING, "step failed"): State.FINALIZING,
    (State.STARTING, "exited"): State.FINALIZING,
    (State.STARTING, "vanished"): State.FINALIZING,
    (State.STARTING, "cancel asked"): State.CANCEL_REQUESTED,
    (State.RUNNING, "started"): State.RUNNING,
    (State.RUNNING, "exited"): State.FINALIZING,
    (State.RUNNING, "vanished"): State.FINALIZING,
    (State.RUNNING, "cancel asked"): State.CANCEL_REQUESTED,
    (State.CANCEL_REQUESTED, "started"): State.CANCEL_REQUESTED,
    (State.CANCEL_REQUESTED, "exited"): State.FINALIZING,
    (State.CANCEL_REQUESTED, "vanished"): State.FINALIZING,
    (State.CANCEL_REQUESTED, "dead"): State.FINALIZING,
    (State.FINALIZING, "finalized"): State.COMPLETED,
}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_pair(state: State, event: life.Event) -> None:
    wanted = ALLOWED.get((state, event.name))
    if wanted is None:
        with pytest.raises(NotNow if event is CANCEL else life.Impossible):
            life.decide(state, event, exit_code=0)
    else:
        assert life.decide(state, event, exit_code=0).after is wanted


def test_every_state_has_work() -> None:
    assert set(life.WORK) == set(State)
    assert [state for state in State if life.WORK[state] is life.Do.NOTHING] == [s for s in State if s.ended]


def test_started_while_canceling_keeps_the_handle_for_the_kill() -> None:
    decision = life.decide(State.CANCEL_REQUESTED, STARTED)
    assert decision.fields["handle"] == HANDLE
    assert decision.do is life.Do.KILL


def test_cancel_that_came_after_the_end_is_dropped() -> None:
    decision = life.decide(State.CANCEL_REQUESTED, EXITED)
    assert decision.fields["cancel_requested"] is None
    assert decision.fields["exit_code"] == 0


@pytest.mark.parametrize(
    ("cancel_requested", "exit_code", "reason", "after"),
    [
        (None, 0, "", State.COMPLETED),
        (None, 0, "stopped: it ran longer than its maxRunDurationSeconds", State.FAILED),
        (None, 1, "KeyError: 'petal'", State.FAILED),
        (None, None, "killed by SIGKILL", State.FAILED),
        (15.0, None, "canceled", State.CANCELED),
        (15.0, 0, "canceled", State.CANCELED),
    ],
)
def test_how_it_ends(cancel_requested: float | None, exit_code: int | None, reason: str, after: State) -> None:
    decision = life.decide(
        State.FINALIZING, life.Finalized(reason), cancel_requested=cancel_requested, exit_code=exit_code
    )
    assert decision.after is after
    assert decision.fields["reason"] == reason


def test_timeout_is_said_as_such() -> None:
    decision = life.decide(State.RUNNING, life.Exited(None, 15, 1.0, 9.0, timed_out=True))
    assert "maxRunDurationSeconds" in decision.fields["reason"]


def test_reboot_is_said_as_such() -> None:
    assert "restart of the host" in life.decide(State.RUNNING, life.Vanished(1.0, rebooted=True)).reason
