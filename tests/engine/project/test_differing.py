"""Two snapshots, file by file."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.project import differing
from engine.project.differing import Diff, diff, paths_of, same
from engine.project.snapshot import Entry, Snapshot, blob_path

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("iris-001", "iris-002")


def put(blobs: Path, content: bytes, path: str = "train.py", mode: int = 0o644) -> Entry:
    sha = hashlib.sha256(content).hexdigest()
    file = blob_path(blobs, sha)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return Entry(path, "file", mode, len(content), sha)


def snapshot(*entries: Entry) -> Snapshot:
    return Snapshot("1", entries, len(entries), 0)


def test_every_path_with_what_it_is_in_each(tmp_path: Path) -> None:
    a, b = put(tmp_path, b"1"), put(tmp_path, b"2", "b.py")
    folder = Entry("data", "dir")
    assert paths_of([snapshot(a, folder), None, snapshot(b, a)]) == [
        ("b.py", (None, None, b)),
        ("train.py", (a, None, a)),
    ]


def test_what_is_the_same(tmp_path: Path) -> None:
    one, other = put(tmp_path, b"1"), put(tmp_path, b"2")
    assert same(one, put(tmp_path, b"1")) and same(None, None)
    assert not same(one, other) and not same(one, None) and not same(None, one)
    assert not same(one, put(tmp_path, b"1", mode=0o755))
    assert not same(Entry("l", "link", link="a"), Entry("l", "link", link="b"))


def test_a_diff_is_as_diff_has_it(tmp_path: Path) -> None:
    old = [f"line {n}" for n in range(200)]
    new = [*old[:50], "changed", *old[51:120], "new", *old[120:190]]
    one, other = ("\n".join(lines) + "\n" for lines in (old, new))
    found = diff(tmp_path, put(tmp_path, one.encode()), put(tmp_path, other.encode()), NAMES)
    assert found.note == ""
    assert found.lines[:3] == ("--- train.py (iris-001)", "+++ train.py (iris-002)", "@@ -48,7 +48,7 @@")
    (tmp_path / "old").write_text(one)
    (tmp_path / "patch").write_text("\n".join(found.lines) + "\n")
    program = shutil.which("patch") or shutil.which("git")
    assert program
    command = [program, "-s", "old", "patch"] if program.endswith("patch") else [program, "apply", "-p0", "patch"]
    if program.endswith("git"):
        text = (tmp_path / "patch").read_text()
        (tmp_path / "patch").write_text(
            text.replace("train.py (iris-001)", "old").replace("train.py (iris-002)", "old")
        )
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "old").read_text() == other, "and applied it gives the other file"


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        (b"1\n", b"1\n", "the same in both"),
        (b"\0\1\2", b"\0\1\2\3", "binary: 3 bytes, then 4 bytes"),
        (b"\x01\xff", b"text", "binary: 2 bytes, then 4 bytes"),
        (b"a\r\nb\r\n", b"a\nb\n", "only line ends differ"),
        (b"", b"x" * (differing.LARGEST + 1), "too large for a diff: 0 bytes, then 1,048,577 bytes"),
        (b"x\n" * 20_001, b"y\n", "too many lines for a diff: 20,001, then 1"),
    ],
)
def test_what_has_no_diff_is_said(tmp_path: Path, before: bytes, after: bytes, note: str) -> None:
    assert diff(tmp_path, put(tmp_path, before), put(tmp_path, after), NAMES) == Diff(note=note)


def test_files_that_come_and_go(tmp_path: Path) -> None:
    one = put(tmp_path, b"a\n")
    assert diff(tmp_path, None, one, NAMES).lines == (
        "--- nothing (iris-001)",
        "+++ train.py (iris-002)",
        "@@ -0,0 +1 @@",
        "+a",
    )
    assert diff(tmp_path, one, None, NAMES).lines[-2:] == ("@@ -1 +0,0 @@", "-a")


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    found = diff(tmp_path, put(tmp_path, b"caf\xe9\n"), put(tmp_path, b"caf\xe9s\n"), NAMES)
    assert found.lines[-2:] == ("-café", "+cafés")


def test_links_modes_and_what_is_gone(tmp_path: Path) -> None:
    one = put(tmp_path, b"a\n")
    link = Entry("train.py", "link", 0o777, link="other.py")
    assert diff(tmp_path, one, link, NAMES).note == "2 bytes, then a link to other.py"
    executable = put(tmp_path, b"a\n", mode=0o755)
    assert diff(tmp_path, one, executable, NAMES).note == "the same content; mode 644, then 755"
    gone = put(tmp_path, b"b\n")
    blob_path(tmp_path, gone.sha256 or "").unlink()
    assert diff(tmp_path, one, gone, NAMES).note == "2 bytes, then 2 bytes; the content is not kept any more"
