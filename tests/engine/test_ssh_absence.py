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
from tests.engine.far_bench import counted, far_bench, told
from tests.services.ssh_fixtures import PASSWORD
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.engine.ssh_bench import SshBench
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeMachine, MakeSshd
    from tests.services.sshd import Sshd

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

TALKER = """
import os, sys, time
number = 0
while not os.path.exists(sys.argv[1]):
    print("line", number, flush=True)
    number += 1
    time.sleep(0.01)
print("the end after", number, flush=True)
"""


async def talking(far: SshBench, count: int = 1) -> list[Run]:
    """So many runs that talk until alice has a file `go`."""
    far.script("talk.py", TALKER)
    go = far.alice.home / "go"
    runs = [await far.submit("talk.py", str(go), config="far") for _ in range(count)]
    for run in runs:
        await until_async(lambda run=run: b"line 20\n" in far.log(run), 30)
    return runs


async def ends_well(far: SshBench, run: Run) -> None:
    done = await far.end(run, 40)
    assert (done.state, done.exit_code) == (State.COMPLETED, 0)
    assert far.log(run) == (far.root / "runs" / run.id / "logs/driver.log").read_bytes()


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
            ids = [(await client.submit(one))["run_id"] for one in asked]
            for run_id in ids:
                await until_async(lambda run_id=run_id: b"line 20\n" in log_of(far, run_id), 30)
            connections = counted(lambda: sshd.connections)
            os.kill(pid, signal.SIGSTOP)
            seen = {run_id: len(log_of(far, run_id)) for run_id in ids}
            if gone:
                sshd.drop()
            there = [far.root / "runs" / run_id / "logs/driver.log" for run_id in ids]
            await until_async(lambda: all(path.stat().st_size > max(seen.values()) + 4000 for path in there), 30)
            assert {run_id: len(log_of(far, run_id)) for run_id in ids} == seen
            os.kill(pid, signal.SIGCONT)
            alice.write("go", "")
            for run_id in ids:
                await until_async(lambda run_id=run_id: far.store.run(run_id).state.ended, 40)
            for run_id, path in zip(ids, there, strict=True):
                done = far.store.run(run_id)
                assert (done.state, done.exit_code) == (State.COMPLETED, 0)
                assert log_of(far, run_id) == path.read_bytes()
            assert connections() == gone
        finally:
            os.kill(pid, signal.SIGCONT)
            await client.close()
            os.kill(pid, signal.SIGTERM)
            await until_async(lambda: not is_held(home.engine_lock), 15, "the engine to leave")
            far.engine = Engine(home)
            await far.engine.start()


def log_of(far: SshBench, run_id: str) -> bytes:
    path = far.paths.driver_log(run_id)
    return path.read_bytes() if path.exists() else b""
