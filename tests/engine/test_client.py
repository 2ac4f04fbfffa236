"""Faces and the engine as processes: started once, replaced by version, found again, never left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from engine import __version__, client, paths
from engine.client import Client, ContactLost, call, open_connection
from engine.errors import EngineUnavailable, NotFound
from engine.lock import holder, is_held
from engine.project.shell import shell_environ
from engine.runs.request import RunRequest
from engine.runs.store import StoreReader
from tests.engine.service_bench import Bench
from tests.waiting import until, until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engine.paths import Paths

OTHER_VERSION = "import engine; engine.__version__ = {!r}\nfrom engine.service import main\nmain([])"


@pytest.fixture
def engine(home: Paths) -> Iterator[Paths]:
    """A home in which an engine may be started; it is ended afterwards."""
    yield home
    if is_held(home.engine_lock):
        pid = holder(home.engine_lock)["pid"]
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
        until(lambda: not is_held(home.engine_lock), what="the engine to leave")


def status_of(pid: int, field: str) -> str:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(field + ":"))


def test_without_start_there_is_nothing(home: Paths) -> None:
    with pytest.raises(EngineUnavailable, match="no engine is running"):
        call("status", start=False)
    assert not home.engine_lock.exists()


def test_it_is_started_by_who_needs_it(engine: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_RUN_ID", "iris_1")
    monkeypatch.chdir("/usr")
    pid = call("status", paths=engine)["pid"]
    assert pid == holder(engine.engine_lock)["pid"] == call("status", paths=engine, start=False)["pid"]
    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) == os.getsid(pid)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    assert os.readlink(f"/proc/{pid}/fd/2") == str(engine.engine_log)
    assert stat.S_IMODE(engine.engine_log.stat().st_mode) == 0o600
    environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"AML_TUI_ROLE=engine" in environ
    assert not [one for one in environ if one.startswith(b"AZUREML_RUN_ID")]
    assert int(status_of(pid, "PPid")) != os.getpid()


def test_many_at_once_start_one(engine: Paths) -> None:
    with ThreadPoolExecutor(6) as pool:
        pids = set(pool.map(lambda _: call("status", paths=engine)["pid"], range(6)))
    assert len(pids) == 1
    assert engine.engine_log.read_text().count(" ready, ") == 1


def test_what_the_starter_ignored_is_not_ignored_by_runs(engine: Paths) -> None:
    """`nohup` and jobs of scripts in the background ignore signals, and every child would inherit it."""

    def ignore() -> None:
        for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)

    subprocess.run(
        [sys.executable, "-c", "from engine.client import call; call('status')"],
        preexec_fn=ignore,
        check=True,
    )
    ignored = int(status_of(holder(engine.engine_lock)["pid"], "SigIgn"), 16)
    for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        assert not ignored & (1 << (name - 1)), name


def test_a_project_that_looks_like_us_is_not_started(
    engine: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ".")
    assert call("status", paths=engine)["version"] == __version__


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_order(engine: Paths, number: signal.Signals) -> None:
    pid = call("status", paths=engine)["pid"]
    os.kill(pid, number)
    until(lambda: not is_held(engine.engine_lock))
    assert not engine.socket.exists()
    assert engine.engine_log.read_text().endswith("left\n")


def test_killed_it_is_started_again(engine: Paths) -> None:
    first = call("status", paths=engine)["pid"]
    os.kill(first, signal.SIGKILL)
    until(lambda: not is_held(engine.engine_lock))
    assert engine.socket.exists()
    assert call("status", paths=engine)["pid"] != first


def test_idle_it_leaves(engine: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AML_TUI_IDLE_EXIT", "0.2")
    call("status", paths=engine)
    until(lambda: not is_held(engine.engine_lock))
    assert "idle for" in engine.engine_log.read_text()


def test_an_older_engine_hands_over(engine: Paths) -> None:
    subprocess.run([sys.executable, "-c", OTHER_VERSION.format("0.0.9")], check=True, capture_output=True)
    old = holder(engine.engine_lock)
    assert old["version"] == "0.0.9"
    with pytest.raises(EngineUnavailable, match=r"0\.0\.9"):
        call("status", paths=engine, start=False)
    status = call("status", paths=engine)
    assert (status["version"], status["pid"] != old["pid"]) == (__version__, True)
    assert "another version takes over" in engine.engine_log.read_text()


def test_a_newer_engine_is_left_alone(engine: Paths) -> None:
    subprocess.run([sys.executable, "-c", OTHER_VERSION.format("99.1.0")], check=True, capture_output=True)
    with pytest.raises(EngineUnavailable, match=r"99\.1\.0") as error:
        call("status", paths=engine)
    assert "Update" in error.value.remedy
    assert holder(engine.engine_lock)["version"] == "99.1.0"
    with open_connection(engine, start=False, any_version=True) as line:
        assert line.ask("status")["version"] == "99.1.0"


def test_another_login_with_another_socket_folder_finds_it(engine: Paths, tmp_path: Path) -> None:
    pid = call("status", paths=engine)["pid"]
    elsewhere = paths.Paths(engine.state, engine.data, tmp_path / "other", engine.config, engine.cache)
    assert call("status", paths=elsewhere)["pid"] == pid


def test_one_that_hangs_is_told(engine: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = call("status", paths=engine)["pid"]
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(client, "HELLO_WITHIN", 0.3)
    with pytest.raises(EngineUnavailable, match=rf"process {pid}\) does not answer") as error:
        call("status", paths=engine)
    assert "restart --force" in error.value.remedy


def test_a_store_of_a_newer_release_is_told(home: Paths) -> None:
    with sqlite3.connect(home.store) as store:
        store.execute("PRAGMA user_version = 999")
    store.close()
    with pytest.raises(EngineUnavailable, match="written by a newer aml-tui") as error:
        call("status")
    assert error.value.remedy.startswith("Update aml-tui")
    assert not is_held(home.engine_lock)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("AML_TUI_HOME", str(tmp_path / "home"))
    with pytest.raises(EngineUnavailable, match="cannot be made") as error:
        call("status")
    assert error.value.where.startswith(str(tmp_path / "home"))


def test_a_socket_folder_others_can_write_to_is_not_used(home: Paths) -> None:
    home.runtime.chmod(0o777)
    with pytest.raises(EngineUnavailable, match="written to by others"):
        call("status")


def test_one_that_dies_at_its_start_leaves_its_last_words(home: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AML_TUI_IDLE_EXIT", "soon")
    with pytest.raises(EngineUnavailable, match="could not convert string to float") as error:
        call("status")
    assert error.value.where == str(home.engine_log)


def test_two_answers_cannot_be_mixed_up(engine: Paths) -> None:
    with open_connection(engine) as line:
        with pytest.raises(TimeoutError):
            line.ask("connect", {"target": "local"}, within=0.0)
        assert line.ask("status")["version"] == __version__


# The console's side


@pytest_asyncio.fixture
async def service(home: Paths) -> AsyncIterator[Bench]:
    bench = Bench(home)
    await bench.start()
    yield bench
    await bench.stop()


REQUEST = RunRequest(project="/p", config="local", token="one")


async def test_requests_and_events(service: Bench) -> None:
    face = await Client.connect(service.paths, start=False)
    events = face.events()
    assert (await anext(events))["more"]
    assert (await face.submit(REQUEST))["name"] == "iris-001"
    assert await face.cancel(["a"]) == {"a": "no"}
    with pytest.raises(NotFound, match="no run 'x'"):
        await face.update("x", hidden=True)
    await face.watch(["a"])
    assert list(service.core.watched.values()) == [("a",)]
    service.core.on_change({"a"}, False)
    await face.status()
    assert (await anext(events))["runs"] == ["a"]
    await face.close()


async def test_events_nobody_takes_become_one(service: Bench) -> None:
    face = await Client.connect(service.paths, start=False)
    events = face.events()
    await anext(events)
    for name in "abc":
        service.core.on_change({name}, name == "b")
        await asyncio.sleep(0.12)
    event = await anext(events)
    assert (event["runs"], event["targets"]) == (["a", "b", "c"], True)
    await face.close()


async def test_a_submission_is_one_run_though_contact_was_lost(service: Bench) -> None:
    face = await Client.connect(service.paths, start=False)
    lost: list[Any] = list(service.service._faces._faces)

    def cut() -> None:
        service.core.before_submit = lambda: None
        for one in lost:
            one._writer.transport.abort()

    service.core.before_submit = cut
    assert (await face.submit(REQUEST))["run_id"]
    assert service.core.begun == 2
    assert service.core.submitted == ["one"]
    await face.close()


async def test_a_deletion_is_not_asked_twice(service: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    face = await Client.connect(service.paths, start=False)
    asked = []

    async def cut(run_ids: Any, *, now: bool) -> dict[str, str]:
        asked.append(list(run_ids))
        for one in list(service.service._faces._faces):
            one._writer.transport.abort()
        return {}

    monkeypatch.setattr(service.core, "delete", cut)
    with pytest.raises(ContactLost):
        await face.delete(["a"])
    assert asked == [["a"]]
    await face.close()


async def test_events_end_with_contact_and_begin_again(service: Bench) -> None:
    face = await Client.connect(service.paths, start=False)
    await face.watch(["a"])
    heard = [event async for event in _cut_after(face, service)]
    assert len(heard) == 1
    events = face.events()
    assert (await anext(events))["more"]
    assert ("a",) in service.core.watched.values(), "the new connection knows what is looked at"
    service.core.on_change({"b"}, False)
    assert (await anext(events))["runs"] == ["b"]
    await face.close()


async def _cut_after(face: Client, service: Bench) -> AsyncIterator[dict[str, Any]]:
    async for event in face.events():
        yield event
        for one in list(service.service._faces._faces):
            one._writer.transport.abort()


async def test_nobody_waits_for_a_lost_engine(service: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: Any) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(service.core, "fetch", hang)
    face = await Client.connect(service.paths, start=False)
    fetching = asyncio.create_task(face.fetch("x", "", "/tmp"))
    await face.status()
    service.service.leave("a test")
    with pytest.raises(ContactLost):
        await asyncio.wait_for(fetching, 30)
    await service.task
    with pytest.raises(EngineUnavailable, match="no engine is running"):
        await face.status()
    await face.close()


async def test_who_does_not_wait_for_a_connection_leaves_none(service: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        begun.set()
        go.wait(30)
        line = open_connection(service.paths, start=False)
        dialled.append(line.fileno())
        return line

    monkeypatch.setattr("engine.async_client.open_connection", slow)
    asking = asyncio.create_task(Client(service.paths).status())
    await until_async(begun.is_set)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    go.set()
    await until_async(lambda: dialled)
    gc.collect()


async def test_the_whole_way_through_a_killed_engine(engine: Paths, tmp_path: Path) -> None:
    project, gate = tmp_path / "iris", tmp_path / "gate"
    (project / "aml_config").mkdir(parents=True)
    (project / "aml_config" / "local.compute").write_text("type: local\n")
    (project / "aml_config" / "local.runconfig").write_text(
        "ArgumentVector: [$file]\nTarget: local\nFramework: Python\n"
    )
    (project / "train.py").write_text(
        f"import os, time\nprint('begin', flush=True)\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    )
    face = await Client.connect(engine)
    events = face.events()
    await anext(events)
    request = RunRequest(str(project), "local", "t", script="train.py", environ=shell_environ())
    run_id = (await face.submit(request))["run_id"]
    with StoreReader(engine.store) as store:
        await until_async(lambda: store.run(run_id).state.value == "Running")
        os.kill(holder(engine.engine_lock)["pid"], signal.SIGKILL)
        assert [event async for event in events][-1:] != [None]
        assert (await face.submit(request))["run_id"] == run_id
        gate.touch()
        await until_async(lambda: store.run(run_id).state.ended)
        assert store.run(run_id).state.value == "Completed"
        assert store.count() == 1
    assert engine.driver_log(run_id).read_bytes() == b"begin\n"
    await face.close()
