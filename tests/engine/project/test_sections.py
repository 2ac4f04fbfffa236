"""The second generation's run configurations: every documented key as a field, checked, with its default."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from engine.project.check import check
from engine.project.folder import open_project
from engine.project.resolve import resolve
from engine.project.sections import Docker, Registry, Sections, Spark
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.runconfig import RunConfiguration

WHOLE = """\
script: train.py
target: local
framework: PySpark
communicator: OpenMpi
nodeCount: 2
environment:
  python:
    userManagedDependencies: true
    condaDependenciesFile: aml_config/conda_dependencies.yml
    later: python
  docker:
    enabled: true
    baseImage: other:1
    sharedVolumes: false
    gpuSupport: true
    arguments: [--ipc, host]
    baseImageRegistry: {address: registry.example.org, username: ann, password: hunter2}
  spark:
    repositories: [https://example.org/maven]
    packages:
      - {group: g, artifact: a, version: 1.10}
    precachePackages: false
history:
  outputCollection: false
  snapshotProject: false
  directoriesToWatch: [logs]
spark:
  configuration: {spark.executor.cores: 2}
hdi: {yarnDeployMode: client}
batchai: {nodeCount: 3}
tensorflow: {workerCount: 4, parameterServerCount: 0}
mpi: {processCountPerNode: 5}
containerInstance: {cpuCores: 6, memoryGb: 7, region: westeurope}
dataReferences:
  images: {dataStoreName: store, pathOnDataStore: in, mode: Download, overwrite: true, pathOnCompute: /tmp/in, more: 1}
  labels: {dataStoreName: store}
amlcompute: {vmSize: large}
"""
WRONG = """\
script: train.py
target: local
nodeCount: many
mpi: 3
tensorflow: {workerCount: x}
containerInstance: []
dataReferences: 5
history: {outputCollection: nope}
spark: 5
hdi: {yarnDeployMode: both}
batchai: {nodeCount: 0}
environment:
  docker: {baseImageRegistry: [a]}
  spark:
    packages:
      - {group: g}
    precachePackages: [1]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "aml_config").mkdir()
    (tmp_path / "aml_config" / "local.compute").write_text("type: local\n")
    (tmp_path / "train.py").write_text("print(1)\n")
    return tmp_path


def read(project: Path, text: str) -> RunConfiguration:
    (project / "aml_config" / "sdk.runconfig").write_text(text)
    return open_project(project).config("sdk")


def test_every_key_is_a_field(project: Path) -> None:
    config = read(project, WHOLE)
    found = config.sections
    assert found.docker == Docker(
        True, "other:1", False, True, ("--ipc", "host"), Registry("registry.example.org", "ann", "hunter2")
    )
    assert found.spark == Spark({"spark.executor.cores": "2"}, ("https://example.org/maven",), ("g:a:1.10",), False)
    assert (found.communicator, found.node_count, found.user_managed_dependencies) == ("OpenMpi", 2, True)
    assert (found.history.output_collection, found.history.snapshot_project) == (False, False)
    assert (found.hdi.yarn_deploy_mode, found.batchai.node_count, found.mpi.process_count_per_node) == ("client", 3, 5)
    assert (found.tensorflow.worker_count, found.tensorflow.parameter_server_count) == (4, 0)
    assert dataclasses.astuple(found.container_instance) == (6, 7, "westeurope")
    assert {name: dataclasses.astuple(one) for name, one in found.data_references.items()} == {
        "images": ("store", "in", "download", True, "/tmp/in"),
        "labels": ("store", "", "mount", False, ""),
    }
    assert "hunter2" not in repr(config)


def test_keys_that_nobody_documented_stay_where_they_were(project: Path) -> None:
    assert read(project, WHOLE).extra == {
        "environment": {"python": {"later": "python"}},
        "history": {"directoriesToWatch": ["logs"]},
        "dataReferences": {"images": {"more": 1}},
        "amlcompute": {"vmSize": "large"},
    }


def test_what_is_not_said_has_the_defaults_of_the_original(project: Path) -> None:
    config = read(project, "script: train.py\nenvironment:\nspark:\nhdi: {}\n")
    assert (config.target, config.framework, config.prepare_environment) == ("local", "Python", True)
    assert config.interpreter_path == "python"
    assert config.sections == Sections()
    assert config.sections.spark.configuration == {
        "spark.app.name": "Azure ML Experiment",
        "spark.yarn.maxAppAttempts": "1",
    }
    assert config.sections.hdi.yarn_deploy_mode == ""
    assert dataclasses.astuple(config.sections.container_instance) == (1, 4, "")
    assert dataclasses.astuple(config.sections.history) == (True, True)
    assert config.extra == {}


def test_each_wrong_value_is_one_problem_with_its_place(project: Path) -> None:
    (project / "aml_config" / "sdk.runconfig").write_text(WRONG)
    found = {problem.line: problem for problem in check(project)}
    assert len(check(project)) == len(found) == 12
    told = {line: (problem.column, problem.message) for line, problem in found.items()}
    assert told == {
        3: (12, "`nodeCount` must be a whole number of at least 1."),
        4: (6, "`mpi` must be a mapping."),
        5: (27, "`tensorflow.workerCount` must be a whole number of at least 1."),
        6: (20, "`containerInstance` must be a mapping."),
        7: (17, "`dataReferences` must be a mapping."),
        8: (29, "`history.outputCollection` must be true or false."),
        9: (8, "`spark` must be a mapping."),
        10: (23, "`hdi.yarnDeployMode` must be one of: cluster, client."),
        11: (22, "`batchai.nodeCount` must be a whole number of at least 1."),
        13: (31, "`environment.docker.baseImageRegistry` must be a mapping."),
        16: (9, "this package lacks artifact, version."),
        17: (23, "`environment.spark.precachePackages` must be true or false."),
    }
    assert all(problem.remedy and problem.severity == "error" for problem in found.values())


@pytest.mark.parametrize(
    "key",
    ["nodeCount", "spark", "hdi", "batchai", "tensorflow", "mpi", "containerInstance", "dataReferences", "history"],
)
def test_each_section_tells_the_generation(project: Path, key: str) -> None:
    assert read(project, f"{key}:\n").generation == 2


def test_a_reference_to_data_is_checked_too(project: Path) -> None:
    (project / "aml_config" / "sdk.runconfig").write_text(
        "script: train.py\ndataReferences:\n  a: 1\n  b: {mode: send, overwrite: 7}\n"
    )
    assert [str(problem) for problem in check(project)] == [
        "aml_config/sdk.runconfig:3:6: `dataReferences.a` must be a mapping. Write its keys below it, indented.",
        "aml_config/sdk.runconfig:4:13: `dataReferences.b.mode` must be one of: mount, download, upload. Correct it.",
        "aml_config/sdk.runconfig:4:30: `dataReferences.b.overwrite` must be true or false. Write `true` or `false`.",
    ]


@pytest.mark.parametrize(("written", "collected"), [("false", False), ("true", True)])
def test_outputs_are_collected_unless_the_configuration_forbids(project: Path, written: str, collected: bool) -> None:
    read(project, f"script: train.py\nhistory: {{outputCollection: {written}}}\n")
    plan = resolve(RunRequest(str(project), "sdk", "t", environ={"PATH": "/usr/bin:/bin"}))
    assert plan.tracked
    assert plan.options.get("outputCollection", True) is collected


@pytest.mark.parametrize(
    ("target", "written", "shared", "gpu"),
    [
        ("", "", True, False),
        ("sharedVolumes: false\nnvidiaDocker: true\n", "", False, True),
        ("sharedVolumes: false\nnvidiaDocker: true\n", "sharedVolumes: true, gpuSupport: false", True, False),
    ],
)
def test_what_the_configuration_leaves_open_the_target_says(
    project: Path, target: str, written: str, shared: bool, gpu: bool
) -> None:
    (project / "aml_config" / "docker.compute").write_text(f"type: docker\n{target}")
    read(project, f"script: train.py\ntarget: docker\nenvironment:\n  docker: {{{written}}}\n")
    plan = resolve(RunRequest(str(project), "sdk", "t"))
    assert plan.options["container"] == {"shared_volumes": shared, "gpu": gpu}


def test_pyspark_gets_the_settings_of_its_sections(project: Path, tmp_path: Path) -> None:
    submit = tmp_path / "spark-submit"
    submit.write_text("#!/bin/sh\n")
    submit.chmod(0o755)
    (project / "aml_config" / "local.compute").write_text(f"type: local\nsparkSubmitLocation: {submit}\n")
    read(
        project,
        "script: train.py\nframework: PySpark\nspark:\n  configuration: {a.b: 1}\n"
        "environment:\n  spark:\n    packages:\n    - {group: g, artifact: a, version: 1}\n",
    )
    plan = resolve(RunRequest(str(project), "sdk", "t", environ={"PATH": "/usr/bin:/bin"}))
    assert plan.options["spark_submit"] == [str(submit), "--conf", "a.b=1", "--packages", "g:a:1"]
