"""What can be brought back: runs in the bin, and the files that were removed since the console was started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import NotNow, ProjectError
from tui.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from engine.runs.bin import Binned
    from engine.runs.model import Run


@dataclass(frozen=True)
class Kept:
    """A file as it was: its place, content and mode."""

    path: Path
    content: bytes
    mode: int


@dataclass(frozen=True)
class RemovedFiles:
    """Files of the project that were removed at `at` (epoch seconds). `what` says of what, `lost` what stays away."""

    at: float
    what: str
    files: tuple[Kept, ...]
    lost: str = ""

    @property
    def key(self) -> str:
        return f"files {self.at!r}"

    @property
    def words(self) -> str:
        return self.what


@dataclass(frozen=True)
class DeletedRuns:
    """Runs that were deleted together at `at` (epoch seconds); `until` then they can be brought back."""

    at: float
    until: float
    runs: tuple[Run, ...]

    @property
    def key(self) -> str:
        return f"runs {self.at!r}"

    @property
    def words(self) -> str:
        names = ", ".join(run.name for run in self.runs)
        return names if len(self.runs) == 1 else f"{count_of(len(self.runs), 'run')}: {names}"


Undoable = RemovedFiles | DeletedRuns


def undoables(binned: Iterable[Binned], removed: Iterable[RemovedFiles]) -> list[Undoable]:
    """All that can be brought back, the latest first; runs that were deleted together as one."""
    together: dict[float, list[Binned]] = {}
    for one in binned:
        together.setdefault(one.at, []).append(one)
    runs = [DeletedRuns(at, some[0].until, tuple(one.run for one in some)) for at, some in together.items()]
    return sorted([*runs, *removed], key=lambda one: one.at, reverse=True)


def keep(paths: Iterable[Path]) -> tuple[Kept, ...]:
    """These files as they are, as far as they are there. Blocking."""
    found = []
    for path in paths:
        try:
            found.append(Kept(path, path.read_bytes(), path.stat().st_mode & 0o777))
        except OSError:
            continue
    return tuple(found)


def gone(files: Sequence[Kept]) -> tuple[Kept, ...]:
    """Those that are not there any more. Blocking."""
    return tuple(one for one in files if not os.path.lexists(one.path))


def put_back(files: Sequence[Kept]) -> None:
    """Write the files again as they were, all or none. Blocking. Raises NotNow where there is one, ProjectError."""
    for one in files:
        if os.path.lexists(one.path):
            raise NotNow("there is a file of this name again; it is left as it is.", where=str(one.path))
    written: list[Path] = []
    try:
        for one in files:
            handle = os.open(one.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, one.mode)
            written.append(one.path)
            with os.fdopen(handle, "wb") as file:
                file.write(one.content)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise ProjectError(f"the file cannot be written: {error.strerror}.", where=str(error.filename)) from error
