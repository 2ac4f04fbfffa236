"""Reading a container's logs from where it left off, as NodeManagers and `yarn logs` tell of them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from engine.hosts.agent import clusters, container_logs
from engine.hosts.agent.container_logs import Container, Gone

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "http://node:8042/node/containerlogs/container_e17_1795665149932_0012_02_000001/ann"
ID = "container_e17_1795665149932_0012_02_000001"
HEAD = "Container: %s on node\nLogAggregationType: LOCAL\n====\nLogType:%s\nLogLastModifiedTime:now\nLogLength:%d\n"


def told(name: str, length: int, data: bytes, *, container: str = ID, running: bool = False) -> bytes:
    end = f"End of LogType:{name}" + (".This log file belongs to a running container (x)" if running else "")
    return (HEAD % (container, name, length)).encode() + b"LogContents:\n" + data + f"{end}\n****\n\n".encode()


class Taken:
    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    def __call__(self, name: str, data: bytes) -> None:
        self.data[name] = self.data.get(name, b"") + data


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the NodeManager answers next."""
    answers: list[bytes] = []
    monkeypatch.setattr(clusters, "opened", lambda *_: io.BytesIO(answers.pop(0)))
    return answers


def test_what_an_address_tells() -> None:
    one = Container(ADDRESS)
    assert (one.id, one.node, one.application, one.attempt) == (
        ID,
        "http://node:8042",
        "application_1795665149932_0012",
        2,
    )
    for wrong in ("", "N/A", "http://node:8042/", "/node/containerlogs/x/y"):
        with pytest.raises(Gone):
            Container(wrong)


def test_from_where_it_was(answer: list[bytes], taken: Taken) -> None:
    one = Container(ADDRESS)
    # The end was asked for, with more than there is: all of it comes.
    answer.append(told("stdout", 10, b"0123456789", running=True))
    assert one.read("stdout", 4, 10, taken) is False
    answer.append(told("stdout", 10, b"0123456789"))
    assert one.read("stdout", 10, 10, taken) is True
    assert taken.data == {"stdout": b"456789"}


def test_a_file_that_grew_too_much_meanwhile_leaves_no_gap(
    answer: list[bytes], taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_logs, "GROWTH", 2)
    # 6 bytes were asked for from 4 of 8 on, and by then there are 20: the last 6 begin behind a gap.
    answer.append(told("stdout", 20, b"efghij", running=True))
    answer.append(told("stdout", 21, b"abcdefghijklmnopqrstu", running=True))
    assert Container(ADDRESS).read("stdout", 4, 8, taken) is False
    assert taken.data == {"stdout": b"efghijklmnopqrstu"}


def test_bytes_that_look_like_lines_about_them(answer: list[bytes], taken: Taken) -> None:
    data = b"LogContents:\nEnd of LogType:stdout\n\xff\xfe"
    answer.append(told("stdout", len(data), data))
    assert Container(ADDRESS).read("stdout", 0, len(data), taken) is True
    assert taken.data == {"stdout": data}


def test_an_old_node_manager_sends_the_bytes_alone(answer: list[bytes], taken: Taken) -> None:
    answer.append(b"line 1\nline 2\n")
    assert Container(ADDRESS).read("stdout", 7, container_logs.NEVER, taken) is False
    assert taken.data == {"stdout": b"line 2\n"}


def test_a_container_that_is_no_more(answer: list[bytes], taken: Taken) -> None:
    answer.append(b"java.lang.Exception: Unknown container. Container either has not started...")
    with pytest.raises(Gone, match="Unknown container"):
        Container(ADDRESS).read("stdout", 0, 3, taken)
    answer.append(told("stdout", 10, b"012").partition(b"End of")[0])
    # Cut off in the middle: what came is there, and it was not the end.
    assert Container(ADDRESS).read("stdout", 0, 10, taken) is False
    assert taken.data == {"stdout": b"012"}


def test_gathered_logs(tmp_path: Path, taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    other = ID[:-1] + "2"
    text = told("stdout", 3, b"not", container=other) + told("metrics.jsonl", 2, b"{}") + told("stdout", 6, b"abcdef")
    (tmp_path / "text").write_bytes(text)
    yarn = tmp_path / "yarn"
    # An old one: the options are refused, and everything comes.
    refusing = 'case "$*" in *-log_files*) echo "Unrecognized option: -log_files" >&2; exit 1;; esac'
    yarn.write_text(f"#!/bin/sh\n{refusing}\ncat {tmp_path}/text\n")
    yarn.chmod(0o755)
    monkeypatch.setattr(clusters, "program", lambda _name: str(yarn))
    found = Container(ADDRESS).gathered({"stdout": 4, "stderr": 0, "metrics.jsonl": 0}, taken)
    assert (sorted(found), taken.data) == (["metrics.jsonl", "stdout"], {"stdout": b"ef", "metrics.jsonl": b"{}"})
    yarn.write_text("#!/bin/sh\necho not yet >&2\nexit 255\n")
    with pytest.raises(Gone, match="not yet"):
        Container(ADDRESS).gathered({"stdout": 0}, taken)
