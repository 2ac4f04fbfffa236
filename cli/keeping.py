"""Whether what a person types on the way to a machine may be kept, and where. Only what was right is ever kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.follow import say
from engine.project.machine import join_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cli.asking import Person
    from engine.project.machine import Machine
    from engine.secrets import KeyStore


class Keeping:
    """`own`: the password of the machine itself is kept by who made this, when the attempt is over: it is in
    `password`, "" when there is none to keep. Everything else is kept by the engine, as it is right.

    `forgets`: nothing is kept, and nobody is asked about it.
    """

    def __init__(self, person: Person, keys: KeyStore, machine: Machine, *, own: bool, forgets: bool = False) -> None:
        self.password = ""
        self._person = person
        self._keys = keys
        self._machine = machine
        self._own = own
        self._agreed: bool | None = False if forgets else None

    def keeps(self, question: Mapping[str, Any], answer: str) -> bool:
        """Whether the engine may keep this answer to a question for a password or a passphrase."""
        if self._agreed is None:
            self._agreed = self._agree()
        if self._agreed and self._own and self._is_of_the_machine(question):
            self.password = answer
            return False
        return self._agreed

    def _agree(self) -> bool:
        if self._person.there:
            return self._person.agrees(f"Keep it in {self._keys.where}?", default=True)
        # Without a person only a passphrase gets here: who attaches a target has given it for this.
        say(f"the passphrase is kept in {self._keys.where}")
        return True

    def _is_of_the_machine(self, question: Mapping[str, Any]) -> bool:
        """Its password, and not that of a jump host on the way to it: `about` is "password ann@gpu-box"."""
        kind, _, whom = str(question["about"]).partition(" ")
        user, _, place = whom.rpartition("@")
        machine = self._machine
        at_it = place == join_address(machine.address, machine.port)
        return kind == "password" and at_it and machine.username in ("", user)
