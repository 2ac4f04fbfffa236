"""Deleting runs: into the bin, back from it, and for good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.errors import HostLost, NotFound
from engine.hosts.agent_host import AgentHost
from engine.runs import bin as binned
from engine.runs.link import HostLink
from engine.runs.model import State
from tests.waiting import until_async

if TYPE_CHECKING:
    from engine.runs.model import Run
    from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio
SCRIPT = """
from azureml.core import Run
Run.get_context().log("loss", 0.5)
open("outputs/model.bin", "wb").write(b"m" * 100_000)
print("done")
"""


@pytest_asyncio.fixture
async def run(bench: Bench) -> Run:
    """One that has ended."""
    bench.script("train.py", SCRIPT)
    return await ended(bench)


async def ended(bench: Bench) -> Run:
    done = await bench.end(await bench.submit("train.py"))
    await until_async(lambda: bench.engine.unfinished() == 0)
    return done


def blobs(bench: Bench) -> set[str]:
    return {path.name for path in bench.paths.blobs.glob("??/*")}


async def again(bench: Bench) -> None:
    """The next engine."""
    await bench.engine.stop()
    bench.engine = Engine(bench.paths)
    await bench.engine.start()


async def age(bench: Bench, seconds: float) -> None:
    """As if what is in the bin had been deleted so long ago."""
    ledger = bench.engine._ledger

    def write() -> None:
        with ledger.writing() as db:
            db.execute("UPDATE runs SET deleted_at = deleted_at - ? WHERE deleted_at IS NOT NULL", (seconds,))

    await ledger.do(write)


def removing(bench: Bench) -> bool:
    """Whether a removal for good is at work, or was cut off."""
    return bool(bench.store._ask("SELECT 1 FROM runs WHERE deleted_at = ?", (binned.REMOVING,)))


async def test_what_is_deleted_is_in_the_bin_and_comes_back(bench: Bench, run: Run) -> None:
    before = blobs(bench)
    heard: list[set[str]] = []
    bench.engine.on_change = lambda runs, _: heard.append(runs)
    assert await bench.engine.delete([run.id]) == {}
    assert {run.id} in heard
    assert (bench.store.runs(), bench.store.count(), bench.store.projects()) == ([], 0, [])
    assert bench.store.by_ids([run.id]) == []
    assert bench.store.listed() == []
    for name in (run.id, run.name, run.id[:-1]):
        with pytest.raises(NotFound, match=r"was deleted.*history restore"):
            bench.store.run(name)
        assert bench.store.run(name, binned=True).id == run.id
    with pytest.raises(NotFound, match="no runs yet"):
        bench.store.run("last", run.project)
    (one,) = bench.store.bin(run.project)
    assert one.run == run
    assert one.until - one.at == 7 * 86_400
    assert [batch.runs for batch in bench.store.batches()] == [1]
    assert bench.store.bin("/elsewhere") == bench.store.batches("/elsewhere") == []
    assert binned.disk_used(bench.paths, [run.id]) > 100_000
    assert (bench.paths.host_run(run.id) / "outputs" / "model.bin").exists()
    await bench.engine._deleting.sweep()
    assert blobs(bench) == before, "what it took along stays"

    assert await bench.engine.restore([run.id]) == {}
    assert bench.store.runs() == [run]
    assert bench.store.bin() == []
    assert [series.name for series in bench.store.series(run.id)] == ["loss"]
    assert bench.log(run) == b"done\n"
    assert [one.path for one in await bench.engine.outputs(run.id)] == ["model.bin"]


async def test_deleting_and_restoring_twice(bench: Bench, run: Run) -> None:
    other = await ended(bench)
    assert await bench.engine.delete([run.id]) == {}
    (first,) = bench.store.bin()
    assert await bench.engine.delete([run.id, other.id, other.id]) == {}
    assert {one.run.id: one.at for one in bench.store.bin()}[run.id] == first.at, "its days are counted from the first"
    assert [batch.runs for batch in bench.store.batches()] == [1, 1]
    assert await bench.engine.restore([other.id, other.id]) == {}
    refused = await bench.engine.restore([other.id, run.id, "none"])
    assert refused == {other.id: "the run is not in the bin.", "none": "it was removed for good."}
    assert {one.id for one in bench.store.runs()} == {run.id, other.id}


async def test_a_number_stays_taken_in_the_bin(bench: Bench, run: Run) -> None:
    await bench.engine.delete([run.id])
    other = await ended(bench)
    assert (run.number, other.number) == (1, 2)
    await bench.engine.restore([run.id])
    assert [one.number for one in bench.store.runs()] == [2, 1]


async def test_only_what_has_ended_is_deleted(bench: Bench) -> None:
    bench.script("wait.py", "import time; time.sleep(600)\n")
    going = await bench.submit("wait.py")
    await bench.until(going, State.RUNNING)
    for now in (False, True):
        refused = await bench.engine.delete([going.id, "none"], now=now)
        assert "has not ended" in refused[going.id]
        assert "there is no run" in refused["none"]
    assert bench.store.count() == 1


async def test_removing_now_leaves_nothing(bench: Bench, run: Run) -> None:
    other = await ended(bench)
    await bench.engine.delete([other.id])
    assert await bench.engine.delete([run.id, other.id], now=True) == {}
    assert (bench.store.count(), bench.store.bin()) == (0, [])
    assert blobs(bench) == set()
    for one in (run, other):
        assert not bench.paths.host_run(one.id).exists()
        assert not bench.paths.mirror(one.id).exists()
    assert list(await bench.engine.delete([run.id], now=True)) == [run.id]


async def test_the_bin_outlives_engines_and_is_emptied_when_it_is_time(bench: Bench, run: Run) -> None:
    other = await ended(bench)
    await bench.engine.delete([run.id])
    await age(bench, binned.KEPT + 1)
    await bench.engine.delete([other.id])
    await again(bench)
    await until_async(lambda: len(bench.store.bin()) == 1, what="the first to be removed")
    await until_async(lambda: not removing(bench))
    assert not bench.paths.host_run(run.id).exists()
    assert bench.paths.host_run(other.id).exists()
    await again(bench)
    assert await bench.engine.restore([other.id]) == {}
    assert bench.log(other) == b"done\n"
    assert await bench.engine.restore([run.id]) == {run.id: "it was removed for good."}


async def test_what_is_in_the_bin_long_enough_goes_while_the_engine_runs(
    bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.deleting.EVERY", 0.05)
    await again(bench)
    await bench.engine.delete([run.id])
    await age(bench, binned.KEPT + 1)
    await until_async(lambda: not bench.paths.host_run(run.id).exists())
    await until_async(lambda: blobs(bench) == set())


async def test_a_removal_that_was_cut_off_is_gone_on_with(
    bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(self: AgentHost, run_id: str) -> None:
        raise HostLost("contact was lost.", where="local")

    with monkeypatch.context() as patched:
        patched.setattr(AgentHost, "remove_run", lost)
        assert await bench.engine.delete([run.id], now=True) == {run.id: "local: contact was lost."}
        assert (bench.store.count(), bench.store.bin()) == (0, [])
        assert await bench.engine.restore([run.id]) == {run.id: "it is being removed for good."}
    await again(bench)
    await until_async(lambda: not bench.paths.host_run(run.id).exists())
    await until_async(lambda: not removing(bench))


async def test_while_its_host_is_away(bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into the bin and back needs no host; for good it waits until the host is there again."""

    async def away(self: HostLink, limit: float = 0) -> None:
        raise HostLost("gpu-box cannot be reached.")

    engine = bench.engine
    with monkeypatch.context() as patched:
        patched.setattr(HostLink, "reach", away)
        assert await engine.delete([run.id]) == {}
        assert await engine.restore([run.id]) == {}
        assert await engine.delete([run.id], now=True) == {run.id: "gpu-box cannot be reached."}
        assert bench.store.runs() == [run], "it stays as it is"
        await engine.delete([run.id])
        await age(bench, binned.KEPT + 1)
        patched.setattr(engine._deleting, "_there", lambda _: False)
        await engine._deleting._remove_due()
        assert len(bench.store.bin()) == 1
    engine._moved("local")
    assert not engine._deleting._look.is_set(), "a sample of a host that was there is no reason to look"
    link = engine._links["local"]
    link.state = "unreachable"
    engine._moved("local")
    link.state = "connected"
    engine._moved("local")
    await until_async(lambda: bench.store.bin() == [], what="its host to be noticed")
    await until_async(lambda: not bench.paths.host_run(run.id).exists())


async def test_restoring_and_removing_at_the_same_moment(bench: Bench, run: Run) -> None:
    await bench.engine.delete([run.id])
    removed, restored = await asyncio.gather(bench.engine.delete([run.id], now=True), bench.engine.restore([run.id]))
    assert (removed, restored) == ({}, {run.id: "it was removed for good."})
    assert not bench.paths.host_run(run.id).exists()


async def test_what_is_linked_from_the_content_store_is_no_runs_own(bench: Bench) -> None:
    (bench.project / "data.bin").write_bytes(b"d" * 3_000_000)
    bench.script("train.py", "print('done')\n")
    run = await ended(bench)
    own = binned.disk_used(bench.paths, [run.id])
    copied = (bench.paths.host_run(run.id) / "project" / "data.bin").stat().st_nlink == 1
    assert own > 3_000_000 if copied else 0 < own < 1_000_000
    assert binned.disk_used(bench.paths, ["none"]) == 0


async def test_what_is_brought_back_as_its_time_is_over_stays(bench: Bench, run: Run) -> None:
    """Found to be due, and restored before its turn has come."""
    other = await ended(bench)
    await bench.engine.delete([run.id, other.id])
    await age(bench, binned.KEPT + 1)
    deleting = bench.engine._deleting
    async with deleting._one:
        back = asyncio.create_task(bench.engine.restore([run.id]))
        await until_async(lambda: len(deleting._one._waiters or ()) == 1)
        due = asyncio.create_task(deleting._remove_due())
        await until_async(lambda: len(deleting._one._waiters or ()) == 2, what="both to wait for their turn")
    assert await back == {}
    await due
    assert [one.id for one in bench.store.runs()] == [run.id]
    assert bench.log(run) == b"done\n"
    assert (bench.paths.host_run(run.id) / "outputs" / "model.bin").exists()
    assert not bench.paths.host_run(other.id).exists()


async def test_a_run_whose_processes_go_on_is_not_lost_from_sight(bench: Bench) -> None:
    """Written down as ended, but alive on its host: removing it is refused, and it stays in the list."""
    bench.script("wait.py", "import time; time.sleep(600)\n")
    going = await bench.submit("wait.py")
    await bench.until(going, State.RUNNING)
    await bench.engine.stop()
    bench.engine = Engine(bench.paths)
    await bench.engine.start()
    ledger = bench.engine._ledger
    task = bench.engine._tasks[going.id]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    def end(state: str) -> None:
        with ledger.writing() as db:
            db.execute("UPDATE runs SET state = ? WHERE id = ?", (state, going.id))

    await ledger.do(end, "Failed")
    refused = await bench.engine.delete([going.id], now=True)
    assert "still running" in refused[going.id]
    assert [one.id for one in bench.store.runs()] == [going.id]
    assert not removing(bench)
    await ledger.do(end, "Running")
    await again(bench)
    await bench.engine.cancel([going.id])
    await bench.end(going)


async def test_a_host_that_is_away_is_tried_once_for_all(
    bench: Bench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try takes its time, and meanwhile nothing else is deleted or brought back."""
    other = await ended(bench)
    tries = 0

    async def away(self: HostLink, limit: float = 0) -> None:
        nonlocal tries
        tries += 1
        raise HostLost("gpu-box cannot be reached.")

    with monkeypatch.context() as patched:
        patched.setattr(HostLink, "reach", away)
        refused = await bench.engine.delete([run.id, other.id], now=True)
    assert refused == dict.fromkeys((run.id, other.id), "gpu-box cannot be reached.")
    assert tries == 1
    assert await bench.engine.delete([run.id, other.id], now=True) == {}
