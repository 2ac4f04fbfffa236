"""Fixtures of SSH: servers, people, keys, an agent, machines that can be cut off. All of it is gone after the test."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.services import network
from tests.services.agent import SshAgent
from tests.services.docker import DockerEngine
from tests.services.network import FarMachine
from tests.services.people import KeyPair, Person, make_key
from tests.services.slow_link import SlowLink
from tests.services.sshd import Sshd, missing
from tests.services.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct horse 4711"


class MakeSshd(Protocol):
    def __call__(self, **options: Any) -> Sshd: ...


class MakePerson(Protocol):
    def __call__(self, label: str = "bob", password: str = "", **more: Any) -> Person: ...


class MakeMachine(Protocol):
    def __call__(self, label: str = "far", behind: FarMachine | None = None) -> FarMachine: ...


class MakeDockerEngine(Protocol):
    def __call__(self, machine: FarMachine | None = None, group: str = "") -> DockerEngine: ...


class MakeSlowLink(Protocol):
    def __call__(self, target: tuple[str, int], delay: float = 0.0) -> SlowLink: ...


@pytest.fixture(scope="session")
def ssh_needed() -> None:
    """Where there can be no SSH server, that is said, and in CI it is a failure. Removes what killed tests left."""
    why = missing()
    if why:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"NO SSH SERVER: {why}")
    sweep()


@pytest.fixture
def make_person(ssh_needed: None) -> Iterator[MakePerson]:
    """System users: see Person for what they can be given."""
    with contextlib.ExitStack() as stack:

        def make(label: str = "bob", password: str = "", **more: Any) -> Person:
            person = Person(label, password, **more)
            stack.callback(person.remove)
            return person

        yield make


@pytest.fixture(scope="session")
def networks_needed(ssh_needed: None) -> None:
    """Root in a container may not have been given them."""
    why = network.missing()
    if why:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"NO NETWORK NAMESPACES: {why}")


@pytest.fixture
def make_machine(networks_needed: None, make_person: MakePerson) -> Iterator[MakeMachine]:
    """Machines that can be cut off; `make_sshd(machine=...)` starts a server on one."""
    with contextlib.ExitStack() as stack:

        def make(label: str = "far", behind: FarMachine | None = None) -> FarMachine:
            machine = FarMachine(label, behind)
            stack.callback(machine.remove)
            return machine

        yield make


@pytest.fixture
def make_sshd(make_person: MakePerson) -> Iterator[MakeSshd]:
    """Servers that listen already: see Sshd for the options. They end before the people whom they let in."""
    with contextlib.ExitStack() as stack:

        def make(**options: Any) -> Sshd:
            one = Sshd(**options)
            stack.callback(one.close)
            one.start()
            return one

        yield make


@pytest.fixture
def make_docker_engine(docker_needed: None, make_machine: MakeMachine) -> Iterator[MakeDockerEngine]:
    """Docker Engines without images that answer already, also on machines that can be cut off: see DockerEngine."""
    with contextlib.ExitStack() as stack:

        def make(machine: FarMachine | None = None, group: str = "") -> DockerEngine:
            engine = DockerEngine(machine=machine, group=group)
            stack.callback(engine.close)
            engine.start()
            return engine

        yield make


@pytest.fixture
def sshd(make_sshd: MakeSshd) -> Sshd:
    """A server on loopback that takes keys and passwords."""
    return make_sshd()


@pytest.fixture
def alice(make_person: MakePerson) -> Person:
    """Somebody with the password PASSWORD, whom no key lets in yet."""
    return make_person("alice", PASSWORD)


@pytest.fixture
def alice_key(alice: Person, tmp_path: Path) -> KeyPair:
    """An ed25519 key without a passphrase that lets in as alice."""
    key = make_key(tmp_path / "alice_key")
    alice.authorize(key)
    return key


@pytest.fixture
def ssh_agent(ssh_needed: None) -> Iterator[SshAgent]:
    """An agent without keys. Nothing in the environment names it."""
    agent = SshAgent()
    try:
        agent.start()
        yield agent
    finally:
        agent.close()


@pytest.fixture
def make_slow_link() -> Iterator[MakeSlowLink]:
    """Relays on loopback: see SlowLink."""
    with contextlib.ExitStack() as stack:

        def make(target: tuple[str, int], delay: float = 0.0) -> SlowLink:
            link = SlowLink(target, delay)
            link.start()
            stack.callback(link.close)
            return link

        yield make
