"""Putting a file in the place of another at once, as careful editors do: mode, owner and links stay what they are."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from typing import TYPE_CHECKING

from engine.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path


class ChangedOnDisk(ProjectError):
    """The file is not what it was when it was read. `found` is what it is now, None: it is gone."""

    code = "changed"

    def __init__(self, where: str, found: bytes | None) -> None:
        said = "the file has changed on disk." if found is not None else "the file is gone from the disk."
        super().__init__(said, where=where, remedy="Look at the difference before one of both is lost.")
        self.found = found


def bytes_there(path: Path) -> bytes | None:
    """A file's bytes, None when there is none. Raises ProjectError for what is no file or cannot be read."""
    from engine.project.plain_files import read_bytes

    return read_bytes(path) if os.path.lexists(path) else None


def replace_seen(path: Path, data: bytes, seen: bytes | None) -> None:
    """Replace a file that was read as `seen` (None: there was none). Raises ChangedOnDisk, ProjectError."""
    found = bytes_there(path)
    if found not in (seen, data):
        raise ChangedOnDisk(str(path), found)
    replace_bytes(path, data)


def replace_bytes(path: Path, data: bytes) -> None:
    """Replace a file, or make it. A link stays, and what it leads to is replaced. Raises ProjectError.

    At once, so that nobody reads half of it; in place only where another file could not be given to the same owner, or
    the folder takes no new one.
    """
    try:
        real = path.resolve()
        there = real.stat() if real.exists() else None
        if not _swapped(real, data, there):
            _written_in_place(real, data)
    except OSError as error:
        raise ProjectError(
            f"the file cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Check permissions and disk space.",
        ) from error


def _swapped(real: Path, data: bytes, there: os.stat_result | None) -> bool:
    """Whether a new file was put in the old one's place; False where the old one itself has to be written."""
    if there is not None and not os.access(real, os.W_OK):
        # Its folder would let it be replaced, but it was made so that nobody does.
        raise PermissionError(13, os.strerror(13))
    try:
        handle, new = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    except PermissionError:
        if there is None:
            raise
        return False
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if there is not None and not _given(file.fileno(), there):
                os.unlink(new)
                return False
            os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode) if there is not None else 0o644)
        os.replace(new, real)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        raise
    return True


def _written_in_place(real: Path, data: bytes) -> None:
    """Room for it is made sure of first: half of it would be neither the old file nor the new one."""
    with open(real, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if len(data) > size:
            try:
                os.posix_fallocate(file.fileno(), size, len(data) - size)
            except OSError as error:
                file.truncate(size)
                # A file system that cannot say so is taken at its word.
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                    raise
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _given(handle: int, there: os.stat_result) -> bool:
    """Give a new file to the owner of the old one; whether that could be done."""
    made = os.fstat(handle)
    if (made.st_uid, made.st_gid) == (there.st_uid, there.st_gid):
        return True
    try:
        os.fchown(handle, there.st_uid, there.st_gid)
    except OSError:
        return False
    return True
