"""A run's life as a pure machine: (state, event) -> (next state, what to write, what to do). No I/O, no clock.

    NotStarted ──captured──► Queued ──slot──► Preparing ──prepared──► Starting ──started──► Running
        │                      │                  │                      │                     │
        └──────── cancel ──────┴──► Canceled      └────── cancel ────────┴──► CancelRequested ◄┘
                                                                                  │ dead
      Completed / Failed / Canceled ◄──finalized── Finalizing ◄──exited, vanished─┘

Being canceled is remembered in `cancel_requested`, so that what Finalizing ends in does not depend on who saw the
end first. A run that had a script becomes Canceled only by way of `Dead`: someone looked.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, ClassVar

from engine.errors import NotNow
from engine.runs.model import State


class Do(enum.Enum):
    """What the supervisor has to do next for a run."""

    CAPTURE = "capture"
    QUEUE = "queue"
    PREPARE = "prepare"
    LAUNCH = "launch"
    FOLLOW = "follow"
    KILL = "kill"
    FINALIZE = "finalize"
    NOTHING = "nothing"


WORK: dict[State, Do] = {
    State.NOT_STARTED: Do.CAPTURE,
    State.QUEUED: Do.QUEUE,
    State.PREPARING: Do.PREPARE,
    State.STARTING: Do.LAUNCH,
    State.RUNNING: Do.FOLLOW,
    State.CANCEL_REQUESTED: Do.KILL,
    State.FINALIZING: Do.FINALIZE,
    State.COMPLETED: Do.NOTHING,
    State.FAILED: Do.NOTHING,
    State.CANCELED: Do.NOTHING,
}


class Event:
    """Something that happened to a run. `name` is how the run's history calls it."""

    name: ClassVar[str] = ""


@dataclass(frozen=True)
class Captured(Event):
    """The snapshot is taken."""

    name: ClassVar[str] = "captured"
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SlotGranted(Event):
    name: ClassVar[str] = "slot granted"


@dataclass(frozen=True)
class Prepared(Event):
    """Environment built, files on the host. `handle`: what the launcher must know of it to start the script."""

    handle: dict[str, Any] = field(default_factory=dict)
    name: ClassVar[str] = "prepared"


@dataclass(frozen=True)
class Started(Event):
    """The script runs; `handle` finds it again, `at` is its start in epoch seconds by the host's clock."""

    handle: dict[str, Any]
    at: float
    name: ClassVar[str] = "started"


@dataclass(frozen=True)
class StepFailed(Event):
    """A step before the script ran could not be done."""

    reason: str
    name: ClassVar[str] = "step failed"


@dataclass(frozen=True)
class Exited(Event):
    """The script's own end, as the runner recorded it. `started`, `ended` in epoch seconds."""

    code: int | None
    signal: int | None
    started: float | None
    ended: float
    timed_out: bool = False
    error: str = ""
    name: ClassVar[str] = "exited"


@dataclass(frozen=True)
class Vanished(Event):
    """Neither process nor exit record is left. `at` is when the last sign of life was, `why` what is known of it."""

    at: float
    rebooted: bool
    why: str = ""
    name: ClassVar[str] = "vanished"


@dataclass(frozen=True)
class CancelAsked(Event):
    """`away`: its host cannot be asked now."""

    at: float
    away: bool = False
    name: ClassVar[str] = "cancel asked"


@dataclass(frozen=True)
class Dead(Event):
    """Seen after a cancel: no process of the run is left, and none can start. Code and signal where recorded."""

    at: float
    code: int | None = None
    signal: int | None = None
    name: ClassVar[str] = "dead"


@dataclass(frozen=True)
class Finalized(Event):
    """Log, metrics and outputs are home. `reason` says in words why a run failed."""

    reason: str = ""
    name: ClassVar[str] = "finalized"


@dataclass(frozen=True)
class Decision:
    """The next state, the fields of `Run` to write with it, and the reason for its history."""

    after: State
    fields: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def do(self) -> Do:
        return WORK[self.after]


class Impossible(Exception):
    """An event that cannot happen in this state: a mistake of ours, never shown as a run's fate."""


_STEPS_BEFORE_THE_SCRIPT = (State.NOT_STARTED, State.QUEUED, State.PREPARING, State.STARTING)
_MAY_HAVE_A_SCRIPT = (State.STARTING, State.RUNNING, State.CANCEL_REQUESTED)


def decide(
    state: State, event: Event, *, cancel_requested: float | None = None, exit_code: int | None = None
) -> Decision:
    """What follows from `event` in `state`.

    `cancel_requested` and `exit_code` are the run's fields; only Finalized looks at them.
    Raises NotNow for a person's wish that comes too late, Impossible for anything else that does not fit.
    """
    if isinstance(event, CancelAsked):
        return _cancel(state, event)
    if isinstance(event, Captured) and state is State.NOT_STARTED:
        return Decision(State.QUEUED, dict(event.fields))
    if isinstance(event, SlotGranted) and state is State.QUEUED:
        return Decision(State.PREPARING, {"reason": ""})
    if isinstance(event, Prepared) and state is State.PREPARING:
        return Decision(State.STARTING, {"handle": event.handle, "progress": ""})
    if isinstance(event, Started) and state in _MAY_HAVE_A_SCRIPT:
        after = State.RUNNING if state is State.STARTING else state
        return Decision(after, {"handle": event.handle, "started": event.at, "progress": ""})
    if isinstance(event, StepFailed) and state in _STEPS_BEFORE_THE_SCRIPT:
        return Decision(State.FINALIZING, {"reason": event.reason, "progress": ""}, event.reason)
    if isinstance(event, Exited) and state in _MAY_HAVE_A_SCRIPT:
        decision = _exited(event)
        if state is State.CANCEL_REQUESTED:
            # It had ended by itself before anyone asked: the wish to cancel came too late and is dropped.
            decision.fields["cancel_requested"] = None
        return decision
    if isinstance(event, Vanished) and state in _MAY_HAVE_A_SCRIPT:
        why = event.why or (
            "lost to a restart of the host"
            if event.rebooted
            else "its processes disappeared without an exit status (killed from outside)"
        )
        return Decision(State.FINALIZING, {"ended": event.at, "reason": why, "progress": ""}, why)
    if isinstance(event, Dead) and state is State.CANCEL_REQUESTED:
        fields = {"ended": event.at, "exit_code": event.code, "exit_signal": event.signal, "reason": "canceled"}
        return Decision(State.FINALIZING, fields)
    if isinstance(event, Finalized) and state is State.FINALIZING:
        return _finalized(event, cancel_requested, exit_code)
    raise Impossible(f"{event.name} in {state}")


def _cancel(state: State, event: CancelAsked) -> Decision:
    # Starting is written down before it is tried: until then there is nothing on the host that could run.
    if state in (State.NOT_STARTED, State.QUEUED) or (state is State.PREPARING and event.away):
        return Decision(
            State.CANCELED, {"cancel_requested": event.at, "ended": event.at, "reason": "canceled before it started"}
        )
    if state in (State.PREPARING, State.STARTING, State.RUNNING):
        return Decision(State.CANCEL_REQUESTED, {"cancel_requested": event.at, "reason": "interrupting"})
    if state is State.CANCEL_REQUESTED:
        raise NotNow("the run is being canceled already.")
    if state is State.FINALIZING:
        raise NotNow("the run is ending: its outputs are being collected.")
    raise NotNow(f"the run has ended ({state}).")


def _exited(event: Exited) -> Decision:
    fields: dict[str, Any] = {
        "exit_code": event.code,
        "exit_signal": event.signal,
        "ended": event.ended,
        "progress": "",
        "reason": event.error,
    }
    if event.started is not None:
        fields["started"] = event.started
    if event.timed_out:
        fields["reason"] = "stopped: it ran longer than its maxRunDurationSeconds"
    return Decision(State.FINALIZING, fields, fields["reason"])


def _finalized(event: Finalized, cancel_requested: float | None, exit_code: int | None) -> Decision:
    if cancel_requested is not None:
        return Decision(State.CANCELED, {"reason": event.reason or "canceled", "progress": ""}, event.reason)
    if exit_code == 0 and not event.reason:
        return Decision(State.COMPLETED, {"reason": "", "progress": ""})
    return Decision(State.FAILED, {"reason": event.reason, "progress": ""}, event.reason)
