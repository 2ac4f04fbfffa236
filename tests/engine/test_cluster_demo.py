"""The demonstration's PySpark script, unchanged, in a container with Spark and on a real YARN: the same numbers."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

import engine
from engine.runs.logs import METRICS
from engine.runs.metrics import parse
from engine.runs.model import RESOURCE, State
from tests.engine.cluster_bench import PATIENCE, cluster_bench
from tests.services.spark import spark_image

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.paths import Paths
    from tests.engine.ssh_bench import SshBench
    from tests.services.docker import DockerEngine
    from tests.services.spark_fixtures import HeadNode

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(900)]

DEMO = Path(engine.__file__).parents[1] / "demo_project"
SCRIPT = "iris_spark.py"
EPOCHS = 20
CURVES = ("loss", "accuracy", "validation accuracy")


@pytest.fixture
def project(tmp_path: Path, docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, whose containers begin with the tests' image: the world is not asked for the one of the project."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    folder = tmp_path / "demo_project"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("outputs", "__pycache__"))
    target = folder / "aml_config" / "docker.compute"
    image = f"baseDockerImage: {spark_image(docker_engine)}"
    text, count = re.subn("^baseDockerImage: .*$", image, target.read_text(), flags=re.MULTILINE)
    assert count == 1
    target.write_text(text)
    return folder


@pytest_asyncio.fixture
async def far(
    project: Path, home: Paths, head_node: HeadNode, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SshBench]:
    async with cluster_bench(project, home, head_node, monkeypatch) as one:
        # The project's conda file is for both; on a cluster it is made by the run, as in the container.
        config = project / "aml_config" / "far.runconfig"
        config.write_text(config.read_text().replace("PrepareEnvironment: false", "PrepareEnvironment: true"))
        yield one


async def results(far: SshBench, config: str, seconds: float) -> dict[str, Any]:
    """All that a run of the script leaves: what it logged, its outputs, the master it ran on."""
    done = await far.end(await far.submit(SCRIPT, config=config), seconds)
    log = far.log(done).decode()
    assert (done.state, done.reason) == (State.COMPLETED, ""), log[-3000:]
    found: dict[str, Any] = {"tag": done.tags["model"]}
    logged, _, bad = parse((far.paths.mirror(done.id) / METRICS).read_bytes())
    assert bad == 0
    # What its processes used is another each time.
    assert {one.name for one in far.store.series(done.id) if one.kind != RESOURCE} < {one.name for one in logged}
    found["metrics"] = [(one.kind, one.name, one.value) for one in logged if one.kind != RESOURCE]
    outputs = far.paths.host_run(done.id) / "outputs"
    found["model"] = json.loads((outputs / "iris_spark.json").read_text())
    with (outputs / "held_out.csv").open(newline="") as file:
        found["held out"] = list(csv.reader(file))
    master = re.search(r"^Spark 3\.5\.\d+, master (\S+), 2 partitions$", log, re.MULTILINE)
    assert master, log[-3000:]
    found["master"] = master[1]
    return found


async def test_the_same_script_on_docker_and_on_a_cluster(far: SshBench) -> None:
    cluster = await results(far, "far", PATIENCE)
    docker = await results(far, "docker-spark", 600)
    assert cluster.pop("master") == "yarn"
    assert docker.pop("master") == "local[*]"
    assert cluster == docker

    curves = {name: [value for _, known, value in cluster["metrics"] if known == name] for name in CURVES}
    assert len(curves["loss"]) == len(curves["accuracy"]) == EPOCHS
    assert curves["loss"][-1] < curves["loss"][0] / 3
    (accuracy,) = curves["validation accuracy"]
    assert accuracy > 0.85
    kinds = {name: kind for kind, name, _ in cluster["metrics"]}
    assert (kinds["precision"], kinds["recall"], kinds["confusion matrix"]) == ("list", "list", "table")
    header, *rows = cluster["held out"]
    assert header == ["actual", "taken for"]
    assert sum(actual == taken for actual, taken in rows) / len(rows) == accuracy
    assert [len(row) for row in cluster["model"]["weights"]] == [5] * 3
