"""What was typed and is not saved, kept while it is edited: a connection that is lost must not take it along.

One file for each that is edited, in the state folder, for the person alone. Blocking: called in a thread.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

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
        new = self.place.with_name(f"{self.place.name}.{os.getpid()}")
        try:
            self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(data)
            new.replace(self.place)
            self._kept = data
        except OSError:
            new.unlink(missing_ok=True)

    def forget(self) -> None:
        self._kept = None
        try:
            self.place.unlink(missing_ok=True)
        except OSError:
            return
