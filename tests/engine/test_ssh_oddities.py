"""Machines that are not as they should be: their shells, their servers' settings, their disks, their Python."""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.runs.model import State
from tests.engine.far_bench import counted, far_bench, told
from tests.services.network import FarMachine
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.people import KeyPair, Person
    from tests.services.ssh_fixtures import MakeDockerEngine, MakeSshd
    from tests.services.sshd import Sshd

    Enter = Callable[[Sshd], AbstractAsyncContextManager[SshBench]]

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


class OddMachine(FarMachine):
    """A machine whose files look different. `changes`: what a shell does there, before anything runs, as root."""

    changes = "true"

    def command(self, *command: str) -> list[str]:
        return ["unshare", "--mount", "sh", "-c", f'{self.changes} && exec "$@"', "sh", *super().command(*command)]


@pytest.fixture
def odd_machine(networks_needed: None) -> Iterator[Callable[[str], OddMachine]]:
    with contextlib.ExitStack() as stack:

        def make(changes: str) -> OddMachine:
            machine = OddMachine()
            stack.callback(machine.remove)
            machine.changes = changes
            return machine

        yield make


@pytest_asyncio.fixture
async def enter(
    project: Path, home: Paths, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Enter]:
    yield lambda sshd: far_bench(project, home, sshd, alice, alice_key, monkeypatch)


HELLO = """
from azureml.core import Run
print("hello")
Run.get_context().log("loss", 0.5)
open("outputs/model.txt", "w").write("weights")
"""


async def runs_well(far: SshBench) -> None:
    far.script("hello.py", HELLO)
    run = await far.submit("hello.py", config="far")
    done = await far.end(run, 30)
    assert (done.state, done.exit_code, done.reason) == (State.COMPLETED, 0, "")
    assert far.log(run) == b"hello\n"
    assert [value for _, _, value in far.store.points(run.id, "loss")] == [0.5]
    assert (far.paths.host_run(run.id) / "outputs/model.txt").read_text() == "weights"


async def waits_with(far: SshBench, *words: str) -> str:
    """A run is submitted; the host is shown with these words, and the run neither ends nor is lost."""
    far.script("hello.py", HELLO)
    run = await far.submit("hello.py", config="far")
    reason = await told(far, words[0])
    assert all(word in reason for word in words), reason
    assert not far.run(run).state.ended
    return reason


@pytest.mark.parametrize("where", [">&1", ">&2"])
async def test_start_up_files_that_talk_a_lot(enter: Enter, sshd: Sshd, alice: Person, where: str) -> None:
    alice.set_bashrc(
        rf"""{{
        printf '\033[2J\033]0;title\007\r\001\377aml-host\naml-host\naml-agent-9\n'
        head -c 100000 /dev/urandom
        head -c 100000 /dev/zero | tr '\0' x
        printf '\033[?1049h no line end' ; }} {where}
        """
    )
    async with enter(sshd) as far:
        await runs_well(far)
        assert len(sshd.sessions) == 1


@pytest.mark.parametrize("options", [{"AllowTcpForwarding": False}, {"DisableForwarding": True}, {"MaxSessions": 1}])
async def test_a_process_needs_no_forwarding(enter: Enter, make_sshd: MakeSshd, options: dict[str, bool]) -> None:
    async with enter(make_sshd(**options)) as far:
        await runs_well(far)


@pytest.mark.parametrize("option", ["AllowStreamLocalForwarding", "DisableForwarding"])
async def test_docker_needs_forwarding_and_says_so(
    enter: Enter, make_sshd: MakeSshd, make_docker_engine: MakeDockerEngine, alice: Person, option: str
) -> None:
    docker = make_docker_engine(group=alice.name)
    sshd = make_sshd(SetEnv=[f"DOCKER_HOST={docker.url}"], **{option: option == "DisableForwarding"})
    async with enter(sshd) as far:
        compute = far.project / "aml_config/far.compute"
        compute.write_text(compute.read_text().replace("remote", "remotedocker") + "baseDockerImage: none:none\n")
        config = far.project / "aml_config/far.runconfig"
        config.write_text(config.read_text().replace("PrepareEnvironment: false", "PrepareEnvironment: true"))
        far.script("hello.py", HELLO)
        run = await far.submit("hello.py", config="far")
        done = await far.end(run, 30)
        assert done.state is State.FAILED
        assert "does not allow the Docker Engine's socket to be forwarded" in done.reason
        assert "AllowStreamLocalForwarding yes" in done.reason


async def test_a_server_that_runs_another_command(enter: Enter, make_sshd: MakeSshd) -> None:
    async with enter(make_sshd(ForceCommand="echo only backups here")) as far:
        reason = await waits_with(far, "did not run our command", "only backups here")
        assert "\n" not in reason


async def test_a_server_for_files_alone(enter: Enter, make_sshd: MakeSshd) -> None:
    async with enter(make_sshd(ForceCommand="internal-sftp")) as far:
        await waits_with(far, "did not run our command", "allows sftp connections only")


async def test_what_waits_for_its_host_can_be_canceled(enter: Enter, sshd: Sshd) -> None:
    """Nothing of it is there yet, so nothing has to be ended there."""
    async with enter(sshd) as far:
        sshd.kill()
        await waits_with(far, "nothing listens")
        (run,) = far.store.runs()
        await until_async(lambda: far.run(run).state is State.PREPARING)
        assert await far.engine.cancel([run.id]) == {}
        assert (await far.end(run, 5)).state is State.CANCELED
        sshd.start()
        far.engine._link_named(far.host).retry()
        await runs_well(far)
    assert not (far.root / "runs" / run.id / "logs").exists()


async def test_a_server_that_wraps_commands(enter: Enter, make_sshd: MakeSshd, alice: Person) -> None:
    wrapper = alice.write("wrap", '#!/bin/sh\necho logged >&2\nexec /bin/bash -c "$SSH_ORIGINAL_COMMAND"\n', 0o755)
    async with enter(make_sshd(ForceCommand=str(wrapper))) as far:
        await runs_well(far)


async def test_a_home_that_cannot_be_written(enter: Enter, sshd: Sshd, alice: Person) -> None:
    alice.home.chmod(0o555)
    async with enter(sshd) as far:
        await waits_with(far, "Permission denied", str(alice.home))
        # Once it can be, the run goes on by itself.
        alice.home.chmod(0o755)
        far.engine._link_named(far.host).retry()
        (run,) = far.store.runs()
        assert (await far.end(run, 30)).state is State.COMPLETED


def small_disk(alice: Person, size: str) -> str:
    """Everything of ours is on a file system of this size."""
    root = alice.home / ".local/share/aml-tui"
    alice.run("mkdir", "-p", str(root))
    return f"mount -t tmpfs -o size={size},uid={alice.uid},mode=700 tmpfs {shlex.quote(str(root))}"


async def test_a_disk_that_is_full(
    enter: Enter, make_sshd: MakeSshd, odd_machine: Callable[[str], OddMachine], alice: Person
) -> None:
    async with enter(make_sshd(machine=odd_machine(small_disk(alice, "8k")))) as far:
        await waits_with(far, "No space left on device")


async def test_a_project_for_which_there_is_no_room(
    enter: Enter, make_sshd: MakeSshd, odd_machine: Callable[[str], OddMachine], alice: Person
) -> None:
    async with enter(make_sshd(machine=odd_machine(small_disk(alice, "2m")))) as far:
        (far.project / "big.bin").write_bytes(bytes(range(256)) * (3 << 12))
        far.script("hello.py", HELLO)
        run = await far.submit("hello.py", config="far")
        done = await far.end(run, 30)
        assert done.state is State.FAILED
        assert "No space left on device" in done.reason
        # What is smaller still goes there: nothing half done takes the room.
        (far.project / "big.bin").unlink()
        run = await far.submit("hello.py", config="far")
        assert (await far.end(run, 30)).state is State.COMPLETED


HIDDEN = (
    "for name in $(ls -d /usr/bin/python* /usr/local/bin/python* 2>/dev/null); do "
    'file=$(readlink -f "$name"); test ! -x "$file" || mount --bind /etc/hostname "$file"; done'
)


async def test_a_machine_without_python(
    enter: Enter, make_sshd: MakeSshd, odd_machine: Callable[[str], OddMachine]
) -> None:
    sshd = make_sshd(machine=odd_machine(HIDDEN), SetEnv=["PATH=/usr/bin:/bin"])
    async with enter(sshd) as far:
        await waits_with(far, "has no Python 3.5 or newer", "Install python3")


async def test_a_python_that_is_too_old_is_passed_over(enter: Enter, make_sshd: MakeSshd, alice: Person) -> None:
    """`python3` on the PATH is none that will do; another one is where it usually is."""
    alice.write("bin/python3", '#!/bin/sh\ncase "$*" in *"(3, 5)"*) exit 1;; esac\necho used >>~/used\nexit 7\n', 0o755)
    async with enter(make_sshd(SetEnv=[f"PATH={alice.home}/bin:/usr/bin:/bin"])) as far:
        await runs_well(far)
    assert not (alice.home / "used").exists()


async def test_an_agent_that_dies_at_once_is_not_started_in_a_hurry(enter: Enter, sshd: Sshd) -> None:
    """Something there ends it whenever it has begun, as what watches over memory does: the waits grow."""
    async with enter(sshd) as far:
        far.script("wait.py", "import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
        run = await far.submit("wait.py", config="far")
        await until_async(lambda: b"begun" in far.log(run), 30)
        more = counted(lambda: len(sshd.logins))

        def dropped() -> bool:
            if far.engine.status()["hosts"][far.host] == "connected":
                sshd.drop()
            return more() == 5

        begun = time.monotonic()
        await until_async(dropped, 30)
        # Four waits of 0.2, 0.4, 0.8 and 1.6 s, each up to a fifth shorter.
        assert time.monotonic() - begun > 2.4
        assert far.run(run).state is State.RUNNING
        far.engine._link_named(far.host).retry()
