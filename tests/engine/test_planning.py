"""What a submission would meet, told before it is made: on the real local host, over SSH, with a Docker Engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import NotFound
from engine.project import snapshot
from engine.runs.forecast import Forecast, lines
from engine.runs.model import BuildRecord, State
from engine.runs.queue import Place
from tests.engine.far_bench import far_bench
from tests.services import docker
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from tests.engine.conftest import Bench
    from tests.services.docker import DockerEngine
    from tests.services.people import KeyPair, Person
    from tests.services.sshd import Sshd

pytestmark = pytest.mark.asyncio

LOGS = """
from azureml.core import Run
Run.get_context().log("loss", 0.23)
"""


def worded(forecast: Forecast) -> dict[str, str]:
    return {line.label: line.text for line in lines(forecast, 0.0)}


async def test_files_disk_and_slots_of_this_machine(bench: Bench) -> None:
    bench.script("train.py", LOGS)
    (bench.project / "data.csv").write_text("x" * 5000)
    (bench.project / ".amlignore").write_text("notes/\n*.tmp\n")
    (bench.project / "notes").mkdir()
    (bench.project / "notes" / "long.txt").write_text("y" * 9000)
    (bench.project / "a.tmp").write_text("")
    (bench.project / ".env").write_text("TOKEN=abc\n")
    told = await bench.engine.plan(bench.request("train.py"))
    # aml_config's run configuration goes along, its .compute file does not.
    assert (told.files, told.largest[0]) == (4, ("data.csv", 5000))
    assert (told.new_files, told.new_bytes) == (4, told.bytes)
    assert (set(told.ignored), told.ignored_count) == ({"notes", "a.tmp"}, 2)
    assert told.secret == (".env",)
    assert told.warnings == ()
    assert (told.busy, told.slots, told.ahead) == (0, 4, None)
    assert told.disk_free and told.disk_total and told.disk_at is None
    assert told.environment == "own" and told.environment_words
    assert (told.same, told.alike) == (None, None)
    words = worded(told)
    assert words["ships"] == f"4 files, {told.bytes / 1024:.1f} KB, all new to local"
    assert words["kept back"] == ".env: secrets stay here"
    assert words["starts"] == "at once: 0 of 4 slots busy"
    # Nothing was kept of it.
    assert list(bench.paths.blobs.rglob("*")) == []
    assert not bench.paths.snapshots.exists()
    assert bench.store.runs() == []


async def test_the_same_as_an_earlier_run(bench: Bench) -> None:
    bench.script("train.py", LOGS)
    run = await bench.end(await bench.submit("train.py", "--rate", "0.1"))
    assert run.state is State.COMPLETED
    told = await bench.engine.plan(bench.request("train.py", "--rate", "0.1"))
    assert told.same is not None and told.same["run_id"] == run.id
    assert told.new_files == 0
    assert worded(told)["the same"] == f"as {run.name}, completed, loss 0.23"
    assert "all of it is on local" in worded(told)["ships"]
    other = await bench.engine.plan(bench.request("train.py", "--rate", "0.2"))
    assert (other.same, other.differs) == (None, ("arguments",))
    assert worded(other)["the files"] == f"of {run.name}, completed, loss 0.23; other arguments"
    bench.script("train.py", LOGS + "\n")
    changed = await bench.engine.plan(bench.request("train.py", "--rate", "0.1"))
    assert (changed.same, changed.alike, changed.new_files) == (None, None, 1)


async def test_a_run_that_was_deleted_is_not_told_of(bench: Bench) -> None:
    bench.script("train.py", LOGS)
    first = await bench.end(await bench.submit("train.py"))
    other = await bench.end(await bench.submit("train.py"))
    await until_async(lambda: bench.engine.unfinished() == 0)
    await bench.engine.delete([other.id])
    told = await bench.engine.plan(bench.request("train.py"))
    assert told.same is not None and told.same["run_id"] == first.id
    await bench.engine.delete([first.id])
    assert (await bench.engine.plan(bench.request("train.py"))).same is None


async def test_an_earlier_run_whose_plan_cannot_be_read(bench: Bench) -> None:
    bench.script("train.py", LOGS)
    first = await bench.end(await bench.submit("train.py"))
    other = await bench.end(await bench.submit("train.py"))
    ledger = bench.engine._ledger

    def spoil() -> None:
        with ledger.writing() as db:
            db.execute("UPDATE runs SET plan = '{\"project\": 1}' WHERE id = ?", (other.id,))

    await ledger.do(spoil)
    told = await bench.engine.plan(bench.request("train.py"))
    assert told.same is not None and told.same["run_id"] == first.id


async def test_what_it_would_be_is_what_it_becomes(bench: Bench) -> None:
    bench.script("train.py", LOGS)
    (bench.project / "key.txt").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    weighed = snapshot.weigh_snapshot(bench.project, bench.paths.cache)
    taken = snapshot.take_snapshot(bench.project, bench.paths.blobs, bench.paths.cache)
    assert weighed.snapshot == taken
    assert weighed.secret == ("key.txt",)
    # What is known needs no reading; what would have to be read is too much.
    (bench.project / "large.bin").write_bytes(b"x" * 5000)
    large = snapshot.weigh_snapshot(bench.project, bench.paths.cache / "elsewhere", most=100)
    assert (large.whole, large.snapshot.id, large.snapshot.bytes > 5000) == (False, "", True)


async def test_a_project_that_is_too_large_to_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.script("train.py", LOGS)
    weigh = snapshot.weigh_snapshot
    monkeypatch.setattr("engine.planning.weigh_snapshot", lambda project, cache: weigh(project, cache, most=1))
    told = await bench.engine.plan(bench.request("train.py"))
    assert (told.files, told.new_files, told.same) == (2, None, None)
    assert told.disk_free is not None
    assert worded(told)["ships"].endswith("what local has of it is not known")


async def test_place_in_the_queue(bench: Bench) -> None:
    (bench.project / "aml_config/local.compute").write_text("type: local\nslots: 1\n")
    go = bench.project.parent / "go"
    bench.script("wait.py", f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)\n")
    first = await bench.submit("wait.py")
    await bench.until(first, State.RUNNING)
    second = await bench.submit("wait.py")
    await bench.until(second, State.QUEUED)
    told = await bench.engine.plan(bench.request("wait.py"))
    assert (told.busy, told.slots, told.ahead) == (1, 1, 1)
    assert worded(told)["starts"] == "when a slot is free: 1 of 1 slot busy, 1 run ahead of it"
    urgent = await bench.engine.plan(bench.request("wait.py", priority=5))
    assert urgent.ahead == 0
    # Asking changed nothing: the one that waits is the next.
    assert bench.engine._slots.waiting() == 1
    assert bench.engine._slots.foresee(Place("elsewhere", "local"), "p", 0, 1) == (0, None)
    go.touch()
    assert (await bench.end(second)).state is State.COMPLETED


async def test_what_is_wrong_with_it_is_told_as_at_a_submission(bench: Bench) -> None:
    with pytest.raises(NotFound, match=r"there is no script 'missing\.py'"):
        await bench.engine.plan(bench.request("missing.py"))
    with pytest.raises(NotFound, match="nowhere"):
        await bench.engine.plan(bench.request("missing.py", config="nowhere"))


async def test_a_machine_is_not_connected_for_it(
    project: Path, home: Paths, sshd: Sshd, alice: Person, alice_key: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with far_bench(project, home, sshd, alice, alice_key, monkeypatch) as far:
        far.script("train.py", LOGS)
        told = await far.engine.plan(far.request("train.py", config="far"))
        assert (told.state, told.new_files, told.disk_free) == ("not connected", None, None)
        assert far.engine.status()["hosts"] == {}
        words = worded(told)
        assert words["disk left"] == "not known: far is not connected"
        assert words["ships"].endswith("what far has of it is not known")
        run = await far.end(await far.submit("train.py", config="far"))
        (far.project / "more.txt").write_text("more")
        told = await far.engine.plan(far.request("train.py", config="far"))
        assert (told.state, told.new_files, told.new_bytes) == ("connected", 1, 4)
        assert told.disk_free is not None
        assert worded(told)["ships"].startswith("4 B in 1 file new to far, of 4 files")
        (far.project / "more.txt").unlink()
        told = await far.engine.plan(far.request("train.py", config="far"))
        assert told.same is not None and told.same["name"] == run.name


@pytest.mark.timeout(180)
async def test_an_environment_that_has_to_be_built(
    bench: Bench, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    image = docker.python_image(docker_engine)
    config = bench.project / "aml_config"
    (config / "docker.compute").write_text(f"type: docker\nbaseDockerImage: {image}\n")
    text = (config / "local.runconfig").read_text().replace("Target: local", "Target: docker")
    (config / "docker.runconfig").write_text(text)
    bench.script("train.py", LOGS)
    ready = await bench.engine.plan(bench.request("train.py", config="docker"))
    # No conda_dependencies.yml: the base image is what it runs in.
    assert (ready.environment, ready.took) == ("ready", None)
    (config / "docker.compute").write_text("type: docker\nbaseDockerImage: aml-test/never-made:1\n")
    missing = await bench.engine.plan(bench.request("train.py", config="docker"))
    assert (missing.environment, missing.fails) == ("missing", True)
    assert worded(missing)["environment"] == "not prepared, and PrepareEnvironment is false: the run would fail"
    built = await bench.engine.plan(bench.request("train.py", config="docker", prepare=True))
    assert worded(built)["environment"] == "has to be built, for the first time"
    # What the last build took, of this configuration if there was one.
    for number, config in enumerate(("docker", "other")):
        record = BuildRecord(f"{number}", "local", "f", "ready", 100.0 + number, ended=195.0 + 100 * number)
        bench.engine._ledger.save_build(record)
        bench.engine._ledger.note_asker(record.id, str(bench.project), config)
    again = await bench.engine.plan(bench.request("train.py", config="docker", prepare=True))
    assert worded(again)["environment"] == "has to be built; the last build took 1 min 35 s"
