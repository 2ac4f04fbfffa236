"""An archive of an environment works where it is unpacked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from engine.hosts.agent.building import packing


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    folder = tmp_path / "prefix"
    (folder / "bin").mkdir(parents=True)
    (folder / "lib/empty").mkdir(parents=True)
    (folder / "bin/python").symlink_to(sys.executable)
    return folder


def moved(prefix: Path) -> Path:
    """Packed, the original removed, unpacked elsewhere."""
    archive = prefix.parent / "environment.tar.gz"
    packing.pack(str(prefix), str(archive), lambda _words: None)
    shutil.rmtree(prefix)
    there = prefix.parent / "moved there"
    with tarfile.open(archive) as tar:
        tar.extractall(there, filter="fully_trusted")
    return there


def script(prefix: Path, name: str, first: str) -> Path:
    path = prefix / "bin" / name
    path.write_text(f"{first}\nimport sys\nprint([sys.executable, *sys.argv[1:], sys.flags.no_site])\n")
    path.chmod(0o700)
    return path


@pytest.mark.parametrize(
    ("first", "no_site"),
    [
        ("#!{0}/bin/python -S", 1),
        ("#!{0}/bin/python", 0),
        ("#!/bin/sh\n'''exec' \"{0}/bin/python\" \"$0\" \"$@\"\n' '''", 0),
    ],
    ids=["with an option", "plain", "as pip writes a long one"],
)
def test_scripts_find_the_python_beside_them(prefix: Path, first: str, no_site: int) -> None:
    script(prefix, "tool", first.format(prefix))
    there = moved(prefix)
    link = there.parent / "a link"
    link.symlink_to(there / "bin/tool")
    for called in (there / "bin/tool", link):
        said = subprocess.run([called, "a b"], capture_output=True, text=True, check=True).stdout
        assert said == f"{[f'{there}/bin/python', 'a b', no_site]}\n"


def test_what_is_none_of_ours_stays_as_it_is(prefix: Path) -> None:
    binary = b"\x7fELF" + os.fsencode(prefix) + b"\0" * 100
    (prefix / "bin/program").write_bytes(binary)
    text = script(prefix, "other", "#!/usr/bin/env python3").read_bytes()
    (prefix / "lib/notes.txt").write_text(f"#!{prefix}/bin/python\n")
    there = moved(prefix)
    assert (there / "bin/program").read_bytes() == binary
    assert (there / "bin/other").read_bytes() == text
    assert (there / "lib/notes.txt").read_text() == f"#!{prefix}/bin/python\n"
    assert (there / "lib/empty").is_dir()


def test_links(prefix: Path) -> None:
    """One that leads into the environment leads there again; the Python of a venv is where it was on every node."""
    (prefix / "lib/data").write_text("x")
    (prefix / "lib/data").chmod(0o600)
    os.link(prefix / "lib/data", prefix / "lib/same")
    (prefix / "lib/absolute").symlink_to(prefix / "lib/data")
    (prefix / "lib/relative").symlink_to("data")
    there = moved(prefix)
    assert (there / "lib/absolute").readlink() == (there / "lib/relative").readlink() == Path("data")
    assert (there / "lib/same").read_text() == "x"
    assert (there / "lib/data").stat().st_mode & 0o777 == 0o644
    assert (there / "bin/python").readlink() == Path(sys.executable)


def test_a_packing_that_fails_leaves_nothing(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError("no space left on device")

    monkeypatch.setattr(packing, "add", full)
    with pytest.raises(OSError, match="no space"):
        packing.pack(str(prefix), str(prefix.parent / "environment.tar.gz"), lambda _words: None)
    assert [path.name for path in prefix.parent.iterdir()] == ["prefix"]
