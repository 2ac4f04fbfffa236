"""A head node's test, and an engine that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.project.machine import Machine
from tests.engine.looking import looked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.services.spark_fixtures import HeadNode


class Tested(Protocol):
    async def __call__(self, head: HeadNode, **asked: Any) -> dict[str, Any]: ...


def machine_of(head: HeadNode) -> Machine:
    return Machine(head.sshd.address, head.sshd.port, head.person.name, private_key_file=str(head.key.path))


@pytest_asyncio.fixture
async def engine(home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    config = tmp_path / "ssh_config"
    known = f"  UserKnownHostsFile {tmp_path / 'known_hosts'}\n  GlobalKnownHostsFile none\n"
    config.write_text(f"Host *\n{known}  IdentityFile none\n  IdentityAgent none\n")
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(config))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    one = Engine(home)
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
def tested(engine: Engine) -> Tested:
    """A test of a head node as somebody makes it who knows the machine; `asked`: what else the attempt is told."""

    async def test(head: HeadNode, **asked: Any) -> dict[str, Any]:
        attempt = engine.attempt(machine_of(head), {"kind": "cluster", **asked})
        return await looked(engine, attempt, {"host key": "yes"})

    return test
