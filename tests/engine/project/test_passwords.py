"""A password in a .compute file moves into the key store, and the file changes by those characters alone."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from engine.project import passwords
from engine.project.compute import read_compute
from engine.project.folder import Project, open_project
from engine.project.passwords import move_password
from engine.secrets import KeyStore, SecretsError, is_reference, standing_reference

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths

PASSWORD = "hunter2: #ü"
TEMPLATE = """\
\ufeff# made by hand\t
"type": remote
address: '10.0.0.5:2222'   # the box
username: ada
password: %s  # do not tell
slots: 2

later: {a: 1}"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "iris"
    (folder / "aml_config").mkdir(parents=True)
    return folder


@pytest.fixture
def keys(home: Paths) -> KeyStore:
    return KeyStore(home, {"AML_TUI_KEYRING": "off"})


def written(folder: Path, password: str, newline: str = "\n") -> Path:
    path = folder / "aml_config" / "vm.compute"
    path.write_bytes((TEMPLATE % password).replace("\n", newline).encode())
    path.chmod(0o640)
    return path


def opened(folder: Path) -> Project:
    return open_project(folder)


def kept(keys: KeyStore) -> list[str]:
    return list(keys._file._secrets().values())


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("style", "password"),
    [
        (f"'{PASSWORD}'", PASSWORD),
        ('"hunter2\\t\\"x"', 'hunter2\t"x'),
        ("hunter2", "hunter2"),
        ("0123", "0123"),
        ("1e3", "1e3"),
        ("yes", "yes"),
        ("!secret hunter2", "hunter2"),
        ("$(id)`id`", "$(id)`id`"),
    ],
)
def test_only_the_password_changes(folder: Path, keys: KeyStore, style: str, password: str, newline: str) -> None:
    path = written(folder, style, newline)
    before = path.read_bytes()
    project = opened(folder)
    target, notice = move_password(project, project.targets["vm"], keys)
    assert is_reference(target.password)
    assert target.password.startswith("AzureMlSecret=vm#ada#")
    assert keys.get(target.password) == password
    after = path.read_bytes()
    place = before.index(style.encode())
    rest = len(before) - place - len(style.encode())
    assert (after[:place], after[-rest:]) == (before[:place], before[-rest:])
    assert after[place:-rest].strip(b"'\"").decode().removeprefix("!secret ") == target.password
    assert path.stat().st_mode & 0o777 == 0o640
    assert opened(folder).targets["vm"].password == target.password
    assert notice.startswith("aml_config/vm.compute: the password was moved into the file ")
    assert password not in notice
    assert kept(keys) == [password]


@pytest.mark.parametrize("style", ["", "''", "null", "~", "'AzureMlSecret=vm#ada#6d2b7f44'", "AmlTuiSecret=x"])
def test_nothing_to_do(folder: Path, keys: KeyStore, home: Paths, style: str) -> None:
    path = written(folder, style)
    before = path.read_bytes()
    project = opened(folder)
    target = project.targets["vm"]
    assert move_password(project, target, keys) == (target, "")
    assert path.read_bytes() == before
    assert not (home.data / "keys").exists()


def test_a_second_time_nothing_is_to_do(folder: Path, keys: KeyStore) -> None:
    written(folder, "hunter2")
    project = opened(folder)
    moved, _ = move_password(project, project.targets["vm"], keys)
    again = opened(folder)
    assert move_password(again, again.targets["vm"], keys) == (again.targets["vm"], "")
    assert again.targets["vm"].password == moved.password


def test_a_folder_that_cannot_be_written(folder: Path, keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(folder, "hunter2")
    before = path.read_bytes()
    project = opened(folder)
    making = tempfile.mkstemp

    # Root, as which tests may run, writes everywhere: the refusal is made here.
    def refused(**options: object) -> object:
        if options.get("dir") == path.parent:
            raise OSError(30, "Read-only file system")
        return making(**options)  # type: ignore[call-overload]

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    for password in ("hunter2", "hunter2", "hunter3"):
        path.write_bytes(before.replace(b"hunter2", password.encode()))
        project = opened(folder)
        target, notice = move_password(project, project.targets["vm"], keys)
        assert target.password == standing_reference(f"password in {os.path.realpath(path)}")
        assert keys.get(target.password) == password
        assert kept(keys) == [password]
        assert notice.startswith("aml_config/vm.compute: the password still stands in the file: ")
        assert "Read-only file system" in notice
        assert "hunter" not in notice
        assert path.read_bytes().count(password.encode()) == 1


def test_what_was_done_while_the_keyring_was_opened_counts(
    folder: Path, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(folder, "hunter2")
    project = opened(folder)
    target = project.targets["vm"]
    plain = keys.put

    def slow(reference: str, secret: str) -> None:
        plain(reference, secret)
        if secret == "hunter2":
            path.write_bytes(path.read_bytes().replace(b"hunter2", b"hunter3"))

    monkeypatch.setattr(keys, "put", slow)
    moved, _ = move_password(project, target, keys)
    assert keys.get(moved.password) == "hunter3"
    assert kept(keys) == ["hunter3"]
    # Now another process is the quicker one.
    other = moved.password
    assert move_password(project, target, keys) == (moved, "")
    assert opened(folder).targets["vm"].password == other
    assert kept(keys) == ["hunter3"]


def test_a_file_that_broke_meanwhile_is_left_alone(folder: Path, keys: KeyStore) -> None:
    path = written(folder, "hunter2")
    project = opened(folder)
    path.write_text("password: *hunter2\nb: [\n")
    target, notice = move_password(project, project.targets["vm"], keys)
    assert keys.get(target.password) == "hunter2"
    assert path.read_text() == "password: *hunter2\nb: [\n"
    assert "still stands in the file: this is not YAML" in notice
    assert "hunter2" not in notice
    path.unlink()
    target, notice = move_password(project, project.targets["vm"], keys)
    assert keys.get(target.password) == "hunter2"
    assert "No such file" in notice


def test_a_key_store_that_fails_leaves_the_file_alone(
    folder: Path, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(folder, "hunter2")
    project = opened(folder)
    before = path.read_bytes()

    def locked(reference: str, secret: str) -> None:
        raise SecretsError("the keyring cannot be written: it is locked.")

    monkeypatch.setattr(keys, "put", locked)
    with pytest.raises(SecretsError, match="it is locked"):
        move_password(project, project.targets["vm"], keys)
    assert path.read_bytes() == before


def test_cut_short_before_the_file_changes(folder: Path, keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is never in neither place."""
    path = written(folder, "hunter2")
    project = opened(folder)

    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "set_keys", killed)
        with pytest.raises(KeyboardInterrupt):
            move_password(project, project.targets["vm"], keys)
    assert "hunter2" in kept(keys)
    target, _ = read_compute(path, "vm.compute")
    assert target is not None
    assert target.password == "hunter2"
    moved, _ = move_password(project, target, keys)
    assert keys.get(moved.password) == "hunter2"
    assert b"hunter2" not in path.read_bytes()
