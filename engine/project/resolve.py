"""From what a person asks for to what will be done: every error is found here, with its file and line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import NotFound, ProjectError, Unsupported
from engine.project.compute import SSH_TYPES
from engine.project.container_options import container_options, in_container
from engine.project.dependencies import CONDA_FILE, SPARK_FILE
from engine.project.environment import environment_spec, head_node_environment, spark_settings
from engine.project.folder import open_project
from engine.project.ignore import left_out
from engine.project.passwords import move_password
from engine.project.runconfig import asking
from engine.project.sections import DEPLOY_MODES
from engine.runs.model import RunPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.project.compute import ComputeTarget
    from engine.project.environment import EnvironmentSpec
    from engine.project.folder import Project
    from engine.project.runconfig import RunConfiguration
    from engine.runs.request import RunRequest
    from engine.secrets import KeyStore

LAUNCHERS = {
    "local": "process",
    "remote": "process",
    "cluster": "spark",
}


def resolve(
    request: RunRequest, *, keys: KeyStore | None = None, scripted: bool = True, project: Project | None = None
) -> RunPlan:
    """The plan for a request. Blocking; reads the project. Raises ProjectError, NotFound, Unsupported, SecretsError.

    A password that stands in the target's file moves to `keys`, which is said in a notice. With `scripted` False only
    what is run in matters (`prepare`): a script need not be named, nor be there.
    `project`: as it is to be, instead of as its files are.
    """
    project = project or open_project(request.project)
    config = project.config(request.config)
    name = request.target.removesuffix(".compute") if request.target else config.target
    place = "" if request.target else _at(config.file, config.target_place)
    target = project.target(name, place)
    notices: list[str] = []
    if keys is not None and target.password:
        target, moved = move_password(project, target, keys)
        notices += [moved] if moved else []
    if config.framework not in ("Python", "PySpark"):
        raise Unsupported(
            f"the framework {config.framework} is not run by this release.",
            where=config.file,
            remedy="Use Python or PySpark.",
        )
    argv = _argv(project, config, request) if scripted else (config.script, *config.arguments)
    options: dict[str, Any] = {}
    if not config.sections.history.output_collection:
        options["outputCollection"] = False
    if config.data_preparation:
        options["dataPreparation"] = asking(config.data_preparation)
    interpreter = ""
    launcher = "container" if in_container(config, target) else LAUNCHERS[target.type]
    conda_file = _file(project, request.conda_file or config.conda_file, CONDA_FILE)
    spark_file = _file(project, request.spark_file or config.spark_file, SPARK_FILE)
    away = target.type in SSH_TYPES
    if away:
        options["ssh"] = target.machine.to_json()
    if launcher == "container":
        options["container"] = container_options(config, target)
        spec = environment_spec(project, config, target, conda_file, spark_file, config.framework)
        options["environment"] = spec.to_json()
    elif target.type == "local":
        if config.framework == "PySpark":
            options["spark_submit"] = _spark_submit(project, config, target, request, spark_file)
            interpreter = options["spark_submit"][0]
        else:
            interpreter = _interpreter(project, config, target, request)
    else:
        if config.framework == "PySpark":
            settings = spark_settings(project, config, spark_file).arguments()
            options["spark_submit"] = [target.spark_submit_location, *settings]
            options["deploy_mode"] = _deploy_mode(config, target, settings, spark_file or config.file)
        elif target.type == "cluster":
            launcher = "process"
            notices.append("a Python script on a cluster runs on its head node; PySpark is what uses the cluster.")
        interpreter = target.python_location or config.own_interpreter
        if target.type == "cluster":
            needed = head_node_environment(project, config, target, conda_file, spark_file)
            if needed is not None:
                options["environment"] = needed.to_json()
                interpreter = ""
            elif conda_file is not None and target.python_location:
                notices.append(f"{conda_file} is not installed: `pythonLocation` in {target.file} names the Python.")
    return RunPlan(
        project=str(project.path),
        project_name=project.name,
        config=config.name,
        target=target.name,
        target_type=target.type,
        host=target.host,
        launcher=launcher,
        framework=config.framework,
        script=argv[0],
        argv=argv,
        interpreter=interpreter,
        environment_variables=config.environment_variables,
        # What is set here is of no meaning on another machine, which has its own.
        environ=request.environ if launcher == "process" and not away else {},
        native_shared_directory=_shared(project, target, away),
        max_duration=config.max_run_duration_seconds,
        tracked=config.tracked if request.tracked is None else request.tracked,
        prepare=config.prepare_environment if request.prepare is None else request.prepare,
        slots=target.slots,
        conda_file=conda_file,
        spark_file=spark_file,
        options=options,
        notices=tuple(notices),
    )


def needed_environment(project: Project, config: RunConfiguration, target: ComputeTarget) -> EnvironmentSpec | None:
    """What `resolve` says a run of this configuration needs, by the files alone; None where nothing is prepared.

    Blocking. Raises ProjectError, NotFound.
    """
    contained = in_container(config, target)
    if not contained and target.type != "cluster":
        return None
    conda_file = _file(project, config.conda_file, CONDA_FILE)
    spark_file = _file(project, config.spark_file, SPARK_FILE)
    if not contained:
        return head_node_environment(project, config, target, conda_file, spark_file)
    return environment_spec(project, config, target, conda_file, spark_file, config.framework)


def _at(file: str, place: tuple[int, int]) -> str:
    return f"{file}:{place[0]}:{place[1]}" if place[0] else file


def _argv(project: Project, config: RunConfiguration, request: RunRequest) -> tuple[str, ...]:
    """The script, relative to the project, and its arguments.

    A script given at submission stands for `$file`, or takes the place of the configured one; arguments given with it
    take the place of the configured ones.
    """
    script, arguments = config.script, config.arguments
    place = _at(config.file, config.script_place)
    if request.script:
        place = ""
        script = request.script
        if config.script != "$file":
            arguments = ()
    if request.arguments is not None:
        arguments = request.arguments if request.arguments or request.script is None else arguments
    if script == "$file":
        raise ProjectError(
            "no script was given, and the configuration has `$file` in its place.",
            where=place,
            remedy="Name the script: `aml experiment submit -c NAME train.py`.",
        )
    arguments = tuple(script if one == "$file" else one for one in arguments)
    root = project.path.resolve()
    found = Path(script) if Path(script).is_absolute() else project.path / script
    inside = Path(os.path.normpath(found.parent.resolve() / found.name))
    if not inside.is_relative_to(root):
        raise ProjectError(
            f"the script {script!r} is outside the project.", where=place, remedy="Put it into the project folder."
        )
    if not found.is_file():
        raise NotFound(
            f"there is no script {script!r} in the project.",
            where=place or str(project.path),
            remedy="Check the name; it is relative to the project folder.",
        )
    relative = os.fspath(inside.relative_to(root))
    reason = left_out(root, script)
    if reason is not None:
        raise ProjectError(
            f"no run takes the script {script!r} along: {reason.words}.",
            where=reason.where or place,
            remedy="Change the rule, or move the script." if reason.where else "Move the script.",
        )
    return (f"./{relative}" if relative.startswith("-") else relative, *arguments)


def _interpreter(project: Project, config: RunConfiguration, target: ComputeTarget, request: RunRequest) -> str:
    """The absolute path of the Python to run: the target's, the configuration's, or the one on the person's PATH."""
    path = request.environ.get("PATH", os.defpath)
    if target.python_location:
        return _program(project, target.python_location, path, target.file, "pythonLocation")
    if config.own_interpreter:
        return _program(project, config.own_interpreter, path, config.file, "interpreterPath")
    for name in ("python", "python3"):
        found = shutil.which(name, path=path)
        if found:
            return os.path.abspath(found)
    raise NotFound(
        "there is no python on the PATH.",
        where=target.file,
        remedy="Name one with `pythonLocation: /path/to/python` in the .compute file.",
    )


def _program(project: Project, name: str, path: str, file: str, key: str) -> str:
    expanded = os.path.expanduser(name)
    if os.sep in expanded and not os.path.isabs(expanded):
        expanded = os.fspath(project.path / expanded)
    found = shutil.which(expanded, path=path)
    if found is None:
        raise NotFound(
            f"{key} names {name!r}, which is no program on this machine.", where=file, remedy=f"Correct `{key}`."
        )
    return os.path.abspath(found)


def _spark_submit(
    project: Project, config: RunConfiguration, target: ComputeTarget, request: RunRequest, spark_file: str | None
) -> list[str]:
    """spark-submit with the settings of the Spark dependency file, for PySpark on this machine."""
    path = request.environ.get("PATH", os.defpath)
    expanded = os.path.expanduser(target.spark_submit_location)
    found = shutil.which(expanded, path=path)
    if found is None:
        raise NotFound(
            f"the framework is PySpark, and {target.spark_submit_location!r} is not on this machine.",
            where=config.file,
            remedy="Install Spark, name it with `sparkSubmitLocation` in the .compute file, or use Python.",
        )
    return [os.path.abspath(found), *spark_settings(project, config, spark_file).arguments()]


def _deploy_mode(config: RunConfiguration, target: ComputeTarget, settings: Sequence[str], file: str) -> str:
    """Where the driver runs: "client", the head node, or "cluster". Raises ProjectError for another word."""
    setting = "spark.submit.deployMode"
    named = [one.partition("=")[2] for one in settings if one.partition("=")[0] == setting]
    mode, where = (named[-1], file) if named else (config.sections.hdi.yarn_deploy_mode, config.file)
    if not mode:
        mode, where, setting = (target.yarn_deploy_mode or DEPLOY_MODES[1]).strip(), target.file, "yarnDeployMode"
    if mode not in DEPLOY_MODES:
        raise ProjectError(f"`{setting}` is {mode!r}.", where=where, remedy=f"Write {' or '.join(DEPLOY_MODES)}.")
    return mode


def _file(project: Project, named: str | None, default: str) -> str | None:
    """A dependency file, relative to the project; None when none is named and the default one is absent."""
    if named is None:
        path = project.config_folder / default
        # What is there and is no file is told by who reads it.
        return os.fspath(path.relative_to(project.path)) if os.path.lexists(path) else None
    path = project.path / named
    if not path.is_file():
        in_config = project.config_folder / named
        if not in_config.is_file():
            raise NotFound(f"there is no file {named!r} in the project.", remedy="Correct the configuration's entry.")
        path = in_config
    return os.path.relpath(path, project.path)


def _shared(project: Project, target: ComputeTarget, away: bool) -> str | None:
    """The folder that all runs of the project share on the target: base, workspace-less, then the project's name.

    On another machine `~` is the home there, which is known once it is reached.
    """
    if not target.native_shared_directory:
        return None
    base = target.native_shared_directory.strip()
    return os.path.join(base if away else os.path.expanduser(base), project.name) + "/"
