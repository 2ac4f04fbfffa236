"""Run directories and the content store: what is laid out, listed, read, fetched and removed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import HostError
from engine.hosts.agent.rundir import Root
from engine.hosts.fetching import Receiver
from tests.engine.hosts.bench import R
from tests.waiting import until_async

if TYPE_CHECKING:
    from tests.engine.hosts.bench import Bench

ODD = os.fsdecode(b"-odd \xff\xfe\n'\"$(x)")


async def test_a_project_as_it_was(bench: Bench) -> None:
    entries: list[dict[str, Any]] = [
        bench.entry("train.py", b"print(1)"),
        bench.entry("deep/er/run.sh", b"#!/bin/sh\n", 0o755),
        bench.entry(f"deep/{ODD}", b"odd"),
        bench.entry("empty.txt", b""),
        bench.entry("large.bin", os.urandom(3_000_000)),
        {"path": "hollow/inner", "kind": "dir", "mode": 0o755, "size": 0, "sha256": None},
        {"path": "link", "kind": "link", "mode": 0o777, "size": 0, "sha256": None, "link": f"deep/{ODD}"},
        {"path": "dangling", "kind": "link", "mode": 0o777, "size": 0, "sha256": None, "link": "/nowhere/\udcff"},
    ]
    await bench.host.lay(R, entries)
    project = bench.folder(R) / "project"
    assert (project / "train.py").read_bytes() == b"print(1)"
    assert (project / "deep/er/run.sh").stat().st_mode & 0o777 == 0o755
    assert (project / "train.py").stat().st_mode & 0o777 == 0o644
    assert (project / "deep" / ODD).read_bytes() == b"odd"
    assert (project / "empty.txt").read_bytes() == b""
    sha = entries[4]["sha256"]
    assert hashlib.sha256((project / "large.bin").read_bytes()).hexdigest() == sha
    assert list((project / "hollow/inner").iterdir()) == []
    assert os.readlink(project / "link") == f"deep/{ODD}"
    assert os.readlink(project / "dangling") == "/nowhere/\udcff"
    assert os.readlink(project / "outputs") == "../outputs"
    assert (bench.folder(R) / "outputs").is_dir()
    blob = bench.paths.blobs / sha[:2] / sha[2:]
    assert blob.stat().st_ino != (project / "large.bin").stat().st_ino
    (project / "large.bin").write_bytes(b"edited in place")
    assert hashlib.sha256(blob.read_bytes()).hexdigest() == sha


async def test_laying_twice_changes_nothing(bench: Bench) -> None:
    entries = [bench.entry("a.txt", b"a")]
    await asyncio.gather(*(bench.host.lay(R, entries) for _ in range(4)))
    path = bench.folder(R) / "project" / "a.txt"
    path.write_text("the script wrote here")
    await bench.host.lay(R, entries)
    assert path.read_text() == "the script wrote here"
    assert sorted(item.name for item in bench.folder(R).iterdir()) == ["logs", "outputs", "project", "status"]


async def test_a_half_laid_directory_is_done_again(bench: Bench) -> None:
    entries = [bench.entry("a.txt", b"a")]
    await bench.host.lay(R, entries)
    (bench.folder(R) / "status" / "laid.json").unlink()
    (bench.folder(R) / ".project").mkdir()
    (bench.folder(R) / "project" / "a.txt").write_text("half")
    await bench.host.lay(R, entries)
    assert (bench.folder(R) / "project" / "a.txt").read_text() == "a"
    assert not (bench.folder(R) / ".project").exists()


async def test_content_that_is_missing_or_damaged(bench: Bench) -> None:
    entry = bench.entry("sub/a.txt", b"content")
    blob = bench.paths.blobs / entry["sha256"][:2] / entry["sha256"][2:]
    blob.write_bytes(b"con")
    with pytest.raises(HostError, match=r"sub/a\.txt is damaged: 3 bytes, not 7") as caught:
        await bench.host.lay(R, [entry])
    assert caught.value.remedy
    assert await bench.host.missing_blobs([entry["sha256"]]) == [entry["sha256"]]
    with pytest.raises(HostError, match=r"sub/a\.txt is not on this host"):
        await bench.host.lay(R, [entry])
    assert (await bench.host.inspect([R]))[R].phase == "absent"
    bench.entry("sub/a.txt", b"content")
    await bench.host.lay(R, [entry])
    assert (await bench.host.inspect([R]))[R].phase == "laid"


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//b", "./a", ""])
async def test_paths_that_lead_out_are_refused(bench: Bench, path: str) -> None:
    with pytest.raises(HostError, match="cannot hold the path"):
        await bench.host.lay(R, [bench.entry(path, b"x")])


async def test_what_a_link_could_lead_to_is_not_written(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = {"path": "a", "kind": "link", "mode": 0, "size": 0, "sha256": None, "link": str(outside)}
    with pytest.raises(HostError):
        await bench.host.lay(R, [link, bench.entry("a/file", b"x")])
    assert list(outside.iterdir()) == []


async def test_blobs_are_sent_and_checked(bench: Bench, tmp_path: Path) -> None:
    contents = [os.urandom(size) for size in (0, 1, 300_000, 5_000_000)] + [b"%d" % i for i in range(100)]
    shas = [hashlib.sha256(content).hexdigest() for content in contents]
    files = []
    for number, content in enumerate(contents):
        files.append(tmp_path / str(number))
        files[-1].write_bytes(content)
    assert await bench.host.missing_blobs(shas) == shas
    await bench.host.put_blobs(list(zip(shas, files, strict=True)))
    assert await bench.host.missing_blobs(shas) == []
    for sha, content in zip(shas, contents, strict=True):
        blob = bench.paths.blobs / sha[:2] / sha[2:]
        assert blob.read_bytes() == content
        assert blob.stat().st_mode & 0o077 == 0
    with pytest.raises(HostError, match="arrived damaged"):
        await bench.host.put_blob("0" * 64, files[2])
    with pytest.raises(HostError, match="arrived damaged"):
        await bench.host.put_blobs([("0" * 64, files[1]), (shas[0], files[0])])
    with pytest.raises(HostError, match="not a content hash"):
        await bench.host.put_blob("../../x", files[2])
    with pytest.raises(HostError, match="not a content hash"):
        await bench.host.put_blobs([("../../x", files[0])])
    assert await bench.host.missing_blobs(["0" * 64]) == ["0" * 64]
    assert not [name for name in bench.paths.blobs.rglob("*") if name.is_file() and "." in name.name]


async def test_contents_that_nobody_uses_go(bench: Bench, tmp_path: Path) -> None:
    shas = []
    for number in range(3):
        path = tmp_path / str(number)
        path.write_bytes(b"content %d" % number)
        shas.append(hashlib.sha256(path.read_bytes()).hexdigest())
        await bench.host.put_blob(shas[-1], path)
    for sha in shas[:2]:
        os.utime(bench.paths.blobs / sha[:2] / sha[2:], (0, 0))
    assert await bench.host.missing_blobs(shas[:1]) == []
    Root(os.fsencode(bench.paths.data)).tidy(3600)
    assert await bench.host.missing_blobs(shas) == [shas[1]]


async def test_outputs_are_listed_read_and_fetched(bench: Bench, tmp_path: Path) -> None:
    await bench.lay(R, "")
    outputs = bench.folder(R) / "outputs"
    (outputs / "plots" / "deep").mkdir(parents=True)
    (outputs / "empty").mkdir()
    (outputs / "model.pkl").write_bytes(os.urandom(3_000_000))
    (outputs / "plots" / "deep" / ODD).write_bytes(b"odd")
    (outputs / "run.sh").write_text("#!/bin/sh")
    (outputs / "run.sh").chmod(0o755)
    (outputs / "latest").symlink_to("plots/deep")
    (outputs / "secret").symlink_to("/etc/passwd")
    os.mkfifo(outputs / "pipe")
    listed = {item.path: item for item in await bench.host.list_outputs(R)}
    assert set(listed) == {
        "plots", "plots/deep", f"plots/deep/{ODD}", "empty", "model.pkl", "run.sh", "latest", "secret", "pipe"
    }  # fmt: skip
    assert (listed["model.pkl"].kind, listed["model.pkl"].size) == ("file", 3_000_000)
    assert listed["plots"].kind == "dir"
    assert (listed["latest"].kind, listed["latest"].target) == ("link", "plots/deep")
    assert abs(listed["model.pkl"].mtime - (outputs / "model.pkl").stat().st_mtime) < 0.001
    below = await bench.host.list_outputs(R, "plots/deep")
    assert [item.path for item in below] == ["plots/deep", f"plots/deep/{ODD}"]

    assert await bench.host.read_file(R, f"plots/deep/{ODD}", 1, 100) == b"dd"
    assert await bench.host.read_file(R, "latest/" + ODD, 0, 2) == b"od"
    for path in ("secret", "../status/laid.json", "/etc/passwd"):
        with pytest.raises(HostError, match="leads out"):
            await bench.host.read_file(R, path, 0, 10)
    with pytest.raises(HostError, match="No such file"):
        await bench.host.read_file(R, "nothing", 0, 10)
    # A pipe that nobody writes to would be waited for.
    for path in ("pipe", "plots"):
        with pytest.raises(HostError, match="is not a file"):
            await asyncio.wait_for(bench.host.read_file(R, path, 0, 10), 30)

    dest = tmp_path / "dest"
    fetched = await bench.host.fetch_outputs(R, dest)
    assert fetched.files == 3
    assert fetched.bytes == 3_000_000 + 3 + 9
    assert sorted(line.split(":")[0] for line in fetched.skipped) == ["pipe", "secret"]
    assert (dest / "model.pkl").read_bytes() == (outputs / "model.pkl").read_bytes()
    assert (dest / "latest" / ODD).read_bytes() == b"odd"
    assert (dest / "run.sh").stat().st_mode & 0o100
    assert (dest / "empty").is_dir()
    assert not (dest / "secret").exists()
    assert int((dest / "model.pkl").stat().st_mtime) == int((outputs / "model.pkl").stat().st_mtime)
    assert (await bench.host.fetch_outputs(R, dest)).files == 3, "over what is there"

    one = tmp_path / "one"
    assert (await bench.host.fetch_outputs(R, one, "plots/deep")).files == 1
    assert [path.name for path in one.rglob("*") if path.is_file()] == [ODD]


async def test_a_long_list_comes_whole(bench: Bench) -> None:
    await bench.lay(R, "")
    for number in range(1234):
        (bench.folder(R) / "outputs" / f"{number:05}").touch()
    listed = await bench.host.list_outputs(R)
    assert [item.path for item in listed] == [f"{number:05}" for number in range(1234)]


async def test_an_abandoned_fetch_frees_the_channel(bench: Bench, tmp_path: Path) -> None:
    await bench.lay(R, "")
    with (bench.folder(R) / "outputs" / "big").open("wb") as file:
        file.truncate(200_000_000)
    fetch = asyncio.create_task(bench.host.fetch_outputs(R, tmp_path / "dest"))
    await until_async(lambda: list(tmp_path.glob("dest/.*.aml-part")))
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch
    assert list((tmp_path / "dest").iterdir()) == []
    assert len(await bench.host.list_outputs(R)) == 1
    threads = Path(f"/proc/{bench.host.info.agent_pid}/task")
    await until_async(lambda: len(list(threads.iterdir())) <= 3)


async def test_a_host_cannot_write_outside_the_folder(tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    for path in ("../x", "/x", "a/../../x", ""):
        with pytest.raises(HostError, match="leads out"):
            Receiver(dest).take({"part": [{"path": path, "kind": "file", "mtime": 0}]}, b"")
    receiver = Receiver(dest)
    receiver.take({"part": [{"path": "a", "kind": "link", "target": "../.."}]}, b"")
    receiver.take({"part": [{"path": "a/x", "kind": "file", "mtime": 0}]}, b"")
    receiver.take({"bytes": 1}, b"x")
    receiver.finish()
    assert (dest / "a" / "x").read_bytes() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["dest"]
    receiver = Receiver(dest)
    for name, target in (("out", "here/.."), ("here", ".")):
        receiver.take({"part": [{"path": name, "kind": "link", "target": target}]}, b"")
    receiver.finish()
    with pytest.raises(HostError, match="through a link"):
        Receiver(dest).take({"part": [{"path": "out/x", "kind": "file", "mtime": 0}]}, b"")


async def test_removal(bench: Bench) -> None:
    await bench.run(
        R,
        """
        import os, time
        os.makedirs("locked/inner"); open("locked/inner/file", "w").close()
        os.chmod("locked/inner", 0o500); os.chmod("locked", 0o500)
        print("done", flush=True); time.sleep(60)
        """,
    )
    await bench.said(R, b"done")
    with pytest.raises(HostError, match="still running") as caught:
        await bench.host.remove_run(R)
    assert caught.value.remedy
    await bench.host.signal(R, "KILL")
    await bench.ended(R)
    await bench.host.remove_run(R)
    assert list((bench.paths.data / "runs").iterdir()) == []
    await bench.host.remove_run(R)


async def test_the_run_side_package_is_placed_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.hosts import agent_host

    files = {"azureml/__init__.py": "", "azureml/said.py": "TEXT = 'caf\u00e9'\n"}
    monkeypatch.setattr(agent_host, "runtime_package", lambda: ("runtime-test", files))
    await bench.host.reconnect()
    folder = bench.paths.data / "agent" / "runtime-test"
    assert (folder / "azureml/said.py").read_text(encoding="utf-8") == files["azureml/said.py"]
    stamp = (folder / "azureml/said.py").stat().st_mtime_ns
    await bench.host.reconnect()
    assert (folder / "azureml/said.py").stat().st_mtime_ns == stamp
    await bench.run(R, "from azureml.said import TEXT; print(ascii(TEXT))")
    await bench.ended(R)
    assert bench.log(R) == b"'caf\\xe9'\n"


async def test_free_disk(bench: Bench) -> None:
    disk = await bench.host.free_disk()
    assert 0 < disk.free < disk.total
