"""Which queues a project submits to, by its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.project.create import create_project
from engine.project.folder import open_project
from engine.project.queues import queues_for

if TYPE_CHECKING:
    from pathlib import Path


def test_by_the_configurations_of_the_target(tmp_path: Path) -> None:
    project = create_project(tmp_path / "iris", "iris")
    config = project / "aml_config"

    def put(name: str, text: str) -> None:
        (config / name).write_text(text)

    assert queues_for(open_project(project), "hdi") == []
    put("spark_dependencies.yml", "configuration:\n  spark.yarn.queue: own\n")
    put("night.yml", "configuration:\n  spark.yarn.queue: root.night\n")
    put("none.yml", "configuration: {}\n")
    put("broken.yml", "configuration: [\n")
    # Not attached yet.
    assert queues_for(open_project(project), "hdi") == ["own"]
    put("hdi.compute", "type: cluster\naddress: hn0\n")
    named = {"a": "null", "b": "aml_config/night.yml", "c": "aml_config/none.yml", "d": "aml_config/broken.yml"}
    for name, file in named.items():
        put(
            f"{name}.runconfig",
            f'ArgumentVector: ["$file"]\nTarget: hdi\nFramework: PySpark\nSparkDependenciesFile: {file}\n',
        )
    put("python.runconfig", 'ArgumentVector: ["$file"]\nTarget: hdi\nFramework: Python\n')
    assert queues_for(open_project(project), "hdi") == ["own", "root.night"]
