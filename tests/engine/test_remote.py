"""Runs on a machine over SSH: OpenSSH's own server, a user of the tests' own."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.runs.model import State
from tests.engine import telling
from tests.engine.far_bench import far_bench
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def far(
    project: Path, home: Paths, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch) as one:
        yield one


async def test_the_whole_way(far: SshBench) -> None:
    far.script(
        "train.py",
        """
        import getpass, os, sys
        from azureml.core import Run
        run = Run.get_context()
        print("hello", sys.argv[1:], getpass.getuser(), os.environ["AZUREML_TARGET_TYPE"])
        for step in range(5):
            run.log("loss", 1.0 / (step + 1))
        open("outputs/model.txt", "w").write("weights")
        """,
    )
    run = await far.submit("train.py", "a b", "$(x)", config="far")
    done = await far.end(run)
    assert (done.state, done.exit_code, done.reason) == (State.COMPLETED, 0, "")
    assert f"hello ['a b', '$(x)'] {far.alice.name} remote\n" in far.log(run).decode()
    there = far.root / "runs" / run.id
    assert far.log(run) == far.host_log(run)
    assert [value for _, _, value in far.store.points(run.id, "loss")] == [1.0, 0.5, 1 / 3, 0.25, 0.2]
    # The outputs are here as well, and can be had without the host.
    assert (far.paths.host_run(run.id) / "outputs/model.txt").read_text() == "weights"
    assert there.stat().st_uid == far.alice.uid
    far.sshd.kill()
    await until_async(lambda: far.engine.status()["hosts"][far.host] != "connected", 30)
    assert [one.path for one in await far.engine.outputs(run.id)] == ["model.txt"]


async def test_stdout_and_stderr_are_told_apart(far: SshBench) -> None:
    far.script("both.py", telling.SCRIPT)
    telling.check(far.paths, await far.end(await far.submit("both.py", config="far")))


async def test_an_old_plan_does_not_undo_what_is_known_of_its_machine(far: SshBench) -> None:
    far.script("train.py", "print('done')")
    run = await far.submit("train.py", config="far")
    await far.end(run)
    newer = dataclasses.replace(far.engine._machines._machine(far.host), private_key_file="/a/newer/key")
    far.engine._machines.know(newer)
    await far.engine.outputs(run.id)
    assert far.engine._machines._machine(far.host) == newer


async def test_one_connection_and_one_session_serve_many_runs(far: SshBench) -> None:
    far.script("train.py", "print('done')")
    runs = [await far.submit("train.py", str(number), config="far") for number in range(12)]
    for run in runs:
        assert (await far.end(run, 40)).state is State.COMPLETED
    assert len(far.sshd.logins) == 1
    assert len(far.sshd.sessions) == 1


async def test_a_run_outlives_its_connection_and_the_engine(far: SshBench) -> None:
    go = far.alice.home / "go"
    far.script(
        "train.py",
        f"""
        import os, time
        for number in range(1000):
            print("line", number, flush=True)
        while not os.path.exists({str(go)!r}):
            time.sleep(0.05)
        print("the end", flush=True)
        """,
    )
    run = await far.submit("train.py", config="far")
    await until_async(lambda: b"line 999\n" in far.log(run), 30)
    # Every connection is ended, and the server with them; the script notices nothing.
    far.sshd.drop()
    await until_async(lambda: len(far.sshd.logins) == 2, 30)
    await far.engine.stop()
    go.write_text("")
    far.engine = Engine(far.paths)
    await far.engine.start()
    done = await far.end(run)
    assert (done.state, done.exit_code) == (State.COMPLETED, 0)
    assert far.log(run) == far.host_log(run)
    assert far.log(run).endswith(b"line 999\nthe end\n")


async def test_cancel_ends_everything_there(far: SshBench) -> None:
    far.script(
        "train.py",
        """
        import subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        print("started", flush=True)
        time.sleep(600)
        """,
    )
    run = await far.submit("train.py", config="far")
    await until_async(lambda: b"started" in far.log(run), 30)
    await far.engine.cancel([run.id])
    done = await far.end(run)
    assert done.state is State.CANCELED
    assert not [words for words in far.alice.processes().values() if "time.sleep(600)" in words]


async def test_the_second_submission_ships_nothing(far: SshBench) -> None:
    for number in range(300):
        (far.project / f"data{number}.txt").write_text(f"content {number}\n" * (1 + number % 7))
    (far.project / "big.bin").write_bytes(bytes(range(256)) * 4096)
    far.script("train.py", "import os; print(len([n for n in os.listdir('.') if n.startswith('data')]))")
    first = await far.submit("train.py", config="far")
    await far.end(first)
    assert b"300\n" in far.log(first)
    before = {path.stat().st_ino for path in (far.root / "blobs").rglob("*") if path.is_file()}
    second = await far.submit("train.py", config="far")
    await far.end(second)
    assert {path.stat().st_ino for path in (far.root / "blobs").rglob("*") if path.is_file()} == before
