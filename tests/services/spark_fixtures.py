"""Fixtures of Spark on YARN: a cluster, and head nodes that people log in to. Nothing of theirs outlives the test."""

from __future__ import annotations

import contextlib
import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.services import hadoop, ownership
from tests.services.people import make_key
from tests.services.ssh_fixtures import PASSWORD
from tests.services.yarn import Yarn

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakePerson, MakeSshd
    from tests.services.sshd import Sshd


@dataclass(frozen=True)
class HeadNode:
    """An SSH server of the cluster and somebody who may log in there, with `key` or PASSWORD.

    `bin`: a folder before all others on PATH there, for a conda, or for a program in the place of a real one.
    """

    yarn: Yarn
    sshd: Sshd
    person: Person
    key: KeyPair
    bin: Path

    def ssh(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What OpenSSH's own client tells of a command there."""
        return self.sshd.ssh(self.person, shlex.join(command), key=self.key)

    def put(self, name: str, script: str) -> None:
        """A program on PATH."""
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)


class MakeYarn(Protocol):
    def __call__(self, **options: Any) -> Yarn: ...


class MakeHeadNode(Protocol):
    def __call__(self, yarn: Yarn, person: Person | None = None, **options: Any) -> HeadNode: ...


@pytest.fixture(scope="session")
def yarn_needed(ssh_needed: None) -> None:
    """Where there can be no YARN, that is said, and in CI it is a failure."""
    why = hadoop.missing()
    if why:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"NO YARN: {why}")


@pytest.fixture(scope="session")
def yarn(yarn_needed: None) -> Iterator[Yarn]:
    """A cluster of 16 GB and 8 cores, to which everybody may submit."""
    with contextlib.ExitStack() as stack:
        one = Yarn()
        stack.callback(one.close)
        one.start()
        yield one


@pytest.fixture
def make_yarn(yarn_needed: None) -> Iterator[MakeYarn]:
    """Clusters of a test's own, which takes ten seconds: see Yarn for the options."""
    with contextlib.ExitStack() as stack:

        def make(**options: Any) -> Yarn:
            one = Yarn(**options)
            stack.callback(one.close)
            one.start()
            return one

        yield make


@pytest.fixture
def make_head_node(
    make_yarn: MakeYarn, make_person: MakePerson, make_sshd: MakeSshd, tmp_path: Path
) -> Iterator[MakeHeadNode]:
    """Head nodes of a cluster, several for one person if one is given; `options` are those of `make_sshd`.

    What the person has running on YARN at the end is killed.
    """
    with contextlib.ExitStack() as stack:

        def make(yarn: Yarn, person: Person | None = None, **options: Any) -> HeadNode:
            who = person or make_person("sshuser", PASSWORD)
            folder = ownership.new_folder("head")
            stack.callback(ownership.remove_folder, folder)
            key = make_key(tmp_path / f"{folder.name}_key")
            who.authorize(key, *who.authorized())
            variables = yarn.environment
            variables["PATH"] = f"{folder}:{variables['PATH']}"
            words = " ".join(f"{name}={value}" for name, value in variables.items())
            server = make_sshd(SetEnv=words, **options)
            stack.callback(_end, yarn, who)
            return HeadNode(yarn, server, who, key, folder)

        yield make


def _end(cluster: Yarn, person: Person) -> None:
    """First what could submit more of it. A cluster that does not answer is gone, with all that it ran."""
    person.end_processes()
    with contextlib.suppress(OSError):
        if cluster.resource_manager.running:
            cluster.end_applications(person.name)


@pytest.fixture
def head_node(yarn: Yarn, make_head_node: MakeHeadNode) -> HeadNode:
    """A head node of the session's cluster, and somebody of the test's own."""
    return make_head_node(yarn)
