"""What of a project's code goes to executors."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from engine.project import modules
from engine.project.snapshot import take_snapshot

if TYPE_CHECKING:
    from pathlib import Path


def test_what_lies_beside_the_script_and_packages(tmp_path: Path) -> None:
    project, blobs, cache = (tmp_path / name for name in ("project", "blobs", "cache"))
    for path in (
        "train.py",
        "helping.py",
        "odd,name.py",
        "more.zip",
        "notes.txt",
        "deep/script.py",
        "deep/sibling.py",
        "deep/own/__init__.py",
        "deep/own/two.py",
        "n[1].py",
        "1.py",
        "pack/__init__.py",
        "pack/deep/__init__.py",
        "pack/deep/one.py",
        "pack/data.txt",
        "folder/no_package.py",
    ):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(f"# {path}\n")
    cache.mkdir()
    taken = take_snapshot(project, blobs, cache)
    assert modules.names(taken, "./train.py") == ["helping.py", "more.zip", modules.PACKED]
    packed = modules.pack(taken, "train.py", blobs, cache)
    assert packed is not None
    file, entry = packed
    with zipfile.ZipFile(file) as found:
        assert sorted(found.namelist()) == ["pack/__init__.py", "pack/deep/__init__.py", "pack/deep/one.py"]
        assert found.read("pack/deep/one.py") == b"# pack/deep/one.py\n"
    assert (entry.path, entry.size) == (modules.PACKED, file.stat().st_size)
    # The same code is the same file, whenever it is packed.
    again = modules.pack(taken, "train.py", blobs, cache)
    assert again is not None
    assert again[1] == entry
    # Also what lies beside a script in a folder, as the driver finds it there.
    assert modules.names(taken, "deep/script.py") == [
        "deep/sibling.py",
        "helping.py",
        "more.zip",
        "train.py",
        modules.PACKED,
    ]
    packed = modules.pack(taken, "deep/script.py", blobs, cache)
    assert packed is not None
    with zipfile.ZipFile(packed[0]) as found:
        assert {"own/__init__.py", "own/two.py", "pack/deep/one.py"} <= set(found.namelist())
    for name in ("pack/__init__.py", "pack/deep/__init__.py"):
        (project / name).unlink()
    without = take_snapshot(project, blobs, cache)
    assert (modules.names(without, "train.py"), modules.pack(without, "train.py", blobs, cache)) == (
        ["helping.py", "more.zip"],
        None,
    )
