"""What a submission would say of a file is said before it is saved; and every documented key is one that is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from engine.project.check_text import CONDA, CONFIGURATION, SPARK, TARGET, check_text, kind_of_file
from engine.project.compute import read_compute
from engine.project.documented import COMPUTE, FIRST, SECOND, Key
from engine.project.package_specs import wrong_requirement, wrong_spec
from engine.project.runconfig import read_runconfig

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    config = tmp_path / "iris" / "aml_config"
    config.mkdir(parents=True)
    (config / "local.compute").write_text("type: local\n")
    (config / "docker.compute").write_text("type: docker\n")
    (config / "docker.runconfig").write_text("ArgumentVector: [train.py]\nTarget: docker\nFramework: Python\n")
    (config / "local.runconfig").write_text("ArgumentVector: [train.py]\nTarget: local\nFramework: Python\n")
    (tmp_path / "iris" / "train.py").write_text("")
    return tmp_path / "iris"


def said(project: Path, file: str, text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [f"{p.where}: {p.message}" for p in check_text(project, file, kind_of_file(file), data)]


BASE = "ArgumentVector: [train.py]\nTarget: local\nFramework: Python\n"
RUN = "aml_config/local.runconfig"


@pytest.mark.parametrize(
    ("file", "text", "wanted"),
    [
        (RUN, BASE, []),
        (RUN, BASE.replace("local", "gone"), [f"{RUN}:2:9: there is no compute target 'gone'."]),
        (RUN, BASE.replace("train", "gone"), [f"{RUN}:1:17: there is no script 'gone.py' in the project."]),
        (RUN, BASE.replace("Python", "Perl"), [f"{RUN}:3:12: unknown framework 'Perl'."]),
        (RUN, BASE.replace("Python", "PyTorch"), [f"{RUN}: the framework PyTorch is not run by this release."]),
        (RUN, BASE.replace("train.py", "$file"), []),
        (RUN, BASE + "TrackedRun: maybe\n", [f"{RUN}:4:13: `TrackedRun` must be true or false."]),
        (RUN, b"Target: caf\xe9\n", [f"{RUN}:1:1: the file is not UTF-8 text."]),
        ("aml_config/new.runconfig", BASE, []),
        (
            "aml_config/docker.compute",
            "type: docker\nmemory: lots\n",
            ["aml_config/docker.compute: --memory must be a size, not 'lots'."],
        ),
        (
            "aml_config/local.compute",
            "type: local\npythonLocation: ./none\n",
            ["aml_config/local.compute: pythonLocation names './none', which is no program on this machine."],
        ),
        ("aml_config/local.compute", "type: lokal\n", ["aml_config/local.compute:1:7: unknown type 'lokal'."]),
        (
            "aml_config/conda_dependencies.yml",
            "dependencies:\n- numpy =>1\n- pip:\n  - scipy=1.2\n  - ./gone.whl\n  - requests\n",
            [
                "aml_config/conda_dependencies.yml:2:3: 'numpy =>1' has a comparison the wrong way round.",
                "aml_config/conda_dependencies.yml:4:5: 'scipy=1.2' has one `=`: pip wants two of them.",
                "aml_config/conda_dependencies.yml:5:5: there is no file './gone.whl' on this machine.",
            ],
        ),
        (
            "aml_config/spark_dependencies.yml",
            "packages:\n- group: g\n",
            ["aml_config/spark_dependencies.yml:2:3: this package lacks artifact, version."],
        ),
    ],
)
def test_problems_of_a_text(project: Path, file: str, text: str | bytes, wanted: list[str]) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert said(project, file, text) == wanted
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_a_password_in_an_address_is_not_repeated(project: Path) -> None:
    found = said(
        project, "aml_config/conda_dependencies.yml", "dependencies:\n- pip:\n  - --index-url https://me:pw@host/x\n"
    )
    assert len(found) == 1
    assert "pw@" not in found[0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aml_config/x.runconfig", CONFIGURATION),
        ("x.compute", TARGET),
        ("aml_config/conda_dependencies.yml", CONDA),
        ("aml_config/my_spark.yml", SPARK),
        ("spark/other.yml", CONDA),
    ],
)
def test_what_a_file_is(name: str, kind: str) -> None:
    assert kind_of_file(name) == kind


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy==1.2",
        "numpy>=1,<2",
        "a[b,c]>=1 ; python_version<'3'",
        "--index-url x",
        "./x.whl",
        "a (>=1)",
        "git+https://x/y",
        "azure-cli==2.*",
        "x==1 --hash=sha256:ab",
        "a.whl",
        "x @ https://y/z.whl",
        "# nothing",
        "a~=1.0",
    ],
)
def test_requirements_that_pip_takes(line: str) -> None:
    assert wrong_requirement(line) == ""


@pytest.mark.parametrize("line", ["numpy=1.2", "numpy=>1", "foo bar", "numpy==", "=1", "a[b", "a==1,,"])
def test_requirements_that_pip_refuses(line: str) -> None:
    assert wrong_requirement(line)


@pytest.mark.parametrize(
    "spec",
    [
        "python=3.5.2",
        "numpy",
        "numpy>=1.2,<3",
        "conda-forge::numpy=1.2=py35_0",
        "numpy 1.2",
        "numpy 1.2 py35_0",
        "_libgcc_mutex=0.1=main",
        "numpy=1.2.*|1.3",
        "numpy [version='1.2']",
        "defaults/linux-64::x",
    ],
)
def test_specs_that_conda_takes(spec: str) -> None:
    assert wrong_spec(spec) == ""


@pytest.mark.parametrize("spec", ["numpy =>1", "a b c d", "numpy=", "-x", "a;b"])
def test_specs_that_conda_refuses(spec: str) -> None:
    assert wrong_spec(spec)


def written(keys: tuple[Key, ...]) -> str:
    """A file that has every key of the table."""
    values = {"flag": True, "number": 1, "list": ["x"], "map": {"A": "b"}, "nested": {}, "packages": []}
    root: dict[str, object] = {}
    for key in keys:
        node = root
        for part in key.path[:-1]:
            node = node.setdefault(part, {})  # type: ignore[assignment]
        node[key.path[-1]] = key.choices[0] if key.choices else values.get(key.kind, "x")
    return yaml.safe_dump(root, sort_keys=False)


@pytest.mark.parametrize(("keys", "generation"), [(FIRST, 1), (SECOND, 2)], ids=["first", "second"])
def test_every_key_of_a_configuration_is_read(tmp_path: Path, keys: tuple[Key, ...], generation: int) -> None:
    path = tmp_path / "x.runconfig"
    config, problems = read_runconfig(path, "x", written(keys).encode())
    assert config is not None, problems
    assert config.generation == generation
    assert config.extra == {}


def test_every_key_of_a_target_is_read(tmp_path: Path) -> None:
    target, problems = read_compute(tmp_path / "x.compute", "x", written(COMPUTE).encode())
    assert target is not None, problems
    # Those of containers are handed on by their names.
    assert set(target.extra) == {"memory", "cpus", "shmSize", "network"}


def test_the_readme_has_the_same_keys() -> None:
    tables = README[README.index("**`<name>.compute`**") : README.index("**`conda_dependencies.yml`")]
    named = {
        name
        for row in tables.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([A-Za-z]+)`", row.split("|")[1])
    }
    listed = {key.path[0] for key in (*COMPUTE, *FIRST)} - {
        "UseSampling",
        "DataSourceSettings",
        "DataSourceSubstitutions",
    }
    assert named == listed
