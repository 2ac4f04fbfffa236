"""What a run uses, as its runner measures it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from engine.hosts.agent import usage
from tests.engine.hosts.bench import R
from tests.waiting import until, until_async

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.engine.hosts.bench import Bench

MIB = 1 << 20


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def test_a_run_and_what_it_starts(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import subprocess, sys
        subprocess.run([sys.executable, "-c", "x = bytearray(60 << 20)\\nwhile True: pass"])
        """,
        measure=True,
    )
    path = bench.folder(R) / "metrics.jsonl"
    await until_async(lambda: records(path), 30.0, "a first record of what the run uses")
    first = records(path)[0]
    assert (first["k"], first["n"]) == ("resource", "")
    # Other tests have their share of the processor.
    assert first["v"]["cpu"] > 0.1
    assert first["v"]["memory"] > 60 * MIB
    assert set(first["v"]) >= {"cpu", "memory", "read", "write"}


async def test_a_run_that_is_not_measured(bench: Bench) -> None:
    await bench.run(R, "print('done')")
    await bench.ended(R)
    assert not (bench.folder(R) / "metrics.jsonl").exists()


def test_descendants_are_found_either_way() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    found = usage.descendants_of(child.pid)
    assert len(found) == 1
    assert usage._by_parents(child.pid) == found
    assert child.pid in usage.descendants_of(os.getpid())
    child.communicate(b"\n")
    assert usage.used_by([child.pid]) == {"cpu": 0.0, "memory": 0.0, "read": 0.0, "write": 0.0}


def test_a_quiet_run_writes_next_to_nothing(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    looker = usage.Usage(os.fsencode(path))
    quiet = {"cpu": 0.01, "memory": 100.0 * MIB, "read": 0.0, "write": 0.0}
    for n in range(60):
        looker.tell(1000.0 + 10 * n, 10.0 * n, {**quiet, "cpu": 0.01 + n % 3 / 100})
    assert len(records(path)) == 1
    # How it was until then goes before what is new: the line between them is level.
    looker.tell(1600.0, 600.0, {**quiet, "cpu": 1.0})
    assert [(one["t"], one["v"]["cpu"]) for one in records(path)] == [(1000.0, 0.01), (1590.0, 0.03), (1600.0, 1.0)]
    looker.tell(1610.0, 610.0, {**quiet, "cpu": 1.01})
    assert len(records(path)) == 3
    looker.close()
    assert records(path)[-1]["t"] == 1610.0
    # Once in a while it is said that nothing changed.
    looker.tell(3000.0, 2000.0, {**quiet, "cpu": 1.0})
    assert records(path)[-1]["t"] == 3000.0


def test_looks_become_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(usage.time, "monotonic", lambda: now)
    looker = usage.Usage(os.fsencode(tmp_path / "metrics.jsonl"))
    looks = 0
    while now < 36_000:
        before = looker.due
        looker.look()
        looks += looker.due != before
        now += 5.0
    assert 600 < looks < 1400


def test_a_look_that_fails_ends_nothing_but_the_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(pid: int) -> list[int]:
        raise ValueError("what is this")

    monkeypatch.setattr(usage, "descendants_of", broken)
    looker = usage.Usage(os.fsencode(tmp_path / "metrics.jsonl"))
    looker.look()
    looker.look()
    assert looker.due == float("inf")
    assert capfd.readouterr().err.count("ValueError: what is this") == 1


def test_what_a_full_disk_does_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    looker = usage.Usage(os.fsencode(path))
    monkeypatch.setattr(usage, "ROOM", 1 << 62)
    looker.write(1.0, {"cpu": 1.0})
    assert path.read_bytes() == b""
    usage.Usage(os.fsencode(tmp_path / "gone" / "metrics.jsonl")).write(1.0, {"cpu": 1.0})


def test_gpus_are_asked_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    me = os.getpid()
    program.write_text(
        f"""#!/bin/sh
        case $1 in
        --query-compute-apps=*) printf '%s\\n' 'GPU-a, {me}, 1024' 'GPU-b, 1, 77' 'GPU-c, {me}, [N/A]' ;;
        --query-gpu=*) printf '%s\\n' 'GPU-a, 87' 'GPU-b, 100' 'GPU-c, 40' 'GPU-d, [N/A]' ;;
        esac
        """
    )
    program.chmod(0o755)
    looker = usage.Usage(os.fsencode(tmp_path / "metrics.jsonl"), str(program))
    looker.pids = [os.getpid()]
    looker.ask_gpus(100.0)
    # Nothing of the run is on a GPU.
    assert looker.asking is None
    monkeypatch.setattr(usage, "on_gpu", lambda pid: True)
    looker.ask_gpus(100.0)
    asking = looker.asking
    assert asking is not None
    pid, _ = os.waitpid(asking.pid, 0)
    looker.reaped(pid)
    assert looker.gpu == {"gpu memory": 1024.0 * MIB}
    # How busy those are that it holds is asked next.
    assert looker.asking is not None
    pid, _ = os.waitpid(looker.asking.pid, 0)
    looker.reaped(pid)
    assert looker.gpu == {"gpu memory": 1024.0 * MIB, "gpu": 1.27}
    assert looker.asking is None
    # One that hangs is ended, and does not hold up the runner.
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    looker.ask_gpus(200.0)
    hung = looker.asking
    assert hung is not None
    looker.ask_gpus(250.0)
    until(lambda: os.waitpid(hung.pid, os.WNOHANG)[0], what="nvidia-smi to be ended")
    looker.reaped(hung.pid)
    assert looker.asking is None


def test_what_a_strange_program_says_of_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins something that holds its output open, and says numbers that are none: the runner goes on."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        f"""#!/bin/sh
        case $1 in
        --query-gpu=*) printf '%s\\n' 'b, ?' 'b' ;;
        *) sleep 20 & echo $! > {tmp_path}/pid; printf '%s\\n' 'a, \u00b2, \u00b2' 'b, {os.getpid()}, 1' ;;
        esac
        """
    )
    program.chmod(0o755)
    monkeypatch.setattr(usage, "on_gpu", lambda pid: True)
    looker = usage.Usage(os.fsencode(tmp_path / "metrics.jsonl"), str(program))
    looker.pids = [os.getpid()]
    looker.ask_gpus(100.0)
    assert looker.asking is not None
    os.waitpid(looker.asking.pid, 0)
    held = int((tmp_path / "pid").read_text())
    try:
        looker.reaped(looker.asking.pid)
        os.kill(held, 0)
    finally:
        os.kill(held, signal.SIGKILL)
    os.waitpid(looker.asking.pid, 0)
    looker.reaped(looker.asking.pid)
    assert looker.gpu == {"gpu memory": 1.0 * MIB}


def test_a_program_that_ended_as_it_was_to_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(usage, "on_gpu", lambda pid: True)
    looker = usage.Usage(os.fsencode(tmp_path / "metrics.jsonl"), str(program))
    looker.pids = [os.getpid()]
    looker.ask_gpus(100.0)
    assert looker.asking is not None
    os.waitid(os.P_PID, looker.asking.pid, os.WEXITED | os.WNOWAIT)
    looker.ask_gpus(200.0)
    # It is left to the runner, who tells.
    pid, _ = os.waitpid(looker.asking.pid, os.WNOHANG)
    looker.reaped(pid)
    assert looker.asking is None


def test_metrics_that_are_a_pipe_and_a_log_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    os.mkfifo(path)
    looker = usage.Usage(os.fsencode(path))
    looker.write(1.0, {"cpu": 1.0})

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(usage, "descendants_of", broken)
    monkeypatch.setattr(sys.stderr, "write", broken)
    looker.look()
    looker.held = (1.0, {"cpu": float("nan"), "memory": float("nan")})
    looker.close()
    assert looker.due == float("inf")
