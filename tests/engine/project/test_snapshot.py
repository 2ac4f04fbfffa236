"""What a run takes along: checked against git itself, and by its bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.errors import ProjectError
from engine.project import snapshot as snapshots

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "iris"
    folder.mkdir()
    return folder


def take(project: Path) -> snapshots.Snapshot:
    return snapshots.take_snapshot(project, project.parent / "blobs", project.parent / "cache")


def paths(taken: snapshots.Snapshot, kind: str = "file") -> set[str]:
    return {entry.path for entry in taken.entries if entry.kind == kind}


def content(project: Path, taken: snapshots.Snapshot, path: str) -> bytes:
    (entry,) = [one for one in taken.entries if one.path == path]
    assert entry.sha256 is not None
    return snapshots.blob_path(project.parent / "blobs", entry.sha256).read_bytes()


def git(project: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", *arguments],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def fill(project: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_same_files_as_git(project: Path) -> None:
    fill(
        project,
        {
            ".gitignore": "*.log\n!keep.log\n/build/\ndata/**/raw\n\\#odd\nspace\\ \n# comment\nlogs/\n!logs/in.txt\n",
            "sub/.gitignore": "*.txt\n!/only.txt\n",
            "a.log": "",
            "keep.log": "",
            "build/x": "",
            "sub/build/x": "",
            "data/a/b/raw/x": "",
            "data/raw": "",
            "#odd": "",
            "space ": "",
            "logs/in.txt": "",
            "sub/a.txt": "",
            "sub/only.txt": "",
            "sub/deep/only.txt": "",
            "sub/deep/keep.log": "",
            "train.py": "",
        },
    )
    git(project, "init", "-q")
    wanted = set(git(project, "ls-files", "-z", "--others", "--cached", "--exclude-standard").split("\0")) - {""}
    assert paths(take(project)) == wanted


def test_amlignore_stands_in_for_gitignore(project: Path) -> None:
    fill(project, {".gitignore": "*.csv\n", ".amlignore": "*.bin\n", "a.csv": "", "a.bin": "", "sub/b.csv": ""})
    assert paths(take(project)) == {".gitignore", ".amlignore", "a.csv", "sub/b.csv"}


def test_rules_of_the_repository_above_hold(project: Path) -> None:
    inner = project / "projects" / "inner"
    fill(
        project, {".gitignore": "*.csv\n/projects/inner/tmp/\n", "projects/inner/a.csv": "", "projects/inner/tmp/x": ""}
    )
    fill(project, {"projects/inner/train.py": ""})
    git(project, "init", "-q")
    assert paths(take(inner)) == {"train.py"}


def test_what_is_never_taken(project: Path) -> None:
    fill(
        project,
        {
            "train.py": "",
            "outputs/model.bin": "",
            "sub/outputs/kept": "",
            "aml_config/vm.compute": "password: x",
            "aml_config/vm.runconfig": "",
            ".env": "TOKEN=1",
            "keys/id_ed25519": "",
            "keys/id_ed25519.pub": "",
            "keys/server.pem": "-----BEGIN RSA PRIVATE KEY-----\nabc",
            "keys/ca.pem": "-----BEGIN CERTIFICATE-----\nabc",
            ".ssh/config": "",
            ".git/config": "",
        },
    )
    taken = take(project)
    assert paths(taken) == {
        "train.py",
        "sub/outputs/kept",
        "aml_config/vm.runconfig",
        "keys/id_ed25519.pub",
        "keys/ca.pem",
    }
    told = "\n".join(taken.warnings)
    for name in (".env", "keys/id_ed25519", "keys/server.pem", ".ssh"):
        assert f"{name} was left out" in told


def test_odd_things_survive(project: Path) -> None:
    odd = os.fsencode(project) + b"/caf\xe9 \n -x"
    with open(odd, "wb") as file:
        file.write(b"odd")
    fill(project, {"-rf": "dash", "run.sh": "#!/bin/sh\n", "a b/c'd\"e": "quotes"})
    (project / "run.sh").chmod(0o755)
    (project / "empty" / "er").mkdir(parents=True)
    (project / "link").symlink_to("run.sh")
    (project / "dangling").symlink_to("/nowhere")
    taken = take(project)
    again = snapshots.Snapshot.from_json(taken.to_json())
    assert again == taken
    assert content(project, taken, os.fsdecode(b"caf\xe9 \n -x")) == b"odd"
    assert {"empty", "empty/er", "a b"} <= paths(taken, "dir")
    assert {(e.path, e.link) for e in taken.entries if e.kind == "link"} == {
        ("link", "run.sh"),
        ("dangling", "/nowhere"),
    }
    assert {e.path: e.mode for e in taken.entries}["run.sh"] == 0o755
    saved = snapshots.save(taken, project.parent / "manifests")
    assert snapshots.load(saved.parent, taken.id) == taken


def test_the_same_content_is_the_same_snapshot(project: Path) -> None:
    fill(project, {"a": "1", "b": "1"})
    first = take(project)
    assert take(project).id == first.id
    fill(project, {"a": "2"})
    changed = take(project)
    assert changed.id != first.id
    assert content(project, changed, "a") == b"2"
    assert content(project, first, "a") == b"1"


def test_unchanged_files_are_not_read_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(project, {"old": "1", "other": "2"})
    for name in ("old", "other"):
        os.utime(project / name, (1e9, 1e9))
    take(project)
    monkeypatch.setattr(snapshots, "_store_file", lambda *_: pytest.fail("read again"))
    assert take(project).files == 2


def test_a_file_changed_within_its_time_stamp_is_read_again(project: Path) -> None:
    fill(project, {"a": "1"})
    info = (project / "a").stat()
    first = take(project)
    fill(project, {"a": "2"})
    os.utime(project / "a", ns=(info.st_atime_ns, info.st_mtime_ns))
    assert take(project).id != first.id


def test_a_lost_blob_is_stored_again(project: Path) -> None:
    fill(project, {"a": "1"})
    os.utime(project / "a", (1e9, 1e9))
    take(project)
    shutil.rmtree(project.parent / "blobs")
    assert content(project, take(project), "a") == b"1"


def test_a_large_project_names_its_largest(project: Path) -> None:
    with open(project / "data.bin", "wb") as file:
        file.truncate(26 << 20)
    (warning,) = take(project).warnings
    assert "26 MB" in warning
    assert "data.bin (26 MB)" in warning
    planned = snapshots.plan_snapshot(project)
    assert (planned.files, planned.bytes) == (1, 26 << 20)


def test_git_state_and_diff(project: Path) -> None:
    fill(project, {"train.py": "print(1)\n", "aml_config/vm.compute": "password: x\n"})
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    clean = take(project).git
    assert clean is not None
    assert (clean.commit, clean.branch, clean.dirty, clean.diff_sha256) == (
        git(project, "rev-parse", "HEAD").strip(), "main", False, None,
    )  # fmt: skip
    fill(project, {"train.py": "print(2)\n", "aml_config/vm.compute": "password: secret\n"})
    dirty = take(project).git
    assert dirty is not None
    assert dirty.dirty
    assert dirty.diff_sha256 is not None
    diff = snapshots.blob_path(project.parent / "blobs", dirty.diff_sha256).read_bytes()
    assert b"+print(2)" in diff
    assert b"secret" not in diff


def test_a_repository_cannot_run_anything(project: Path) -> None:
    fill(project, {"train.py": "1"})
    git(project, "init", "-q")
    git(project, "commit", "-q", "--allow-empty", "-m", "one")
    trap = project.parent / "trapped"
    git(project, "config", "core.fsmonitor", f"touch {trap}; false")
    git(project, "config", "diff.external", f"touch {trap}")
    take(project)
    assert not trap.exists()


def test_an_unreadable_file_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(project, {"a": "1"})

    # Root, as which tests may run, reads every file: the refusal is made here.
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(snapshots, "open", refused, raising=False)
    with pytest.raises(ProjectError, match=r"a: the file cannot be read"):
        take(project)
