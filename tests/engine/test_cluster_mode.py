"""Drivers in containers of a real YARN: log, metrics, outputs and the end as from any other target."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from engine.engine import Engine
from engine.runs.model import State
from tests.engine import telling
from tests.engine.by_hand import run_again
from tests.engine.cluster_bench import AWAY, cluster_bench, lines, living, with_a_job
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.spark_fixtures import HeadNode
    from tests.services.yarn import Yarn

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240)]


@pytest_asyncio.fixture
async def far(
    project: Path, home: Paths, head_node: HeadNode, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    async with cluster_bench(project, home, head_node, monkeypatch) as one:
        with_a_job(one)
        yield one


@pytest.fixture
def go(yarn: Yarn) -> Path:
    """A file that drivers wait for, whoever they run as."""
    return yarn.layout.scratch / f"go-{os.urandom(4).hex()}"


async def test_the_whole_way(far: SshBench, yarn: Yarn, go: Path, head_node: HeadNode) -> None:
    run = await far.submit("job.py", "a b", str(go), config="far")
    await until_async(lambda: b"line 20\n" in far.log(run), 120)
    # Metrics arrive while it runs.
    await until_async(lambda: bool(far.store.points(run.id, "number")), 30)
    go.touch()
    done = await far.end(run, 120)
    log = far.log(run)
    assert (done.state, done.reason, done.exit_code) == (State.COMPLETED, "", 0), log[-3000:].decode()
    count = int(log.split(b"the end after ")[1].split()[0])
    assert lines(log) == [b"line %d" % n for n in range(count)]
    assert b"driver begins ['job.py', 'a b', '%s'] a secret word True\n" % bytes(go) in log
    assert b"bytes \xff\xfe <&>\n" in log
    assert [value for _, _, value in far.store.points(run.id, "total")] == [9900]
    assert [value for _, _, value in far.store.points(run.id, "number")] == list(range(count))
    assert (far.paths.host_run(run.id) / "outputs/deep/total: 1%.txt").read_text() == "9900"
    assert done.properties["Application"].startswith("application_")
    assert int(done.properties["VcoreSeconds"]) > 0
    (application,) = yarn.applications(applicationTags=f"aml-{run.id.lower()}")
    assert (application["state"], application["finalStatus"]) == ("FINISHED", "SUCCEEDED")
    assert "secret" not in " ".join(far.store.commands(run.id)[0].argv)
    # Spark's own log is on stderr; of most lines it is known, and of none otherwise.
    told = telling.told(far.paths.driver_log(run.id))
    numbers = [stream for stream, line in told if line.startswith("line ")]
    assert "stderr" not in numbers and numbers.count("stdout") > len(numbers) / 2
    spark = [stream for stream, line in told if " INFO " in line]
    assert "stdout" not in spark and spark.count("stderr") > len(spark) / 2
    # Once more, by the script that is written for it: the driver on the cluster again.
    again, said = await run_again(far, run, head_node)
    assert (again / "outputs/deep/total: 1%.txt").read_text() == "9900"
    assert "driver begins ['job.py', 'a b', " in said
    assert '"total"' in (again / "metrics.jsonl").read_text()
    assert sorted(path.name for path in again.iterdir()) == ["metrics.jsonl", "outputs", "project"]
    # Runs of other tests have the same names.
    application = max(
        (one for one in yarn.applications() if one["name"] == f"{run.name}-again"), key=lambda one: str(one["id"])
    )
    assert (application["state"], application["finalStatus"]) == ("FINISHED", "SUCCEEDED")
    assert head_node.ssh("hadoop", "fs", "-ls", ".aml-tui/runs").stdout == ""


async def test_once_more_ends_as_the_driver_did(far: SshBench, yarn: Yarn, go: Path, head_node: HeadNode) -> None:
    go.touch()
    run = await far.submit("job.py", "x", str(go), "three", config="far")
    assert (await far.end(run, 120)).exit_code == 3
    _, said = await run_again(far, run, head_node, code=3)
    # What it printed, and what Spark's log says.
    assert "total 9900\n" in said and " INFO " in said
    assert living(yarn) == []


@pytest.mark.parametrize(
    ("how", "before", "code"),
    [
        (signal.SIGINT, "", 130),
        # As a terminal that goes says it: by the shell, and by the kernel.
        (signal.SIGHUP, "", 130),
        (signal.SIGHUP, "nohup", 0),
    ],
)
async def test_once_more_is_ended_with_its_application(
    far: SshBench, yarn: Yarn, go: Path, head_node: HeadNode, how: signal.Signals, before: str, code: int
) -> None:
    go.touch()
    run = await far.submit("job.py", "x", str(go), config="far")
    await far.end(run, 120)
    go.unlink()
    task = asyncio.create_task(run_again(far, run, head_node, code=code, before=before))
    said = head_node.person.home / "said"
    # Live: the driver waits for its file.
    await until_async(lambda: said.exists() and b"line 20\n" in said.read_bytes(), 120)
    (again,) = [pid for pid, words in far.alice.processes().items() if "_aml_tui_cluster.again" in words]
    os.kill(again, how)
    if how is signal.SIGHUP:
        os.kill(again, how)
    if code == 0:
        size = said.stat().st_size
        await until_async(lambda: said.stat().st_size > size, 60)
        go.touch()
    folder, text = await task
    assert ("aml: the application is being ended; once more leaves it.\n" in text) == bool(code)
    assert sorted(path.name for path in folder.iterdir()) == ["metrics.jsonl", "outputs", "project"]
    assert living(yarn) == []


async def test_cancel_ends_with_the_application(far: SshBench, yarn: Yarn, go: Path) -> None:
    run = await far.submit("job.py", "x", str(go), config="far")
    await until_async(lambda: b"line 5\n" in far.log(run), 120)
    await far.engine.cancel([run.id])
    done = await far.end(run, 60)
    assert (done.state, done.reason) == (State.CANCELED, "canceled")
    assert living(yarn) == []


def kill_the_relay(far: SshBench) -> None:
    (relay,) = [pid for pid, words in far.alice.processes().items() if "_aml_tui_cluster.relay" in words]
    os.kill(relay, signal.SIGKILL)


async def test_a_relay_and_an_engine_that_died_lose_nothing(far: SshBench, yarn: Yarn, go: Path) -> None:
    run = await far.submit("job.py", "x", str(go), config="far")
    # First while spark-submit is at work, which goes on alone.
    await until_async(lambda: bool(far.log(run)), 60)
    kill_the_relay(far)
    await until_async(lambda: b"line 20\n" in far.log(run), 120)
    kill_the_relay(far)
    await far.engine.stop()
    far.engine = Engine(far.paths)
    await far.engine.start()
    await until_async(lambda: b"line 200\n" in far.log(run), 120)
    go.touch()
    done = await far.end(run, 120)
    log = far.log(run)
    assert (done.state, done.reason) == (State.COMPLETED, ""), log[-3000:].decode(errors="replace")
    count = int(log.split(b"the end after ")[1].split()[0])
    assert lines(log) == [b"line %d" % n for n in range(count)]
    assert [value for _, _, value in far.store.points(run.id, "number")] == list(range(count))
    assert len(yarn.applications(applicationTags=f"aml-{run.id.lower()}")) == 1
    assert log == far.host_log(run)


ENDS = {
    # Script, what it says, a setting; then the exit code and the reason.
    "raised": (
        "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()\n"
        "open('outputs/total', 'w').close()\nraise KeyError('petal')\n",
        "",
        1,
        "KeyError: 'petal'",
    ),
    "syntax": ("x = (\n", "", 1, "SyntaxError: '(' was never closed"),
    "bare": ("print('hello')\n", "", 1, "the script made no SparkContext, which a driver on the cluster has to"),
    "python": ("", "spark.pyspark.python: /nowhere/python", 1, "cannot run /nowhere/python: No such file or directory"),
    "queue": ("", "spark.yarn.queue: nowhere", 1, "YARN has no queue nowhere (spark.yarn.queue)"),
    "killed": (
        "import os, signal\nfrom pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()\n"
        "os.kill(os.getppid(), signal.SIGKILL)\n",
        "",
        1,
        "its driver's container ended with exit code 137, as happens when its machine runs out of memory",
    ),
    "again": (
        "import os, sys\nfrom pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()\n"
        "print('attempted', flush=True)\n"
        "if not os.path.exists(sys.argv[1]):\n    open(sys.argv[1], 'w').close()\n    os._exit(7)\n"
        "open('outputs/second', 'w').close()\n",
        "spark.yarn.maxAppAttempts: 2",
        0,
        "",
    ),
}


async def test_other_ends(far: SshBench, yarn: Yarn, go: Path) -> None:
    config = far.project / "aml_config"
    plain = (config / "far.runconfig").read_text()
    runs = {}
    for name, (script, setting, _, _) in ENDS.items():
        more = f"configuration:\n  {setting}\n" if setting else "configuration:\n"
        (config / f"{name}.yml").write_text(AWAY.replace("configuration:\n", more))
        (config / f"{name}.runconfig").write_text(plain.replace("away.yml", f"{name}.yml"))
        far.script(f"of_{name}.py", script)
        runs[name] = await far.submit(f"of_{name}.py", str(go), config=name)
    for name, run in runs.items():
        done = await far.end(run, 200)
        text = far.log(run).decode(errors="replace")
        _, _, code, reason = ENDS[name]
        assert (done.exit_code, done.reason.startswith(reason) if reason else done.reason) == (
            code,
            bool(reason) or "",
        ), (
            name,
            done.reason,
            text[-3000:],
        )
    text = far.log(runs["raised"]).decode()
    assert "cluster_driver.py" not in text[text.index("Traceback") :].split("KeyError")[0]
    assert (far.paths.host_run(runs["raised"].id) / "outputs/total").exists()
    text = far.log(runs["again"]).decode()
    first, second = text.split("aml: YARN started the driver again: attempt 2.\n")
    assert ("attempted\n" in first, "attempted\n" in second) == (True, True)
    assert (far.paths.host_run(runs["again"].id) / "outputs/second").exists()
    lost = far.run(runs["python"]).properties["NotBroughtHome"]
    assert lost.startswith("what was in outputs: its driver did not come to its end")
    assert living(yarn) == []
