"""The SSH servers, people, agents and networks of the tests are what they are taken for."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest

from tests.services import network, ownership
from tests.services.people import make_key
from tests.services.ssh_fixtures import PASSWORD
from tests.services.sshd import keyboard_interactive
from tests.services.sweeping import sweep
from tests.waiting import until, until_async

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.services.agent import SshAgent
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeMachine, MakeSlowLink, MakeSshd
    from tests.services.sshd import Sshd

KILLED = """
import subprocess
from tests.services.network import FarMachine
from tests.services.people import Person
from tests.services.sshd import Sshd
person, machine = Person("carol", "pw"), FarMachine()
sshd = Sshd(machine=machine)
sshd.start()
subprocess.Popen(["sleep", "600"], user=person.uid, group=person.gid, cwd=person.home, start_new_session=True)
print(person.name, machine.name, machine.link, sshd.pid, sshd.root, flush=True)
input()
"""
FILLED = """
from tests.services import ownership
root = ownership.new_folder("full")
for number in range(2000):
    (root / str(number)).touch()
print(root)
"""
SWEEPER = """
import sys
from tests.services.sweeping import sweep
print("ready", flush=True)
sys.stdin.read()
sweep()
"""


def connect(sshd: Sshd, person: Person, **options: Any) -> Any:
    """asyncssh, with nothing taken from this machine's own SSH configuration."""
    plain: dict[str, Any] = {"client_keys": None, "agent_path": None, "config": None}
    known = asyncssh.import_known_hosts(sshd.known_hosts())
    return asyncssh.connect(sshd.address, sshd.port, username=person.name, known_hosts=known, **{**plain, **options})


def test_a_key_lets_in_and_is_counted(sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    done = sshd.ssh(alice, "whoami; pwd", key=alice_key)
    assert done.stdout.split() == [alice.name, str(alice.home)], done.stderr
    until(lambda: (sshd.connections, sshd.sessions, sshd.logins) == (1, ["command"], [f"publickey {alice.name}"]))


def test_another_key_does_not(sshd: Sshd, alice: Person, alice_key: KeyPair, tmp_path: Path) -> None:
    done = sshd.ssh(alice, "true", key=make_key(tmp_path / "other", "rsa"))
    assert (done.returncode, sshd.logins) == (255, [])
    assert "Permission denied" in done.stderr


async def test_a_password_lets_in_and_a_wrong_one_is_counted(sshd: Sshd, alice: Person) -> None:
    async with connect(sshd, alice, password=PASSWORD) as connection:
        assert (await connection.run("echo $HOME", check=True)).stdout == f"{alice.home}\n"
        await until_async(lambda: sshd.open_connections == 1)
    with pytest.raises(asyncssh.PermissionDenied):
        await connect(sshd, alice, password="wrong")
    await until_async(lambda: sshd.logins == sshd.refusals == [f"password {alice.name}"])
    await until_async(lambda: sshd.open_connections == 0)


async def test_keyboard_interactive_alone(make_sshd: MakeSshd, alice: Person) -> None:
    sshd = make_sshd(**keyboard_interactive())
    asked: list[str] = []

    class Client(asyncssh.SSHClient):
        def kbdint_auth_requested(self) -> str:
            return ""

        def kbdint_challenge_received(
            self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
        ) -> list[str]:
            asked.extend(prompt for prompt, _ in prompts)
            return [PASSWORD] * len(prompts)

    async with connect(sshd, alice, client_factory=Client, preferred_auth="keyboard-interactive"):
        assert asked[0].strip() == "Password:"
    await until_async(lambda: sshd.logins == [f"keyboard-interactive/pam {alice.name}"])


async def test_a_second_session_is_refused(make_sshd: MakeSshd, alice: Person) -> None:
    sshd = make_sshd(MaxSessions=1)
    async with connect(sshd, alice, password=PASSWORD) as connection:
        async with connection.create_process("cat"):
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.run("true")
        await until_async(lambda: sshd.sessions == ["command"])


def test_a_changed_host_key_is_refused(sshd: Sshd, alice: Person, alice_key: KeyPair, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(sshd.known_hosts())
    before = sshd.fingerprint
    options = ["-o", f"UserKnownHostsFile={known}"]
    assert sshd.ssh(alice, "true", key=alice_key, options=options).returncode == 0
    sshd.change_host_key()
    done = sshd.ssh(alice, "true", key=alice_key, options=options)
    assert done.returncode == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr
    assert sshd.fingerprint in done.stderr
    assert sshd.fingerprint != before
    assert sshd.ssh(alice, "true", key=alice_key).returncode == 0


def test_an_agent_lets_in(sshd: Sshd, alice: Person, ssh_agent: SshAgent, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", passphrase="only the agent is told")
    alice.authorize(key)
    assert sshd.ssh(alice, "true", key=key).returncode == 255
    ssh_agent.add(key)
    assert ssh_agent.fingerprints() == [key.fingerprint]
    options = ["-o", f"IdentityAgent={ssh_agent.socket}"]
    done = sshd.ssh(alice, "true", options=options)
    assert done.returncode == 0, done.stderr
    ssh_agent.clear()
    assert sshd.ssh(alice, "true", options=options).returncode == 255


def test_what_a_shell_says_at_its_start(sshd: Sshd, alice: Person, alice_key: KeyPair) -> None:
    alice.set_bashrc("echo Welcome aboard\n")
    assert sshd.ssh(alice, "echo hello", key=alice_key).stdout == "Welcome aboard\nhello\n"


async def test_who_is_in_stays_when_the_server_stops_and_not_when_it_is_killed(sshd: Sshd, alice: Person) -> None:
    async with connect(sshd, alice, password=PASSWORD) as connection:
        sshd.stop()
        assert (await connection.run("echo on")).stdout == "on\n"
        with pytest.raises(ConnectionRefusedError):
            await connect(sshd, alice, password=PASSWORD)
        sshd.start()
        async with connect(sshd, alice, password=PASSWORD):
            await until_async(lambda: sshd.open_connections == 2)
        sshd.kill()
        await connection.wait_closed()


async def test_a_frozen_server_answers_later(sshd: Sshd, alice: Person) -> None:
    async with connect(sshd, alice, password=PASSWORD) as connection:
        sshd.freeze()
        answer = asyncio.ensure_future(connection.run("echo late"))
        done, _ = await asyncio.wait([answer], timeout=0.3)
        assert not done
        sshd.thaw()
        assert (await answer).stdout == "late\n"


def test_ip_version_6(make_sshd: MakeSshd, alice: Person, alice_key: KeyPair) -> None:
    sshd = make_sshd(address="::1")
    assert sshd.ssh(alice, "echo $SSH_CONNECTION", key=alice_key).stdout.startswith("::1 ")


async def test_a_machine_is_cut_off_and_comes_back(
    make_machine: MakeMachine, make_sshd: MakeSshd, alice: Person
) -> None:
    machine = make_machine("gpu-a")
    sshd = make_sshd(machine=machine)
    async with connect(sshd, alice, password=PASSWORD) as connection:
        process = await connection.create_process("hostname; read a; echo $a; read a; echo $a")
        assert await process.stdout.readline() == "gpu-a\n"
        machine.cut()
        process.stdin.write("one\n")
        answer = asyncio.ensure_future(process.stdout.readline())
        done, _ = await asyncio.wait([answer], timeout=0.3)
        assert not done
        with pytest.raises(OSError, match="No route to host"):
            await connect(sshd, alice, password=PASSWORD)
        machine.mend()
        assert await answer == "one\n"
        machine.switch_off()
        with pytest.raises(TimeoutError):
            await connect(sshd, alice, password=PASSWORD, connect_timeout=0.3)
        process.stdin.write("two\n")
        machine.switch_on()
        assert await process.stdout.readline() == "two\n"


async def test_a_machine_that_is_reached_only_through_another(
    make_machine: MakeMachine, make_sshd: MakeSshd, alice: Person
) -> None:
    door = make_machine("door")
    inner = make_machine("inner", behind=door)
    first, second = make_sshd(machine=door), make_sshd(machine=inner)
    with pytest.raises(OSError, match="No route to host"):
        await connect(second, alice, password=PASSWORD)
    async with (
        connect(first, alice, password=PASSWORD) as tunnel,
        connect(second, alice, password=PASSWORD, tunnel=tunnel) as connection,
    ):
        assert (await connection.run("hostname")).stdout == "inner\n"
        inner.cut()
        with pytest.raises(asyncssh.ChannelOpenError):
            await connect(second, alice, password=PASSWORD, tunnel=tunnel)


def test_a_machine_moves(make_machine: MakeMachine, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair) -> None:
    machine = make_machine()
    sshd = make_sshd(machine=machine, ListenAddress="0.0.0.0")
    before = machine.address
    assert machine.change_address() != before
    done = sshd.ssh(alice, "echo $SSH_CONNECTION", key=alice_key)
    assert done.stdout.split()[2:] == [machine.address, "22"], done.stderr


def test_a_machine_that_was_started_again(
    make_machine: MakeMachine, make_sshd: MakeSshd, alice: Person, alice_key: KeyPair
) -> None:
    boot_id = "/proc/sys/kernel/random/boot_id"
    machine = make_machine()
    sshd = make_sshd(machine=machine)
    run = "setsid sleep 600 >/dev/null 2>&1 </dev/null & cat " + boot_id
    assert sshd.ssh(alice, run, key=alice_key).stdout == Path(boot_id).read_text()
    until(lambda: "sleep 600" in alice.processes().values())
    machine.reboot()
    assert (alice.processes(), machine.processes()) == ({}, [])
    sshd.restart()
    other = sshd.ssh(alice, f"cat {boot_id}", key=alice_key).stdout
    assert other not in ("", Path(boot_id).read_text())


async def test_a_slow_link(sshd: Sshd, alice: Person, make_slow_link: MakeSlowLink) -> None:
    link = make_slow_link((sshd.address, sshd.port))
    options = {"username": alice.name, "password": PASSWORD, "known_hosts": None, "config": None, "client_keys": None}
    async with asyncssh.connect(link.address, link.port, **options) as connection:
        process = await connection.create_process("cat")

        async def there_and_back() -> float:
            began = time.monotonic()
            process.stdin.write("x\n")
            assert await process.stdout.readline() == "x\n"
            return time.monotonic() - began

        await there_and_back()
        link.delay, before = 0.1, link.carried
        assert await there_and_back() >= 0.2
        assert 40 < link.carried - before < 1000
        link.delay = 0.0
        link.stall()
        answer = asyncio.ensure_future(there_and_back())
        done, _ = await asyncio.wait([answer], timeout=0.3)
        assert not done
        link.resume()
        assert await answer >= 0.3
        assert link.connections == 1
        link.reset()
        await connection.wait_closed()


def test_nothing_is_left_of_a_killed_test_process(ssh_needed: None, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        person, machine, link, pid, root = other.stdout.readline().split()
        sweep()
        assert Path(root).exists()
        assert f"{person}:" in Path("/etc/passwd").read_text()
        other.send_signal(signal.SIGKILL)
        other.wait()
    sweep()
    assert f"{person}:" not in Path("/etc/passwd").read_text()
    assert not (network.NAMESPACES / machine).exists()
    assert not Path("/sys/class/net", link).exists()
    assert ownership.processes(lambda entry: entry.name == pid) == []
    assert not Path(root).exists()


def test_who_sweeps_is_not_swept_by_others(ssh_needed: None) -> None:
    root = Path(subprocess.check_output([sys.executable, "-c", FILLED], text=True).strip())
    with contextlib.ExitStack() as stack:
        sweepers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", SWEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(4)
        ]
        for one in sweepers:
            assert one.stdout is not None
            one.stdout.readline()
        for one in sweepers:
            assert one.stdin is not None
            one.stdin.close()
        assert [one.wait() for one in sweepers] == [0, 0, 0, 0]
    assert not root.exists()
