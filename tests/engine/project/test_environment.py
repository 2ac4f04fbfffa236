"""What the dependency files ask for, in one form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.errors import ProjectError
from engine.project.environment import EnvironmentSpec, environment_spec
from engine.project.folder import open_project

if TYPE_CHECKING:
    from pathlib import Path

CONDA = """\
# made by hand
name: project_environment
channels:
  - conda-forge
dependencies:
  - python=3.9   # the usual
  - Scikit-Learn = 0.24
  - numpy >= 1.13, <2
  - pip
  - pip:
    - six == 1.16.0  # small
    - --extra-index-url   https://example.org/simple
    - tomli [x, y]>=2 ; python_version < "3.11"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "iris" / "aml_config"
    folder.mkdir(parents=True)
    (folder / "docker.compute").write_text('type: "docker"\nbaseDockerImage: python:3.9\n')
    (folder / "docker.runconfig").write_text(
        "ArgumentVector:\n  - train.py\nTarget: docker\nFramework: Python\nPrepareEnvironment: true\n"
    )
    return tmp_path / "iris"


def spec_of(
    project: Path, conda: str | None, *, spark: str | None = None, framework: str = "Python", config: str = "docker"
) -> EnvironmentSpec:
    if conda is not None:
        (project / "aml_config" / "conda_dependencies.yml").write_text(conda)
    if spark is not None:
        (project / "aml_config" / "spark_dependencies.yml").write_text(spark)
    opened = open_project(project)
    chosen = opened.config(config)
    return environment_spec(
        opened,
        chosen,
        opened.target(chosen.target),
        "aml_config/conda_dependencies.yml" if conda is not None else None,
        "aml_config/spark_dependencies.yml" if spark is not None else None,
        framework,
    )


def test_a_conda_file_in_one_form(project: Path) -> None:
    spec = spec_of(project, CONDA)
    assert spec.base_image == "python:3.9"
    assert spec.channels == ("conda-forge",)
    assert spec.python == "=3.9"
    assert spec.conda == ("numpy>=1.13,<2", "pip", "scikit-learn=0.24")
    assert spec.pip == (
        "six==1.16.0",
        "--extra-index-url https://example.org/simple",
        'tomli[x,y]>=2; python_version < "3.11"',
    )
    assert spec.spark is None
    assert spec.places["scikit-learn=0.24"] == "aml_config/conda_dependencies.yml:7:5"
    assert spec.places["six==1.16.0"] == "aml_config/conda_dependencies.yml:11:7"


def test_comments_order_of_specs_blanks_and_the_name_do_not_change_it(project: Path) -> None:
    other = """\
name: quite_another
dependencies:
- pip:
  - six==1.16.0
  - '--extra-index-url=https://example.org/simple'
  - tomli[x,y] >= 2; python_version < "3.11"
- pip
- numpy>=1.13,<2

- scikit-learn=0.24
- python =3.9
channels: [conda-forge]
"""
    assert spec_of(project, CONDA) == spec_of(project, other)


def test_the_order_of_pips_lines_and_the_channel_of_a_spec_do_change_it(project: Path) -> None:
    one = spec_of(project, "dependencies:\n- numpy\n- pip:\n  - six\n  - tomli\n")
    assert one != spec_of(project, "dependencies:\n- numpy\n- pip:\n  - tomli\n  - six\n")
    assert one != spec_of(project, "dependencies:\n- conda-forge::numpy\n- pip:\n  - six\n  - tomli\n")


def test_it_crosses_json(project: Path) -> None:
    wheel = project / "wheels" / "mine-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"PK")
    spec = spec_of(
        project,
        "dependencies:\n- python\n- pip:\n  - wheels/mine-1.0-py3-none-any.whl\n",
        spark="configuration: {a.b: 1}\nrepositories: [https://example.org]\npackages:\n"
        "- {group: g, artifact: a, version: '1'}\n",
        framework="PySpark",
    )
    back = EnvironmentSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert back == spec
    assert back.places == spec.places
    assert back.sent[0].path == str(wheel)
    assert back.spark is not None
    assert back.spark.arguments() == (
        "--conf", "a.b=1", "--repositories", "https://example.org", "--packages", "g:a:1",
    )  # fmt: skip


@pytest.mark.parametrize(
    "written",
    [
        "../wheels/mine-1.0-py3-none-any.whl",
        "wheels/mine-1.0-py3-none-any.whl",
        "./wheels/mine-1.0-py3-none-any.whl",
        "mine @ file://{project}/wheels/mine-1.0-py3-none-any.whl",
        "file://{project}/wheels/mine-1.0-py3-none-any.whl",
        "{project}/wheels/mine-1.0-py3-none-any.whl",
    ],
)
def test_a_wheel_of_this_machine_is_sent_along(project: Path, written: str) -> None:
    wheel = project / "wheels" / "mine-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"PK")
    spec = spec_of(project, f"dependencies:\n- pip:\n  - {written.format(project=project)}\n")
    assert [one.path for one in spec.sent] == [str(wheel)]
    assert spec.pip == (f"./sent/{spec.sent[0].sha256[:16]}/mine-1.0-py3-none-any.whl",)
    wheel.write_bytes(b"PK2")
    assert spec_of(project, f"dependencies:\n- pip:\n  - {written.format(project=project)}\n") != spec


def test_requirements_and_constraints_files(project: Path) -> None:
    (project / "requirements.txt").write_text("six  # c\n\n-r more/deps.txt\ntomli \\\n  >=1\n")
    (project / "more").mkdir()
    (project / "more" / "deps.txt").write_text("-c pins.txt\n-e git+https://example.org/x.git#egg=x\n")
    (project / "more" / "pins.txt").write_text("six==1.16\n")
    spec = spec_of(project, "dependencies:\n- pip:\n  - -r requirements.txt\n")
    name = spec.sent[0].name
    assert spec.pip == ("six", f"-c ./{name}", "-e git+https://example.org/x.git#egg=x", "tomli>=1")
    assert spec.places["tomli>=1"].startswith("requirements.txt:")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gone.whl", "there is no file 'gone.whl'"),
        ("./src", "is a folder"),
        ("-e .", "editable"),
        ("--find-links ./wheels", "which the build cannot see"),
        ("-r loop.txt", "includes itself"),
    ],
)
def test_what_cannot_be_sent_is_said_with_its_line(project: Path, line: str, message: str) -> None:
    (project / "src").mkdir()
    (project / "loop.txt").write_text("-r loop.txt\n")
    with pytest.raises(ProjectError, match=message) as caught:
        spec_of(project, f"dependencies:\n- numpy\n- pip:\n  - six\n  - {line}\n")
    assert caught.value.where.startswith("loop.txt:1" if "loop" in line else "aml_config/conda_dependencies.yml:5:5")


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://anna:s3cret@example.org/simple",
        "--extra-index-url=https://s3cret@example.org/simple",
        "tool @ https://anna:s3cret@example.org/tool.whl",
        "git+https://s3cret@example.org/tool.git",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(project: Path, line: str) -> None:
    with pytest.raises(ProjectError) as refused:
        spec_of(project, f"dependencies:\n  - pip:\n    - {line}\n")
    assert refused.value.where == "aml_config/conda_dependencies.yml:3:7"
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("channel", ["https://anna:s3cret@example.org/chan", "https://example.org/t/s3cret/chan"])
def test_a_password_in_a_channels_address_is_refused(project: Path, channel: str) -> None:
    with pytest.raises(ProjectError, match="password or token") as refused:
        spec_of(project, f"channels:\n  - {channel}\ndependencies:\n  - numpy\n")
    assert "s3cret" not in str(refused.value)


def test_the_user_of_ssh_is_no_password(project: Path) -> None:
    line = "git+ssh://git@example.org/tool.git"
    assert spec_of(project, f"dependencies:\n  - pip:\n    - {line}\n").pip == (line,)


def test_a_broken_file_is_said_with_its_line(project: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        spec_of(project, "dependencies:\n- pip: [six]\n- {a: b}\n")
    assert caught.value.where == "aml_config/conda_dependencies.yml:3:3"


def test_no_file_asks_for_nothing(project: Path) -> None:
    spec = spec_of(project, None)
    assert spec.asks_for_nothing
    assert not spec_of(project, "dependencies:\n- python\n").asks_for_nothing


def test_the_second_generation(project: Path) -> None:
    (project / "aml_config" / "sdk.runconfig").write_text(
        "script: train.py\ntarget: docker\nframework: PySpark\n"
        "environment:\n  docker:\n    enabled: true\n    baseImage: other:1\n"
        "  python:\n    userManagedDependencies: true\n    interpreterPath: /usr/bin/python3\n"
        "  spark:\n    repositories: [https://example.org]\n"
        "    packages:\n    - {group: g, artifact: a, version: 1}\n"
        "spark:\n  configuration:\n    spark.app.name: Azure ML Experiment\n"
    )
    spec = spec_of(project, CONDA, config="sdk", framework="PySpark")
    assert (spec.base_image, spec.image_place) == ("other:1", "aml_config/sdk.runconfig")
    assert spec.interpreter == "/usr/bin/python3"
    assert spec.asks_for_nothing
    assert spec.spark is not None
    assert spec.spark.configuration == {"spark.app.name": "Azure ML Experiment"}
    assert spec.spark.packages == ("g:a:1",)
