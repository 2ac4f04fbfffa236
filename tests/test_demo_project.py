"""The demonstration project as a person meets it: it opens without complaint, trains, fails, and sweeps."""

from __future__ import annotations

import collections
import csv
import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

import engine
from engine.engine import Engine
from engine.project.check import check
from engine.project.folder import open_project
from engine.project.shell import shell_environ
from engine.runs.metrics import MetricRecord, parse
from engine.runs.model import Run, State
from engine.runs.request import RunRequest
from engine.runs.store import StoreReader
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.paths import Paths

ROOT = Path(engine.__file__).parents[1]
DEMO = ROOT / "demo_project"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy, so that nothing is left in the one that people use."""
    folder = tmp_path / "demo_project"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("outputs", "__pycache__"))
    return folder


class Training:
    """The demonstration's scripts on an engine, on this machine."""

    def __init__(self, project: Path, paths: Paths) -> None:
        self.project = project
        self.paths = paths
        self.engine = Engine(paths)
        self.store = StoreReader(paths.store)

    async def run(self, script: str, *arguments: str) -> Run:
        request = RunRequest(
            project=str(self.project),
            config="local",
            token=uuid.uuid4().hex,
            script=script,
            arguments=arguments,
            environ=shell_environ(),
        )
        run = await self.engine.submit(request)
        await until_async(lambda: self.store.run(run.id).state.ended, 40.0, f"{script} to end")
        return self.store.run(run.id)

    def log(self, run: Run) -> str:
        return self.paths.driver_log(run.id).read_bytes().decode()


@pytest_asyncio.fixture
async def training(project: Path, home: Paths) -> AsyncIterator[Training]:
    one = Training(project, home)
    await one.engine.start()
    yield one
    await one.engine.stop()
    one.store.close()


def directly(script: Path, folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The script by itself, with the run-side package beside it."""
    return subprocess.run(
        [sys.executable, "-B", str(script), *arguments],
        cwd=folder,
        env={**shell_environ(), "PYTHONPATH": str(ROOT / "engine" / "runtime"), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def series(records: list[MetricRecord]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = collections.defaultdict(list)
    for one in records:
        if one.kind == "scalar":
            found[one.name].append(one.value)
    return found


def test_it_opens_without_complaint() -> None:
    opened = open_project(DEMO)
    assert opened.problems == []
    assert check(DEMO) == []
    assert {name: target.type for name, target in opened.targets.items()} == {"local": "local", "docker": "docker"}
    assert {name: (one.target, one.framework) for name, one in opened.configs.items()} == {
        "local": ("local", "Python"),
        "docker": ("docker", "Python"),
        "docker-spark": ("docker", "PySpark"),
    }
    assert all(one.generation == 1 for one in opened.configs.values())


def test_the_data() -> None:
    with (DEMO / "iris.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert collections.Counter(row["species"] for row in rows) == {"setosa": 50, "versicolor": 50, "virginica": 50}
    assert all(0 < float(value) < 10 for row in rows for name, value in row.items() if name != "species")


async def test_training(training: Training) -> None:
    run = await training.run("train.py", "--epochs", "40", "--seconds", "1.5")
    assert run.state is State.COMPLETED, run.reason
    assert run.started is not None
    assert run.ended is not None
    assert run.ended - run.started >= 1.5
    assert run.tags["model"] == "mlp-8"

    log = training.log(run)
    assert log.count("\repoch ") == 40 * 15 + 40
    assert "[##############################] 100%" in log
    assert "confusion matrix" in log

    records, _, bad = parse((training.paths.host_run(run.id) / "metrics.jsonl").read_bytes())
    assert bad == 0
    curves = series(records)
    for name in ("loss", "accuracy", "validation loss", "validation accuracy"):
        assert len(curves[name]) == 40
    assert curves["loss"][-1] < curves["loss"][0] / 3
    assert curves["validation accuracy"][-1] > 0.85
    stored = {one.name: one for one in training.store.series(run.id)}
    assert stored["loss"].count == 40
    assert {"precision", "recall", "confusion matrix", "learning rate"} <= stored.keys()

    outputs = training.paths.host_run(run.id) / "outputs"
    with (outputs / "confusion_matrix.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["actual", "setosa", "versicolor", "virginica"]
    counts = [[int(cell) for cell in row[1:]] for row in rows]
    assert sum(map(sum, counts)) == 30
    assert sum(counts[k][k] for k in range(3)) / 30 == curves["validation accuracy"][-1]
    model = json.loads((outputs / "model.json").read_text())
    assert model["classes"] == header[1:]
    assert [len(row) for row in model["hidden"]] == [5] * 8
    assert [len(row) for row in model["output"]] == [9] * 3
    assert not (training.project / "outputs").exists()


async def test_failing(training: Training) -> None:
    run = await training.run("fail.py")
    assert run.state is State.FAILED
    assert run.exit_code == 1
    log = training.log(run)
    assert "Traceback (most recent call last):" in log
    assert log.endswith("KeyError: 'petal'\n")
    assert {one.name for one in training.store.series(run.id)} == {"mean of sepal_length", "mean of sepal_width"}


def test_the_same_seed_trains_the_same(project: Path, tmp_path: Path) -> None:
    models = []
    for number, seed in enumerate(("1", "1", "2")):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = directly(project / "train.py", folder, "--epochs", "3", "--seconds", "0", "--seed", seed)
        assert done.returncode == 0, done.stderr
        assert "Attempted to log scalar metric loss:\n" in done.stdout
        models.append((folder / "outputs" / "model.json").read_text())
    assert models[0] == models[1] != models[2]


@pytest.mark.parametrize("arguments", [("--learning-rate", "1e6"), ("--hidden", "1"), ("--epochs", "1")])
def test_odd_options_still_end_well(project: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    record = tmp_path / "metrics.jsonl"
    done = directly(
        project / "train.py",
        tmp_path,
        *("--epochs", "5", "--seconds", "0", *arguments),
        AML_METRICS_FILE=str(record),
        AZUREML_OUTPUT_DIRECTORY=str(tmp_path / "outputs"),
    )
    assert done.returncode == 0, done.stderr
    assert parse(record.read_bytes())[2] == 0


def test_the_gradient_is_the_slope_of_the_loss(project: Path) -> None:
    (project / "gradient.py").write_text("""
import random
from train import Network, evaluate
rng = random.Random(3)
rows = [([rng.gauss(0, 1) for _ in range(4)], rng.randrange(3)) for _ in range(6)]
network = Network(4, 5, 3, rng)
before = [[list(row) for row in layer] for layer in (network.first, network.second)]
network.step(rows, 1.0)
after = [[list(row) for row in layer] for layer in (network.first, network.second)]
worst = 0.0
for layer in range(2):
    for j, row in enumerate(before[layer]):
        for i, value in enumerate(row):
            losses = []
            for change in (1e-5, -1e-5):
                network.first, network.second = [[list(r) for r in one] for one in before]
                (network.first, network.second)[layer][j][i] = value + change
                losses.append(evaluate(network, rows)[0])
            slope = (losses[0] - losses[1]) / 2e-5
            worst = max(worst, abs(slope - (value - after[layer][j][i])))
assert worst < 1e-8, worst
""")
    done = directly(project / "gradient.py", project)
    assert done.returncode == 0, done.stderr


def fake_aml(folder: Path, code: int) -> Path:
    """A program `aml` that notes its folder and arguments."""
    folder.mkdir()
    program = folder / "aml"
    program.write_text(f'#!/bin/sh\necho "$PWD: $*" >> "{folder}/called"\nexit {code}\n')
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(("option", "submit"), [((), "-c local"), (("--at-once",), "-c local --async")])
def test_the_sweep(project: Path, tmp_path: Path, option: tuple[str, ...], submit: str) -> None:
    folder = fake_aml(tmp_path / "bin", 0)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    done = directly(project / "run.py", tmp_path, "--highest", "0.08", "--lowest", "0.02", *option, PATH=path)
    assert done.returncode == 0, done.stderr
    assert (folder / "called").read_text().splitlines() == [
        f"{project}: experiment submit {submit} train.py --learning-rate {rate} --seconds 4"
        for rate in ("0.08", "0.04", "0.02")
    ]


def test_the_sweep_ends_with_the_first_failure(project: Path, tmp_path: Path) -> None:
    folder = fake_aml(tmp_path / "bin", 3)
    done = directly(project / "run.py", tmp_path, PATH=os.pathsep.join([str(folder), os.environ["PATH"]]))
    assert done.returncode == 3
    assert len((folder / "called").read_text().splitlines()) == 1


def test_the_sweep_without_aml(project: Path, tmp_path: Path) -> None:
    done = directly(project / "run.py", tmp_path, PATH=str(tmp_path))
    assert done.returncode == 2
    assert "`aml` is not on PATH" in done.stderr
