"""A file takes another's place at once, and stays what it is: its mode, its owner, the link that leads to it."""

from __future__ import annotations

import os
import resource
import tempfile
from typing import TYPE_CHECKING

import pytest

from engine.errors import ProjectError
from engine.project import saving
from engine.project.saving import ChangedOnDisk, bytes_there, replace_bytes, replace_seen

if TYPE_CHECKING:
    from pathlib import Path


def test_mode_and_link_stay(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.yml"
    real.parent.mkdir()
    real.write_bytes(b"old")
    real.chmod(0o640)
    link = tmp_path / "x.yml"
    link.symlink_to("elsewhere/real.yml")
    replace_bytes(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in real.parent.iterdir()) == ["real.yml"]


def test_a_new_file(tmp_path: Path) -> None:
    replace_seen(tmp_path / "x", b"a", None)
    assert (tmp_path / "x").read_bytes() == b"a"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


def test_what_somebody_else_wrote_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"theirs")
    with pytest.raises(ChangedOnDisk) as caught:
        replace_seen(file, b"mine", b"as read")
    assert caught.value.found == b"theirs"
    assert file.read_bytes() == b"theirs"
    with pytest.raises(ChangedOnDisk):
        replace_seen(file, b"mine", None)
    file.unlink()
    with pytest.raises(ChangedOnDisk) as caught:
        replace_seen(file, b"mine", b"as read")
    assert caught.value.found is None
    assert bytes_there(file) is None


def test_the_same_written_by_somebody_else_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    replace_seen(tmp_path / "x", b"mine", b"as read")


def test_an_owner_that_cannot_be_given_keeps_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"long before")
    number = file.stat().st_ino
    made = os.fstat

    def foreign(handle: int) -> os.stat_result:
        found = list(made(handle))
        found[4] += 1
        return os.stat_result(found)

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    # Root, as which tests may run, gives anything away.
    monkeypatch.setattr(os, "fstat", foreign)
    monkeypatch.setattr(os, "fchown", refused)
    replace_bytes(file, b"after")
    assert file.read_bytes() == b"after"
    assert file.stat().st_ino == number
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_a_folder_that_takes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    (tmp_path / "x").write_bytes(b"before")
    replace_bytes(tmp_path / "x", b"after")
    assert (tmp_path / "x").read_bytes() == b"after"
    with pytest.raises(ProjectError, match="cannot be written: Permission denied"):
        replace_bytes(tmp_path / "y", b"after")


def test_a_file_that_nobody_may_write_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"before")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ProjectError, match="cannot be written"):
        replace_bytes(file, b"after")
    assert file.read_bytes() == b"before"


@pytest.mark.parametrize("size", [3, 9000])
def test_no_room_where_a_file_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """What was there is there still, as it was."""
    file = tmp_path / "a.compute"
    file.write_bytes(b"o" * size)
    monkeypatch.setattr(saving, "_swapped", lambda *_: False)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(ProjectError, match="cannot be written"):
            replace_bytes(file, b"n" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == b"o" * size
    replace_bytes(file, b"shorter")
    assert file.read_bytes() == b"shorter"
    replace_bytes(file, b"")
    assert file.read_bytes() == b""
