"""Relays beside each other and after each other: what they write down, and what they ask YARN for together."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.hosts.agent import applications, clusters
from engine.hosts.agent.applications import Applications
from engine.hosts.agent.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Manager:
    """A ResourceManager as far as it is asked: `apps` is what it tells, `cut` ends its answers in the middle."""

    def __init__(self) -> None:
        self.apps: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.cut = False
        manager = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                manager.asked.append(self.path)
                body = json.dumps({"apps": {"app": manager.apps}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if manager.cut else body)

            def log_message(self, *_: object) -> None:
                """Not to standard error."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    one = Manager()
    monkeypatch.setattr(clusters, "yarn", lambda: [one.url])
    yield one
    one.server.shutdown()
    one.server.server_close()


def told(tag: str, number: int = 1, state: str = "RUNNING") -> dict[str, Any]:
    return {"id": f"application_1_{number}", "state": state, "applicationTags": tag}


def test_one_query_serves_all(tmp_path: Path, manager: Manager) -> None:
    ours = [Applications(os.fsencode(tmp_path), f"aml-{number}") for number in range(5)]
    manager.apps = [told("aml-1", 9), told("aml-1,other", 10), told("aml-4")]
    found = [one.now() for one in ours]
    assert len(manager.asked) == 1
    assert [[app["id"] for app in apps or ()] for apps, _ in found] == [
        [],
        ["application_1_9", "application_1_10"],
        [],
        [],
        ["application_1_1"],
    ]
    ours[3].close()
    assert sorted(os.listdir(tmp_path / "cluster/following")) == ["aml-0", "aml-1", "aml-2", "aml-4"]


def test_who_lives_is_asked_for_and_who_does_not_is_forgotten(tmp_path: Path, manager: Manager) -> None:
    one, dead, silent = (Applications(os.fsencode(tmp_path), name) for name in ("one", "dead", "silent"))
    for old in (dead, silent):
        long_ago = time.time() - 2 * applications.DEAD
        os.utime(tmp_path / "cluster/following" / old.tag, (long_ago, long_ago))
    silent.touched -= applications.DEAD
    # It looks at somebody else's answer, and says that it lives all the same.
    silent.now()
    assert one.tags() == ["one", "silent"]


def test_an_old_answer_says_nothing(tmp_path: Path, manager: Manager) -> None:
    one = Applications(os.fsencode(tmp_path), "one")
    manager.apps = [told("one")]
    assert one.now()[0]
    manager.apps = [told("one", state="KILLED")]
    answer = tmp_path / "cluster/answer.json"
    content = json.loads(answer.read_text())
    answer.write_text(json.dumps({**content, "at": time.time() - 2 * applications.OLD}))
    # Whoever should ask for all stands still with the lock: then each asks for itself.
    other = os.open(tmp_path / "cluster/lock", os.O_WRONLY)
    applications.fcntl.flock(other, applications.fcntl.LOCK_EX)
    found, error = one.now()
    os.close(other)
    assert ([app["state"] for app in found or ()], error) == (["KILLED"], "")


def test_an_answer_that_is_cut_off_is_none(tmp_path: Path, manager: Manager) -> None:
    one = Applications(os.fsencode(tmp_path), "one")
    manager.apps = [told("one")]
    manager.cut = True
    found, error = one.now()
    assert (found, bool(error)) == (None, True)


@contextlib.contextmanager
def relay(folder: Path) -> Iterator[Relay]:
    for name in ("status", "logs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    one = Relay(os.fsencode(folder), {"tag": "aml-iris_1", "run": "iris_1"})
    yield one
    for file in set(one.files.values()):
        os.close(file)


@pytest.mark.parametrize("written", [0, 3, 6])
def test_what_was_being_written_when_it_died(tmp_path: Path, written: int) -> None:
    folder = tmp_path / "runs/iris_1"
    log = folder / "logs/driver.log"
    with relay(folder) as one:
        one.append("stdout", b"line 1\n")
        one.append("stderr", b"other\n")
        # The death in the middle of a piece: it was announced, and some of it is there.
        one.state["piece"] = ["stdout", 6, log.stat().st_size]
        one.save()
        os.write(one.log, b"line 2"[:written])
    for _ in range(2):
        with relay(folder) as one:
            one.resume()
            # What it says itself is not the driver's.
            one.say("here again")
            assert (one.at("stdout"), one.at("stderr")) == (7 + written, 6)
    with relay(folder) as one:
        one.resume()
        one.append("stdout", b"line 2"[written:])
        text = log.read_text().replace("aml: here again\n", "")
        assert (text, one.at("stdout")) == ("line 1\nother\nline 2", 13)
