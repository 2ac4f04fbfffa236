"""What a head node has, as its agent finds it, and programs that are run there to their end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from engine.errors import HostError
from engine.hosts.agent import condas, heads
from tests.engine.hosts.bench import alive
from tests.waiting import until_async

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.hosts.bench import Bench


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all there is on the path, and no other settings."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        "CONDA_EXE",
        "MAMBA_EXE",
        "SPARK_HOME",
        "SPARK_CONF_DIR",
        "HADOOP_CONF_DIR",
        "YARN_CONF_DIR",
        "HADOOP_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    return folder


def program(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.parametrize(
    ("line", "queue"),
    [
        ("spark.yarn.queue night\n", "night"),
        ("  spark.yarn.queue\t=  root.night \n", "root.night"),
        ("spark.yarn.queue: a\nspark.yarn.queue=b\n", "b"),
        ("#spark.yarn.queue night\nspark.yarn.queues more\nspark.yarn.queue.x y\n", ""),
        ("", ""),
    ],
)
def test_the_queue_of_sparks_own_settings(path: Path, tmp_path: Path, line: str, queue: str) -> None:
    # A link on the path, as distributions have it: the settings are beside the program itself.
    real = program(tmp_path / "spark" / "bin" / "spark-submit")
    (path / "spark-submit").symlink_to(real)
    (tmp_path / "spark" / "conf").mkdir()
    defaults = tmp_path / "spark" / "conf" / "spark-defaults.conf"
    defaults.write_text(line)
    found = heads.head("spark-submit")
    assert (found["spark"], found["queue"], found["queue_from"]) == (str(path / "spark-submit"), queue, str(defaults))


def test_what_makes_environments(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = str(tmp_path / "hdinsight" / "conda")
    monkeypatch.setattr(condas, "CONDAS", (own, own, *condas.CONDAS[2:6]))
    assert condas.conda() == ""
    (path / "conda").write_text("no program")
    assert condas.conda() == ""
    mine = program(tmp_path / "miniconda3" / "bin" / "conda")
    assert condas.conda() == mine
    named = program(path / "micromamba")
    assert condas.conda() == named
    program(tmp_path / "hdinsight" / "conda")
    assert condas.conda() == own


def test_where_the_storage_is(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.hosts.agent.clusters.FOLDERS", (str(tmp_path / "conf"),))
    monkeypatch.setattr("engine.hosts.agent.clusters.PROGRAMS", ())
    assert heads.head("spark-submit")["storage"] == ""
    (tmp_path / "conf").mkdir()
    site = tmp_path / "conf" / "core-site.xml"
    wasb = "wasbs://mine@store.blob.core.windows.net"
    for key in ("fs.defaultFS", "fs.default.name"):
        site.write_text(
            f"<configuration><property><name>{key}</name><value>\n {wasb} </value></property></configuration>"
        )
        assert heads.head("spark-submit")["storage"] == wasb
    assert heads.head("~/nothing")["files"] == []
    hdfs = program(path / "hdfs")
    assert heads.head("~/nothing")["files"] == [hdfs, "dfs"]
    hadoop = program(path / "hadoop")
    assert heads.head("~/nothing")["files"] == [hadoop, "fs"]


@pytest.mark.asyncio
async def test_a_program_and_what_it_says(bench: Bench) -> None:
    said = await bench.host.program(["/bin/sh", "-c", "cat; echo $1 >&2; exit 3", "sh", "wörd"], "in\n")
    assert (said.status, said.out, said.err) == (3, "in\n", "wörd\n")
    said = await bench.host.program(["/bin/sh", "-c", "kill -TERM $$"])
    assert said.status == -signal.SIGTERM
    said = await bench.host.program(["/bin/sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x; echo end"])
    assert said.out.endswith("xend\n")
    assert len(said.out) == 64 << 10
    with pytest.raises(HostError, match="No such file"):
        await bench.host.program(["/nowhere/program"])


@pytest.mark.asyncio
async def test_a_program_that_takes_too_long_goes_with_all_it_started(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    said = await bench.host.program(["/bin/sh", "-c", f"sleep 300 & echo $! > {file}; echo begun; wait"], seconds=1.0)
    assert (said.status, said.out) == (None, "begun\n")
    pid = int(file.read_text())
    await until_async(lambda: not alive(pid))
