"""Being away, and what is found on the return: a machine here that slept, another address, another password."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from engine.async_client import Client
from engine.engine import Engine
from engine.errors import HostError
from engine.hosts.ssh.host import SshHost
from engine.lock import holder, is_held
from engine.runs.model import State
from engine.secrets import new_reference, standing_reference
from tests.engine.far_bench import TALKER, counted, ends_well, far_bench, talking, told
from tests.services.ssh_fixtures import PASSWORD
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeMachine, MakeSshd
    from tests.services.sshd import Sshd

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


def with_password(far: SshBench, password: str) -> str:
    """The target has a password in the key store; the reference to it."""
    reference = new_reference("far", far.alice.name)
    far.engine._keys.put(reference, password)
    compute = far.project / "aml_config/far.compute"
    lines = [line for line in compute.read_text().splitlines() if "privateKeyFile" not in line]
    compute.write_text("\n".join([*lines, f"password: {reference}", ""]))
    return reference


async def test_a_refused_password_is_tried_once_and_never_again(
    project: Path,
    home: Paths,
    sshd: Sshd,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.runs.link.FIRST_WAIT", 0.01)
    monkeypatch.setattr("engine.runs.link.LONGEST_WAIT", 0.05)
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch) as far:
        reference = with_password(far, PASSWORD)
        (run,) = await talking(far)
        alice.set_password("another one 0815")
        sshd.drop()
        reason = await told(far, "was refused")
        assert far.store.targets()[far.host].state == "authentication needed"
        assert PASSWORD not in reason
        assert "aml computetarget test" in reason
        refused = sshd.refusals
        assert refused == [f"password {alice.name}"]
        # Nobody who asks, and no server that is started anew, makes it be sent again.
        connections = counted(lambda: sshd.connections)
        for _ in range(20):
            with pytest.raises(HostError, match="was refused"):
                await far.engine.connect(far.host)
        sshd.restart()
        other = await far.submit("talk.py", str(alice.home / "go"), config="far")
        with pytest.raises(HostError, match="was refused"):
            await far.engine.connect(far.host)
        assert (connections(), sshd.refusals) == (0, refused)
        assert far.run(run).state is State.RUNNING
        # Another password at the same place is another try, and the runs go on.
        far.engine._keys.put(reference, "another one 0815")
        await far.engine.connect(far.host)
        alice.write("go", "")
        for one in (run, other):
            await ends_well(far, one)
        assert sshd.refusals == refused


async def test_an_answer_that_was_kept_serves_the_next_engine(
    project: Path, home: Paths, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once it is refused, it is kept no longer."""
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch) as far:
        about = f"password {alice.name}@{sshd.address}:{sshd.port}"
        with_password(far, "a wrong one")
        far.engine._keys.put(standing_reference(about), PASSWORD)
        (run,) = await talking(far)
        assert sshd.refusals == [f"password {alice.name}"]
        await far.engine.stop()
        alice.set_password("another one 0815")
        far.engine = Engine(home)
        await far.engine.start()
        await told(far, "was refused")
        assert far.engine._keys.get(standing_reference(about)) is None
        assert len(sshd.refusals) == 3
        alice.set_password("a wrong one")
        await far.engine.stop()
        far.engine = Engine(home)
        await far.engine.start()
        alice.write("go", "")
        await ends_well(far, run)


async def test_a_host_with_another_address(
    project: Path,
    home: Paths,
    make_machine: MakeMachine,
    make_sshd: MakeSshd,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind a name of the SSH configuration: what stands there now is looked up for each connection."""
    monkeypatch.setattr(SshHost, "ping_after", 0.3)
    machine = make_machine()
    sshd = make_sshd(machine=machine, ListenAddress="0.0.0.0")
    monkeypatch.setattr("engine.runs.link.WORTH_TELLING", 0.0)
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch) as far:
        config, known = project.parent / "ssh_config", project.parent / "known_hosts"
        rest = config.read_text()

        def points_there() -> None:
            config.write_text(f"Host box\n  HostName {machine.address}\n  HostKeyAlias box\n  ConnectTimeout 2\n{rest}")

        points_there()
        known.write_text(sshd.known_hosts("box"))
        compute = project / "aml_config/far.compute"
        compute.write_text(compute.read_text().replace(f"{sshd.address}:22", "box"))
        (run,) = await talking(far)
        before = machine.address
        assert machine.change_address() != before
        await until_async(lambda: far.engine.status()["hosts"][f"{alice.name}@box"] == "unreachable", 30)
        await until_async(lambda: "next_try" in far.store.targets()[f"{alice.name}@box"].sample, 30)
        points_there()
        await until_async(lambda: far.engine.status()["hosts"][f"{alice.name}@box"] == "connected", 40)
        alice.write("go", "")
        await ends_well(far, run)
        assert known.read_text() == sshd.known_hosts("box")


@pytest.mark.parametrize("gone", [True, False], ids=["the servers gave up", "the connections are still there"])
async def test_a_machine_here_that_slept(
    project: Path,
    home: Paths,
    sshd: Sshd,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
    gone: bool,
) -> None:
    """The engine's process stands still, and goes on: one new connection at most, and everything catches up."""
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch) as far:
        await far.engine.stop()
        client = await Client.connect(home)
        pid = holder(home.engine_lock)["pid"]
        try:
            far.script("talk.py", TALKER)
            asked = [far.request("talk.py", str(alice.home / "go"), config="far") for _ in range(4)]
            runs = [far.store.run((await client.submit(one))["run_id"]) for one in asked]
            for run in runs:
                await until_async(lambda run=run: b"line 20\n" in far.log(run), 30)
            connections = counted(lambda: sshd.connections)
            os.kill(pid, signal.SIGSTOP)
            seen = {run.id: len(far.log(run)) for run in runs}
            if gone:
                sshd.drop()
            await until_async(lambda: all(len(far.host_log(run)) > max(seen.values()) + 4000 for run in runs), 30)
            assert {run.id: len(far.log(run)) for run in runs} == seen
            os.kill(pid, signal.SIGCONT)
            alice.write("go", "")
            for run in runs:
                await ends_well(far, run)
            assert connections() == gone
        finally:
            os.kill(pid, signal.SIGCONT)
            await client.close()
            os.kill(pid, signal.SIGTERM)
            await until_async(lambda: not is_held(home.engine_lock), 30, "the engine to leave")
            far.engine = Engine(home)
            await far.engine.start()
