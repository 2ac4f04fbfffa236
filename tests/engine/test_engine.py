"""Runs on the real local host: the whole way, and what happens when something dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from engine.engine import Engine
from engine.errors import AmlError, HostError, LaunchError, NotFound
from engine.hosts.following import FollowedFile
from engine.hosts.local import LocalHost
from engine.launchers.process import ProcessRun
from engine.runs import streams
from engine.runs.apart import STREAMS
from engine.runs.model import State
from tests.engine import telling
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except FileNotFoundError:
        return False


async def pid_in(path: Path) -> int:
    await until_async(lambda: path.exists() and path.read_text().endswith("\n"), what=f"a pid in {path}")
    return int(path.read_text())


async def test_the_whole_way(bench: Bench) -> None:
    bench.script(
        "train.py",
        """
        import os, sys
        from azureml.core import Run
        from azureml.logging import get_azureml_logger
        run = Run.get_context()
        print("hello", sys.argv[1:])
        print("to stderr", file=sys.stderr)
        for step in range(5):
            run.log("loss", 1.0 / (step + 1))
        get_azureml_logger().log("Accuracy", 0.9)
        open("outputs/model.txt", "w").write("weights")
        print(os.environ["AZUREML_RUN_ID"], os.environ["AZUREML_TARGET_TYPE"])
        """,
    )
    run = await bench.submit("train.py", "--rate", "a b", "$(x)", tags={"who": "me"})
    assert run.state is not State.NOT_STARTED
    done = await bench.end(run)
    assert (done.state, done.exit_code, done.reason) == (State.COMPLETED, 0, "")
    text = bench.log(run).decode()
    assert "hello ['--rate', 'a b', '$(x)']\n" in text
    assert "to stderr\n" in text
    assert f"{run.id} local\n" in text
    assert bench.log(run) == bench.host_log(run)
    series = {one.name: one for one in bench.store.series(run.id)}
    assert [value for _, _, value in bench.store.points(run.id, "loss")] == [1.0, 0.5, 1 / 3, 0.25, 0.2]
    assert series["Accuracy"].last == 0.9
    assert [one.path for one in await bench.engine.outputs(run.id)] == ["model.txt"]
    assert not (bench.project / "outputs").exists()
    states = [t.after for t in bench.store.transitions(run.id)]
    assert states == [
        State.QUEUED,
        State.PREPARING,
        State.STARTING,
        State.RUNNING,
        State.FINALIZING,
        State.COMPLETED,
    ]
    (command,) = bench.store.commands(run.id)
    assert command.argv[1:] == ("train.py", "--rate", "a b", "$(x)")
    assert done.tags == {"who": "me"}


async def test_stdout_and_stderr_are_told_apart(bench: Bench) -> None:
    bench.script("both.py", telling.SCRIPT)
    run = await bench.end(await bench.submit("both.py"))
    assert run.exit_code == 1
    telling.check(bench.paths, run)


async def test_a_script_that_fails_says_why(bench: Bench) -> None:
    bench.script("fail.py", "{}['petal']\n")
    done = await bench.end(await bench.submit("fail.py"))
    assert (done.state, done.exit_code, done.reason) == (State.FAILED, 1, "KeyError: 'petal'")


async def test_a_script_that_is_killed_says_so(bench: Bench) -> None:
    bench.script("die.py", "import os; os.kill(os.getpid(), 9)\n")
    done = await bench.end(await bench.submit("die.py"))
    assert (done.state, done.exit_signal, done.reason) == (State.FAILED, 9, "killed by SIGKILL")


async def test_one_token_is_one_run(bench: Bench) -> None:
    bench.script("train.py", "print('once')\n")
    request = bench.request("train.py")
    first, again = await asyncio.gather(bench.engine.submit(request), bench.engine.submit(request))
    assert first.id == again.id
    await bench.end(first)
    assert bench.log(first) == b"once\n"
    assert (await bench.engine.submit(request)).id == first.id
    assert bench.store.count() == 1


async def test_bytes_are_bytes(bench: Bench) -> None:
    bench.script(
        "noise.py",
        r"""
        import os
        os.write(1, b"\x1b]52;c;aGk=\x07\xff\xfe[/markup]\r\n" + bytes(range(256)))
        os.write(2, b"x" * 3_000_000)
        """,
    )
    run = await bench.end(await bench.submit("noise.py"))
    assert bench.log(run) == b"\x1b]52;c;aGk=\x07\xff\xfe[/markup]\r\n" + bytes(range(256)) + b"x" * 3_000_000


async def test_cancel_ends_grandchildren_that_hide(bench: Bench, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    bench.script(
        "stubborn.py",
        f"""
        import os, signal, time
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                with open({str(note)!r}, "w") as file:
                    print(os.getpid(), file=file)
                time.sleep(600)
            os._exit(0)
        time.sleep(600)
        """,
    )
    run = await bench.submit("stubborn.py")
    pid = await pid_in(note)
    await bench.until(run, State.RUNNING)
    assert await bench.engine.cancel([run.id]) == {}
    done = await bench.end(run)
    assert done.state is State.CANCELED
    assert not alive(pid)
    assert "being canceled" not in done.reason
    assert list((await bench.engine.cancel([run.id])).values()) == ["the run has ended (Canceled)."]


async def test_cancel_of_a_queued_run_starts_nothing(bench: Bench) -> None:
    (bench.project / "aml_config" / "local.compute").write_text("type: local\nslots: 1\n")
    bench.script("wait.py", "import time; time.sleep(600)\n")
    bench.script("quick.py", "print('quick')\n")
    first = await bench.submit("wait.py")
    second = await bench.submit("quick.py")
    await bench.until(first, State.RUNNING)
    await until_async(lambda: "1 of 1 busy" in bench.run(second).reason)
    assert bench.run(second).state is State.QUEUED
    await bench.engine.cancel([second.id])
    assert (await bench.end(second)).state is State.CANCELED
    assert not bench.paths.host_run(second.id).exists()
    third = await bench.submit("quick.py")
    await bench.engine.cancel([first.id])
    assert (await bench.end(third)).state is State.COMPLETED


async def test_slots_are_never_exceeded(bench: Bench, tmp_path: Path) -> None:
    (bench.project / "aml_config" / "local.compute").write_text("type: local\nslots: 3\n")
    busy = tmp_path / "busy"
    busy.mkdir()
    bench.script(
        "count.py",
        f"""
        import os, time
        mine = os.path.join({str(busy)!r}, str(os.getpid()))
        open(mine, "w").close()
        print(len(os.listdir({str(busy)!r})))
        time.sleep(0.05)
        os.unlink(mine)
        """,
    )
    runs = [await bench.submit("count.py") for _ in range(10)]
    for run in runs:
        assert (await bench.end(run)).state is State.COMPLETED
    assert max(int(bench.log(run)) for run in runs) <= 3


async def test_a_run_longer_than_allowed_is_stopped(bench: Bench) -> None:
    (bench.project / "aml_config" / "short.runconfig").write_text(
        "script: wait.py\narguments: []\ntarget: local\nframework: Python\nmaxRunDurationSeconds: 1\n"
        "environment:\n  python:\n    userManagedDependencies: true\n    interpreterPath: python3\n"
    )
    bench.script("wait.py", "import time; time.sleep(600)\n")
    request = bench.request("wait.py")
    run = await bench.engine.submit(type(request)(**{**request.__dict__, "config": "short", "arguments": None}))
    done = await bench.end(run)
    assert done.state is State.FAILED
    assert "maxRunDurationSeconds" in done.reason


async def test_an_engine_that_stops_leaves_runs_alone(bench: Bench, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    bench.script(
        "long.py",
        f"""
        import os, time
        n = 0
        while not os.path.exists({str(gate)!r}):
            print("line", n); n += 1
            time.sleep(0.01)
        print("end")
        """,
    )
    run = await bench.submit("long.py")
    await bench.until(run, State.RUNNING)
    await until_async(lambda: bench.paths.driver_log(run.id).exists())
    await bench.engine.stop()
    size = bench.paths.driver_log(run.id).stat().st_size
    await until_async(lambda: len(bench.host_log(run)) > size)
    bench.engine = Engine(bench.paths)
    await bench.engine.start()
    gate.touch()
    done = await bench.end(run)
    assert done.state is State.COMPLETED
    assert bench.log(run) == bench.host_log(run)
    assert bench.log(run).endswith(b"end\n")
    assert [t.event for t in bench.store.transitions(run.id)].count("started") == 1


async def test_a_run_that_ends_while_no_engine_looks(bench: Bench) -> None:
    bench.script("short.py", "import time; time.sleep(0.3); print('done'); raise SystemExit(3)\n")
    run = await bench.submit("short.py")
    await bench.until(run, State.RUNNING)
    await bench.engine.stop()
    await until_async((bench.paths.host_run(run.id) / "status" / "exit.json").exists)
    bench.engine = Engine(bench.paths)
    await bench.engine.start()
    done = await bench.end(run)
    assert (done.state, done.exit_code, bench.log(run)) == (State.FAILED, 3, b"done\n")


async def test_runner_and_script_killed_together_is_told(bench: Bench) -> None:
    bench.script("wait.py", "import time; time.sleep(600)\n")
    run = await bench.until(await bench.submit("wait.py"), State.RUNNING)
    for who in ("runner", "process"):
        os.kill(run.handle[who]["pid"], signal.SIGKILL)
    done = await bench.end(run, 60.0)
    assert done.state is State.FAILED
    assert "disappeared without an exit status" in done.reason


async def test_the_agent_killed_is_started_again(bench: Bench, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    bench.script(
        "long.py",
        f"""
        import os, time
        n = 0
        while not os.path.exists({str(gate)!r}):
            print("line", n); n += 1
            time.sleep(0.005)
        """,
    )
    run = await bench.until(await bench.submit("long.py"), State.RUNNING)
    host = await bench.engine._link_named("local").ready()
    os.kill(host.info.agent_pid, signal.SIGKILL)
    size = len(bench.host_log(run))
    await until_async(lambda: len(bench.log(run)) > size, what="the mirror to go on")
    gate.touch()
    done = await bench.end(run)
    assert done.state is State.COMPLETED
    assert bench.log(run) == bench.host_log(run)
    assert bench.run(run).unreachable_since is None


async def test_what_cannot_be_resolved_makes_no_run(bench: Bench) -> None:
    with pytest.raises(AmlError, match=r"nope\.py"):
        await bench.submit("nope.py")
    request = bench.request("nope.py")
    with pytest.raises(NotFound):
        await bench.engine.submit(type(request)(**{**request.__dict__, "config": "none"}))
    assert bench.store.count() == 0


async def test_the_snapshot_is_of_the_moment_of_submission(bench: Bench) -> None:
    (bench.project / "aml_config" / "local.compute").write_text("type: local\nslots: 1\n")
    bench.script("wait.py", "import time; time.sleep(600)\n")
    bench.script("say.py", "print('before')\n")
    first = await bench.submit("wait.py")
    second = await bench.submit("say.py")
    bench.script("say.py", "print('after')\n")
    await bench.engine.cancel([first.id])
    await bench.end(second)
    assert bench.log(second) == b"before\n"


async def test_outputs_are_found_whatever_the_working_directory(bench: Bench) -> None:
    bench.script(
        "move.py",
        """
        import os
        os.chdir("/")
        with open(os.path.join(os.environ["AZUREML_OUTPUT_DIRECTORY"], "a.json"), "w") as file:
            file.write("[1]")
        """,
    )
    run = await bench.end(await bench.submit("move.py"))
    dest = bench.paths.cache / "fetched"
    await bench.engine.fetch(run.id, "", dest)
    assert json.loads((dest / "a.json").read_text()) == [1]


async def test_an_untracked_run_keeps_no_outputs(bench: Bench) -> None:
    bench.script("train.py", "open('outputs/model.bin', 'w').write('model')\n")
    run = await bench.end(await bench.submit("train.py", tracked=False))
    assert run.state is State.COMPLETED
    assert await bench.engine.outputs(run.id) == []
    dest = bench.paths.cache / "fetched"
    with pytest.raises(NotFound, match="the run is untracked"):
        await bench.engine.fetch(run.id, "", dest)
    assert not dest.exists()


async def test_a_cancel_while_a_new_engine_still_connects_is_not_lost(bench: Bench) -> None:
    bench.script("wait.py", "import time; time.sleep(600)\n")
    run = await bench.until(await bench.submit("wait.py"), State.RUNNING)
    await bench.engine.stop()
    bench.engine = Engine(bench.paths)
    await bench.engine.start()
    assert await bench.engine.cancel([run.id]) == {}
    assert (await bench.end(run)).state is State.CANCELED


async def test_a_run_whose_plan_is_damaged_does_not_stop_the_engine(bench: Bench) -> None:
    bench.script("wait.py", "import time; time.sleep(600)\n")
    damaged = await bench.until(await bench.submit("wait.py"), State.RUNNING)
    await bench.engine.cancel([damaged.id])
    await bench.end(damaged)
    await bench.engine.stop()
    with sqlite3.connect(bench.paths.store) as db:
        db.execute("UPDATE runs SET state = 'Running', plan = '{}' WHERE id = ?", (damaged.id,))
    db.close()
    bench.engine = Engine(bench.paths)
    await bench.engine.start()
    ended = bench.run(damaged)
    assert ended.state is State.FAILED
    assert "its plan in the run history cannot be read" in ended.reason


async def test_runs_of_a_project_share_a_folder_on_the_target(bench: Bench, tmp_path: Path) -> None:
    (bench.project / "aml_config" / "local.compute").write_text(
        f"type: local\nnativeSharedDirectory: {tmp_path}/share\n"
    )
    bench.script(
        "count.py",
        """
        import os
        # As the original's samples do it: the variable ends with a slash.
        with open(os.environ["AZUREML_NATIVE_SHARE_DIRECTORY"] + "seen.txt", "a+") as file:
            file.write("x")
            file.seek(0)
            print(len(file.read()))
        """,
    )
    for wanted in (b"1\n", b"2\n"):
        run = await bench.submit("count.py")
        assert (await bench.end(run)).state is State.COMPLETED
        assert bench.log(run) == wanted
    assert (tmp_path / "share" / "iris").is_dir()


async def test_a_shared_folder_that_cannot_be_made_is_told(bench: Bench) -> None:
    (bench.project / "aml_config" / "local.compute").write_text("type: local\nnativeSharedDirectory: /dev/null/x\n")
    bench.script("train.py", "print(1)\n")
    done = await bench.end(await bench.submit("train.py"))
    assert done.state is State.FAILED
    assert "nativeSharedDirectory" in done.reason


async def test_what_a_run_that_was_not_prepared_leaves_does_not_hold_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files were shipped meanwhile: they are removed, and it has failed whether or not the host lets them go."""
    refusing: list[str] = []
    remove = LocalHost.remove_run

    async def prepare(self: ProcessRun, say: object) -> dict[str, object]:
        folder = bench.paths.host_run(self.run.id)
        await until_async(lambda: (folder / "status" / "laid.json").exists(), what="the run directory")
        raise LaunchError("there is no such environment.")

    async def remove_run(self: LocalHost, run_id: str) -> None:
        if refusing:
            raise HostError("not permitted.", where="local")
        await remove(self, run_id)

    monkeypatch.setattr(ProcessRun, "prepare", prepare)
    monkeypatch.setattr(LocalHost, "remove_run", remove_run)
    bench.script("train.py", "print('never')\n")
    done = await bench.end(await bench.submit("train.py"))
    assert (done.state, done.reason) == (State.FAILED, "there is no such environment.")
    assert not bench.paths.host_run(done.id).exists()
    refusing.append("from now on")
    done = await bench.end(await bench.submit("train.py"))
    assert (done.state, done.reason) == (State.FAILED, "there is no such environment.")


async def test_what_tells_stdout_from_stderr_never_holds_up_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = FollowedFile.arrived

    def lost(self: FollowedFile, header: Mapping[str, Any], body: bytes) -> None:
        if not self._name.endswith(STREAMS):
            arrived(self, header, body)

    monkeypatch.setattr(FollowedFile, "arrived", lost)
    monkeypatch.setattr(streams, "STREAMS_PATIENCE", 0.05)
    bench.script("hello.py", "print('hello')\n")
    done = await bench.end(await bench.submit("hello.py"))
    assert (done.state, bench.log(done)) == (State.COMPLETED, b"hello\n")
