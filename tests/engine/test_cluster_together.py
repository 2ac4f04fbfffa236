"""Several applications on a real YARN, and what happens to them: told as it was, and nothing left running."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import urllib.parse
from typing import TYPE_CHECKING

import pytest

from engine.drivers import SPARK_UI
from engine.runs.model import State
from tests.engine.by_hand import got, typed
from tests.engine.cluster_bench import cluster_bench, lines, living, with_a_job
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run
    from tests.engine.ssh_bench import SshBench
    from tests.services.spark_fixtures import HeadNode, MakeHeadNode, MakeYarn
    from tests.services.ssh_fixtures import MakeMachine
    from tests.services.yarn import Yarn

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]


async def test_five_at_once(
    project: Path,
    home: Paths,
    yarn: Yarn,
    head_node: HeadNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with cluster_bench(project, home, head_node, monkeypatch) as far:
        with_a_job(far)
        go = yarn.layout.scratch / f"go-{os.urandom(4).hex()}"
        near_killed, far_killed, three, canceled, lost = runs = [
            await far.submit("job.py", "x", str(go), *more, config=config)
            for config, more in (("near", ()), ("far", ()), ("far", ("three",)), ("far", ()), ("far", ()))
        ]
        for run in runs:
            await until_async(lambda run=run: b"line 5\n" in far.log(run), 200)  # type: ignore[misc]
        assert len(living(yarn)) == 5
        for run in (near_killed, far_killed):
            (application,) = yarn.applications(applicationTags=f"aml-{run.id.lower()}")
            yarn.kill(application["id"])
        # What stands for it on the head node is gone by then.
        os.kill(far.store.run(canceled.id).handle["process"]["pid"], signal.SIGKILL)
        await far.engine.cancel([canceled.id])
        # Nobody is left on the head node who knows of this one, and nothing of it either: as on another head node.
        os.kill(far.store.run(lost.id).handle["process"]["pid"], signal.SIGKILL)
        far.sshd.drop()
        # In one step: its runner may be writing down the end.
        (far.root / "runs" / lost.id).rename(far.root.with_name(f"{far.root.name}-lost"))
        # A driver on the head node that asks nothing of its application goes on, and that is told.
        await until_async(lambda: far.run(near_killed).progress == "its application was killed on YARN", 60)
        await killed(far, far_killed)
        assert (await far.end(canceled, 90)).state is State.CANCELED
        await until_async(lambda: b"line 5\n" in far.host_log(lost), 90)
        go.touch()
        await killed(far, near_killed)
        done = await far.end(three, 90)
        assert (done.state, done.exit_code, done.reason) == (State.FAILED, 3, "exit code 3")
        done = await far.end(lost, 90)
        log = far.log(lost)
        assert (done.state, done.reason) == (State.COMPLETED, ""), log[-3000:].decode(errors="replace")
        assert lines(log) == [b"line %d" % n for n in range(len(lines(log)))]
        assert log == far.host_log(lost)
        assert (far.paths.host_run(lost.id) / "outputs/deep/total: 1%.txt").read_text() == "9900"
        assert living(yarn) == []


async def killed(far: SshBench, run: Run) -> None:
    done = await far.end(run, 90)
    assert done.state is State.FAILED
    assert done.reason.startswith("the application was killed on YARN: "), done.reason


async def test_waiting_for_room_and_a_lost_resource_manager(
    project: Path,
    home: Paths,
    make_machine: MakeMachine,
    make_yarn: MakeYarn,
    make_head_node: MakeHeadNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On another machine than the head node, as the nodes of a cluster are."""
    yarn = make_yarn(machine=make_machine("wn0"), pair=True, memory=2048, cores=4)
    async with cluster_bench(project, home, make_head_node(yarn), monkeypatch) as far:
        with_a_job(far)
        go = yarn.layout.scratch / "go"
        first = await far.submit("job.py", "x", str(go), config="far")
        await until_async(lambda: b"line 5\n" in far.log(first), 150)
        await until_async(lambda: "2 containers, 2 vcores, 2.0 GB" in far.run(first).progress, 30)
        second = await far.submit("job.py", "x", str(go), config="far")
        await until_async(lambda: far.run(second).progress.startswith("waits in YARN's queue default: "), 60)
        where, _ = await typed(far, first, "exit\n")
        assert where.endswith(f"; its driver and its outputs are on {yarn.address}, in a container of YARN's")
        address = await reached(far, first, yarn)
        await asyncio.to_thread(yarn.fail_over)
        # By way of the other one, as soon as that knows of it.
        tag = f"aml-{first.id.lower()}"
        await asyncio.to_thread(yarn.wait_for_application, tag, "RUNNING")
        assert f"{first.name} - Spark Jobs" in await got(address)
        go.touch()
        for run in (first, second):
            done = await far.end(run, 150)
            log = far.log(run)
            assert (done.state, done.reason) == (State.COMPLETED, ""), log[-3000:].decode(errors="replace")
            assert lines(log) == [b"line %d" % n for n in range(len(lines(log)))]
        assert living(yarn) == []


async def reached(far: SshBench, run: Run, yarn: Yarn) -> str:
    """Ports of a driver on a node that is not the head node; the address at which Spark's UI is."""
    hands = far.engine.hands
    # Of itself the UI sends a browser to an address of the cluster's.
    named = re.search(rb"Successfully started service 'SparkUI' on port (\d+)", far.log(run))
    assert named, far.log(run)[-3000:]
    for port in (int(named[1]), SPARK_UI):
        address = str((await hands.forward(run.id, port, None))["address"])
        assert "/proxy/application_" in address
        assert f"{run.name} - Spark Jobs" in await got(address)
    # Any port of that node, here its own; one where nothing is.
    node = urllib.parse.urlsplit("//" + yarn.applications(states="RUNNING")[-1]["amHostHttpAddress"])
    assert node.port
    address_of_node = (await hands.forward(run.id, node.port, None))["address"]
    assert "nodeManagerVersion" in await got(f"{address_of_node}/ws/v1/node/info")
    nothing = await hands.forward(run.id, 1, None)
    with pytest.raises(OSError):
        await got(nothing["address"])
    (trouble,) = [one.trouble for one in hands.forwards() if one.port == 1]
    assert trouble.startswith(f"nothing answers at port 1 of {yarn.address}, the node of {run.name}'s driver: ")
    return address
