"""What the console says: short notices that go away by themselves, all of them kept, and what was missed counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events

from tui.terminal_app import TerminalApp

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = 200
# A notice stays for so long at least (s), and longer the more there is to read.
STAYS = {"information": 4.0, "warning": 6.0, "error": 10.0}
CHARACTERS_A_SECOND = 25
# Of a long text the notice has the beginning: characters.
SHOWN = 400


@dataclass(frozen=True)
class Said:
    """One message that was shown. `at`: epoch seconds; `severity`: information, warning or error; `number`: its own.

    `text` is all of it; of an error that knows them, `where` it was and the `remedy` are told apart from `what`.
    """

    at: float
    severity: str
    text: str
    number: int = 0
    what: str = ""
    where: str = ""
    remedy: str = ""


class SayingApp(TerminalApp):
    """`said_listeners` are called when something was said or missed."""

    clock: Callable[[], float] = time.time

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Said] = []
        # Errors that went away again while nobody pressed a key, and whose list was not opened since.
        self.missed = 0
        self.looking_away = False
        self.said_listeners: list[Callable[[], None]] = []
        self._told = 0
        self._read_to = 0
        self._pressed = 0.0
        # Until when a notice is on the screen, by its text.
        self._up: dict[str, float] = {}

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.Key, events.MouseDown)):
            self._pressed = time.monotonic()
        await super().on_event(event)

    @property
    def touched(self) -> bool:
        """Whether a key was pressed already."""
        return self._pressed > 0

    def tell_error(self, error: BaseException, doing: str = "") -> None:
        """Show what went wrong, where, and what to do; kept in the list of messages."""
        from engine.errors import AmlError

        if isinstance(error, AmlError):
            self._say(str(error), "error", error.message, error.where, error.remedy)
        else:
            text = f"{type(error).__name__}: {error}"
            self._say(f"{doing}: {text}" if doing else text, "error", text, doing)

    def tell(self, text: str, severity: str = "information") -> None:
        """A short notice that goes away by itself, and stays in the list of messages."""
        self._say(text, severity)

    def _say(self, text: str, severity: str, *parts: str) -> None:
        from tui.plain import plain_lines

        shown, *told = (plain_lines(one) for one in (text, *parts))
        self._told += 1
        self.said = [*self.said[-KEPT + 1 :], Said(self.clock(), severity, shown, self._told, *told)]
        stays = max(STAYS.get(severity, 0.0), len(shown[:SHOWN]) / CHARACTERS_A_SECOND)
        level: Any = severity
        brief = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}\n(there is more in the list of messages)"
        now = time.monotonic()
        self._up = {one: until for one, until in self._up.items() if until > now}
        if shown not in self._up:
            # Once is enough of what is there still: one more beneath it would only hide more.
            self._up[shown] = now + stays
            super().notify(brief, severity=level, timeout=stays, markup=False)
        if severity == "error":
            self.set_timer(stays, partial(self._gone, self._told, time.monotonic()))
        self._tell_listeners()

    def _gone(self, number: int, since: float) -> None:
        """An error's notice is gone: was anybody there?"""
        if number > self._read_to and (self.looking_away or self._pressed < since):
            self.missed += 1
            self._tell_listeners()

    def read_all(self) -> None:
        """The list of messages is open: nothing is missed, and notices are in its way."""
        self._read_to = self._told
        self.missed = 0
        self._up.clear()
        self.clear_notifications()
        self._tell_listeners()

    def _tell_listeners(self) -> None:
        for listener in list(self.said_listeners):
            listener()

    def notify(self, message: str, **options: Any) -> None:
        """Textual's own, without markup: what is told often holds text from outside."""
        from tui.plain import plain_lines

        options["markup"] = False
        super().notify(plain_lines(message), **options)

    def on_app_blur(self) -> None:
        self.looking_away = True

    def on_app_focus(self) -> None:
        self.looking_away = False
