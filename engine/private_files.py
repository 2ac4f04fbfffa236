"""Files that only the person may read, replaced at once: who reads one meanwhile sees the old or the new one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def replace_private(path: Path, data: bytes) -> None:
    """Write this file anew, with mode 0600. Raises OSError; it is then as it was, and nothing lies beside it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
