"""What was typed and is not saved, kept while it is edited: a connection that is lost must not take it along.

One file for each that is edited, in the state folder, for the person alone. Blocking: called in a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

from engine.private_files import replace_private

if TYPE_CHECKING:
    from pathlib import Path


class Draft:
    """Of one file. A disk that refuses is no trouble for anybody: nothing is kept then."""

    def __init__(self, state: Path, file: Path) -> None:
        name = hashlib.sha256(os.fsencode(file.absolute())).hexdigest()[:32]
        self.place = state / "unsaved" / name
        self._kept: bytes | None = None

    def read(self) -> bytes | None:
        """What was kept, None when there is nothing."""
        try:
            return self.place.read_bytes()
        except OSError:
            return None

    def keep(self, data: bytes) -> None:
        if data == self._kept:
            return
        with contextlib.suppress(OSError):
            self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_private(self.place, data)
            self._kept = data

    def forget(self) -> None:
        self._kept = None
        try:
            self.place.unlink(missing_ok=True)
        except OSError:
            return
