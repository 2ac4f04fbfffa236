"""Files people bring: read as meant, and complained of with their line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import NotFound, ProjectError, Unsupported
from engine.project.check import check
from engine.project.create import create_project, create_runconfiguration, duplicate_runconfiguration
from engine.project.folder import open_project
from engine.project.resolve import resolve
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "iris"
    (folder / "aml_config").mkdir(parents=True)
    (folder / "train.py").write_text("print(1)\n")
    return folder


def put(project: Path, name: str, text: str | bytes) -> None:
    (project / "aml_config" / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def request(project: Path, config: str = "local", **more: object) -> RunRequest:
    return RunRequest(project=str(project), config=config, token="t", environ={"PATH": "/usr/bin:/bin"}, **more)  # type: ignore[arg-type]


def test_a_target_with_every_oddity(project: Path) -> None:
    put(
        project,
        "vm.compute",
        b'\xef\xbb\xbf# made by hand\t\r\n"type": remoteDocker\r\naddress: "10.0.0.4:2222"\t# the box\r\n'
        b"username: ada\r\n"
        b"#password: no\r\nbaseDockerImage: 'microsoft/mmlspark:plus-0.9.9'\r\nsharedvolumes: no\r\nslots: 2\r\n"
        b"shmSize: 2g\r\nnativeSharedDirectory: ~/.azureml/share/",
    )
    opened = open_project(project)
    target = opened.targets["vm"]
    assert (target.type, target.address, target.port, target.username) == ("remotedocker", "10.0.0.4", 2222, "ada")
    assert (target.shared_volumes, target.slots, target.password) == (False, 2, "")
    assert target.base_docker_image.endswith("plus-0.9.9")
    assert target.extra == {"shmSize": "2g"}
    (warning,) = opened.problems
    assert str(warning) == (
        "aml_config/vm.compute:7:1: the key 'sharedvolumes' is written 'sharedVolumes'. It is read as meant."
    )


def test_first_generation(project: Path) -> None:
    put(project, "local.compute", "type: local\n")
    put(
        project,
        "local.runconfig",
        'ArgumentVector:\n  - "$file"\n  - 0.10\nTarget: local\nEnvironmentVariables:\n  A: 0123\n  B: yes\n'
        "Framework: python\nUseSampling: true\nTrackedRun: false\nMine: [1]\n",
    )
    config = open_project(project).configs["local"]
    assert config.generation == 1
    assert config.argument_vector == ("$file", "0.10")
    assert config.environment_variables == {"A": "0123", "B": "yes"}
    assert (config.framework, config.tracked, config.extra) == ("Python", False, {"Mine": [1]})
    assert config.data_preparation == {"UseSampling": True}


def test_second_generation(project: Path) -> None:
    put(
        project,
        "sdk.runconfig",
        "script: train.py\narguments: [--rate, 0.5]\ntarget: local\nframework: Python\nautoPrepareEnvironment: false\n"
        "maxRunDurationSeconds: 60\nenvironment:\n  environmentVariables: {A: 1}\n  python:\n"
        "    userManagedDependencies: true\n    interpreterPath: python3\n  docker:\n    enabled: false\n"
        "spark:\n  configuration:\n    spark.app.name: x\nlater: 1\n",
    )
    config = open_project(project).configs["sdk"]
    assert config.generation == 2
    assert config.argument_vector == ("train.py", "--rate", "0.5")
    assert (config.max_run_duration_seconds, config.interpreter_path) == (60, "python3")
    assert config.environment_variables == {"A": "1"}
    assert (config.sections.user_managed_dependencies, config.sections.docker.enabled) == (True, False)
    assert config.extra == {"later": 1}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.compute", "type: [local\n", "aml_config/a.compute:2:1: this is not YAML"),
        ("a.compute", "type: lokal\n", "aml_config/a.compute:1:7: unknown type 'lokal'. Use one of: local, docker"),
        ("a.compute", "address: x\n", "aml_config/a.compute:1:1: the key `type` is missing."),
        ("a.compute", "", "aml_config/a.compute:1:1: the key `type` is missing."),
        ("a.compute", "type: remote\n", "the key `address` is missing"),
        ("a.compute", "type: local\nnvidiaDocker: perhaps\n", "a.compute:2:15: `nvidiaDocker` must be true or false."),
        ("a.compute", "type: local\nslots: many\n", "a.compute:2:8: `slots` must be a number of at least 1."),
        ("a.compute", "- a\n- b\n", "a.compute:1:1: the file must hold `key: value` lines."),
        ("a.compute", b"type: local\nx: \xff\n", "a.compute:2:1: the file is not UTF-8 text."),
        ("a.compute", "type:\n\tlocal\n", "a.compute:2:1: this is not YAML"),
        ("a.runconfig", "Target: local\nFramework: R\n", "a.runconfig:2:12: unknown framework 'R'."),
        ("a.runconfig", "Framework: Python\n", "the key `Target` is missing."),
        ("a.runconfig", "Target: local\nArgumentVector: {a: 1}\n", "a.runconfig:2:17: `ArgumentVector` must be a list"),
        ("a.runconfig", "Target: a\nEnvironmentVariables: 3\n", "a.runconfig:2:23: `EnvironmentVariables` must be a"),
        ("a.runconfig", "Target: a\nTarget: local\n", "a.runconfig:2:1: the key 'Target' is given twice."),
        ("a.runconfig", "Target: gone\n", "a.runconfig:1:9: there is no compute target 'gone'."),
        ("a.runconfig", "Target: local\nArgumentVector: [no.py]\n", "a.runconfig:2:17: there is no script 'no.py'"),
        ("a.runconfig", "Target: local\nCondaDependenciesFile: x.yml\n", "names 'x.yml', which does not exist"),
        (
            "conda_dependencies.yml",
            "dependencies:\n  - a\n  - npm: [x]\n",
            "conda_dependencies.yml:3:5: this is neither",
        ),
        (
            "conda_dependencies.yml",
            "dependencies: numpy\n",
            "conda_dependencies.yml:1:15: `dependencies` must be a list",
        ),
        (
            "spark_dependencies.yml",
            "packages:\n  - group: g\n",
            "spark_dependencies.yml:2:5: this package lacks artifact",
        ),
    ],
)
def test_each_problem_has_its_place(project: Path, name: str, text: str | bytes, message: str) -> None:
    put(project, "local.compute", "type: local\n")
    put(project, name, text)
    found = [str(problem) for problem in check(project)]
    assert any(message in one for one in found), found
    assert "local" in open_project(project).targets


def test_a_sound_project_has_no_problems(tmp_path: Path) -> None:
    create_project(tmp_path / "new", "new")
    assert check(tmp_path / "new") == []
    opened = open_project(tmp_path / "new")
    assert sorted(opened.targets) == sorted(opened.configs) == ["docker", "local"]
    with pytest.raises(ProjectError, match="a project already"):
        create_project(tmp_path / "new", "new")


@pytest.mark.parametrize("folder", ["aml_config", ".azureml"])
def test_an_empty_configuration_folder_is_filled(tmp_path: Path, folder: str) -> None:
    (tmp_path / "new" / folder).mkdir(parents=True)
    (tmp_path / "new" / folder / "conda_dependencies.yml").write_text("name: mine\n")
    create_project(tmp_path / "new", "new")
    assert sorted(open_project(tmp_path / "new").configs) == ["docker", "local"]
    assert (tmp_path / "new" / folder / "conda_dependencies.yml").read_text() == "name: mine\n"
    assert (tmp_path / "new" / folder / "local.compute").exists()


def test_configurations_are_made_and_copied(tmp_path: Path) -> None:
    path = create_project(tmp_path / "new", "new")
    create_runconfiguration(open_project(path), "fast", "local", "PySpark")
    assert open_project(path).configs["fast"].framework == "PySpark"
    copied = duplicate_runconfiguration(open_project(path), open_project(path).configs["fast"], "faster")
    assert copied.read_bytes() == (path / "aml_config" / "fast.runconfig").read_bytes()
    with pytest.raises(NotFound, match="no compute target 'gone'"):
        create_runconfiguration(open_project(path), "x", "gone")
    with pytest.raises(ProjectError, match="cannot be the name"):
        create_runconfiguration(open_project(path), "../x", "local")


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="aml project create"):
        open_project(tmp_path)


def test_a_plan(project: Path) -> None:
    put(project, "local.compute", "type: local\npythonLocation: python3\nnativeSharedDirectory: /shared/\n")
    put(project, "local.runconfig", 'Target: local\nFramework: Python\nArgumentVector: ["$file", "--in", "$file"]\n')
    plan = resolve(request(project, script="train.py"))
    assert plan.argv == ("train.py", "--in", "train.py")
    assert plan.interpreter == "/usr/bin/python3"
    assert plan.native_shared_directory == "/shared/iris/"
    assert resolve(request(project, script="train.py", arguments=("a",))).argv == ("train.py", "a")
    assert resolve(request(project, "local.runconfig", script="./train.py")).script == "train.py"


@pytest.mark.parametrize(
    ("compute", "config", "more", "error", "message"),
    [
        ("type: local\n", "Target: local\nFramework: Python\n", {}, ProjectError, "no script was given"),
        ("type: local\n", "Target: local\nFramework: Python\n", {"script": "no.py"}, NotFound, "no script 'no.py'"),
        ("type: local\n", "Target: local\nFramework: Python\n", {"script": "../x.py"}, ProjectError, "outside"),
        (
            "type: local\n",
            "Target: gone\n",
            {"script": "train.py"},
            NotFound,
            "local.runconfig:1:9: there is no compute",
        ),
        ("type: lokal\n", "Target: local\n", {"script": "train.py"}, ProjectError, "local.compute:1:7: unknown type"),
        (
            "type: local\npythonLocation: /no/py\n",
            "Target: local\nFramework: Python\n",
            {"script": "train.py"},
            NotFound,
            "'/no/py'",
        ),
        (
            "type: local\nsparkSubmitLocation: no-spark\n",
            "Target: local\n",
            {"script": "train.py"},
            NotFound,
            "no-spark",
        ),
        ("type: local\n", "Target: local\nFramework: PythonMPI\n", {"script": "train.py"}, Unsupported, "PythonMPI"),
    ],
)
def test_what_cannot_be_planned_says_where(
    project: Path, compute: str, config: str, more: dict[str, str], error: type[Exception], message: str
) -> None:
    put(project, "local.compute", compute)
    put(project, "local.runconfig", config)
    with pytest.raises(error, match="(?s).*" + message.replace("(", "\\(")):
        resolve(request(project, **more))


def test_a_cluster_runs_pyspark_by_spark_submit_and_python_on_its_head_node(project: Path) -> None:
    put(project, "hdi.compute", "type: cluster\naddress: host:23\nusername: ann\n")
    put(project, "hdi.runconfig", "Target: hdi\n")
    put(project, "spark_dependencies.yml", "configuration: {spark.executor.memory: 1g}\n")
    plan = resolve(request(project, "hdi", script="train.py"))
    assert (plan.launcher, plan.host) == ("spark", "ann@host:23")
    assert plan.options["spark_submit"] == ["spark-submit", "--conf", "spark.executor.memory=1g"]
    put(project, "python.runconfig", "Target: hdi\nFramework: Python\n")
    plan = resolve(request(project, "python", script="train.py"))
    assert (plan.launcher, "head node" in "".join(plan.notices)) == ("process", True)


def test_where_the_driver_of_a_cluster_s_run_is(project: Path) -> None:
    def mode(config: str, settings: str = "") -> object:
        put(project, "spark_dependencies.yml", f"configuration: {{{settings}}}\n")
        return resolve(request(project, config, script="train.py")).options["deploy_mode"]

    address = "type: cluster\naddress: host\nusername: ann\n"
    put(project, "hdi.compute", address)
    put(project, "hdi.runconfig", "Target: hdi\n")
    put(project, "second.runconfig", "target: hdi\nframework: PySpark\nhdi:\n  yarnDeployMode: cluster\n")
    put(project, "plain.runconfig", "target: hdi\nframework: PySpark\n")
    # What is nearer to the run wins: Spark's settings, then the configuration, then the target.
    assert [mode(one) for one in ("hdi", "second", "plain")] == ["client", "cluster", "client"]
    assert mode("second", "spark.submit.deployMode: client") == "client"
    put(project, "hdi.compute", f"{address}yarnDeployMode: cluster\n")
    assert [mode(one) for one in ("hdi", "second", "plain")] == ["cluster", "cluster", "cluster"]
    put(project, "hdi.compute", f"{address}yarnDeployMode: here\n")
    with pytest.raises(ProjectError, match=r"(?s)hdi\.compute: `yarnDeployMode` is 'here'.*client"):
        mode("hdi")
    with pytest.raises(ProjectError, match=r"spark_dependencies\.yml: `spark\.submit\.deployMode` is 'there'"):
        mode("hdi", "spark.submit.deployMode: there")


def test_a_cluster_gets_the_environment_of_the_conda_file(project: Path) -> None:
    address = "type: cluster\naddress: host\nusername: ann\n"
    put(project, "hdi.compute", address)
    put(project, "hdi.runconfig", "Target: hdi\n")
    put(project, "python.runconfig", "Target: hdi\nFramework: Python\n")

    def asked(config: str) -> tuple[object, str, tuple[str, ...]]:
        plan = resolve(request(project, config, script="train.py"))
        spec = plan.options.get("environment")
        return spec and (spec["base_image"], spec["python"], spec["spark"] is not None), plan.interpreter, plan.notices

    assert asked("hdi") == (None, "", ())
    put(project, "conda_dependencies.yml", "name: none\ndependencies: [{pip: []}]\n")
    assert asked("hdi") == (None, "", ())
    put(project, "conda_dependencies.yml", "dependencies: [python=3.6]\n")
    assert asked("hdi") == (("", "=3.6", True), "", ())
    assert asked("python")[0] == ("", "=3.6", False)
    # A Python that the person names, or sees to, is taken as it is.
    put(project, "hdi.compute", f"{address}pythonLocation: /usr/bin/python3\n")
    spec, interpreter, (notice,) = asked("hdi")
    assert (spec, interpreter) == (None, "/usr/bin/python3")
    assert notice.startswith("aml_config/conda_dependencies.yml is not installed: `pythonLocation` in aml_config/hdi")
    put(project, "hdi.compute", f"{address}userManagedEnvironment: true\n")
    assert asked("hdi") == (None, "", ())


def test_pyspark_gets_its_settings(project: Path, tmp_path: Path) -> None:
    submit = tmp_path / "spark-submit"
    submit.write_text("#!/bin/sh\n")
    submit.chmod(0o755)
    put(project, "local.compute", f"type: local\nsparkSubmitLocation: {submit}\n")
    put(project, "local.runconfig", "Target: local\n")
    put(
        project,
        "spark_dependencies.yml",
        "configuration: {spark.executor.cores: 2}\nrepositories: [https://r]\npackages:\n"
        "  - {group: g, artifact: a, version: 1.10}\n",
    )
    plan = resolve(request(project, script="train.py"))
    assert plan.options["spark_submit"] == [
        str(submit), "--conf", "spark.executor.cores=2", "--repositories", "https://r", "--packages", "g:a:1.10",
    ]  # fmt: skip
