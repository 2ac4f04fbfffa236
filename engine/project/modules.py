"""What of a project's code Spark's executors get: they are on other machines and do not see the run directory."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from engine.project.snapshot import Entry, blob_path

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot

# What goes as it is: modules that can be imported, and what holds modules. spark-submit stumbles over odd names.
_MODULE = re.compile(r"[A-Za-z_]\w*\.py|[\w.+-]+\.(?:zip|egg)", re.ASCII)
# Folders that it does not stumble over.
_FOLDER = re.compile(r"(?:[\w.+-]+/)*", re.ASCII)
# The packages beside them go in, a file of the run's copy of the project.
PACKED = ".aml-modules.zip"
# The oldest that a zip knows: the same code is the same file.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def names(taken: Snapshot, script: str) -> list[str]:
    """For `--py-files`, relative to the project: the modules in its root and beside the script, and PACKED if there are
    packages. The script itself goes anyway.
    """
    own = script.removeprefix("./")
    folders = _folders(own)
    beside = [
        entry.path
        for entry in taken.entries
        if entry.kind == "file"
        and entry.path != own
        and (found := entry.path.rpartition("/"))[0] in folders
        and _MODULE.fullmatch(found[2])
        and _FOLDER.fullmatch(f"{found[0]}/" if found[0] else "")
    ]
    return [*beside, PACKED] if of_packages(taken, own) else beside


def _folders(script: str) -> tuple[str, ...]:
    """Where a driver finds modules: the project's root, its working directory, and where the script is."""
    return tuple(dict.fromkeys(("", script.rpartition("/")[0])))


def of_packages(taken: Snapshot, script: str) -> dict[str, Entry]:
    """The modules of packages in these folders, by what they are called in PACKED."""
    files = [entry for entry in taken.entries if entry.kind == "file" and entry.path.endswith(".py")]
    found: dict[str, Entry] = {}
    for folder in _folders(script):
        begin = f"{folder}/" if folder else ""
        below = [(entry.path.removeprefix(begin), entry) for entry in files if entry.path.startswith(begin)]
        packages = {name.partition("/")[0] for name, _ in below if re.fullmatch(r"[^/]+/__init__\.py", name)}
        found |= {name: entry for name, entry in below if "/" in name and name.partition("/")[0] in packages}
    return found


def pack(taken: Snapshot, script: str, blobs: Path, folder: Path) -> tuple[Path, Entry] | None:
    """The packages in one file of `folder`, and what it is in a run directory; None without packages. Blocking.

    Who asks removes the file. Raises OSError.
    """
    modules = of_packages(taken, script.removeprefix("./"))
    if not modules:
        return None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, entry in modules.items():
            info = zipfile.ZipInfo(name, _LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            packed.writestr(info, blob_path(blobs, str(entry.sha256)).read_bytes())
    data = buffer.getvalue()
    handle, path = tempfile.mkstemp(suffix=".zip", dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return Path(path), Entry(PACKED, "file", 0o600, len(data), hashlib.sha256(data).hexdigest())
