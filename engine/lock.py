"""One engine a user: a lock beside the store, held as long as the engine lives.

The lock is in the state folder, not beside the socket: a login without XDG_RUNTIME_DIR has another socket folder but
the same store. Its file tells who holds it, so that faces find the engine wherever its socket is.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class EngineLock:
    """The file is never removed: a process that waits for it would then hold a lock on nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1

    def take(self) -> bool:
        """Whether the lock is now ours; does not wait. Raises OSError when the file cannot be made."""
        if self._file < 0:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def tell(self, **holder: Any) -> None:
        """Write down who holds the lock: socket, version, beside pid and host name."""
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), **holder}).encode()
        os.pwrite(self._file, text, 0)
        os.ftruncate(self._file, len(text))

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def holder(path: Path) -> dict[str, Any]:
    """What the last holder told: pid, host, socket, version; empty when nobody ever did. It may have died since."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_held(path: Path) -> bool:
    """Whether an engine lives. False also when the file is not there or cannot be opened."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)
