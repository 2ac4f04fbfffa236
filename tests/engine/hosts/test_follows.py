"""Followed files: every byte, in order, once; slow sinks cost nothing but their own bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError
from engine.hosts.following import LEAST
from tests.engine.hosts.bench import Collector, R, S
from tests.waiting import until_async

if TYPE_CHECKING:
    from engine.hosts.host import Sink
    from tests.engine.hosts.bench import Bench


def rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


async def test_one_line_of_100_mb(bench: Bench) -> None:
    before = rss(bench.host.info.agent_pid)
    sink = Collector()
    await bench.lay(R, "import os\nfor i in range(100): os.write(1, bytes([i]) * 1_000_000)")
    follow = await bench.host.follow(R, "driver.log", 0, sink, 0.05)
    await bench.host.start(R, bench.spec())
    status = await bench.ended(R)
    assert status.log_size == 100_000_000
    await asyncio.wait_for(follow.drained(status.log_size), 30)
    assert bytes(sink.data) == b"".join(bytes([i]) * 1_000_000 for i in range(100))
    assert follow.size == follow.position == 100_000_000
    assert rss(bench.host.info.agent_pid) - before < 20_000_000


async def test_from_the_middle_and_a_file_that_is_not_there_yet(bench: Bench) -> None:
    await bench.lay(R, "import os; os.write(1, b'0123456789'); open(os.environ['AML_METRICS_FILE'], 'w').write('{}')")
    metrics = Collector()
    follow = await bench.host.follow(R, "metrics.jsonl", 0, metrics, 0.01)
    await bench.host.start(R, bench.spec())
    status = await bench.ended(R)
    await follow.drained(status.metrics_size)
    assert bytes(metrics.data) == b"{}"
    sink = Collector(5)
    follow = await bench.host.follow(R, "driver.log", 5, sink, 0.01)
    await follow.drained(status.log_size)
    assert bytes(sink.data) == b"56789"


async def test_only_logs_and_metrics_are_followed(bench: Bench) -> None:
    with pytest.raises(HostError, match="not a file to follow"):
        await bench.host.follow(R, "../../../etc/passwd", 0, Collector())


async def test_a_slow_sink_holds_back_its_own_follow_only(bench: Bench) -> None:
    await bench.run(R, "import os\nfor i in range(400): os.write(1, b'x' * 100_000)")
    await bench.ended(R)
    before = rss(bench.host.info.agent_pid)
    gate = asyncio.Event()
    slow = Collector()

    async def wait(offset: int, data: bytes) -> None:
        await gate.wait()
        await slow(offset, data)

    stuck = [await bench.host.follow(R, "driver.log", 0, wait, 0.01)]
    stuck += [await bench.host.follow(R, "driver.log", 0, wait_for_ever(gate), 0.01) for _ in range(10)]
    await bench.run(S, "print('here', flush=True); import time; time.sleep(60)")
    quick = Collector()
    follow = await bench.host.follow(S, "driver.log", 0, quick, 0.01)
    await asyncio.wait_for(follow.drained(5), 30)
    began = time.monotonic()
    await bench.host.inspect([S])
    assert time.monotonic() - began < 1
    assert slow.at == 0
    held = sum(len(data) for item in stuck for _, data in item._arrived)
    assert held <= len(stuck) * LEAST
    assert rss(bench.host.info.agent_pid) - before < 20_000_000
    gate.set()
    await asyncio.wait_for(stuck[0].drained(40_000_000), 30)
    assert slow.at == 40_000_000
    for item in stuck:
        await item.stop()


def wait_for_ever(gate: asyncio.Event) -> Sink:
    async def sink(offset: int, data: bytes) -> None:
        await gate.wait()

    return sink


async def test_a_cut_file_is_told_and_can_be_read_again(bench: Bench) -> None:
    await bench.run(R, "print('x' * 99, flush=True); import time; time.sleep(60)")
    sink = Collector()
    cuts: list[int] = []
    follow = await bench.host.follow(R, "driver.log", 0, sink, 0.01, cuts.append)
    await asyncio.wait_for(follow.drained(100), 30)
    log = bench.folder(R) / "logs" / "driver.log"
    os.truncate(log, 10)
    await until_async(lambda: cuts)
    assert cuts == [10]
    with pytest.raises(HostError, match="cut to 10 bytes"):
        await follow.drained(200)
    sink.at = 0
    sink.data.clear()
    follow.restart(0)
    await asyncio.wait_for(follow.drained(10), 30)
    with log.open("ab") as file:
        file.write(b"more")
    await asyncio.wait_for(follow.drained(14), 30)
    assert bytes(sink.data) == b"x" * 10 + b"more"


async def test_a_sink_that_fails_is_told_and_nothing_is_lost(bench: Bench) -> None:
    await bench.run(R, "import os\nfor i in range(50): os.write(1, b'%6d' % i * 10_000)")
    await bench.ended(R)
    sink = Collector()
    full = [True]

    async def sometimes(offset: int, data: bytes) -> None:
        if offset > 1_000_000 and full[0]:
            raise OSError(28, "No space left on device")
        await sink(offset, data)

    follow = await bench.host.follow(R, "driver.log", 0, sometimes, 0.01)
    with pytest.raises(OSError, match="No space"):
        await asyncio.wait_for(follow.drained(3_000_000), 30)
    full[0] = False
    follow.restart(sink.at)
    await asyncio.wait_for(follow.drained(3_000_000), 30)
    assert bytes(sink.data) == bench.log(R)


async def test_after_stop_nothing_comes(bench: Bench) -> None:
    await bench.run(R, "import time\nwhile True: print('line', flush=True); time.sleep(0.005)")
    sink = Collector()
    follow = await bench.host.follow(R, "driver.log", 0, sink, 0.01)
    await until_async(lambda: sink.at > 0)
    await follow.stop()
    at = sink.at
    size = (await bench.host.inspect([R]))[R].log_size
    other = Collector(at)
    again = await bench.host.follow(R, "driver.log", at, other, 0.01)
    await again.drained(size + 50)
    assert sink.at == at
    await again.stop()
    await again.stop()


async def test_the_interval_is_kept_and_drained_does_not_wait_for_it(bench: Bench) -> None:
    await bench.run(R, "import time\nwhile True: print('line', flush=True); time.sleep(0.005)")
    await bench.said(R, b"line")
    calls: list[float] = []

    async def sink(offset: int, data: bytes) -> None:
        calls.append(time.monotonic())

    follow = await bench.host.follow(R, "driver.log", 0, sink, 30.0)
    await until_async(lambda: calls)
    await until_async(lambda: (bench.folder(R) / "logs" / "driver.log").stat().st_size > follow.position + 100)
    assert len(calls) == 1
    size = (bench.folder(R) / "logs" / "driver.log").stat().st_size
    await asyncio.wait_for(follow.drained(size), 30)
    follow.set_interval(0.2)
    calls.clear()
    began = time.monotonic()
    await until_async(lambda: len(calls) >= 4)
    # At once, at the next turn, and two intervals after that.
    assert time.monotonic() - began >= 0.39


async def test_the_rest_of_a_file_that_was_removed_is_not_waited_for(bench: Bench) -> None:
    await bench.run(R, "print('ten bytes')")
    size = (await bench.ended(R)).log_size
    sink = Collector()
    follow = await bench.host.follow(R, "driver.log", 0, sink, 30.0)
    await follow.drained(size)
    waiting = asyncio.ensure_future(follow.drained(size + 1))
    await bench.host.remove_run(R)
    follow.set_interval(0.01)
    with pytest.raises(HostError, match=r"driver\.log is not there any more"):
        await asyncio.wait_for(waiting, 30)
    # What is there again is followed from where it was.
    (bench.folder(R) / "logs").mkdir(parents=True)
    (bench.folder(R) / "logs/driver.log").write_text("ten bytes\nten bytes\n")
    await asyncio.wait_for(follow.drained(2 * size), 30)
    assert bytes(sink.data) == b"ten bytes\n" * 2
    with pytest.raises(HostError, match=r"driver\.log is not there any more"):
        await bench.host.remove_run(R)
        await asyncio.wait_for(follow.drained(3 * size), 30)


async def test_many_idle_follows_cost_little(bench: Bench) -> None:
    """With 200 follows of quiet files and 50 watched runs the agent rests; one that never does takes a processor."""
    await bench.lay(R, "")
    follows = [await bench.host.follow(R, "driver.log", 0, Collector(), 0.1) for _ in range(200)]
    for number in range(50):
        bench.folder(f"{R}-w{number}").mkdir()
        (bench.folder(f"{R}-w{number}") / "status").mkdir()
    await bench.host.watch_runs([f"{R}-w{number}" for number in range(50)])
    pid = bench.host.info.agent_pid
    before, began = cpu(pid), time.monotonic()
    # The stretch of time over which its use of the processor is measured.
    await asyncio.sleep(1.5)
    share = (cpu(pid) - before) / (time.monotonic() - began)
    # Some percent on a quiet machine; what it costs exactly is for a benchmark to say.
    assert share < 0.5
    for follow in follows:
        await follow.stop()


async def test_the_end_of_a_run_is_pushed_at_once(bench: Bench) -> None:
    delays = []
    for number in range(5):
        run_id = f"{R}-{number}"
        await bench.lay(run_id, "print('x', flush=True); input()")
        await bench.host.watch_runs([run_id])
        # What is pushed first is how the run stood: looked at before it starts, not after.
        await until_async(lambda run_id=run_id: bench.statuses.get(run_id))
        await bench.host.start(run_id, bench.spec())
        status = await bench.ended(run_id)
        assert status.exit is not None
        delays.append(time.time() - status.exit.ended)
        phases = [item.phase for item in bench.statuses[run_id]]
        assert phases[0] == "laid" and phases[-1] == "exited"
    # Pushed, and not found by somebody who asks now and then.
    assert sorted(delays)[2] < 2.0, delays


async def test_watching_ends_with_unwatch(bench: Bench) -> None:
    await bench.lay(R, "import time; time.sleep(60)")
    await bench.host.watch_runs([R])
    await until_async(lambda: bench.statuses.get(R))
    await bench.host.unwatch_runs([R])
    await bench.host.start(R, bench.spec())
    await bench.host.watch_runs([S])
    await until_async(lambda: bench.statuses.get(S))
    assert [status.phase for status in bench.statuses[R]] == ["laid"]
    with contextlib.suppress(HostError):
        await bench.host.remove_run(S)
