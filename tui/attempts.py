"""Attempts to reach a machine, made by the engine step by step: begun, followed, answered, stopped."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import AmlError
from tui.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.project.machine import Machine

HOST_KEY = "host key"
WORKING, ASKING, OK, FAILED, STOPPED = "working", "asking", "ok", "failed", "stopped"


@dataclass(frozen=True)
class Wanted:
    """What is to be reached and how. `kind` is the target's type; `install` is a made key to put there.
    `queues`: those of a cluster that the project's settings name.

    `password` is the one that was typed; with none, one that is needed is asked for.
    """

    machine: Machine
    kind: str
    python: str = ""
    spark_submit: str = "spark-submit"
    password: Secret = field(default_factory=Secret)
    install: str = field(default="", repr=False)
    queues: tuple[str, ...] = ()

    def args(self) -> dict[str, Any]:
        """As the engine is asked."""
        return {
            "machine": self.machine.to_json(),
            "kind": self.kind,
            "python": self.python,
            "spark_submit": self.spark_submit,
            "queues": list(self.queues),
            "secrets": {"password": self.password.reveal()} if self.password else {},
            "install": self.install,
        }


@dataclass(frozen=True)
class Step:
    """One of its steps. `state`: waiting, working, ok, warning, failed or skipped."""

    name: str
    title: str
    state: str = "waiting"
    detail: str = ""
    remedy: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Asked:
    """A question that only a person can answer; of `kind` "host key" the answer is "yes" or "no"."""

    id: int
    kind: str
    title: str
    text: str = ""
    secret: bool = True


@dataclass(frozen=True)
class Progress:
    """How it stands. `trouble` is set when the engine itself could not be asked."""

    state: str = WORKING
    steps: tuple[Step, ...] = ()
    question: Asked | None = None
    trouble: str = ""

    @property
    def over(self) -> bool:
        return self.state in (OK, FAILED, STOPPED)

    @property
    def at(self) -> Step | None:
        """The step it is at, or stopped at."""
        found = (step for state in ("failed", "working") for step in self.steps if step.state == state)
        return next(found, None)


class Line(Protocol):
    """The line to the engine, as far as it is needed here."""

    async def attempt(self, op: str, **args: Any) -> dict[str, Any]: ...


class Attempt:
    """One attempt. `changed` is called with what is new until it is over or was left."""

    def __init__(self, line: Line, changed: Callable[[Progress], None]) -> None:
        self.progress = Progress()
        self._line = line
        self._changed = changed
        self._id = ""
        self._left = False
        self._answered: set[int] = set()

    async def run(self, wanted: Wanted) -> None:
        """Begin, and follow until it is over. What the engine refuses is told as trouble."""
        try:
            self._id = str((await self._line.attempt("begin", **wanted.args()))["attempt"])
            if self._left:
                # One went while it began.
                await self._end()
            seen = 0
            while not self._left and not self.progress.over:
                news = await self._line.attempt("look", attempt=self._id, seen=seen)
                seen = int(news["serial"])
                self._take(_progress(news))
        except AmlError as error:
            self._take(dataclasses.replace(self.progress, state=FAILED, question=None, trouble=str(error)))

    async def answer(self, question: Asked, answer: Secret, keep: bool = False) -> None:
        """Answer what it asks. `keep`: the engine may keep the answer in the key store."""
        self._answered.add(question.id)
        self._take(dataclasses.replace(self.progress, state=WORKING, question=None))
        try:
            await self._line.attempt(
                "answer", attempt=self._id, question=question.id, answer=answer.reveal(), keep=keep
            )
        except AmlError as error:
            self._take(dataclasses.replace(self.progress, state=FAILED, question=None, trouble=str(error)))

    async def stop(self) -> None:
        """Nobody looks at it any more; one that goes on ends."""
        self._left = True
        if self._id and not self.progress.over:
            await self._end()

    async def _end(self) -> None:
        # An engine that cannot be asked has no attempt either; and one that nobody looks at ends by itself.
        with contextlib.suppress(AmlError, OSError):
            await self._line.attempt("stop", attempt=self._id)

    def _take(self, progress: Progress) -> None:
        if progress.question is not None and progress.question.id in self._answered:
            # The answer is on its way.
            progress = dataclasses.replace(progress, state=WORKING, question=None)
        if not self._left and progress != self.progress and not self.progress.over:
            self.progress = progress
            self._changed(progress)


def _progress(news: Mapping[str, Any]) -> Progress:
    question = news.get("question")
    return Progress(
        str(news["state"]),
        tuple(_step(step) for step in news["steps"]),
        _asked(question) if question else None,
    )


def _step(data: Mapping[str, Any]) -> Step:
    seconds = data.get("seconds")
    return Step(
        str(data["name"]),
        str(data.get("title") or data["name"]),
        str(data["state"]),
        str(data.get("detail") or ""),
        str(data.get("remedy") or ""),
        float(seconds) if isinstance(seconds, (int, float)) else None,
    )


def _asked(data: Mapping[str, Any]) -> Asked:
    return Asked(int(data["id"]), str(data["kind"]), str(data["title"]), str(data["text"]), bool(data["secret"]))
