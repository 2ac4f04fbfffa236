"""Signals reach every process of a run, and none else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from engine import paths
from engine.hosts.agent import identities, processes
from tests.engine.hosts.bench import Bench, R, S, alive, sleeper
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# A script with every kind of descendant; each tells its pid and stays.
FAMILY = """
import os, subprocess, sys, time
def say(name): os.write(1, ("%s=%d\\n" % (name, os.getpid())).encode())
def daemon(name):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            say(name)
            while True: time.sleep(1)
        os._exit(0)
    os.wait()
stay = "import os,time; os.write(1, ('%s=%%d\\\\n' %% os.getpid()).encode()); time.sleep(600)"
daemon("daemon")
subprocess.Popen([sys.executable, "-c", stay % "child"])
subprocess.Popen([sys.executable, "-c", stay % "session"], start_new_session=True)
subprocess.Popen([sys.executable, "-c", stay % "bare"], env={}, start_new_session=True)
orphan = 'env -i setsid "$0" -c "$1" & wait; exit'
subprocess.Popen(["sh", "-c", orphan, sys.executable, stay % "orphan"], start_new_session=True)
say("script")
time.sleep(600)
"""
NAMES = ("daemon", "child", "session", "bare", "orphan", "script")


def dead(pid: int) -> bool:
    return not alive(pid)


async def family(bench: Bench, run_id: str) -> dict[str, int]:
    await until_async(lambda: all(f"{name}=".encode() in bench.log(run_id) for name in NAMES))
    lines = bench.log(run_id).decode().split()
    return {name: int(pid) for name, _, pid in (line.partition("=") for line in lines)}


async def test_kill_reaches_all_of_a_run_and_nobody_else(bench: Bench) -> None:
    handle = await bench.run(R, FAMILY)
    other = await bench.run(S, FAMILY)
    pids = await family(bench, R)
    others = await family(bench, S)
    found = {proc.pid: proc.command for proc in await bench.host.processes(R)}
    assert set(pids.values()) <= set(found)
    assert handle["runner"]["pid"] not in found
    assert "script.py" in found[pids["script"]]
    told = {proc.pid for proc in await bench.host.signal(R, "KILL")}
    assert set(pids.values()) <= told
    assert handle["runner"]["pid"] not in told
    for name, pid in pids.items():
        await until_async(partial(dead, pid), what=name)
    status = await bench.ended(R)
    assert status.exit is not None and status.exit.signal == signal.SIGKILL
    assert await bench.host.processes(R) == []
    assert all(alive(pid) for pid in others.values())
    assert alive(other["runner"]["pid"])
    await bench.host.signal(S, "KILL")


async def test_a_run_of_another_installation_may_have_the_same_id(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Projects of one name, submitted in one millisecond."""
    monkeypatch.setenv("AML_TUI_HOME", str(tmp_path / "another home"))
    other = Bench(paths.current())
    other.paths.make()
    await other.host.connect()
    try:
        await bench.run(R, FAMILY)
        await other.run(R, FAMILY)
        pids = await family(bench, R)
        others = await family(other, R)
        found = {proc.pid for proc in await bench.host.processes(R)}
        assert found >= set(pids.values()) and found.isdisjoint(others.values())
        told = {proc.pid for proc in await bench.host.signal(R, "KILL")}
        assert told >= set(pids.values()) and told.isdisjoint(others.values())
        await bench.ended(R)
        await bench.host.contain(R, None)
        assert all(map(alive, others.values()))
    finally:
        await other.close()


async def test_after_the_runner_is_gone_the_marked_ones_are_still_found(bench: Bench) -> None:
    handle = await bench.run(R, FAMILY)
    pids = await family(bench, R)
    os.kill(handle["runner"]["pid"], signal.SIGKILL)
    await until_async(lambda: not alive(handle["runner"]["pid"]))
    told = {proc.pid for proc in await bench.host.signal(R, "KILL")}
    for name in ("script", "child", "session", "daemon", "bare"):
        assert pids[name] in told, name
    for pid in (pids["orphan"], *(proc.pid for proc in await bench.host.processes(R))):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


async def test_interrupt_and_terminate_come_as_they_are(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import signal, time
        signal.signal(signal.SIGTERM, lambda n, f: print("TERM", flush=True))
        print("ready", flush=True)
        while True:
            try: time.sleep(60)
            except KeyboardInterrupt: print("INT", flush=True)
        """,
    )
    await bench.said(R, b"ready")
    await bench.host.signal(R, "INT")
    await bench.said(R, b"INT")
    await bench.host.signal(R, "TERM")
    await bench.said(R, b"TERM")
    await bench.host.signal(R, "KILL")
    await bench.ended(R)


async def test_a_stopped_script_can_be_terminated(bench: Bench) -> None:
    handle = await bench.run(R, "import os, signal; print('x', flush=True); os.kill(os.getpid(), signal.SIGSTOP)")
    await bench.said(R, b"x")
    pid = handle["process"]["pid"]
    await until_async(lambda: [process for process in [identities.look(pid)] if process and process.state == b"T"])
    await bench.host.signal(R, "TERM")
    status = await bench.ended(R)
    assert status.exit is not None and status.exit.signal == signal.SIGTERM


async def test_a_fork_storm_dies(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, time
        print("go", flush=True)
        for _ in range(300):
            if os.fork() == 0:
                os.setsid()
            time.sleep(0.004)
            if os.getppid() == 1: break
            if len(os.listdir("/proc")) > 900: break
        time.sleep(60)
        """,
    )
    await bench.said(R, b"go")
    for _ in range(20):
        await bench.host.signal(R, "KILL")
        if not await bench.host.processes(R):
            break
    assert await bench.host.processes(R) == []
    await bench.ended(R)


async def test_an_engine_started_by_a_script_is_not_of_its_run(bench: Bench) -> None:
    """A script may submit runs: the engine it starts, and the runs of that, are not killed with it."""
    await bench.run(
        R,
        """
        import os, subprocess, sys, time
        env = dict(os.environ, AML_TUI_ROLE="engine")
        code = "import subprocess, sys, os, time; " \\
               "env = dict(os.environ, AZUREML_RUN_ID='INNER'); del env['AML_TUI_ROLE']; " \\
               "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], env=env); " \\
               "print(os.getpid(), p.pid, flush=True); time.sleep(600)"
        subprocess.Popen([sys.executable, "-c", code], env=env, start_new_session=True)
        time.sleep(600)
        """.replace("INNER", S),
    )
    await bench.said(R, b"\n")
    engine, inner = (int(word) for word in bench.log(R).split())
    try:
        assert {engine, inner}.isdisjoint(proc.pid for proc in await bench.host.signal(R, "KILL"))
        await bench.ended(R)
        assert alive(engine) and alive(inner)
        assert [proc.pid for proc in await bench.host.processes(S)] == [inner]
    finally:
        os.kill(inner, signal.SIGKILL)
        os.kill(engine, signal.SIGKILL)


async def test_a_reused_pid_is_left_alone(bench: Bench) -> None:
    """The record names a pid that another process has now: neither it nor its session is of the run."""
    await bench.run(R, "pass")
    await bench.ended(R)
    stranger = sleeper()
    try:
        for name in ("process.json", "exit.json"):
            path = bench.folder(R) / "status" / name
            record = json.loads(path.read_text())
            record["pid"] = stranger.pid
            if name == "exit.json":
                boot_id = bench.host.info.boot_id
                record["leftover"] = [{"pid": stranger.pid, "start": 1, "boot_id": boot_id, "command": ""}]
            path.write_text(json.dumps(record))
        assert await bench.host.processes(R) == []
        assert await bench.host.signal(R, "KILL") == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    known = identities.identity(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identities.exists(known) and not identities.alive(known)
    child.wait()
    assert not identities.exists(known)


def test_a_signal_never_reaches_the_next_owner_of_a_pid() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        process = identities.look(child.pid)
        assert process is not None
        process.start -= 1
        assert not processes.send(process, signal.SIGKILL)
        assert child.poll() is None
        process.start += 1
        assert processes.send(process, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert not processes.send(process, signal.SIGKILL)
    finally:
        child.kill()
        child.wait()


def test_a_command_with_spaces_and_parentheses_is_read_right() -> None:
    code = "import ctypes,sys; ctypes.CDLL(None).prctl(15, b') R 1 1 (x', 0, 0, 0); print('x', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process = identities.look(child.pid)
        assert process is not None
        assert (process.pid, process.parent) == (child.pid, os.getpid())
        child.kill()
