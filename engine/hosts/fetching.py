"""Outputs arriving from a host: written below one folder, whatever the host says."""

from __future__ import annotations

import os
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from engine.errors import HostError
from engine.hosts.host import Fetched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO


class Receiver:
    """Takes the parts of a `fetch` in order. Blocking."""

    def __init__(self, dest: Path) -> None:
        self._dest = dest
        self._lock = threading.Lock()
        self._closed = False
        self._file: BinaryIO | None = None
        self._part: Path | None = None
        self._target: Path | None = None
        self._mtime = 0.0
        self._mode = 0o644
        self._links: list[tuple[Path, str]] = []
        self._files = 0
        self._bytes = 0
        self._skipped: list[str] = []

    def take(self, header: Mapping[str, Any], body: bytes) -> None:
        """A name, or bytes of the file named last."""
        with self._lock:
            if not self._closed:
                self._take(header, body)

    def _take(self, header: Mapping[str, Any], body: bytes) -> None:
        if "bytes" in header:
            if self._file is None:
                raise HostError("bytes of a file that was not announced")
            self._file.write(body)
            self._bytes += len(body)
            return
        self._complete()
        for item in header["part"]:
            self._announce(item)

    def _announce(self, item: Mapping[str, Any]) -> None:
        path = self._inside(item["path"])
        if item["kind"] == "dir":
            path.mkdir(parents=True, exist_ok=True)
        elif item["kind"] == "link":
            self._links.append((path, item["target"]))
        elif item["kind"] == "file":
            path.parent.mkdir(parents=True, exist_ok=True)
            self._target = path
            self._part = path.with_name(f".{path.name[:200]}.part")
            self._part.unlink(missing_ok=True)
            self._file = self._part.open("xb")
            self._mtime = item["mtime"]
            self._mode = 0o755 if item.get("mode", 0) & 0o111 else 0o644
        elif item["kind"] == "large":
            self._skipped.append(f"{item['path']}: {item['size'] / 1e6:,.0f} MB, left on its host")
        elif item["kind"] == "unreadable":
            self._skipped.append(f"{item['path']}: {item['target']}")
        else:
            self._skipped.append(f"{item['path']}: not a file, folder or link")

    def _inside(self, name: str) -> Path:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise HostError(f"the host sent the path {name!r}, which leads out of the folder")
        path = self._dest / pure
        # Links of an earlier fetch may lead on together where each alone does not.
        base, parent = os.path.realpath(self._dest), os.path.realpath(path.parent)
        if parent != base and not parent.startswith(base + os.sep):
            raise HostError(f"{name!r} would be written through a link that leads out of the folder")
        return path

    def _complete(self) -> None:
        """The file at work is whole: give it its name."""
        if self._file is None or self._part is None or self._target is None:
            return
        self._file.close()
        self._file = None
        self._part.chmod(self._mode)
        os.utime(self._part, (self._mtime, self._mtime))
        self._part.replace(self._target)
        self._files += 1

    def finish(self) -> Fetched:
        """Everything arrived: make the links last, so that no file is written through one."""
        self._complete()
        base = os.path.normpath(self._dest)
        for path, target in self._links:
            meant = os.path.normpath(path.parent / target)
            if target.startswith("/") or not (meant == base or meant.startswith(base + os.sep)):
                self._skipped.append(f"{path.relative_to(self._dest)}: a link out of the outputs, to {target}")
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.symlink_to(target)
        return Fetched(self._files, self._bytes, tuple(self._skipped))

    def close(self) -> None:
        """Give up: what is not whole goes, and what a thread still brings is dropped."""
        with self._lock:
            self._closed = True
            if self._file is not None and self._part is not None:
                self._file.close()
                self._part.unlink(missing_ok=True)
