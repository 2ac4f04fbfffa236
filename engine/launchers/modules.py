"""What of a project's code Spark's executors get: they are on other machines and do not see the run directory."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from engine.project.snapshot import Entry, blob_path

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot

# Files of the project's root that go as they are.
ENDINGS = (".py", ".zip", ".egg")
# What the packages beside them go in, a file of the run's copy of the project.
PACKED = ".aml-modules.zip"
# The oldest that a zip knows: the same code is the same file.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def names(taken: Snapshot, script: str) -> list[str]:
    """For `--py-files`, relative to the project: what lies beside the script, and PACKED if there are packages."""
    own = script.removeprefix("./")
    beside = [
        entry.path
        for entry in taken.entries
        if entry.kind == "file"
        and "/" not in entry.path
        and entry.path.endswith(ENDINGS)
        and entry.path != own
        # What separates them for spark-submit.
        and "," not in entry.path
    ]
    return [*beside, PACKED] if _of_packages(taken) else beside


def _of_packages(taken: Snapshot) -> list[Entry]:
    """The modules in folders of the project's root that Python takes for packages."""
    files = [entry for entry in taken.entries if entry.kind == "file" and entry.path.endswith(".py")]
    packages = {
        entry.path.partition("/")[0]
        for entry in files
        if entry.path.count("/") == 1 and entry.path.endswith("/__init__.py")
    }
    return [entry for entry in files if "/" in entry.path and entry.path.partition("/")[0] in packages]


def pack(taken: Snapshot, blobs: Path, folder: Path) -> tuple[Path, Entry] | None:
    """The packages in one file of `folder`, and what it is in a run directory; None without packages. Blocking.

    Who asks removes the file. Raises OSError.
    """
    modules = _of_packages(taken)
    if not modules:
        return None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in modules:
            info = zipfile.ZipInfo(entry.path, _LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            packed.writestr(info, blob_path(blobs, str(entry.sha256)).read_bytes())
    data = buffer.getvalue()
    handle, name = tempfile.mkstemp(suffix=".zip", dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return Path(name), Entry(PACKED, "file", 0o600, len(data), hashlib.sha256(data).hexdigest())
