"""Files of a project, read whole: plain ones and links to them. A pipe would never end, a device never stop."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from engine.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)
_LINK = "Correct the link, or remove it."


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises ProjectError, with what to do, for what is no file or cannot be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.read_bytes()
    except OSError as error:
        if error.errno == errno.ENOENT and path.is_symlink():
            said = f"it is a link to {os.readlink(path)!r}, which is not there."
            raise ProjectError(said, where=str(path), remedy=_LINK) from error
        remedy = _LINK if error.errno == errno.ELOOP else "Check its permissions."
        raise ProjectError(f"the file cannot be read: {error.strerror}.", where=str(path), remedy=remedy) from error
    kind = next((words for test, words in _KINDS if test(mode)), "something else")
    raise ProjectError(f"it is {kind}, not a file.", where=str(path), remedy="Put a file in its place, or remove it.")
