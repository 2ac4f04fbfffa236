"""The machines the engine has heard of, and the way to each: this one by a child process, others over SSH."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.errors import NotFound
from engine.hosts.local import LocalHost
from engine.hosts.ssh.host import SshHost
from engine.project.machine import Machine

if TYPE_CHECKING:
    from engine.hosts.host import Host
    from engine.hosts.ssh.answers import Answers
    from engine.hosts.ssh.login import Login
    from engine.paths import Paths
    from engine.runs.model import RunPlan
    from engine.secrets import KeyStore

LOCAL = "local"


class Machines:
    """Hosts by their names. `answers` is what people have answered, for the life of this engine."""

    def __init__(self, paths: Paths, keys: KeyStore, answers: Answers) -> None:
        self.keys = keys
        self.answers = answers
        self.environ = dict(os.environ)
        self._paths = paths
        self._known: dict[str, Machine] = {}
        self._offered: dict[str, SshHost] = {}

    def learn(self, plan: RunPlan, anew: bool = True) -> None:
        """What a plan says of how its host is reached; said last counts.

        `anew`: False for the plan of a run that may be over long since: what is known already counts.
        """
        told = plan.options.get("ssh")
        machine = Machine.from_json(told) if told else None
        if machine is not None and (anew or machine.name not in self._known):
            self.know(machine)

    def use_agent(self, socket: str) -> None:
        """The ssh-agent of the face that asked last: that of the login the engine was started in may be gone."""
        if socket:
            self.environ["SSH_AUTH_SOCK"] = socket

    def know(self, machine: Machine) -> str:
        """Its name, by which it can be had from now on."""
        self._known[machine.name] = machine
        return machine.name

    def host(self, name: str) -> Host:
        """A host that is not connected yet, or one that somebody connected meanwhile. Raises NotFound."""
        if name == LOCAL:
            return LocalHost(self._paths)
        offered = self._offered.pop(name, None)
        if offered is not None:
            return offered
        return self.over_ssh(self._machine(name))

    def over_ssh(self, machine: Machine, login: Login | None = None) -> SshHost:
        """`login`: one that is there already. Later ones are made with nobody to ask."""
        return SshHost(
            machine,
            paths=self._paths,
            keys=self.keys,
            answers=self.answers,
            environ=self.environ,
            login=login,
        )

    def offer(self, host: SshHost) -> SshHost | None:
        """Have this connected host used, in place of a new connection, by whoever needs it next.

        Returns the one that was on offer before and is not any more.
        """
        before = self._offered.pop(host.name, None)
        self._offered[host.name] = host
        return before

    async def withdraw(self, name: str) -> None:
        """What was offered and is not needed."""
        host = self._offered.pop(name, None)
        if host is not None:
            await host.close()

    async def close(self) -> None:
        for name in list(self._offered):
            await self.withdraw(name)

    def check(self, name: str) -> None:
        """Raises NotFound for a host that nobody has told how to reach."""
        if name != LOCAL:
            self._machine(name)

    def _machine(self, name: str) -> Machine:
        known = self._known.get(name)
        if known is None:
            raise NotFound(
                f"this engine has not been told how the host {name!r} is reached.",
                where=name,
                remedy="Press t on its target in the console, or type `aml computetarget test -n NAME`.",
            )
        return known
