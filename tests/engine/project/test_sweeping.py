"""Contents that no run needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.project import snapshot as snapshots
from engine.project.sweeping import sweep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    project = tmp_path / "iris"
    (project / "aml_config").mkdir(parents=True)
    (project / "shared.txt").write_text("in both")
    return project, tmp_path / "blobs", tmp_path / "snapshots"


def taken(places: tuple[Path, Path, Path], text: str) -> snapshots.Snapshot:
    project, blobs, folder = places
    (project / "train.py").write_text(text)
    one = snapshots.take_snapshot(project, blobs, project.parent / "cache")
    snapshots.save(one, folder)
    return one


def contents(blobs: Path) -> set[bytes]:
    return {path.read_bytes() for path in blobs.glob("??/*")}


def test_what_a_run_still_has_stays(places: tuple[Path, Path, Path]) -> None:
    _, blobs, folder = places
    first, second = taken(places, "print(1)"), taken(places, "print('second')")
    freed = sweep(blobs, folder, {second.id})
    assert contents(blobs) == {b"in both", b"print('second')"}
    assert freed == len("print(1)")
    assert [path.stem for path in folder.iterdir()] == [second.id]
    assert first.id != second.id
    # What went is taken again when it is there again, whatever is remembered of the file.
    again = taken(places, "print(1)")
    assert again.id == first.id
    assert b"print(1)" in contents(blobs)


def test_a_damaged_snapshot_keeps_everything(places: tuple[Path, Path, Path]) -> None:
    _, blobs, folder = places
    first, second = taken(places, "print(1)"), taken(places, "print(2)")
    (folder / f"{second.id}.json").write_text("{")
    assert sweep(blobs, folder, {first.id, second.id}) == 0
    assert contents(blobs) == {b"in both", b"print(1)", b"print(2)"}
