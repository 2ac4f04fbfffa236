"""What one login may use without asking, and the person who can be asked for the rest."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from engine.errors import AmlError
from engine.hosts.asking import Answer, Nobody, Question
from engine.hosts.ssh.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.hosts.asking import Asker
    from engine.hosts.ssh.answers import Answers
    from engine.secrets import KeyStore

# How often one thing is asked for in one login.
TRIES = 3

logger = logging.getLogger(__name__)


class Remembered:
    """Secrets at hand for one login. `trouble`: what the key store said when it could not be read.

    `answered` is called after each answer of a person: from then on it is the host's time again.
    """

    def __init__(self, keys: KeyStore, answers: Answers, ask: Asker, answered: Callable[[], None]) -> None:
        self.answers = answers
        self.nobody = isinstance(ask, Nobody)
        self.trouble = ""
        self._keys = keys
        self._asker = ask
        self._answered = answered
        self._open: asyncio.Task[Answer] | None = None
        self._open_about = ""
        self._given: dict[str, Answer] = {}
        self._standing: dict[str, str] = {}

    async def stored(self, about: str, *references: str) -> list[str]:
        """What may be right for this, best first, without what was refused before."""
        from engine.secrets import standing_reference

        found = [self.answers.get(about)]
        found += [await self.of_store(reference) for reference in references if reference]
        standing = await self.of_store(standing_reference(about))
        if standing is not None:
            self._standing[about] = standing
        return [
            text
            for text in dict.fromkeys([*found, standing])
            if text is not None and not self.answers.was_refused(about, text)
        ]

    async def of_store(self, reference: str) -> str | None:
        """What the key store has there. None also when it cannot be read, which `trouble` then tells."""
        try:
            return await aside(self._keys.get, reference)
        except AmlError as error:
            self._complain(error)
            return None

    async def right(self, about: str, text: str, keep: bool = False, reference: str = "") -> None:
        """It was right. `keep`: put it into the key store too; `reference`: where a target already keeps it."""
        from engine.secrets import standing_reference

        self.answers.put(about, text)
        for place in [standing_reference(about)] * keep + [reference] * bool(reference):
            try:
                await aside(self._keys.put, place, text)
            except AmlError as error:
                self._complain(error)

    async def wrong(self, about: str, text: str) -> None:
        """It was refused. Where a person had it kept, it is kept no longer."""
        from engine.secrets import standing_reference

        self.answers.refuse(about, text)
        if self._standing.get(about) == text:
            del self._standing[about]
            try:
                await aside(self._keys.delete, standing_reference(about))
            except AmlError as error:
                self._complain(error)

    def _complain(self, error: AmlError) -> None:
        self.trouble = error.message
        logger.warning("the key store: %s", error.message)

    async def ask(self, question: Question) -> Answer:
        """The answer. Raises NeedsPerson.

        A host may lose its patience before the person has answered, and with it goes the caller. The question stays:
        `waited_for` tells, and the answer is here when the same is asked for again.
        """
        given = self._given.pop(question.about, None)
        if given is not None:
            return given
        task = asyncio.ensure_future(self._asker.ask(question))
        self._open, self._open_about = task, question.about
        answer = await asyncio.shield(task)
        self._open = None
        self._answered()
        return answer

    @property
    def asking(self) -> bool:
        """Whether somebody is being asked right now."""
        return self._open is not None and not self._open.done()

    async def waited_for(self) -> bool:
        """Whether a question was open when the host went; then its answer has been waited for. Raises NeedsPerson."""
        task, self._open = self._open, None
        if task is None:
            return False
        try:
            self._given[self._open_about] = await task
        except asyncio.CancelledError:
            task.cancel()
            raise
        return True

    async def close(self) -> None:
        """Withdraw a question that is still open."""
        task, self._open = self._open, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
