"""An attempt to connect to a machine, as the engine makes it: its steps shown as they end, its questions answered."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.client import call
from engine.errors import AmlError, NotNow
from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from cli.asking import Person
    from cli.keeping import Keeping
    from engine.paths import Paths

OVER = ("ok", "failed", "stopped")
ENDED = ("ok", "warning", "failed", "skipped")

Step = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: "ok", "failed" or "stopped", and its steps: name, title, state, detail, remedy, seconds."""

    state: str
    steps: Sequence[Step]

    @property
    def failed(self) -> str:
        """The title of the step that failed; "" when none did."""
        return next((plain(step["title"]) for step in self.steps if step["state"] == "failed"), "")

    def passed(self, name: str) -> bool:
        """Whether this step went well."""
        return any(step["name"] == name and step["state"] == "ok" for step in self.steps)


class Steps:
    """Steps on a stream: a line or more for each as it ends; on a terminal also the one at work, in place."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._live = stream.isatty() and not quiet
        self._told: dict[str, str] = {}
        self._drawn = 0

    def show(self, steps: Sequence[Step]) -> None:
        """What there is to show, given all steps as they are now."""
        if self._quiet:
            return
        width = max((len(plain(step["title"])) for step in steps), default=0)
        for step in steps:
            # What was fine can still fail: a made key that is installed, and lets nobody in.
            if step["state"] in ENDED and self._told.get(step["name"]) != step["state"]:
                self._told[step["name"]] = step["state"]
                self.pause()
                self._stream.write(told(step, width))
        working = next((step for step in steps if step["state"] == "working"), None)
        if self._live and working is not None:
            self._draw(f"...      {plain(working['title'])}")
        self._stream.flush()

    def pause(self) -> None:
        """Take away the line that is drawn in place: something else is written now."""
        if self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._stream.flush()
            self._drawn = 0

    def _draw(self, text: str) -> None:
        text = text[: max(1, shutil.get_terminal_size().columns - 1)]
        self.pause()
        self._stream.write(text)
        self._drawn = len(text)


def told(step: Mapping[str, Any], width: int) -> str:
    """A step that ended, in one line, and what to do in another; "" for one that nothing is known of."""
    detail, remedy = plain(step.get("detail") or ""), plain(step.get("remedy") or "")
    if step["state"] == "skipped" and not detail:
        return ""
    seconds = step.get("seconds") or 0.0
    took = f" ({seconds:.1f} s)" if seconds >= 0.95 else ""
    line = f"{step['state']:<7}  {plain(step['title']):<{width}}  {detail}{took}".rstrip()
    return f"{line}\n" + (f"         do: {remedy}\n" if remedy and step["state"] != "ok" else "")


class Attempt:
    """One attempt, from its beginning to its end.

    `unattended`: what to do where nobody can be asked, by kind of question. `passphrase`: the answer to the first
    question for one.
    """

    def __init__(
        self,
        paths: Paths,
        person: Person,
        steps: Steps,
        keeping: Keeping,
        unattended: Mapping[str, str],
        passphrase: str = "",
    ) -> None:
        self._paths = paths
        self._person = person
        self._steps = steps
        self._keeping = keeping
        self._unattended = unattended
        self._passphrase = passphrase

    def run(self, asked: Mapping[str, Any]) -> Outcome:
        """Until it has ended. `asked`: what the verb takes to begin. Raises AmlError where nobody answers a question.

        Whatever ends it early ends it in the engine as well.
        """
        # The engine may have been started in another login than this one, with another ssh-agent or none.
        agent = os.environ.get("SSH_AUTH_SOCK", "")
        attempt = str(self._ask("begin", **asked, agent=agent)["attempt"])
        try:
            return self._follow(attempt)
        except BaseException:
            self._steps.pause()
            with contextlib.suppress(AmlError, KeyboardInterrupt):
                self._ask("stop", attempt=attempt)
            raise

    def _follow(self, attempt: str) -> Outcome:
        seen, answered = 0, set()
        while True:
            news = self._ask("look", attempt=attempt, seen=seen)
            seen = news["serial"]
            self._steps.show(news["steps"])
            if news["state"] in OVER:
                self._steps.pause()
                return Outcome(news["state"], news["steps"])
            question = news.get("question")
            if question is not None and question["id"] not in answered:
                self._steps.pause()
                answer, keep = self._answer(question)
                answered.add(question["id"])
                # The host may have given up on its question meanwhile: the next look says so.
                with contextlib.suppress(NotNow):
                    self._ask("answer", attempt=attempt, question=question["id"], answer=answer, keep=keep)

    def _ask(self, operation: str, **args: Any) -> dict[str, Any]:
        # An engine that would be started in the middle knows nothing of this attempt.
        return call("connect", {"op": operation, **args}, paths=self._paths, start=operation == "begin")

    def _answer(self, question: Mapping[str, Any]) -> tuple[str, bool]:
        """The answer, and whether it may be kept. Raises AmlError when there is none."""
        kind, title = question["kind"], plain(question["title"])
        if kind == "passphrase" and self._passphrase:
            known, self._passphrase = self._passphrase, ""
            return known, self._keeping.keeps(question, known)
        if not self._person.there:
            raise AmlError(
                f"there is a question, and nobody to answer it: {title}",
                where=question["text"] if kind == "host key" else "",
                remedy=self._unattended.get(kind, self._unattended["prompt"]),
            )
        if kind == "host key":
            self._person.say("\n".join(part for part in (question["title"], question["text"]) if part))
            return ("yes" if self._person.confirms("Is this the machine you mean?") else "no"), False
        if question["text"]:
            self._person.say(question["text"])
        answer = self._person.secret(title) if question["secret"] else self._person.line(title)
        if answer is None or (not answer and kind != "prompt"):
            raise AmlError(f"not answered: {title}", remedy="The same command asks again.")
        return answer, kind in ("password", "passphrase") and self._keeping.keeps(question, answer)
