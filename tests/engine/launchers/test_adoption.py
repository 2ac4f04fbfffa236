"""Runs in containers whose engine, or whose Docker Engine, dies and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.engine import Engine
from engine.runs.model import State
from tests.waiting import until_async

if TYPE_CHECKING:
    from engine.runs.model import Run
    from tests.engine.launchers.conftest import ContainerBench

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.timeout(180),
    pytest.mark.leaves("the daemon that the session goes on with"),
]
both = pytest.mark.parametrize("config", ["docker", "copied"])

COUNT = """
    import os, pathlib, sys, time
    print("pid", os.getpid(), flush=True)
    end = int(sys.argv[1])
    for number in range(end):
        print("line", number, flush=True)
        time.sleep(0.01)
    pathlib.Path("outputs/done").write_text(str(end))
    """
LINES = 400


async def another_engine(bench: ContainerBench) -> None:
    await bench.engine.stop()
    bench.engine = Engine(bench.paths)
    await bench.engine.start()


async def ended(bench: ContainerBench, run: Run) -> None:
    """It completed, was started once, and every line is there."""
    done = await bench.end(run, 90)
    log = bench.log(run)
    assert done.state is State.COMPLETED, done.reason
    assert log.count(b"pid ") == 1
    assert log.partition(b"\n")[2] == b"".join(b"line %d\n" % number for number in range(LINES))
    assert log == bench.host_log(run)
    assert (bench.paths.host_run(run.id) / "outputs" / "done").read_text() == str(LINES)
    assert bench.containers(run) == []


@both
async def test_a_new_engine_takes_the_run_up(bench: ContainerBench, config: str) -> None:
    bench.script("count.py", COUNT)
    run = await bench.submit("count.py", str(LINES), config=config)
    await bench.printed(run, b"line 20\n")
    await another_engine(bench)
    await ended(bench, run)


@both
async def test_a_run_that_ended_meanwhile_is_brought_home(bench: ContainerBench, config: str) -> None:
    bench.script("count.py", COUNT)
    run = await bench.submit("count.py", str(LINES), config=config)
    await bench.printed(run, b"line 20\n")
    await bench.engine.stop()
    (container,) = bench.containers(run)
    await until_async(
        lambda: bench.docker.docker("inspect", "-f", "{{.State.Running}}", container) == "false", 60, "its end"
    )
    bench.engine = Engine(bench.paths)
    await bench.engine.start()
    await ended(bench, run)


@both
async def test_the_docker_engine_is_killed_and_comes_back(bench: ContainerBench, config: str) -> None:
    bench.script("count.py", COUNT)
    run = await bench.submit("count.py", str(LINES), config=config)
    await bench.printed(run, b"line 20\n")
    bench.docker.kill()
    await until_async(lambda: bench.run(run).unreachable_since is not None or bench.run(run).state.ended, 30, "a mark")
    assert bench.run(run).state is State.RUNNING
    bench.docker.start()
    await ended(bench, run)
    assert bench.run(run).unreachable_since is None


@both
async def test_both_are_killed(bench: ContainerBench, config: str) -> None:
    bench.script("count.py", COUNT)
    run = await bench.submit("count.py", str(LINES), config=config)
    await bench.printed(run, b"line 20\n")
    bench.docker.kill()
    await another_engine(bench)
    bench.docker.start()
    await ended(bench, run)


@both
async def test_canceled_while_the_docker_engine_is_away(bench: ContainerBench, config: str) -> None:
    bench.script("count.py", COUNT)
    run = await bench.submit("count.py", "100000", config=config)
    await bench.printed(run, b"line 20\n")
    bench.docker.kill()
    await bench.engine.cancel([run.id])
    bench.docker.start()
    done = await bench.end(run, 90)
    assert (done.state, bench.containers(run)) == (State.CANCELED, [])
    assert bench.log(run) == bench.host_log(run)


async def test_a_docker_engine_that_was_stopped_ends_its_runs_and_that_is_said(bench: ContainerBench) -> None:
    bench.script("count.py", COUNT)
    run = await bench.submit("count.py", "100000")
    await bench.printed(run, b"line 20\n")
    (container,) = bench.containers(run)
    # What a daemon without --live-restore does to its containers when it leaves.
    bench.docker.docker("kill", "-s", "KILL", container)
    done = await bench.end(run, 60)
    assert done.state is State.FAILED
    assert "killed from outside, or ended with the Docker Engine" in done.reason


async def test_a_docker_engine_that_is_restarting_is_waited_for(bench: ContainerBench) -> None:
    bench.script("count.py", COUNT)
    bench.docker.kill()
    run = await bench.submit("count.py", str(LINES))
    await until_async(lambda: "waiting" in bench.run(run).progress, 30, "it waits")
    bench.docker.start()
    await ended(bench, run)


async def test_no_docker_engine_at_all(bench: ContainerBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.launchers.container.PATIENCE", 0.5)
    bench.script("count.py", COUNT)
    bench.docker.stop()
    done = await bench.end(await bench.submit("count.py", "10"), 30)
    assert done.state is State.FAILED
    assert "the Docker Engine is not running" in done.reason
    assert "DOCKER_HOST" in done.reason
