"""Reaching a machine while a person looks: the steps, the questions, what becomes of the connection."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.errors import NotFound
from engine.hosts.ssh.doctor import Checkup
from engine.hosts.ssh.host import SshHost
from engine.project.machine import Machine
from tests.engine.looking import looked
from tests.engine.ssh_bench import ssh_config
from tests.services.ssh_fixtures import PASSWORD
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeSshd
    from tests.services.sshd import Sshd

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def engine(home: Paths, tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    monkeypatch.setenv("AML_TUI_SSH_CONFIG", str(ssh_config(tmp_path, sshd)))
    one = Engine(home)
    await one.start()
    yield one
    await one.stop()


def machine_of(sshd: Sshd, person: Person, **more: Any) -> Machine:
    return Machine(sshd.address, sshd.port, person.name, **more)


async def test_every_step_is_told_and_the_connection_is_kept(
    engine: Engine, sshd: Sshd, alice: Person, alice_key: KeyPair
) -> None:
    machine = machine_of(sshd, alice, private_key_file=str(alice_key.path))
    told = await looked(engine, engine.attempt(machine, {"kind": "remote"}))
    assert told["state"] == "ok", told
    names = [
        "resolve",
        "tcp",
        "host key",
        "authenticate",
        "shell",
        "python",
        "agent",
        "disk",
        "clock",
        "linger",
        "docker",
        "gpus",
    ]
    assert [(step["name"], step["state"]) for step in told["steps"]] == [(name, "ok") for name in names]
    assert "Python 3." in told["by"]["python"]["detail"]
    assert told["asked"] == []
    await until_async(lambda: engine.status()["hosts"].get(machine.name) == "connected")
    assert len(sshd.logins) == 1


async def test_who_connects_meanwhile_and_an_attempt_keep_one_connection(
    engine: Engine, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(sshd, alice, private_key_file=str(alice_key.path))
    engine._machines.know(machine)
    begun, go = asyncio.Event(), asyncio.Event()
    real = SshHost.connect

    async def held(self: SshHost) -> None:
        # The link is on its way by itself when the attempt arrives.
        if self._given is None and not self.connected:
            begun.set()
            await go.wait()
        await real(self)

    monkeypatch.setattr(SshHost, "connect", held)
    connecting = asyncio.create_task(engine.connect(machine.name))
    await begun.wait()
    assert (await looked(engine, engine.attempt(machine, {"kind": "remote"})))["state"] == "ok"
    go.set()
    await connecting
    await until_async(lambda: len(sshd.logins) == 2)
    await until_async(lambda: sshd.open_connections == 1)
    assert engine.status()["hosts"][machine.name] == "connected"


async def test_an_unknown_host_key_is_asked_about_once(
    engine: Engine, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair
) -> None:
    other = make_sshd()
    machine = machine_of(other, alice, private_key_file=str(alice_key.path))
    told = await looked(engine, engine.attempt(machine, {"kind": "remote"}), {"host key": "no"})
    assert (told["state"], told["by"]["host key"]["state"]) == ("failed", "failed")
    assert other.fingerprint in told["asked"][0]["text"]
    assert other.logins == []
    told = await looked(engine, engine.attempt(machine, {"kind": "remote"}), {"host key": "yes"})
    assert told["state"] == "ok"
    await engine.stop()
    again = engine = Engine(engine.paths)
    await again.start()
    told = await looked(again, again.attempt(machine, {"kind": "remote"}))
    assert (told["state"], told["asked"]) == ("ok", [])
    await again.stop()


async def test_a_password_is_asked_for_and_a_wrong_one_is_not_repeated(
    engine: Engine, sshd: Sshd, alice: Person
) -> None:
    machine = machine_of(sshd, alice)
    told = await looked(engine, engine.attempt(machine, {"kind": "remote", "secrets": {"password": "wrong"}}))
    assert told["state"] == "failed"
    assert told["by"]["authenticate"]["state"] == "failed"
    assert told["by"]["shell"]["state"] == "skipped"
    await until_async(lambda: len(sshd.refusals) == 1)
    told = await looked(engine, engine.attempt(machine, {"kind": "remote"}), {"password": PASSWORD})
    assert told["state"] == "ok"
    assert [one["kind"] for one in told["asked"]] == ["password"]
    assert "wrong" not in str(told)
    assert PASSWORD not in str(told)


async def test_a_made_key_is_installed_with_the_password_and_then_used_alone(
    engine: Engine, sshd: Sshd, alice: Person
) -> None:
    reference = engine._keys.make_key("aml-tui")
    machine = machine_of(sshd, alice)
    asked = {"kind": "remote", "install": reference, "secrets": {"password": PASSWORD}}
    for number in (1, 2):
        told = await looked(engine, engine.attempt(machine, asked))
        assert told["state"] == "ok", (number, told)
        assert told["by"]["install key"]["state"] == "ok"
    assert [line.split()[:2] for line in alice.authorized()] == [engine._keys.public_key(reference).split()[:2]]
    await engine.stop()
    again = Engine(engine.paths)
    await again.start()
    told = await looked(again, again.attempt(dataclasses.replace(machine, private_key=reference), {"kind": "remote"}))
    await again.stop()
    assert (told["state"], told["asked"]) == ("ok", [])


async def test_the_shell_is_what_it_is(engine: Engine, sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    """Start-up files that print, also what looks like ours, and take their time."""
    alice.set_bashrc("echo hello; echo aml-hosts; printf 'no line end'; echo noise >&2; read -t 0.6 < /dev/zero\n")
    machine = machine_of(sshd, alice, private_key_file=str(alice_key.path))
    told = await looked(engine, engine.attempt(machine, {"kind": "remote"}))
    assert told["state"] == "ok", told
    assert "which are skipped" in told["by"]["shell"]["detail"]


@pytest.mark.parametrize("shell", ["/bin/dash", "/usr/sbin/nologin"])
async def test_other_shells(engine: Engine, sshd: Sshd, alice: Person, alice_key: KeyPair, shell: str) -> None:
    alice.set_shell(shell)
    machine = machine_of(sshd, alice, private_key_file=str(alice_key.path))
    told = await looked(engine, engine.attempt(machine, {"kind": "remote"}))
    if shell.endswith("nologin"):
        assert told["by"]["shell"]["state"] == "failed"
        assert "not available" in told["by"]["shell"]["detail"]
    else:
        assert told["state"] == "ok", told


async def test_one_session_is_enough(engine: Engine, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair) -> None:
    narrow = make_sshd(MaxSessions=1)
    machine = machine_of(narrow, alice, private_key_file=str(alice_key.path))
    told = await looked(engine, engine.attempt(machine, {"kind": "remote"}), {"host key": "yes"})
    assert told["state"] == "ok", told


async def test_what_is_no_linux_is_refused(
    engine: Engine, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair
) -> None:
    alice.write("bin/uname", "#!/bin/sh\necho Darwin\n", 0o755)
    other = make_sshd(SetEnv=[f"PATH={alice.home}/bin:/usr/bin:/bin"])
    machine = machine_of(other, alice, private_key_file=str(alice_key.path))
    told = await looked(engine, engine.attempt(machine, {"kind": "remote"}), {"host key": "yes"})
    assert told["by"]["shell"]["state"] == "failed"
    assert "only Linux" in told["by"]["shell"]["detail"]


async def test_a_python_that_is_not_there(engine: Engine, sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    machine = machine_of(sshd, alice, private_key_file=str(alice_key.path))
    told = await looked(engine, engine.attempt(machine, {"kind": "remote", "python": "/opt/none/bin/python"}))
    assert told["by"]["python"]["state"] == "failed"
    assert "pythonLocation" in told["by"]["python"]["remedy"]
    assert told["by"]["agent"]["state"] == "skipped"


async def test_docker_or_why_not(engine: Engine, sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    machine = machine_of(sshd, alice, private_key_file=str(alice_key.path))
    told = await looked(engine, engine.attempt(machine, {"kind": "remotedocker"}))
    assert told["by"]["docker"]["state"] == "failed"
    assert told["by"]["docker"]["remedy"]
    assert told["state"] == "failed"


async def test_one_that_is_stopped_late_leaves_no_connection(
    engine: Engine, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = asyncio.Event()

    async def endless(self: Checkup, host: SshHost) -> None:
        there.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(Checkup, "_look_at_gpus", endless)
    attempt = engine.attempt(machine_of(sshd, alice, private_key_file=str(alice_key.path)), {"kind": "remote"})
    await there.wait()
    await until_async(lambda: sshd.open_connections == 1)
    await engine.stop_attempt(attempt)
    await until_async(lambda: sshd.open_connections == 0)


async def test_what_nobody_looks_at_ends(
    engine: Engine, sshd: Sshd, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.attempts.LOOK", 0.1)
    monkeypatch.setattr("engine.attempts.FORGOTTEN", 3.0)
    attempt = engine.attempt(machine_of(sshd, alice), {"kind": "remote"})
    told = await engine.look(attempt, 0)
    while told["question"] is None:
        told = await engine.look(attempt, told["serial"])

    await until_async(lambda: attempt not in engine._attempts._attempts)
    with pytest.raises(NotFound):
        await engine.look(attempt, 0)
    await until_async(lambda: sshd.open_connections == 0)
