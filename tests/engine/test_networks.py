"""Bad networks: runs go on, and on return everything catches up. Machines are namespaces that can be cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.hosts.ssh.host import SshHost
from engine.runs import outages, tails
from engine.runs.model import State
from tests.engine.far_bench import ends_well, far_bench, talking
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.network import FarMachine
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeMachine, MakeSshd

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


@pytest.fixture
def machine(make_machine: MakeMachine) -> FarMachine:
    return make_machine()


@pytest_asyncio.fixture
async def far(
    project: Path,
    home: Paths,
    machine: FarMachine,
    make_sshd: MakeSshd,
    alice: Person,
    alice_key: KeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[SshBench]:
    sshd = make_sshd(machine=machine, ListenAddress="0.0.0.0")
    # Silence is noticed in two seconds here, not in twenty.
    monkeypatch.setattr(SshHost, "ping_after", 0.5)
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch, 60.0) as one:
        yield one
        machine.switch_on()
        machine.mend()


@pytest.mark.parametrize("how", ["cut", "switch_off"])
async def test_a_run_goes_on_without_us(far: SshBench, machine: FarMachine, how: str) -> None:
    go = far.alice.home / "go"
    (run,) = await talking(far)
    await until_async(lambda: b"line 50\n" in far.log(run), 30)
    getattr(machine, how)()
    await until_async(lambda: far.run(run).unreachable_since is not None, 30)
    assert far.run(run).state is State.RUNNING
    assert far.engine.status()["hosts"][far.host] == "unreachable"
    seen = len(far.log(run))
    {"cut": machine.mend, "switch_off": machine.switch_on}[how]()
    await until_async(lambda: far.run(run).unreachable_since is None, 60)
    (outage,) = outages.read(far.paths.mirror(run.id))
    assert outage.offset == seen
    assert outage.since < outage.until
    await until_async(lambda: len(far.log(run)) > seen + 1000, 30)
    go.write_text("")
    await ends_well(far, run, 60)


async def test_the_end_comes_before_the_gap(far: SshBench, machine: FarMachine) -> None:
    go = far.alice.home / "go"
    far.script(
        "burst.py",
        """
        import os, sys, time
        print("begun", flush=True)
        while not os.path.exists(sys.argv[1]):
            time.sleep(0.02)
        for number in range(60_000):
            print("a line of the gap, some 80 bytes long, which nobody waits for so much ...", number)
        print("now", flush=True)
        while not os.path.exists(sys.argv[1] + "2"):
            time.sleep(0.02)
        """,
    )
    run = await far.submit("burst.py", str(go), config="far")
    await until_async(lambda: b"begun" in far.log(run), 30)
    machine.cut()
    await until_async(lambda: far.run(run).unreachable_since is not None, 30)
    go.write_text("")
    there = far.root / "runs" / run.id / "logs/driver.log"
    await until_async(lambda: there.read_bytes().endswith(b"now\n"), 30)
    seen = []
    write = tails.Tail.write

    def noted(self: tails.Tail, offset: int, data: bytes) -> None:
        write(self, offset, data)
        seen.append((len(far.log(run)), tails.read(far.paths.mirror(run.id), 1 << 20)))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tails.Tail, "write", noted)
        machine.mend()
        await until_async(lambda: far.log(run).endswith(b"now\n"), 60)
    size, tail = seen[0]
    assert tail is not None
    assert tail[0] > size + 1_000_000
    assert tail[1].endswith(b"now\n")
    go.with_name("go2").write_text("")
    assert (await far.end(run, 60)).state is State.COMPLETED
    assert far.log(run) == there.read_bytes()
    assert tails.read(far.paths.mirror(run.id), 1) is None


async def test_everything_at_once(far: SshBench, machine: FarMachine) -> None:
    """The network is cut, the server killed, the engine killed; the script ends meanwhile."""
    go = far.alice.home / "go"
    runs = await talking(far, 4)
    machine.cut()
    far.sshd.kill()
    await far.engine.stop()
    go.write_text("")
    far.engine = Engine(far.paths)
    await far.engine.start()
    await until_async(lambda: far.engine.status()["hosts"][far.host] == "unreachable", 30)
    machine.mend()
    far.sshd.start()
    for run in runs:
        await ends_well(far, run, 90)
    assert sorted(run.id for run in far.store.runs()) == sorted(run.id for run in runs)


async def test_a_half_open_connection_is_noticed(far: SshBench) -> None:
    """The server's processes stand still: nothing is refused and nothing answered."""
    go = far.alice.home / "go"
    (run,) = await talking(far)
    far.sshd.freeze()
    await until_async(lambda: far.engine.status()["hosts"][far.host] != "connected", 30)
    far.sshd.thaw()
    await until_async(lambda: far.engine.status()["hosts"][far.host] == "connected", 60)
    go.write_text("")
    await ends_well(far, run, 60)


async def test_a_rebooted_host_says_so(far: SshBench, machine: FarMachine) -> None:
    (run,) = await talking(far)
    far.sshd.kill()
    far.alice.end_processes()
    machine.reboot()
    far.sshd.start()
    done = await far.end(run, 60)
    assert done.state is State.FAILED
    assert done.reason == "lost to a restart of the host"


async def test_a_changed_host_key_is_refused_until_a_person_has_looked(far: SshBench) -> None:
    go = far.alice.home / "go"
    (run,) = await talking(far)
    before = far.sshd.fingerprint
    logins = len(far.sshd.logins)
    far.sshd.change_host_key()
    far.sshd.drop()
    await until_async(lambda: far.engine.status()["hosts"][far.host] == "host key changed", 30)
    reason = far.store.targets()[far.host].reason
    assert before in reason
    assert far.sshd.fingerprint in reason
    assert far.run(run).state is State.RUNNING
    assert len(far.sshd.logins) == logins
    # The person removes the old key and confirms the new one; then everything goes on by itself.
    known = far.project.parent / "known_hosts"
    known.write_text(far.sshd.known_hosts())
    far.engine._link_named(far.host).retry()
    go.write_text("")
    assert (await far.end(run, 60)).state is State.COMPLETED
