"""What only a person can answer on the way to a host: a password, a passphrase, whether a host key is the right one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from engine.errors import HostError

AUTHENTICATION = "authentication needed"
KEY_UNKNOWN = "host key unknown"
KEY_CHANGED = "host key changed"
# How a host is shown that is not tried again before a person has done something.
NEED_PERSON = (AUTHENTICATION, KEY_UNKNOWN, KEY_CHANGED)


@dataclass(frozen=True)
class Question:
    """`kind`: "host key" (answered "yes" or "no"), "password", "passphrase", or "prompt" (keyboard-interactive).

    `title` is one line, `text` what is to be known before one answers: fingerprints, a server's instructions.
    `about` names what is asked for across reconnects, so that nothing is asked twice: "password alice@gpu-box".
    """

    kind: str
    title: str
    text: str
    about: str
    secret: bool = True


@dataclass(frozen=True)
class Answer:
    """`keep`: whether it may be kept in the key store, for the next engine."""

    text: str = field(repr=False)
    keep: bool = False


class Asker(Protocol):
    """Somebody who answers, or nobody."""

    async def ask(self, question: Question) -> Answer:
        """The answer. Raises NeedsPerson when nobody is there or they do not want to answer."""
        ...


class NeedsPerson(HostError):
    """The host cannot be reached before a person has done something. Never tried again by itself.

    `state` is what the host is then shown as: AUTHENTICATION, KEY_UNKNOWN or KEY_CHANGED.
    """

    code = "needs-person"

    def __init__(self, message: str, *, remedy: str = "", where: str = "", state: str = AUTHENTICATION) -> None:
        super().__init__(message, remedy=remedy, where=where)
        self.state = state


class Nobody:
    """In the background there is nobody to ask."""

    async def ask(self, question: Question) -> Answer:
        state = KEY_UNKNOWN if question.kind == "host key" else AUTHENTICATION
        raise NeedsPerson(
            question.title if question.kind != "host key" else f"{question.title} {question.text}",
            remedy="Press t on the target in the console, or type `aml computetarget test -n NAME`.",
            state=state,
        )
