"""Which of a log's bytes are stdout and which stderr: what is concluded from looks, and what a real runner notes."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from engine.hosts.agent import streams
from engine.hosts.agent.held import DriverLog
from engine.hosts.agent.streams import attribute
from engine.runs.apart import Apart
from tests.engine.hosts.bench import Bench, R, alive
from tests.waiting import until, until_async

if TYPE_CHECKING:
    from pathlib import Path

OUT, ERR = "o", "e"


@pytest.mark.parametrize(
    ("before", "now", "order", "seen", "known"),
    [
        pytest.param((0, 0, 0), (5, 5, 0), None, 5, [(OUT, 0, 5)], id="one"),
        pytest.param((5, 5, 0), (5, 5, 0), "", 5, [], id="nothing"),
        pytest.param((5, 5, 0), (9, 5, 9), "e", 9, [(ERR, 5, 9)], id="the other"),
        pytest.param((0, 0, 0), (9, 4, 9), None, 9, [(ERR, 4, 9)], id="both, in which order is not known"),
        pytest.param((0, 0, 0), (9, 4, 9), "oe", 9, [(OUT, 0, 4), (ERR, 4, 9)], id="both, one turn each"),
        pytest.param((0, 0, 0), (9, 4, 9), "eoe", 9, [(ERR, 4, 9)], id="both, several turns"),
        pytest.param((0, 0, 0), (9, 4, 9), "eo", 9, [], id="told otherwise than the positions are"),
        pytest.param((0, 0, 0), (9, 9, 0), "eo", 9, [], id="stderr opened once more"),
        pytest.param((0, 0, 0), (9, 0, 0), "e", 9, [], id="only by who opened it once more"),
        pytest.param((0, 0, 0), (9, 5, 0), None, 9, [(OUT, 0, 5)], id="more after it by who opened it once more"),
        pytest.param((0, 0, 0), (5, 7, 0), None, 7, [(OUT, 0, 7)], id="written between size and position"),
        pytest.param((50, 50, 30), (8, 50, 30), "", 8, [("c", 0, 0)], id="cut"),
        pytest.param((8, 50, 30), (12, 12, 30), "o", 12, [(OUT, 8, 12)], id="after a cut"),
        pytest.param((8, 50, 30), (12, 50, 12), "e", 12, [(ERR, 8, 12)], id="after a cut, with a position beyond"),
        pytest.param((20, 20, 10), (30, 5, 30), "oe", 30, [], id="a position that no write left"),
        pytest.param((0, 0, 0), (9, 9, 9), "oe", 9, [], id="one description for both"),
    ],
)
def test_what_is_concluded(
    before: streams.State, now: streams.State, order: str | None, seen: int, known: list[tuple[str, int, int]]
) -> None:
    assert attribute(before, now, order) == (seen, known)


def test_turns() -> None:
    assert streams.joined("", "ooe") == "oe"
    assert streams.joined("oe", "e") == "oe"
    assert streams.joined("oe", "oeo") == "oeo"


def apart(bench: Bench) -> tuple[bytes, Apart]:
    log = bench.folder(R) / "logs" / "driver.log"
    found = Apart(log)
    found.read_all()
    return log.read_bytes(), found


def lines(log: bytes, found: Apart) -> list[tuple[str, bytes]]:
    at, told = 0, []
    for line in log.splitlines(keepends=True):
        told.append((found.stream(at), line.strip()))
        at += len(line)
    return told


async def test_lines_that_come_one_by_one_are_all_told_apart(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, time
        time.sleep(0.2)
        for number in range(60):
            time.sleep(0.01)
            os.write(1 + number % 3 // 2, b"stdout\\n" if number % 3 < 2 else b"stderr\\n")
        raise SystemExit(3)
        """,
    )
    await bench.ended(R)
    told = lines(*apart(bench))
    assert len(told) == 60
    wrong = [(stream, line) for stream, line in told if stream and stream != line.decode()]
    assert wrong == []
    # A machine under load may be late for some of them.
    assert sum(bool(stream) for stream, _ in told) > 20
    assert sorted(os.listdir(bench.folder(R) / "logs")) == ["driver.log", "driver.streams"]


async def test_without_pauses_nothing_is_claimed_that_is_not_so(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, random, subprocess, sys, threading
        random.seed(1)
        children = [subprocess.Popen([sys.executable, "-c", (
            "import os\\nfor i in range(2000): os.write(%d, b'%s\\\\n' * (1 + i %% 3))" % (fd, name))])
            for fd, name in ((1, "stdout"), (2, "stderr"))]
        for number in range(5000):
            fd = random.choice((1, 1, 2))
            os.write(fd, b"stderr\\n" if fd == 2 else b"stdout\\n")
        for child in children:
            child.wait()
        os.write(1, b"stdout\\n")
        os.write(2, b"stderr\\n")
        """,
    )
    await bench.ended(R)
    told = lines(*apart(bench))
    assert len(told) == 5002 + 2 * (666 * 6 + 3)
    assert [(stream, line) for stream, line in told if stream and stream != line.decode()] == []
    assert told[-1] == ("stderr", b"stderr")


async def test_a_traceback_and_what_children_print(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import subprocess, sys, time
        print("begin")
        time.sleep(0.1)
        subprocess.run("echo from a child; sleep 0.1; echo its trouble >&2; sleep 0.1", shell=True)
        print("end")
        {}["petal"]
        """,
    )
    await bench.ended(R)
    told = lines(*apart(bench))
    expected = [
        ("stdout", b"begin"),
        ("stdout", b"from a child"),
        ("stderr", b"its trouble"),
        ("stdout", b"end"),
    ]
    # A machine under load may be late for some of them.
    assert all(one in (known, ("", known[1])) for one, known in zip(told[:4], expected, strict=True)), told
    assert [stream for stream, _ in told[4:]] == ["stderr"] * (len(told) - 4) and told[-1][1] == b"KeyError: 'petal'"


async def test_who_opens_the_log_once_more_is_of_either(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, time
        again = os.open("/proc/self/fd/2", os.O_WRONLY | os.O_APPEND)
        time.sleep(0.2)
        for number in range(3):
            os.write(again, b"again\\n")
            os.write(1, b"stdout\\n")
            time.sleep(0.1)
        assert os.path.realpath("/proc/self/fd/2") in (os.readlink("/proc/self/fd/2"),)
        os.stat(os.readlink("/proc/self/fd/2"))
        """,
    )
    status = await bench.ended(R)
    assert status.exit is not None and status.exit.code == 0, bench.log(R)
    assert {stream for stream, line in lines(*apart(bench)) if line == b"again"} == {""}


async def test_a_log_that_its_script_cuts(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, time
        time.sleep(0.2)
        os.write(1, b"stdout " * 20)
        time.sleep(0.2)
        os.ftruncate(1, 0)
        time.sleep(0.2)
        os.write(2, b"stderr\\n")
        time.sleep(0.2)
        os.write(1, b"stdout\\n")
        """,
    )
    await bench.ended(R)
    told = lines(*apart(bench))
    assert [line for _, line in told] == [b"stderr", b"stdout"]
    assert all(stream in ("", line.decode()) for stream, line in told), told


def test_a_full_disk_leaves_out_what_it_does_not_take(tmp_path: Path) -> None:
    index = streams.Index(b"/dev/full")
    index.add(OUT, 0, 10)
    index.add(ERR, 10, 20)
    index.flush()
    os.close(index.file)
    # There is room again, behind half a line.
    path = tmp_path / "driver.streams"
    path.write_bytes(b"o 0 1")
    index.path, index.file = os.fsencode(path), -1
    index.add(OUT, 20, 30)
    index.flush()
    os.close(index.file)
    assert path.read_bytes() == b"o 0 1\no 20 30\n"


@pytest.mark.parametrize("hindrance", ["folder", "link"])
async def test_an_index_that_cannot_be_written_is_no_trouble(bench: Bench, hindrance: str) -> None:
    await bench.lay(R, "import sys\nprint('out', flush=True)\nsys.exit('err')")
    index = bench.folder(R) / "logs" / "driver.streams"
    if hindrance == "folder":
        index.mkdir()
    else:
        index.symlink_to("/nowhere/else")
    await bench.host.start(R, bench.spec())
    status = await bench.ended(R)
    assert status.exit is not None and status.exit.code == 1
    assert bench.log(R) == b"out\nerr\n"


async def test_a_runner_that_is_killed_leaves_the_rest_to_either(bench: Bench) -> None:
    handle = await bench.run(
        R,
        """
        import os, sys, time
        print("one", flush=True)
        while not os.path.exists("../outputs/go"):
            time.sleep(0.01)
        print("two", flush=True)
        print("three", file=sys.stderr, flush=True)
        """,
    )
    await bench.said(R, b"one\n")
    await until_async(lambda: apart(bench)[1].covered == 4)
    os.kill(handle["runner"]["pid"], signal.SIGKILL)
    await until_async(lambda: not alive(handle["runner"]["pid"]))
    (bench.folder(R) / "outputs/go").touch()
    await bench.said(R, b"three")
    assert lines(*apart(bench)) == [("stdout", b"one"), ("", b"two"), ("", b"three")]


def test_without_a_watch_it_is_looked_at_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "watch_of", lambda _folder, _log: None)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/driver.log").write_bytes(b"before\n")
    log = DriverLog(os.fsencode(tmp_path))
    index = tmp_path / "logs/driver.streams"
    seen = streams.Streams(os.fsencode(tmp_path), log, None)
    os.write(log.out, b"out\n")
    until(lambda: index.exists() and index.read_bytes() == b"\no 7 11\n")
    os.write(log.err, b"err\n")
    seen.close()
    log.end()
    assert index.read_bytes() == b"\no 7 11\ne 11 15\n"
    for file in (log.out, log.err):
        os.close(file)


def test_the_watches_of_a_user_are_not_all_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST", 2)
    monkeypatch.setattr(streams, "PLACE", f"\0aml-tui-test-{os.getpid()}-%d-%d")
    (tmp_path / "logs").mkdir()
    log = DriverLog(os.fsencode(tmp_path))
    one, two, three = (streams.watch_of(os.fsencode(tmp_path), log) for _ in range(3))
    assert one is not None and two is not None and three is None
    os.close(one.file)
    one.place.close()
    four = streams.watch_of(os.fsencode(tmp_path), log)
    assert four is not None
    for watch in (two, four):
        os.close(watch.file)
        watch.place.close()
    for file in (log.out, log.err):
        os.close(file)


def test_a_watch_that_sees_nothing_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PLACE", f"\0aml-tui-test-{os.getpid()}-%d-%d")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="no watch on the log"):
        streams.Watch(os.fsencode(tmp_path / "nowhere"))
    assert os.listdir("/proc/self/fd") == before


def test_who_writes_faster_than_it_is_read_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    watch = streams.Watch(os.fsencode(tmp_path))
    os.close(watch.file)
    # There is always more to be read.
    watch.file = os.open("/dev/zero", os.O_RDONLY)
    assert watch.turns() is None
    os.close(watch.file)
    watch.place.close()


async def test_the_script_has_nothing_of_it_open(bench: Bench) -> None:
    await bench.run(R, "import os; print(sorted(os.listdir('/proc/self/fd')))")
    await bench.ended(R)
    # The last one is the folder that is being listed.
    assert bench.log(R) == b"['0', '1', '2', '3']\n"


def test_lines_that_tell_nothing(tmp_path: Path) -> None:
    (tmp_path / "driver.streams").write_bytes(b"\no 0 10\ne 10\nx 10 20\n\xff\ne 30 40\no 40 50\no 50 60\ne 60 7")
    found = Apart(tmp_path / "driver.log")
    found.read_all()
    assert [found.stretch(at) for at in (0, 10, 35, 55, 60)] == [
        ("stdout", 0, 10),
        ("", 10, 30),
        ("stderr", 30, 40),
        ("stdout", 40, 60),
        ("", 60, 1 << 62),
    ]
    assert sys.getsizeof(found) < 200 and len(found) == 3
