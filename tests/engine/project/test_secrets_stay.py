"""What may hold a password never leaves the project: not in a snapshot, not in its diff, not in an error's text."""

from __future__ import annotations

import subprocess
import traceback
from typing import TYPE_CHECKING

import pytest
import yaml

from engine.errors import ProjectError
from engine.project import gitstate
from engine.project.edit import set_keys
from engine.project.folder import open_project
from engine.project.secret_files import SECRET_FOLDERS, SECRET_NAMES, is_secret
from engine.project.snapshot import blob_path, take_snapshot
from engine.project.yaml_errors import kind_of_trouble

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "hunter2"
LEFTOVERS = [
    "vm.compute~",
    ".vm.compute.swp",
    ".vm.compute.swo",
    "vm.compute.bak",
    "vm.compute.orig",
    "vm.compute.rej",
    "vm.compute.save",
    "vm.compute_old",
    "vm.compute-2",
    "vm.compute (copy)",
    "vm.compute.~1~",
    ".vm.compute.un~",
    ".vm.compute.kate-swp",
    "#vm.compute#",
    "vm.compute___jb_tmp___",
    # What `engine.project.edit` leaves when it is killed.
    ".vm.compute.k3x_9q2a",
]
TRAVEL = ["train.py", "sub/computer.py", "sub/compute.py", "compute/a.txt", "vm.computed", "x.compute.d/inside.py"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "iris"
    for name in ["vm.compute", *LEFTOVERS]:
        for place in (folder / "aml_config", folder / "deep" / "er", folder):
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text("password: old\n")
    for name in TRAVEL:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("old\n")
    return folder


def git(project: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=project, check=True, capture_output=True
    )


def test_no_snapshot_takes_what_editors_leave(project: Path) -> None:
    taken = take_snapshot(project, project.parent / "blobs", project.parent / "cache")
    assert {entry.path for entry in taken.entries if entry.kind == "file"} == set(TRAVEL)
    assert len(taken.warnings) == 3 * len(LEFTOVERS)
    assert any(one.startswith("aml_config/.vm.compute.swp was left out") for one in taken.warnings)


@pytest.mark.parametrize("name", TRAVEL)
def test_like_names_are_no_secrets(name: str) -> None:
    assert not is_secret(name.rpartition("/")[2])


@pytest.mark.parametrize("inside", ["", "deep"])
@pytest.mark.parametrize("setting", ["", "GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_GLOB_PATHSPECS"])
def test_the_diff_shows_no_secret(project: Path, monkeypatch: pytest.MonkeyPatch, inside: str, setting: str) -> None:
    names = [".env", "id_rsa", ".ssh/config", "sub/.aws/deep/credentials", "deep/.env.local", "deep/er/.netrc"]
    names += ["a.pfx", "deep/.pgpass", "sub/.docker/config.json", ".npmrc", ".kube/config"]
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("old\n")
    (project / "deep" / "train.py").write_text("old\n")
    git(project, "init", "-q")
    git(project, "add", "-A", "-f")
    git(project, "commit", "-qm", "one")
    travel = {*TRAVEL, "deep/train.py"}
    for path in project.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            shown = path.relative_to(project).as_posix() in travel
            path.write_text("new\n" if shown else f"password: {PASSWORD}\n")
    (project / "deep" / "er" / "new.compute").write_text(f"password: {PASSWORD}\n")
    git(project, "add", "-A", "-f")
    if setting:
        monkeypatch.setenv(setting, "1")
    read = gitstate.read(project / inside)
    assert read is not None
    state, diff = read
    assert state.dirty
    assert PASSWORD.encode() not in diff
    changed = {line[6:].decode() for line in diff.splitlines() if line.startswith(b"+++ b/")}
    assert changed == {name for name in travel if name.startswith(inside)}


def test_the_diff_shows_no_file_that_holds_a_key(project: Path) -> None:
    odd = "deep/*key [a]:(x).pem"
    (project / odd).write_text(f"-----BEGIN PRIVATE KEY-----\n{PASSWORD}\n")
    git(project, "init", "-q")
    git(project, "add", "-A", "-f")
    git(project, "commit", "-qm", "one")
    (project / odd).write_text(f"-----BEGIN PRIVATE KEY-----\nnew {PASSWORD}\n")
    (project / "train.py").write_text("new\n")
    taken = take_snapshot(project, project.parent / "blobs", project.parent / "cache")
    assert taken.git is not None and taken.git.diff_sha256 is not None
    diff = blob_path(project.parent / "blobs", taken.git.diff_sha256).read_bytes()
    assert b"+new" in diff
    assert PASSWORD.encode() not in diff


def test_git_reads_our_patterns() -> None:
    """A pattern with a sign that means something else to git would let files through without a word."""
    for name in (*SECRET_NAMES, *SECRET_FOLDERS):
        assert not set(name) & set("\\(){}:")


BROKEN = [
    f"password: *{PASSWORD}",
    f"password: !x!{PASSWORD} y",
    f"password: !{PASSWORD}! y",
    f"password: &{PASSWORD} a\nb: &{PASSWORD} c\nd: *e",
    f'password: "{PASSWORD}',
    f"password: '{PASSWORD}",
    f"password: '{PASSWORD}'{PASSWORD}",
    f"password: [{PASSWORD}",
    f"password: {{{PASSWORD}: {PASSWORD}]",
    f"password: {PASSWORD}: {PASSWORD}",
    f"password: @{PASSWORD}",
    f"password: `{PASSWORD}",
    f"password: %{PASSWORD}",
    f"password: |{PASSWORD}",
    f'password: "\\{PASSWORD}"',
    f'password: "\\x{PASSWORD}"',
    f"password: !<{PASSWORD}",
    f"password: !%ff{PASSWORD} x",
    f"password: {PASSWORD}\n  more: x",
    f"password: {PASSWORD}\n\tx: y",
    f"password {PASSWORD}\nx: y",
    f"{PASSWORD}",
    f"- {PASSWORD}",
    f"%YAML {PASSWORD}\n---\na: b",
    f"%TAG {PASSWORD} x\n---\na: b",
    f"%TAG !{PASSWORD}! x\n%TAG !{PASSWORD}! x\n---\na: b",
    f"--- a\n--- {PASSWORD}",
    f"password: {PASSWORD}\x01",
    f"password: {PASSWORD}\ud800",
    "password: " + "[" * 5000 + PASSWORD,
]


@pytest.mark.parametrize("text", BROKEN)
def test_no_error_shows_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "aml_config" / "vm.compute"
    path.parent.mkdir()
    path.write_bytes(b"type: remote\naddress: x\n" + text.encode("utf-8", "surrogatepass") + b"\n")
    before = path.read_bytes()
    with pytest.raises(ProjectError) as caught:
        set_keys(path, {"slots": 2, "address": "y", "password": "AzureMlSecret=a"})
    assert caught.value.where.startswith(str(path))
    assert PASSWORD not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert caught.value.__context__ is None
    assert path.read_bytes() == before
    opened = open_project(tmp_path)
    assert opened.broken
    assert PASSWORD not in str(opened.problems)


@pytest.mark.parametrize("loader", ["SafeLoader", "CSafeLoader"])
@pytest.mark.parametrize("text", [one for one in BROKEN if "\n---" not in one[:20]])
def test_kinds_of_trouble_show_no_text_of_the_file(text: str, loader: str) -> None:
    try:
        yaml.compose(f"type: remote\n{text}\n", Loader=getattr(yaml, loader))
    except (yaml.YAMLError, RecursionError) as error:
        told = kind_of_trouble(error)
        assert told
        assert "\n" not in told
        assert not [one for one in (PASSWORD[:3], PASSWORD[3:]) if one in told]
    except UnicodeEncodeError:
        assert "\ud800" in text


def test_what_was_expected_is_still_told(tmp_path: Path) -> None:
    path = tmp_path / "x.runconfig"
    for text, told in (
        ("a: [1\nb: 2\n", "x.runconfig:2:2: this is not YAML: while parsing a flow sequence expected ',' or ']'."),
        ("a: 1\nb\n", "x.runconfig:3:1: this is not YAML: while scanning a simple key could not find expected ':'."),
        ("a: *b\n", "x.runconfig:1:4: this is not YAML: found undefined alias."),
        ("a: @b\n", "1:4: this is not YAML: while scanning for the next token found character that cannot start any"),
    ):
        path.write_text(text)
        with pytest.raises(ProjectError) as caught:
            set_keys(path, {"a": "2"})
        assert told in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "vm.compute"
    path.write_bytes(b"password: hunter2\xff\n")
    with pytest.raises(ProjectError, match=r"vm\.compute: the file is not UTF-8 text") as caught:
        set_keys(path, {"a": "2"})
    assert caught.value.__context__ is None
    with pytest.raises(ProjectError, match=r"gone\.compute: the file cannot be read: No such file"):
        set_keys(tmp_path / "gone.compute", {"a": "2"})
