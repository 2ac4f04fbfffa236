"""Logging in as a test wants it: a configuration of its own, a key store of its own, somebody who answers as told."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from engine.hosts.asking import Answer, NeedsPerson, Nobody, Question
from engine.hosts.ssh.answers import Answers
from engine.hosts.ssh.login import Login, log_in
from engine.project.machine import Machine
from engine.secrets import KeyStore

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from tests.services.sshd import Sshd


class Somebody:
    """Answers by the kind of the question, each answer once. `asked`: every question so far."""

    def __init__(self, **answers: str | list[str]) -> None:
        self.asked: list[Question] = []
        self.keep = False
        self._answers = {
            kind.replace("_", " "): [given] if isinstance(given, str) else list(given)
            for kind, given in answers.items()
        }

    async def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        left = self._answers.get(question.kind, [])
        if not left:
            raise NeedsPerson(f"no answer to: {question.title}")
        return Answer(left.pop(0), self.keep)

    @property
    def kinds(self) -> list[str]:
        return [question.kind for question in self.asked]


class Door:
    """`said`: the steps of the last login. `environ`: what the person's environment is for it."""

    def __init__(self, folder: Path, home: Paths) -> None:
        self.folder = folder
        self.config = folder / "ssh_config"
        self.known_hosts = folder / "dot_ssh" / "known_hosts"
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "AML_TUI_SSH_CONFIG": str(self.config)}
        self.answers = Answers()
        self.keys = KeyStore(home, {"AML_TUI_KEYRING": "off"})
        self.said: list[tuple[str, str, str]] = []
        self._logins: list[Login] = []
        self.configure("")

    def configure(self, text: str, **defaults: str) -> None:
        """The person's SSH configuration; nothing of the machine the test runs on counts."""
        own = {
            "UserKnownHostsFile": str(self.known_hosts),
            "GlobalKnownHostsFile": "none",
            "IdentityFile": str(self.folder / "no_key"),
            "IdentityAgent": "none",
            **defaults,
        }
        lines = "".join(f"  {name} {value}\n" for name, value in own.items() if value)
        self.config.write_text(f"{text}\nHost *\n{lines}")

    def know(self, *servers: Sshd) -> None:
        """Their host keys are in known_hosts."""
        self.known_hosts.parent.mkdir(mode=0o700, exist_ok=True)
        self.known_hosts.write_text("".join(server.known_hosts() for server in servers))

    async def enter(self, machine: Machine, somebody: Somebody | None = None) -> Login:
        self.said = []
        login = await log_in(
            machine,
            keys=self.keys,
            ask=somebody or Nobody(),
            answers=self.answers,
            say=lambda *step: self.said.append(step),
            environ=self.environ,
        )
        self._logins.append(login)
        return login

    async def refused(self, machine: Machine, kind: type[Any], somebody: Somebody | None = None) -> Any:
        """The error with which this login ends."""
        try:
            await self.enter(machine, somebody)
        except kind as error:
            assert error.where == machine.name
            return error
        raise AssertionError(f"{machine.name} was entered")

    def detail(self, step: str) -> str:
        """What the last word about a step was."""
        return [detail for name, _, detail in self.said if name == step][-1]

    async def close(self) -> None:
        for login in self._logins:
            await login.close()


def machine(server: Sshd, person: Any, **more: Any) -> Machine:
    return Machine(address=server.address, port=server.port, username=person.name, **more)


def ran(*command: str) -> str:
    """What this says; it has to work."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
