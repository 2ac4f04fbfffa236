"""Writing changes only what changed, to the character."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.errors import ProjectError
from engine.project.edit import set_keys

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = """\
# who made this\t
ArgumentVector:
- "$file"   # the script
- '--rate'
- 0.10
"Target": 'local'\t# a tab before this
EnvironmentVariables:
  "EXAMPLE_ENV_VAR": "Example Value"
  # kept
  CODE: 0123

Framework: Python
CondaDependenciesFile:
#SparkDependenciesFile: aml_config/spark.yml
PrepareEnvironment: false
history: {outputCollection: true, tags: []}
environment:
    python:
        interpreterPath: python
# the end"""


def edited(tmp_path: Path, text: str, changes: dict[str, Any], bom: bytes = b"") -> str:
    path = tmp_path / "x.runconfig"
    path.write_bytes(bom + text.encode())
    set_keys(path, changes)
    data = path.read_bytes()
    assert data.startswith(bom)
    return data[len(bom) :].decode()


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        ({"Target": "gpu-box"}, "'local'", "'gpu-box'"),
        ({"Framework": "PySpark"}, "Framework: Python\n", "Framework: PySpark\n"),
        ({"PrepareEnvironment": True}, "PrepareEnvironment: false", "PrepareEnvironment: true"),
        ({"CondaDependenciesFile": "a b.yml"}, "CondaDependenciesFile:\n", 'CondaDependenciesFile: "a b.yml"\n'),
        ({"EnvironmentVariables.CODE": "yes"}, "CODE: 0123", 'CODE: "yes"'),
        ({"EnvironmentVariables.NEW": "1"}, "CODE: 0123\n", 'CODE: 0123\n  NEW: "1"\n'),
        ({"EnvironmentVariables.CODE": None}, "  CODE: 0123\n", ""),
        ({"ArgumentVector": ["$file", "--lr", "0.10"]}, "'--rate'", "--lr"),
        ({"ArgumentVector": ["$file", "--rate", "0.10", "x y"]}, "- 0.10\n", '- 0.10\n- "x y"\n'),
        ({"ArgumentVector": ["$file"]}, "- '--rate'\n- 0.10\n", ""),
        ({"environment.python.interpreterPath": "/opt/py"}, "interpreterPath: python", "interpreterPath: /opt/py"),
        (
            {"environment.docker.enabled": True},
            "interpreterPath: python\n",
            "interpreterPath: python\n    docker:\n      enabled: true\n",
        ),
        ({"history.snapshotProject": False}, "tags: []}", "tags: [], snapshotProject: false}"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_this_changes(tmp_path: Path, changes: dict[str, Any], before: str, after: str, newline: str) -> None:
    text = SAMPLE.replace("\n", newline)
    assert before in SAMPLE
    wanted = SAMPLE.replace(before, after, 1)
    if "--lr" in str(changes):
        wanted = SAMPLE.replace("'--rate'", '"--lr"')
    assert edited(tmp_path, text, changes) == wanted.replace("\n", newline)


@pytest.mark.parametrize(
    ("text", "changes", "after"),
    [
        ("a: [x, y]  # two\n", {"a": ["z"]}, 'a: ["z"]  # two\n'),
        ("a: {b: c}\n", {"a.b": ["d", "e f"]}, 'a: {b: ["d", "e f"]}\n'),
        ("a: {b: [c, d], e: f}\n", {"a.b": "g"}, "a: {b: g, e: f}\n"),
        ("a: {b: c, d: e}\n", {"a.b": {"f": "g"}}, "a: {b: {f: g}, d: e}\n"),
    ],
)
def test_what_is_in_brackets_stays_in_brackets(tmp_path: Path, text: str, changes: dict[str, Any], after: str) -> None:
    assert edited(tmp_path, text, changes) == after


def test_what_is_the_same_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "x.runconfig"
    path.write_text(SAMPLE)
    before = path.stat()
    assert not set_keys(path, {"Target": "local", "ArgumentVector": ["$file", "--rate", "0.10"], "Nothing": None})
    assert path.stat() == before


def test_a_bom_and_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.runconfig"
    path.write_bytes(b"")
    path.chmod(0o600)
    text = edited(tmp_path, "Target: a\n", {"Target": "b"}, bom=b"\xef\xbb\xbf")
    assert text == "Target: b\n"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "# only a comment", "Target: a", "Target: a\n\n\n"])
def test_a_new_key_finds_a_place(tmp_path: Path, text: str) -> None:
    changed = edited(tmp_path, text, {"New": ["a", "b: c"], "Other.Deep": "x"})
    assert changed.startswith(text.rstrip("\n"))
    assert yaml.safe_load(changed)["New"] == ["a", "b: c"]
    assert yaml.safe_load(changed)["Other"] == {"Deep": "x"}


@pytest.mark.parametrize(
    "value",
    ["", " ", "yes", "0123", "1e3", "a: b", "#x", "'", '"', "\\n", "line\nbreak", "ü €", "$(x)", "- a", "null", "~"],
)
@pytest.mark.parametrize(
    "style", ["Key: old", "Key: 'old'", 'Key: "old"', "Key: |\n  old\n  text", "Key: {a: 1}", "Key:"]
)
def test_every_text_comes_back(tmp_path: Path, value: str, style: str) -> None:
    changed = edited(tmp_path, f"A: 1\n{style}\nB: 2\n", {"Key": value})
    assert yaml.safe_load(changed) == {"A": 1, "Key": value, "B": 2}


def test_a_broken_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.runconfig"
    path.write_text("a: [1\n")
    with pytest.raises(ProjectError, match="not YAML"):
        set_keys(path, {"a": "2"})
    assert path.read_text() == "a: [1\n"
