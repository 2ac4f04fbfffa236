"""The channel: what gets lost, what comes again, and that nothing waits for what is slow."""

from __future__ import annotations

import ast
import asyncio
import gc
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError, HostLost
from engine.hosts import agent_client
from engine.hosts.agent import identities
from engine.hosts.agent_client import AgentClient
from engine.hosts.agent_source import BOOTSTRAP, CLUSTER, CONTAINED, MODULES, agent_argv, agent_bundle
from engine.hosts.local import LocalHost
from tests.engine.hosts.bench import Bench, Collector, R, S, alive
from tests.waiting import until, until_async

if TYPE_CHECKING:
    from engine.paths import Paths

PYTHONS = sorted(
    str(path / "bin" / "python")
    for path in (Path.home() / ".pyenv" / "versions").glob("3.*")
    if int(path.name.split(".")[1]) >= 6
) or [sys.executable]


@pytest.mark.parametrize("python", PYTHONS)
async def test_every_python_here_serves(home: Paths, python: str) -> None:
    bench = Bench(home, python)
    try:
        await bench.host.connect()
        version = ".".join(bench.host.info.python.split(".")[:2])
        assert f"/{version}" in python or python == sys.executable
        odd = os.fsdecode(b"\xff\xc3\xa9.py")
        bench.runs.append(R)
        source = b"import os, sys; print(sys.argv[1]); os.write(1, b'\\xff'); sys.exit(5)"
        await bench.host.lay(R, [bench.entry(odd, source)])
        sink = Collector()
        follow = await bench.host.follow(R, "driver.log", 0, sink, 0.02)
        await bench.host.start(R, bench.spec(argv=[sys.executable, odd, "\u20ac"], env={"PYTHONIOENCODING": "utf-8"}))
        status = await bench.ended(R)
        assert status.exit is not None and status.exit.code == 5, bench.log(R)
        await follow.drained(status.log_size)
        assert bytes(sink.data) == "\u20ac\n".encode() + b"\xff"
        await bench.run(S, "import time; time.sleep(60)", max_duration=0.2, grace=[5, 5])
        exit_ = (await bench.ended(S)).exit
        assert exit_ is not None and exit_.timed_out
        samples: list[dict[str, object]] = []
        bench.host.on_sample(samples.append)
        await bench.host.samples(0.05)
        await until_async(lambda: samples)
        (bench.folder(R) / "outputs" / "x").write_bytes(b"y" * 700_000)
        assert await bench.host.read_file(R, "x", 0, 5) == b"yyyyy"
        assert (await bench.host.fetch_outputs(R, home.cache / "dest")).bytes == 700_000
        await bench.host.remove_run(R)
    finally:
        await bench.close()


def test_agent_and_runner_keep_to_python_3_5() -> None:
    folder = Path(agent_client.__file__).parent / "agent"
    vermin = [str(Path(sys.executable).parent / "vermin"), "-t=3.5-", "--violations", "--no-tips", str(folder)]
    result = subprocess.run(vermin, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    sent = {*MODULES, *CONTAINED, *CLUSTER}
    for name in sent:
        ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"), feature_version=(3, 5))
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == sent, "every file is sent"


def test_the_command_line_is_constant_and_small() -> None:
    assert agent_argv("python3") == ["python3", "-I", "-S", "-c", BOOTSTRAP]
    assert len(BOOTSTRAP) < 1000


async def test_nothing_is_on_the_disk_before(home: Paths) -> None:
    host = LocalHost(home)
    await host.connect()
    assert sorted(path.name for path in home.data.iterdir()) == ["agent", "blobs", "runs"]
    assert not list(home.data.rglob("agent.py"))
    assert host.info.user and host.info.hostname and host.info.root == str(home.data)
    assert abs(host.info.clock_skew) < 1
    await host.close()


async def test_the_agent_leaves_with_its_channel(home: Paths) -> None:
    host = LocalHost(home)
    await host.connect()
    pid = host.info.agent_pid
    await host.close()
    assert not alive(pid)
    assert not host.connected
    with pytest.raises(HostLost):
        await host.free_disk()
    await host.close()


def test_the_agent_leaves_when_its_engine_is_killed(home: Paths) -> None:
    code = """
import asyncio, sys
from engine import paths
from engine.hosts.local import LocalHost
async def main():
    host = LocalHost(paths.current())
    await host.connect()
    print(host.info.agent_pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    top = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=top) as engine:
        assert engine.stdout is not None
        pid = int(engine.stdout.readline())
        assert alive(pid)
        assert os.getsid(pid) == pid, "a Ctrl-C in the engine's terminal does not reach it"
        engine.kill()
    until(lambda: not alive(pid))


async def test_waiters_are_told_when_the_agent_dies(bench: Bench) -> None:
    lost: list[HostLost] = []
    bench.host.on_lost = lost.append
    await bench.lay(R, "")
    (bench.folder(R) / "status" / "claim").write_text(json.dumps(identities.identity(os.getpid())))
    start = asyncio.create_task(bench.host.start(R, bench.spec()))
    pings = [asyncio.create_task(bench.host.inspect([R])) for _ in range(20)]
    await asyncio.gather(*pings)
    bench.kill_agent()
    with pytest.raises(HostLost, match="contact with local was lost"):
        await start
    assert len(lost) == 1
    assert not bench.host.connected
    await bench.host.connect()
    await bench.host.free_disk()
    assert len(lost) == 1


async def test_watching_and_sampling_go_on_after_a_reconnect(bench: Bench) -> None:
    samples: list[dict[str, object]] = []
    bench.host.on_sample(samples.append)
    await bench.host.samples(0.05)
    await bench.run(R, "import sys; sys.stdin.close(); import time; time.sleep(0.8)")
    await bench.host.watch_runs([R])
    bench.kill_agent()
    await until_async(lambda: not bench.host.connected)
    bench.statuses.clear()
    samples.clear()
    await bench.host.reconnect()
    await until_async(lambda: samples)
    await until_async(lambda: [s for s in bench.statuses.get(R, []) if s.phase == "exited"])


async def test_an_agent_that_does_not_answer_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.host, "ping_after", 0.05)
    await bench.host.reconnect()
    lost = asyncio.Event()
    bench.host.on_lost = lambda error: lost.set()
    pid = bench.host.info.agent_pid
    for _ in range(3):
        await asyncio.sleep(0.15)
        assert bench.host.connected, "an agent that answers pings stays"
    os.kill(pid, signal.SIGSTOP)
    unread = asyncio.create_task(bench.host.missing_blobs(["0" * 64] * 9000))
    await asyncio.wait_for(lost.wait(), 30)
    with pytest.raises(HostLost):
        await unread
    monkeypatch.setattr("engine.hosts.local.LEAVE_WITHIN", 0.1)
    await bench.host.reconnect()
    assert not alive(pid)
    await bench.host.free_disk()


async def test_large_transfers_delay_nobody(bench: Bench, tmp_path: Path) -> None:
    """While blobs go in and outputs come out, a follow and requests are answered quickly."""
    await bench.run(R, "import time\nwhile True: print(time.time(), flush=True); time.sleep(0.02)")
    big = bench.folder(R) / "outputs" / "big"
    with big.open("wb") as file:
        for _ in range(60):
            file.write(os.urandom(1_000_000))
    sha = hashlib.sha256(big.read_bytes()).hexdigest()
    delays: list[float] = []

    async def sink(offset: int, data: bytes) -> None:
        delays.append(time.time() - float(data.split()[-1]))

    size = (await bench.host.inspect([R]))[R].log_size
    follow = await bench.host.follow(R, "driver.log", size, sink, 0.01)
    moving = asyncio.gather(
        bench.host.put_blob(sha, big),
        bench.host.fetch_outputs(R, tmp_path / "one"),
        bench.host.fetch_outputs(R, tmp_path / "two"),
    )
    asked: list[float] = []
    while not moving.done():
        began = time.monotonic()
        await bench.host.inspect([R])
        asked.append(time.monotonic() - began)
        await asyncio.sleep(0.01)
    await moving
    await follow.stop()
    assert sorted(asked)[len(asked) // 2] < 0.25
    assert sorted(delays)[len(delays) // 2] < 0.5
    assert (tmp_path / "one" / "big").read_bytes() == big.read_bytes()
    assert await bench.host.missing_blobs([sha]) == []


async def test_requests_are_pipelined(bench: Bench) -> None:
    await bench.lay(R, "")
    statuses = await asyncio.gather(*(bench.host.inspect([R, f"{R}-x{number}"]) for number in range(300)))
    assert [status[f"{R}-x{number}"].phase for number, status in enumerate(statuses)] == ["absent"] * 300


async def test_a_cancelled_request_hurts_nobody(bench: Bench) -> None:
    for _ in range(20):
        task = asyncio.create_task(bench.host.inspect([R]))
        await asyncio.sleep(0)
        task.cancel()
    await bench.host.free_disk()


async def test_a_root_that_cannot_be_made_is_said(home: Paths) -> None:
    home.data.rmdir()
    home.data.write_text("a file is in the way")
    host = LocalHost(home)
    with pytest.raises(HostLost, match=r"cannot work: .*(Not a directory|File exists)"):
        await host.connect()
    home.data.unlink()
    await host.connect()
    await host.close()


async def test_a_python_that_is_missing_or_broken(
    home: Paths, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(HostLost, match="could not be started"):
        await LocalHost(home, "/nowhere/python").connect()
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho the reason >&2\nexit 1\n")
    broken.chmod(0o755)
    with caplog.at_level(logging.WARNING), pytest.raises(HostLost, match="did not start"):
        await LocalHost(home, str(broken)).connect()
    assert "agent: the reason" in caplog.text


async def test_a_chatty_login_shell_is_skipped(home: Paths, tmp_path: Path) -> None:
    shell = tmp_path / "python"
    banner = 'echo Welcome!; printf "Last login: \\001\\002 no newline"'
    shell.write_text(f'#!/bin/sh\n{banner}\nexec {sys.executable} "$@"\n')
    shell.chmod(0o755)
    host = LocalHost(home, str(shell))
    await host.connect()
    await host.free_disk()
    await host.close()


async def test_the_source_is_read_as_it_is_sent() -> None:
    """Over any pair of streams: here two pipes of a process started by hand, as an SSH channel will be."""
    process = await asyncio.create_subprocess_exec(
        *agent_argv(sys.executable), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    events: list[object] = []
    client = AgentClient(process.stdout, process.stdin, name="x", on_event=events.append, on_lost=events.append)
    import tempfile

    with tempfile.TemporaryDirectory() as root:
        hello = await client.open(agent_bundle(root))
        assert hello["root"] == root
        with pytest.raises(HostError, match="does not know 'dance'"):
            await client.request("dance")
        with pytest.raises(HostError, match="KeyError"):
            await client.request("lay")
        await client.close()
        assert await process.wait() == 0
    assert events == []


@pytest.mark.parametrize("after", [0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08])
async def test_a_connect_that_is_given_up_leaves_no_agent(bench: Bench, after: float) -> None:
    """Whenever that is: while the process is made, while its pipes are connected, while it says hello."""
    host = LocalHost(bench.paths)
    connecting = asyncio.create_task(host.connect())
    # The moment itself is what is varied.
    await asyncio.sleep(after)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
        # It was faster.
        raise asyncio.CancelledError
    await host.close()


async def test_a_channel_that_is_not_read_to_its_end_is_closed(home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an agent sent last waits in a reader that takes no more: nothing of the channel stays open."""
    monkeypatch.setattr("engine.hosts.local.READ_AHEAD", 4096)
    bench = Bench(home)
    await bench.host.connect()
    await bench.run(R, "while True: print('line' * 1000, flush=True)")
    sink = Collector()
    await bench.host.follow(R, "driver.log", 0, sink, 0.001)
    await until_async(lambda: sink.at > 100_000)
    await bench.host.close()
    gc.collect()
    await bench.close()


def test_what_is_small_goes_together() -> None:
    """Frames that are sent at one look are one write, which is one packet; an answer does not wait for them."""
    code = """
import os, select
from engine.hosts.agent import channel
out, into = os.pipe()
sender = channel.Sender(into)
os.read(out, len(channel.MARK))
sender.hold(True)
for number in range(50):
    sender.send({"follow": number}, b"a line", bulk=True, wait=False)
sender.send({"answer": 1})
first = os.read(out, 65536)
waits = select.select([out], [], [], 0.2)[0] == []
sender.hold(False)
print(first.count(b"answer"), first.count(b"follow"), waits, os.read(out, 65536).count(b"follow"), flush=True)
os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert done.stdout == "1 0 True 50\n", done.stderr
