"""What lies in `aml_config/` and is no plain file, and YAML that means harm: one message, and nothing waits or ends."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from engine.errors import ProjectError
from engine.project.check import check
from engine.project.edit import set_keys
from engine.project.folder import open_project
from engine.project.resolve import resolve
from engine.project.snapshot import take_snapshot
from engine.runs.request import RunRequest

if TYPE_CHECKING:
    from pathlib import Path

NO_FILE = "Put a file in its place, or remove it."
NO_LINK = "Correct the link, or remove it."


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "iris"
    (folder / "aml_config").mkdir(parents=True)
    (folder / "aml_config" / "local.compute").write_text("type: local\n")
    (folder / "train.py").write_text("")
    return folder


@pytest.mark.parametrize("name", ["x.compute", "x.runconfig", "conda_dependencies.yml", "spark_dependencies.yml"])
def test_only_files_are_read(project: Path, name: str) -> None:
    odd = project / "aml_config" / name
    shown = f"aml_config/{name}"

    def told() -> list[str]:
        return [str(problem) for problem in check(project) if problem.severity == "error"]

    os.mkfifo(odd)
    assert told() == [f"{shown}: it is a named pipe, not a file. {NO_FILE}"]
    odd.unlink()
    odd.symlink_to("/dev/zero")
    assert told() == [f"{shown}: it is a device, not a file. {NO_FILE}"]
    odd.unlink()
    odd.mkdir()
    assert told() == [f"{shown}: it is a folder, not a file. {NO_FILE}"]
    odd.rmdir()
    odd.symlink_to("gone")
    assert told() == [f"{shown}: it is a link to 'gone', which is not there. {NO_LINK}"]
    odd.unlink()
    odd.symlink_to(name)
    assert told() == [f"{shown}: the file cannot be read: Too many levels of symbolic links. {NO_LINK}"]
    odd.unlink()
    (project / "elsewhere").write_text("")
    odd.symlink_to("../elsewhere")
    assert not [one for one in told() if "link" in one or "cannot be read" in one]
    assert "local" in open_project(project).targets


def test_a_socket_is_no_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "aml_config")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("x.compute")
        assert [one.message for one in check(project)] == ["it is a socket, not a file."]


def test_nothing_is_written_to_a_pipe(project: Path) -> None:
    pipe = project / "aml_config" / "x.compute"
    os.mkfifo(pipe)
    with pytest.raises(ProjectError, match="it is a named pipe"):
        set_keys(pipe, {"type": "local"})


def test_dependencies_that_are_no_file_are_not_passed_over(project: Path) -> None:
    (project / "aml_config" / "docker.compute").write_text("type: docker\n")
    (project / "aml_config" / "docker.runconfig").write_text("ArgumentVector: [train.py]\nTarget: docker\n")
    os.mkfifo(project / "aml_config" / "conda_dependencies.yml")
    with pytest.raises(ProjectError, match="it is a named pipe"):
        resolve(RunRequest(str(project), "docker", "t"))


def test_an_ignore_file_that_is_a_pipe_holds_nothing_up(project: Path) -> None:
    os.mkfifo(project / ".amlignore")
    (project / ".gitignore").symlink_to("/dev/zero")
    taken = take_snapshot(project, project.parent / "blobs", project.parent / "cache")
    assert "train.py" in {entry.path for entry in taken.entries}


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("text", [LAUGHS, "x: &x [*x]\n", "x: &x {y: {z: *x}}\n", "&x s: &y {configuration: *y}\n"])
def test_aliases_that_never_end(project: Path, text: str) -> None:
    (project / "aml_config" / "x.runconfig").write_text(f"Target: local\n{text}")
    (problem,) = check(project)
    assert problem.message == "its aliases repeat too much."
    assert (problem.line, problem.severity) == (1, "error")


@pytest.mark.parametrize(("depth", "wrong"), [(100, []), (900, ["too deep"]), (3000, ["nesting depth"])])
def test_what_is_nested_too_deep(project: Path, depth: int, wrong: list[str]) -> None:
    (project / "aml_config" / "x.runconfig").write_text(f"Target: local\nx: {'[' * depth}{']' * depth}\n")
    assert [one.message.rstrip(".")[-len(wrong[0]) :] for one in check(project)] == wrong


@pytest.mark.parametrize("text", ["? [a, b]\n: c\n", "? {a: b}\n: c\n", "x: {? [y]\n : z}\n"])
def test_keys_that_are_no_words(project: Path, text: str) -> None:
    (project / "aml_config" / "x.runconfig").write_text(f"Target: local\n{text}")
    assert open_project(project).config("x").target == "local"


def test_values_of_other_types_are_shown_as_written(project: Path) -> None:
    (project / "aml_config" / "x.runconfig").write_text(
        "Target: local\na: 2018-09-24\nb: 2018-99-99\nc: !!binary aGk=\nd: !!int nope\ne:\n"
    )
    extra = open_project(project).config("x").extra
    assert json.loads(json.dumps(extra)) == {
        "a": "2018-09-24", "b": "2018-99-99", "c": "aGk=", "d": "nope", "e": None,
    }  # fmt: skip


TABS = "Indent with spaces, not tabs."
QUOTES = "Put the value into quotes: it begins with a sign that YAML has a use for."
KEYS = "Indent the keys of a mapping alike; put a value with `: ` or quotes in it into quotes as a whole."


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ('a: 1\nb: "x\nc: 1\n', "Close the quotes that open in line 2, column 4."),
        ("b: 'it\n", "Close the quotes that open in line 1, column 4."),
        ("a:\n\tb: 1\n", TABS),
        ("a:\n  b: 1\n\tc: 2\n", TABS),
        ("a: 1\n  b: 2\n", KEYS),
        ("a:\n   b: 1\n  c: 2\n", KEYS),
        ("a: b: c\n", KEYS),
        ("a: 'x' y\n", KEYS),
        ("a: 1\nb\nc: 2\n", "Put `: ` behind the key in line 2."),
        ("a: 1\nb:2\n", "Put `: ` behind the key in line 2."),
        ("a: [1, 2\nb: 1\n", "Close the bracket that opens in line 1, column 4, or put a comma."),
        ("a: {x: 1\nb: 1\n", "Close the bracket that opens in line 1, column 4, or put a comma."),
        ("a:\n  - x\n   - y\n  z: 1\n", "Begin each item with `- `, all of them indented alike."),
        ("a: @x\n", QUOTES),
        ("a: *.py\n", QUOTES),
        ("a: *x\n", QUOTES),
        ('a: "C:\\data"\n', "Use single quotes: in double ones a `\\` has a meaning of its own."),
        ("a: 1\n---\nb: 2\n", "Keep one document: remove the line `---` and what belongs to the other."),
        ("a: ]\n", "Correct the YAML here."),
    ],
)
def test_what_to_do_about_broken_yaml(project: Path, text: str, remedy: str) -> None:
    path = project / "aml_config" / "x.runconfig"
    path.write_text(text)
    (problem,) = check(project)
    assert (problem.remedy, problem.line > 0) == (remedy, True)
    with pytest.raises(ProjectError) as refused:
        set_keys(path, {"Target": "local"})
    assert refused.value.remedy == remedy
