"""The engine's socket: what it answers, whom it lets in, and that nobody can hold it up."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from engine import faces, service_log
from engine.async_client import Client
from engine.errors import EngineUnavailable
from engine.lock import EngineLock, is_held
from engine.runs.request import RunRequest
from engine.service import AnotherEngine, prepare
from engine.wire import MAX_LINE, VERBS
from tests.engine.service_bench import Bench
from tests.tui.history import make_run
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths

REQUEST = {"project": "/p", "config": "local", "token": "one"}


@pytest_asyncio.fixture
async def service(home: Paths) -> AsyncIterator[Bench]:
    bench = Bench(home)
    await bench.start()
    yield bench
    await bench.stop()


async def test_the_first_request_is_hello(service: Bench) -> None:
    line = await service.line(greet=False)
    assert (await line.ask("status"))["error"]["code"] == "usage"
    await line.ask("hello")
    assert (await line.ask("status"))["ok"]["pid"] == 0


async def test_a_request_that_makes_no_sense_is_answered_and_the_line_stays(service: Bench) -> None:
    line = await service.line()
    for verb, args in [
        ("dance", {}),
        ("submit", {"request": {"project": "/p"}}),
        ("submit", {"request": 3}),
        ("cancel", {"ids": "all"}),
        ("cancel", {"ids": [1]}),
        ("update", {"id": "x", "changes": {"hidden": "yes"}}),
        ("update", {"id": "x", "changes": {"retag": {"two words": ""}}}),
        ("update", {"id": "x", "changes": {"retag": {"best": 1}}}),
        ("update", {"id": "x", "changes": {"tags": {"best": 1}}}),
        ("update", {"id": "x", "changes": {"priority": 10**30}}),
        ("fetch", {"id": "x", "dest": "relative"}),
        ("outputs", {}),
    ]:
        answer = await line.ask(verb, **args)
        assert answer["error"]["code"] == "usage", verb
    for odd in ({"id": 99, "verb": ["list"]}, {"id": 99, "verb": "status", "args": [1]}, {"id": 99}):
        line.writer.write(json.dumps(odd).encode() + b"\n")
        answer = await line.hear()
        assert (answer["id"], answer["error"]["code"]) == (99, "usage")
    assert "ok" in await line.ask("status")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("project", 7, "a text"),
        ("config", None, "a text"),
        ("script", ["train.py"], "a text"),
        ("arguments", "--rate 1", "a list of texts"),
        ("arguments", [1], "a list of texts"),
        ("tracked", "no", "true or false"),
        ("tags", {"best": 1}, "an object of texts"),
        ("environ", [], "an object of texts"),
        ("priority", True, "a whole number"),
        ("priority", 10**30, "between -1000000 and 1000000"),
    ],
)
async def test_a_request_for_a_run_says_what_is_not_as_it_must_be(
    service: Bench, name: str, value: object, words: str
) -> None:
    line = await service.line()
    for verb in ("submit", "prepare"):
        error = (await line.ask(verb, request={**REQUEST, name: value}))["error"]
        assert (error["code"], error["message"]) == ("usage", f"{verb}: `{name}` must be {words}.")


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n", b"\xff\xfe\n", b"[1, 2]\n", b"[" * 100_000 + b"\n", b"\n"])
async def test_noise_is_answered_once_and_hung_up(service: Bench, noise: bytes) -> None:
    other = await service.line()
    line = await service.line(greet=False)
    line.writer.write(noise * 3)
    answer = await line.hear()
    assert (answer["id"], answer["error"]["code"]) == (None, "usage")
    assert await line.reader.read() == b""
    assert "ok" in await other.ask("status")


async def test_a_request_without_end_is_refused_at_the_limit(service: Bench) -> None:
    line = await service.line()
    line.writer.write(b"x" * (MAX_LINE + 1))
    answer = await line.hear()
    assert str(MAX_LINE) in answer["error"]["message"]
    assert "ok" in await (await service.line()).ask("status")


async def test_errors_cross_the_socket_as_they_are(service: Bench) -> None:
    line = await service.line()
    error = (await line.ask("update", id="x", changes={"hidden": True}))["error"]
    assert error == {"code": "not-found", "message": "there is no run 'x'.", "remedy": "Look.", "where": "here"}


async def test_a_mistake_of_ours_is_an_answer_and_a_line_in_the_log(
    service: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    line = await service.line()
    error = (await line.ask("outputs", id="x"))["error"]
    assert "ZeroDivisionError: a mistake of ours" in error["message"]
    assert error["where"] == str(service.paths.engine_log)
    assert any(record.exc_info for record in caplog.records)
    assert "ok" in await line.ask("status")


async def test_answers_come_as_they_are_ready(service: Bench) -> None:
    line = await service.line()
    service.core.hold.clear()
    first = line.say("submit", request=REQUEST)
    assert "ok" in await line.ask("status")
    service.core.hold.set()
    answer = await line.hear()
    assert (answer["id"], answer["ok"]["name"]) == (first, "iris-001")


async def test_a_submission_goes_on_when_its_face_has_left(service: Bench) -> None:
    line = await service.line()
    service.core.hold.clear()
    line.say("submit", request=REQUEST)
    await until_async(lambda: service.core.begun == 1)
    await line.close()
    await until_async(lambda: () in service.core.watched.values())
    service.core.hold.set()
    await until_async(lambda: service.core.submitted == ["one"])


async def test_an_older_engine_does_not_take_the_bin_for_deleting_for_good(service: Bench) -> None:
    """Its `delete` took `ids`, whatever else was said: what brings back must not have those."""
    asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(verb: str, args: dict[str, Any]) -> dict[str, Any]:
        asked.append((verb, args))
        return {"refused": {}}

    face = Client(service.paths)
    face._ask = ask  # type: ignore[method-assign]
    await face.delete(["a"])
    await face.restore(["a"])
    assert [(verb, "ids" in args) for verb, args in asked] == [("delete", False)] * 2
    await face.delete(["a"], now=True)
    assert asked[-1] == ("delete", {"ids": ["a"]}), "as it was before there was a bin"


async def test_deleting_says_what_becomes_of_the_runs(service: Bench) -> None:
    line = await service.line()
    assert (await line.ask("delete", op="put", runs=["a"]))["ok"]["refused"] == {"a": "no"}
    assert (await line.ask("delete", op="restore", runs=["a"]))["ok"]["refused"] == {"a": "no way back"}
    assert (await line.ask("delete", ids=["a"]))["ok"]["refused"] == {"a": "not now"}
    for wrong in ({"op": "now", "runs": ["a"]}, {"op": "restore", "ids": ["a"]}, {"op": "put"}, {"runs": ["a"]}, {}):
        assert (await line.ask("delete", **wrong))["error"]["code"] == "usage"


async def test_what_a_face_looked_at_ends_with_it(service: Bench) -> None:
    line = await service.line()
    await line.ask("watch", ids=["a", "b"])
    assert list(service.core.watched.values()) == [("a", "b")]
    await line.close()
    await until_async(lambda: list(service.core.watched.values()) == [()])


async def test_events_are_merged(service: Bench) -> None:
    line, deaf = await service.line(), await service.line()
    await line.ask("subscribe")
    seen: set[str] = set()
    events = 0
    for number in range(500):
        service.core.on_change({f"run{number % 50}"}, number == 300)
        if number % 10 == 0:
            await asyncio.sleep(0)
    targets = False
    while len(seen) < 50 or not targets:
        event = await line.hear()
        assert event["event"] == "changed"
        seen.update(event["runs"])
        targets = targets or event["targets"]
        events += 1
    assert events <= 3
    deaf.say("status")
    assert "event" not in await deaf.hear()


async def test_the_first_event_comes_at_once(service: Bench) -> None:
    line = await service.line()
    await line.ask("subscribe")
    loop = asyncio.get_running_loop()
    took = []
    for _ in range(3):
        await asyncio.sleep(faces.EVENT_EVERY * 1.5)
        begin = loop.time()
        service.core.on_change({"a"}, False)
        await line.hear()
        took.append(loop.time() - begin)
    assert min(took) < faces.EVENT_EVERY / 2


async def test_more_runs_than_an_event_holds(service: Bench) -> None:
    line = await service.line()
    await line.ask("subscribe")
    service.core.on_change({"first"}, False)
    await line.hear()
    service.core.on_change({f"run{number}" for number in range(faces.EVENT_RUNS + 1)}, False)
    event = await line.hear()
    assert (event["runs"], event["more"]) == ([], True)


async def test_a_face_that_reads_nothing_holds_nobody_up(service: Bench) -> None:
    slow, quick = await service.line(), await service.line()
    await slow.ask("subscribe")
    slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
    service.core.big = "x" * (1 << 20)
    for _ in range(500):
        slow.say("status")
    await slow.writer.drain()
    # It is listened to until its answers are taken, and no further.
    asked = -1
    while asked != service.core.asked:
        asked = service.core.asked
        for _ in range(20):
            service.core.on_change({f"run{asked}"}, True)
            assert "error" in await quick.ask("update", id="x", changes={})
    assert asked <= faces.AT_WORK + 2
    slow.reader._transport.resume_reading()  # type: ignore[attr-defined]
    answers = 0
    while answers < 500:
        answers += "ok" in await slow.hear()


async def test_a_face_that_stopped_is_let_go(service: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "STUCK_AFTER", 0.2)
    slow = await service.line()
    slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
    service.core.big = "x" * (4 << 20)
    for _ in range(4):
        slow.say("status")
    await until_async(lambda: () in service.core.watched.values())


async def test_stop_answers_first(service: Bench) -> None:
    line, other = await service.line(), await service.line()
    assert "pid" in (await line.ask("stop", handover=True))["ok"]
    assert await line.hear() == {}
    assert await other.hear() == {}
    await service.task
    assert service.core.stopped
    assert not service.paths.socket.exists()
    assert not is_held(service.paths.engine_lock)


async def test_a_submission_at_work_ends_before_the_engine_does(service: Bench) -> None:
    line = await service.line()
    service.core.hold.clear()
    first = line.say("submit", request=REQUEST)
    await until_async(lambda: service.core.begun == 1)
    await (await service.line()).ask("stop")
    asyncio.get_running_loop().call_later(0.1, service.core.hold.set)
    answer = await line.hear()
    assert (answer["id"], answer["ok"]["run_id"]) == (first, make_run(1).id)
    await service.task


async def test_only_the_person_gets_in(service: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stat.S_IMODE(service.paths.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(service.paths.runtime.stat().st_mode) == 0o700
    assert stat.S_IMODE(service.paths.engine_lock.stat().st_mode) == 0o600
    monkeypatch.setattr(faces, "peer", lambda _: (4711, os.getuid() + 1))
    stranger = await service.line(greet=False)
    stranger.say("hello")
    try:
        assert await stranger.hear() == {}
    except ConnectionError:
        pass
    monkeypatch.undo()


async def test_a_folder_that_others_can_write_to_is_refused(home: Paths) -> None:
    home.runtime.chmod(0o770)
    with pytest.raises(EngineUnavailable, match="written to by others"):
        prepare(home)
    with pytest.raises(EngineUnavailable, match="written to by others"):
        await Bench(home).start()


async def test_a_link_in_place_of_the_folder_is_refused(home: Paths) -> None:
    home.runtime.rename(home.runtime.with_name("elsewhere"))
    home.runtime.symlink_to(home.runtime.with_name("elsewhere"))
    with pytest.raises(EngineUnavailable, match="not a folder"):
        prepare(home)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
async def test_a_folder_of_somebody_else_is_refused(home: Paths) -> None:
    os.chown(home.runtime, 4711, 4711)
    with pytest.raises(EngineUnavailable, match="another user"):
        prepare(home)


async def test_a_second_engine_leaves(service: Bench) -> None:
    with pytest.raises(AnotherEngine):
        await Bench(service.paths).start()
    assert "ok" in await (await service.line()).ask("status")


async def test_the_lock_is_waited_for_while_a_predecessor_leaves(home: Paths) -> None:
    lock = EngineLock(home.engine_lock)
    assert lock.take()
    bench = Bench(home)
    starting = asyncio.create_task(bench.start())
    done, _ = await asyncio.wait({starting}, timeout=0.2)
    assert not done
    lock.release()
    await starting
    await bench.stop()


async def test_a_stale_socket_is_replaced(home: Paths) -> None:
    home.socket.write_text("left by a crash")
    bench = Bench(home)
    await bench.start()
    assert "ok" in await (await bench.line()).ask("status")
    await bench.stop()


async def test_a_socket_that_was_cleaned_away_comes_back(home: Paths) -> None:
    bench = Bench(home, idle_exit=1.0)
    await bench.start()
    line = await bench.line()
    for path in home.runtime.iterdir():
        path.unlink()
    home.runtime.rmdir()
    await until_async(home.socket.exists)
    assert stat.S_IMODE(home.runtime.stat().st_mode) == 0o700
    assert "ok" in await (await bench.line()).ask("status")
    assert "ok" in await line.ask("status")
    await bench.stop()


async def test_idle_is_no_faces_and_no_runs(home: Paths) -> None:
    bench = Bench(home, idle_exit=0.3)
    bench.core.at_hand = 1
    await bench.start()
    line = await bench.line()
    done, _ = await asyncio.wait({bench.task}, timeout=0.7)
    assert not done
    bench.core.at_hand = 0
    done, _ = await asyncio.wait({bench.task}, timeout=0.7)
    assert not done, "a face is there"
    await line.close()
    await asyncio.wait_for(bench.task, 30)
    assert bench.core.stopped


async def test_a_build_that_is_waited_for_keeps_the_engine(home: Paths) -> None:
    bench = Bench(home, idle_exit=0.3)
    bench.core.at_work = 1
    await bench.start()
    done, _ = await asyncio.wait({bench.task}, timeout=0.7)
    assert not done
    bench.core.at_work = 0
    await asyncio.wait_for(bench.task, 30)


async def test_environments_are_asked_for_in_words_that_are_checked(service: Bench) -> None:
    line = await service.line()
    request = RunRequest("/p/iris", "docker", "t").to_json()
    assert (await line.ask("prepare", request=request))["ok"] == {"state": "nothing", "config": "docker"}
    assert (await line.ask("prepare", request=3))["error"]["code"] == "usage"
    assert (await line.ask("environments"))["ok"] == {"environments": [], "host": None}
    assert (await line.ask("environments", op="list", host="local"))["ok"]["host"] == "local"
    pruned = await line.ask("environments", op="prune")
    assert pruned["ok"] == {"removed": None, "host": None, "all": False, "force": False}
    pruned = await line.ask("environments", op="prune", ids=["a"], all=True, force=True, host="far")
    assert pruned["ok"] == {"removed": ["a"], "host": "far", "all": True, "force": True}
    assert (await line.ask("environments", op="cancel", ids=["b"]))["ok"] == {"refused": {"b": "no"}}
    for wrong in ({"op": "burn"}, {"op": "prune", "ids": "a"}, {"op": "cancel"}, {"host": 3}):
        assert (await line.ask("environments", **wrong))["error"]["code"] == "usage"


async def test_the_verbs_are_those_of_the_wire(service: Bench) -> None:
    known: dict[str, Any] = (await (await service.line()).ask("dance"))["error"]
    assert known["remedy"] == f"It knows: {', '.join(VERBS)}."
    assert len(VERBS) <= 16


async def test_the_log_is_private_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_log, "SIZE", 1000)
    root = logging.getLogger()
    level = root.level
    handler = service_log.open_log(tmp_path / "engine.log")
    try:
        for number in range(100):
            logging.getLogger("engine.test").info("line %d of a long story", number)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + service_log.KEPT
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_size <= 1000 for file in files)
    assert "line 99" in (tmp_path / "engine.log").read_text()
