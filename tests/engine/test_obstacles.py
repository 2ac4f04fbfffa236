"""What keeps a run from getting on is said of it; a mistake of ours does not hold it for ever before it began."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING

import pytest

from engine.launchers.process import ProcessRun
from engine.runs.model import State
from tests.waiting import until_async

if TYPE_CHECKING:
    from engine.launchers.launcher import Say
    from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio


async def test_a_mistake_while_preparing_fails_the_run_after_some_tries(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    async def mistaken(self: ProcessRun, say: Say) -> dict[str, object]:
        tries.append(1)
        raise KeyError("linkname")

    monkeypatch.setattr(ProcessRun, "prepare", mistaken)
    monkeypatch.setattr("engine.runs.driver.RETRY_FIRST", 0.05)
    run = await bench.submit(bench.script("train.py", "print('hello')"))
    done = await bench.end(run)
    assert done.state is State.FAILED
    assert done.reason == "KeyError: 'linkname' (a mistake of ours; the engine's log has more)"
    assert len(tries) == 4


async def test_a_full_disk_at_the_moment_of_return_does_not_end_the_driver(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = []

    def refused(*arguments: object) -> None:
        notes.append(arguments)
        if len(notes) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("engine.runs.outages.note", refused)
    monkeypatch.setattr("engine.runs.driver.PATIENCE", 0.0)
    monkeypatch.setattr("engine.runs.driver.RETRY_FIRST", 0.05)
    waiting = (
        "import os, time\nprint('begun', flush=True)\nwhile not os.path.exists('outputs/go'):\n    time.sleep(0.05)\n"
    )
    run = await bench.submit(bench.script("train.py", waiting))
    await until_async(lambda: bench.log(run) == b"begun\n")
    host = await bench.engine._links["local"].ready()
    os.kill(host.info.agent_pid, signal.SIGKILL)
    await until_async(lambda: notes)
    (bench.paths.host_run(run.id) / "outputs/go").write_text("")
    assert (await bench.end(run)).state is State.COMPLETED
    assert bench.engine.trouble == ""


async def test_a_mistake_while_it_runs_is_said_and_the_run_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ProcessRun.inspect
    wrong = True

    async def mistaken(self: ProcessRun) -> object:
        if wrong:
            raise KeyError("phase")
        return await real(self)

    monkeypatch.setattr(ProcessRun, "inspect", mistaken)
    monkeypatch.setattr("engine.runs.driver.RETRY_FIRST", 0.05)
    waiting = "import os, time\nwhile not os.path.exists('outputs/go'):\n    time.sleep(0.05)\n"
    run = await bench.submit(bench.script("train.py", waiting))
    await until_async(lambda: "KeyError: 'phase'" in bench.run(run).reason)
    assert bench.run(run).state is State.RUNNING
    wrong = False
    await until_async(lambda: bench.run(run).reason == "")
    assert bench.run(run).state is State.RUNNING
    (bench.paths.host_run(run.id) / "outputs/go").write_text("")
    done = await bench.end(run)
    assert (done.state, done.reason) == (State.COMPLETED, "")
