"""The engine's log: its own file, readable by the person alone, of bounded size."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from engine.errors import EngineUnavailable

if TYPE_CHECKING:
    from io import TextIOWrapper
    from pathlib import Path

# At most this many bytes a file, and this many older files: some 10,000 lines each.
SIZE, KEPT = 1 << 20, 3


class PrivateLog(RotatingFileHandler):
    """A rotating file of mode 0600. With `takes_stdio`, what is printed goes there too, also after it rotated."""

    takes_stdio = False

    def _open(self) -> TextIOWrapper:
        file = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        stream = os.fdopen(file, "a", encoding="utf-8", errors="backslashreplace")
        if self.takes_stdio:
            os.dup2(file, 1)
            os.dup2(file, 2)
        return stream


def open_log(path: Path) -> PrivateLog:
    """Send what the engine logs to this file. Raises EngineUnavailable when it cannot be written."""
    try:
        handler = PrivateLog(path, maxBytes=SIZE, backupCount=KEPT)
    except OSError as error:
        raise EngineUnavailable(
            f"the engine's log cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Check the folder's permissions and the disk's free space.",
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    return handler


def to_log(handler: PrivateLog) -> None:
    """Give the log the process's stdout and stderr, and nothing its stdin."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    handler.takes_stdio = True
    if handler.stream is not None:
        for number in (1, 2):
            os.dup2(handler.stream.fileno(), number)
