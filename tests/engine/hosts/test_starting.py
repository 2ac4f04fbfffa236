"""A script is started once, whoever dies at which moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import HostError, HostLost
from engine.hosts.agent import status
from engine.hosts.agent.rundir import Root
from engine.hosts.agent.starting import RUNNER, forbid
from engine.hosts.agent_source import agent_argv, agent_bundle
from tests.engine.hosts.bench import Collector, R, S, alive, sleeper
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.hosts.bench import Bench

# Tells that it began, in a file that survives everything, and stays.
WITNESS = """
import os, time
with open("../begun", "a") as file:
    file.write("%d\\n" % os.getpid())
print("begun", flush=True)
time.sleep(60)
"""


def begun(bench: Bench, run_id: str) -> list[int]:
    try:
        return [int(line) for line in (bench.folder(run_id) / "begun").read_text().split()]
    except FileNotFoundError:
        return []


async def test_starting_twice_is_starting_once(bench: Bench) -> None:
    first = await bench.run(R, WITNESS)
    again = await bench.host.start(R, bench.spec())
    assert again == first
    await until_async(lambda: begun(bench, R))
    await bench.host.signal(R, "KILL")
    await bench.ended(R)
    assert await bench.host.start(R, bench.spec()) == first, "a run that has ended is not started again either"
    assert len(begun(bench, R)) == 1


async def test_many_starts_at_once_from_two_agents(bench: Bench) -> None:
    other = await bench.another()
    for number in range(5):
        run_id = f"{R}-{number}"
        await bench.lay(run_id, WITNESS)
        handles = await asyncio.gather(*(host.start(run_id, bench.spec()) for host in (bench.host, other) * 3))
        assert all(handle == handles[0] for handle in handles)
        await bench.said(run_id, b"begun")
        assert begun(bench, run_id) == [handles[0]["process"]["pid"]]


async def test_a_run_that_was_not_laid_out(bench: Bench) -> None:
    with pytest.raises(HostError, match="not laid out"):
        await bench.host.start("nowhere", bench.spec())
    assert (await bench.host.inspect(["nowhere"]))["nowhere"].phase == "absent"


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 300, "a\0b"])
async def test_what_is_not_a_run_id(bench: Bench, name: str) -> None:
    with pytest.raises(HostError, match="not a run id"):
        await bench.host.lay(name, [])


async def test_the_claim_of_a_dead_agent_is_taken_over(bench: Bench) -> None:
    """Killed between claim and runner: nothing began, and the next agent starts the run."""
    await bench.lay(R, WITNESS)
    dead = sleeper()
    dead.kill()
    dead.wait()
    boot = bench.host.info.boot_id
    claim = bench.folder(R) / "status" / "claim"
    claim.write_text(json.dumps({"pid": dead.pid, "start": 1, "boot_id": boot}))
    assert (await bench.host.inspect([R]))[R].phase == "laid"
    handle = await bench.host.start(R, bench.spec())
    await bench.said(R, b"begun")
    assert begun(bench, R) == [handle["process"]["pid"]]


async def test_the_claim_of_a_living_agent_is_respected(bench: Bench) -> None:
    await bench.lay(R, WITNESS)
    other = sleeper()
    try:
        fields = await asyncio.to_thread(_stat_fields, other.pid)
        claim = {"pid": other.pid, "start": int(fields[19]), "boot_id": bench.host.info.boot_id}
        (bench.folder(R) / "status" / "claim").write_text(json.dumps(claim))
        assert (await bench.host.inspect([R]))[R].phase == "starting"
        start = asyncio.create_task(bench.host.start(R, bench.spec()))
        done, _ = await asyncio.wait({start}, timeout=0.3)
        assert not done
    finally:
        other.kill()
        other.wait()
    await start
    await bench.said(R, b"begun")
    assert len(begun(bench, R)) == 1


def _stat_fields(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def runner_bundle(bench: Bench, run_id: str, change: tuple[str, str] = ("", "")) -> bytes:
    """What an agent sends a runner, with one change to the source."""
    folder = str(bench.folder(run_id))
    agent = json.loads(agent_bundle("").partition(b"\n")[2])
    wanted = RUNNER
    modules = [[name, source.replace(*change)] for name, source in agent["modules"] if name in wanted]
    order = {
        "folder": folder,
        "run_id": run_id,
        "argv": [sys.executable, "script.py"],
        "cwd": f"{folder}/project",
        "env": dict(os.environ, AZUREML_RUN_ID=run_id),
        "umask": 0o22,
    }
    data = json.dumps({"modules": modules, "main": "runner", "order": order}).encode()
    return b"%d\n%s" % (len(data), data)


def loader() -> subprocess.Popen[bytes]:
    """A runner's process before it knows its run."""
    return subprocess.Popen(
        agent_argv(sys.executable), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )


async def test_a_late_runner_of_a_dead_agent_begins_nothing(bench: Bench) -> None:
    """The other order: the dead agent's runner is still on its way when the next agent has started the run."""
    await bench.lay(R, WITNESS)
    late = loader()
    handle = await bench.host.start(R, bench.spec())
    await bench.said(R, b"begun")
    said, _ = await asyncio.to_thread(late.communicate, runner_bundle(bench, R))
    assert said == b"another runner has this run"
    assert begun(bench, R) == [handle["process"]["pid"]]
    assert [proc.pid for proc in await bench.host.processes(R)] == [handle["process"]["pid"]]
    status = (await bench.host.inspect([R]))[R]
    assert (status.phase, status.handle, status.supervised) == ("running", handle, True)


async def test_a_runner_killed_before_the_script_may_begin_leaves_a_run_to_start_again(bench: Bench) -> None:
    """The script's process is held until its record is on the disk; without its runner it leaves without exec."""
    await bench.lay(R, WITNESS)
    death = ("        if exclusive:\n", "        if name == 'process.json':\n            os.kill(os.getpid(), 9)\n")
    early = loader()
    said, _ = await asyncio.to_thread(early.communicate, runner_bundle(bench, R, death))
    assert said == b""
    runner = json.loads((bench.folder(R) / "status" / "runner.json").read_text())
    await until_async(lambda: not alive(runner["pid"]))
    assert (await bench.host.inspect([R]))[R].phase == "laid"
    handle = await bench.host.start(R, bench.spec())
    await bench.said(R, b"begun\n")
    assert begun(bench, R) == [handle["process"]["pid"]]
    assert bench.log(R) == b"begun\n"


async def test_a_runner_that_cannot_work_says_why(bench: Bench) -> None:
    await bench.lay(R, WITNESS)
    (bench.folder(R) / "logs").rmdir()
    with pytest.raises(HostError, match=r"could not be started: .*driver\.log") as caught:
        await bench.host.start(R, bench.spec())
    assert caught.value.remedy
    (bench.folder(R) / "logs").mkdir()
    await bench.host.start(R, bench.spec())
    await bench.said(R, b"begun")
    assert len(begun(bench, R)) == 1


async def test_a_killed_agent_at_any_moment_of_a_start(bench: Bench) -> None:
    """Many times kill -9 of the agent while it starts a run: the next start finds it or does it, never twice."""
    chance = random.Random(7)
    for number in range(15):
        run_id = f"{R}-{number}"
        await bench.lay(run_id, WITNESS)
        start = asyncio.create_task(bench.host.start(run_id, bench.spec()))
        await asyncio.sleep(chance.uniform(0, 0.05))
        bench.kill_agent()
        with contextlib.suppress(HostLost):
            await start
        await bench.host.reconnect()
        handle = await bench.host.start(run_id, bench.spec())
        await bench.said(run_id, b"begun\n")
        assert begun(bench, run_id) == [handle["process"]["pid"]]
        assert bench.log(run_id) == b"begun\n"
        assert [proc.pid for proc in await bench.host.processes(run_id)] == [handle["process"]["pid"]]


async def test_forbidden_is_never_started(bench: Bench) -> None:
    await bench.lay(R, WITNESS)
    assert await bench.host.forbid(R)
    await bench.host.start(R, bench.spec())
    assert begun(bench, R) == []
    assert (await bench.host.inspect([R]))[R].phase == "vanished"
    assert await bench.host.signal(R, "KILL") == []
    await bench.run(S, WITNESS)
    assert not await bench.host.forbid(S)


def test_what_somebody_else_removes_meanwhile_is_never_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two engines that waited for one build both forbid and remove it."""
    root = Root(os.fsencode(tmp_path))
    root.lay(R, [])
    write = status.write

    def later(*arguments: Any, **more: Any) -> bool:
        root.remove(R)
        return write(*arguments, **more)

    monkeypatch.setattr(status, "write", later)
    assert forbid(root, R)
    assert list((tmp_path / "runs").iterdir()) == []


async def test_the_agent_is_killed_while_the_script_runs(bench: Bench) -> None:
    """A second agent finds the run where it is and gets the rest of its log; together the bytes are the file's."""
    handle = await bench.run(
        R,
        r"""
        import os, time
        for i in range(400):
            os.write(1, b"line %d \xff\n" % i)
            time.sleep(0.002)
        """,
    )
    lost = asyncio.Event()
    bench.host.on_lost = lambda error: lost.set()
    sink = Collector()
    follow = await bench.host.follow(R, "driver.log", 0, sink, 0.01)
    await until_async(lambda: sink.at > 500)
    bench.kill_agent()
    await asyncio.wait_for(lost.wait(), 30)
    with pytest.raises(HostLost):
        await follow.drained(1 << 40)
    await follow.stop()
    with pytest.raises(HostLost):
        await bench.host.inspect([R])
    kept = sink.at
    assert alive(handle["process"]["pid"]) and alive(handle["runner"]["pid"])
    await bench.host.reconnect()
    status = (await bench.host.inspect([R]))[R]
    assert (status.phase, status.handle) == ("running", handle)
    follow = await bench.host.follow(R, "driver.log", kept, sink, 0.01)
    status = await bench.ended(R)
    assert status.exit is not None and status.exit.code == 0
    await follow.drained(status.log_size)
    assert bytes(sink.data) == b"".join(b"line %d \xff\n" % i for i in range(400)) == bench.log(R)


async def test_a_killed_runner_is_told_and_the_script_lives_on(bench: Bench) -> None:
    handle = await bench.run(R, WITNESS)
    await bench.said(R, b"begun")
    os.kill(handle["runner"]["pid"], signal.SIGKILL)
    await until_async(lambda: not alive(handle["runner"]["pid"]))
    status = (await bench.host.inspect([R]))[R]
    assert (status.phase, status.supervised) == ("running", False)
    assert alive(handle["process"]["pid"])
    assert await bench.host.start(R, bench.spec()) == handle
    assert [proc.pid for proc in await bench.host.signal(R, "TERM")] == [handle["process"]["pid"]]
    status = await bench.ended(R)
    assert (status.phase, status.exit, status.rebooted) == ("vanished", None, False)
    assert len(begun(bench, R)) == 1


async def test_another_boot_is_a_reboot(bench: Bench) -> None:
    await bench.run(R, "pass")
    await bench.ended(R)
    folder = bench.folder(R) / "status"
    (folder / "exit.json").unlink()
    path = folder / "process.json"
    # The same pid and start may come again after a boot: only the boot id tells.
    path.write_text(path.read_text().replace(bench.host.info.boot_id, "another-boot"))
    status = (await bench.host.inspect([R]))[R]
    assert (status.phase, status.rebooted) == ("vanished", True)
    claim = {"pid": os.getpid(), "start": 1, "boot_id": "another-boot"}
    await bench.lay(S, WITNESS)
    (bench.folder(S) / "status" / "claim").write_text(json.dumps(claim))
    assert (await bench.host.inspect([S]))[S].phase == "laid"
