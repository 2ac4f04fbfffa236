"""A new project, as the Workbench made one: targets and configurations for `local` and `docker`, a script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import ProjectError
from engine.project.compute import DEFAULT_IMAGE
from engine.project.edit import remove_file, scalar, write_text
from engine.project.finding import CONFIG_FOLDERS

if TYPE_CHECKING:
    from pathlib import Path

    from engine.project.folder import Project
    from engine.project.runconfig import RunConfiguration

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

LOCAL_COMPUTE = """\
# A compute target: where scripts run. This one is the Python on this machine.
type: "local"
"""
DOCKER_COMPUTE = f"""\
# A compute target: a container on this machine's Docker engine.
type: "localdocker"
baseDockerImage: "{DEFAULT_IMAGE}"
sharedVolumes: true
nvidiaDocker: false
"""
RUNCONFIG = """\
# A run configuration: what runs, where, and with what. `$file` is the script named at submission.
ArgumentVector:
  - "$file"
Target: "{target}"
EnvironmentVariables:
  "EXAMPLE_ENV_VAR": "Example Value"
Framework: "{framework}"
CondaDependenciesFile: "aml_config/conda_dependencies.yml"
SparkDependenciesFile: "aml_config/spark_dependencies.yml"
PrepareEnvironment: {prepare}
TrackedRun: true
"""
CONDA = """\
# The environment of runs in containers and on clusters. Local and remote targets use the Python they name.
name: project_environment
dependencies:
  - python=3.11
  - pip:
      - numpy
"""
SPARK = """\
# Settings of PySpark runs, handed to spark-submit.
configuration: {}
repositories: []
packages: []
"""
SCRIPT = '''\
"""A first script: logs a metric, writes an output."""

import os

from azureml.logging import get_azureml_logger

run_logger = get_azureml_logger()

for step in range(10):
    loss = 1.0 / (step + 1)
    print("step", step, "loss", loss)
    run_logger.log("loss", loss)

os.makedirs("outputs", exist_ok=True)
with open(os.path.join("outputs", "result.txt"), "w") as file:
    file.write("done\\n")
'''
AMLIGNORE = """\
# Files that runs do not take along, in the syntax of .gitignore.
__pycache__/
.venv/
.ipynb_checkpoints/
"""


def check_name(name: str, what: str) -> None:
    """Raises ProjectError for a name that cannot be a file's name everywhere."""
    if not _NAME.fullmatch(name):
        raise ProjectError(
            f"{name!r} cannot be the name of a {what}.",
            remedy="Use letters, digits, dots, dashes and underscores; begin with a letter or digit.",
        )


def create_project(path: Path, name: str) -> Path:
    """Make the folder `path` a project. Files that are there already stay as they are. Returns the project's folder.

    Raises ProjectError when it is a project already, with a target or a configuration, or cannot be written.
    """
    check_name(name, "project")
    there = [path / folder for folder in CONFIG_FOLDERS if (path / folder).is_dir()]
    if any(file.suffix in (".compute", ".runconfig") for folder in there for file in folder.iterdir()):
        raise ProjectError("this folder is a project already.", where=str(path), remedy="Open it with `aml-tui`.")
    config = there[0] if there else path / CONFIG_FOLDERS[0]
    try:
        config.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(
            f"the folder cannot be made: {error.strerror}.",
            where=str(config),
            remedy="Check permissions and disk space.",
        ) from error
    files = {
        config / "local.compute": LOCAL_COMPUTE,
        config / "docker.compute": DOCKER_COMPUTE,
        config / "local.runconfig": RUNCONFIG.format(target="local", framework="Python", prepare="false"),
        config / "docker.runconfig": RUNCONFIG.format(target="docker", framework="Python", prepare="true"),
        config / "conda_dependencies.yml": CONDA,
        config / "spark_dependencies.yml": SPARK,
        path / "train.py": SCRIPT,
        path / ".amlignore": AMLIGNORE,
    }
    for file, text in files.items():
        if not file.exists():
            write_text(file, text)
    return path


def create_runconfiguration(project: Project, name: str, target: str, framework: str = "Python") -> Path:
    """Make `<name>.runconfig` for an existing target. Raises ProjectError, NotFound."""
    check_name(name, "run configuration")
    known = project.target(target)
    path = project.config_folder / f"{name}.runconfig"
    if path.exists():
        raise ProjectError("there is a run configuration of this name.", where=str(path), remedy="Choose another name.")
    prepare = "true" if known.type in ("docker", "remotedocker", "cluster") else "false"
    text = RUNCONFIG.format(target="@", framework=framework, prepare=prepare).replace('"@"', scalar(target))
    write_text(path, text)
    return path


def duplicate_runconfiguration(project: Project, config: RunConfiguration, name: str) -> Path:
    """Copy a configuration under another name, to the letter. Raises ProjectError."""
    check_name(name, "run configuration")
    path = project.config_folder / f"{name}.runconfig"
    if path.exists():
        raise ProjectError("there is a run configuration of this name.", where=str(path), remedy="Choose another name.")
    write_text(path, (project.path / config.file).read_bytes().decode("utf-8"))
    return path


def delete_runconfiguration(project: Project, name: str) -> None:
    """Delete `<name>.runconfig`. Raises NotFound."""
    remove_file(project.config_folder / f"{name.removesuffix('.runconfig')}.runconfig")
