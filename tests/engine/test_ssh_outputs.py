"""Outputs of runs on a machine over SSH: what comes home, what stays there and how it is had all the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.runs.model import State
from tests.engine.far_bench import far_bench
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.engine.ssh_bench import SshBench
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def far(
    project: Path, home: Paths, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch) as bench:
        yield bench


def brought(far: SshBench, run: Run) -> Path:
    return far.paths.host_run(run.id) / "outputs"


def left(far: SshBench, run: Run) -> list[str]:
    """What the run's properties say was not brought home, a line each."""
    return far.run(run).properties.get("NotBroughtHome", "").splitlines()


async def test_what_is_large_stays_there_until_somebody_asks(
    far: SshBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.hosts.ssh.host.LARGEST", 1 << 20)
    far.script(
        "train.py",
        """
        import os
        os.makedirs("outputs/sub")
        open("outputs/small.txt", "w").write("small")
        open("outputs/sub/just.bin", "wb").write(b"j" * (1 << 20))
        open("outputs/sub/large.bin", "wb").write(b"0123456789abcdef" * (3 << 16))
        """,
    )
    run = await far.submit("train.py", config="far")
    done = await far.end(run, 40)
    assert (done.state, done.exit_code) == (State.COMPLETED, 0)
    assert left(far, run) == ["sub/large.bin: 3 MB, left on its host"]
    home = brought(far, run)
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()) == [
        "small.txt",
        "sub/just.bin",
    ]
    # It is listed as long as its host is there, and comes by its name or with all the others.
    assert {one.path: one.size for one in await far.engine.outputs(run.id)}["sub/large.bin"] == 3 << 20
    fetched = await far.engine.fetch(run.id, "sub/large.bin", tmp_path / "one")
    assert (fetched["files"], fetched["bytes"], fetched["skipped"]) == (1, 3 << 20, [])
    there = far.root / "runs" / run.id / "outputs/sub/large.bin"
    (one,) = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert one.read_bytes() == there.read_bytes()
    assert (await far.engine.fetch(run.id, "", tmp_path / "all"))["files"] == 3
    assert (tmp_path / "all/sub/large.bin").read_bytes() == there.read_bytes()


async def test_links_and_odd_names_come_home(far: SshBench) -> None:
    far.script(
        "train.py",
        r"""
        import os
        os.chdir("outputs")
        names = ["with space", "line\nend", "-n", "\u00fcml\u00e4ut", b"not \xff utf8", "." , "tab\t", "'quoted\"",
                 "*?[x]", "\u6f22" * 84, "\U0001f600" * 63, "x" * 255, "..hidden", "percent%41", "back\\slash"]
        for name in names:
            if name != ".":
                open(name, "w").write("content")
        os.makedirs("deep/" + "/".join("d%d" % n for n in range(40)))
        open("deep/" + "/".join("d%d" % n for n in range(40)) + "/end", "w").write("content")
        os.mkdir("empty")
        open("tool.sh", "w").write("#!/bin/sh\n")
        os.chmod("tool.sh", 0o755)
        os.symlink("with space", "latest")
        os.symlink("deep/d0", "folder")
        os.symlink("nothing here", "dangling")
        os.symlink("/etc/passwd", "away")
        os.symlink("../../..", "up")
        os.symlink("loop", "loop")
        os.link("tool.sh", "hard")
        os.mkfifo("pipe")
        open("secret", "w").write("x")
        os.chmod("secret", 0)
        os.mkdir("closed")
        open("closed/inside", "w").write("x")
        os.chmod("closed", 0)
        """,
    )
    run = await far.submit("train.py", config="far")
    done = await far.end(run, 30)
    assert (done.state, done.exit_code) == (State.COMPLETED, 0), far.log(run).decode()
    home, there = brought(far, run), far.root / "runs" / run.id / "outputs"
    plain = [
        os.fsencode(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    expected = [
        os.fsencode(path.relative_to(there))
        for path in there.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name not in ("secret", "inside")
    ]
    assert sorted(plain) == sorted(expected)
    assert all((home / os.fsdecode(name)).read_bytes() == (there / os.fsdecode(name)).read_bytes() for name in plain)
    assert (home / "empty").is_dir()
    assert os.access(home / "tool.sh", os.X_OK)
    links = {path.name: str(path.readlink()) for path in home.iterdir() if path.is_symlink()}
    assert links == {"latest": "with space", "folder": "deep/d0", "dangling": "nothing here", "loop": "loop"}
    assert {line.partition(":")[0] for line in left(far, run)} >= {"away", "up", "pipe", "secret", "closed/"}
    assert not list(home.rglob("*part"))


async def test_outputs_are_had_while_it_runs(far: SshBench, tmp_path: Path) -> None:
    go = far.alice.home / "go"
    far.script(
        "train.py",
        f"""
        import os, time
        for name in ("one", "two"):
            open("outputs/" + name, "w").write(name * 1000)
            print(name, flush=True)
        growing = open("outputs/growing", "wb")
        while not os.path.exists({str(go)!r}):
            growing.write(b"g" * 100)
            growing.flush()
            open("outputs/fleeting", "w").write("here")
            os.unlink("outputs/fleeting")
            os.symlink("one", "outputs/fleeting")
            os.unlink("outputs/fleeting")
            os.mkdir("outputs/fleeting")
            os.rmdir("outputs/fleeting")
        """,
    )
    run = await far.submit("train.py", config="far")
    await until_async(lambda: (far.root / "runs" / run.id / "outputs/growing").exists(), 30)
    for number in range(60):
        names = {one.path for one in await far.engine.outputs(run.id)}
        assert names - {"fleeting"} == {"one", "two", "growing"}
        fetched = await far.engine.fetch(run.id, "", tmp_path / str(number))
        assert (tmp_path / f"{number}/two").read_text() == "two" * 1000
        assert set((tmp_path / f"{number}/growing").read_bytes()) <= {ord("g")}
        assert {one.partition(":")[0] for one in fetched["skipped"]} <= {"fleeting"}
    assert far.run(run).state is State.RUNNING
    go.write_text("")
    assert (await far.end(run, 30)).state is State.COMPLETED
    assert (brought(far, run) / "growing").stat().st_size == (
        far.root / "runs" / run.id / "outputs/growing"
    ).stat().st_size


async def test_a_fetch_that_is_cut_off_leaves_nothing_half_done(far: SshBench, tmp_path: Path) -> None:
    """The connection breaks while a large file is on its way; asked again, it comes whole."""
    far.script("train.py", "open('outputs/large.bin', 'wb').write(bytes(range(256)) * (1 << 18))\n")
    run = await far.submit("train.py", config="far")
    await until_async(lambda: (far.root / "runs" / run.id / "outputs").is_dir(), 30)
    # It is on its way home as soon as the script has ended.
    await until_async(lambda: list(brought(far, run).glob(".*part")) or far.run(run).state.ended, 30)
    far.sshd.drop()
    done = await far.end(run, 40)
    assert (done.state, left(far, run), len(far.sshd.logins)) == (State.COMPLETED, [], 2)
    assert [path.name for path in brought(far, run).iterdir()] == ["large.bin"]
    assert (brought(far, run) / "large.bin").read_bytes() == bytes(range(256)) * (1 << 18)


async def test_what_was_brought_home_is_had_without_the_host(far: SshBench, tmp_path: Path) -> None:
    far.script("train.py", "open('outputs/model.txt', 'w').write('weights')\n")
    run = await far.submit("train.py", config="far")
    await far.end(run, 30)
    far.sshd.kill()
    await until_async(lambda: far.engine.status()["hosts"][far.host] != "connected", 30)
    assert (await far.engine.fetch(run.id, "model.txt", tmp_path / "again"))["files"] == 1
    assert [path.read_text() for path in (tmp_path / "again").rglob("*") if path.is_file()] == ["weights"]
