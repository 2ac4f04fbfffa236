"""Outputs arriving from a host: written below one folder, whatever the host says."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from engine.errors import HostError
from engine.hosts.host import Fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO


class Receiver:
    """Takes the parts of a `fetch` in order. Blocking."""

    def __init__(self, dest: Path) -> None:
        self._dest = dest
        self._lock = threading.Lock()
        self._closed = False
        self._file: BinaryIO | None = None
        self._part: Path | None = None
        self._named = ""
        # Bytes of a file that could not be made here are not kept.
        self._passed_over = False
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
            if self._file is None and not self._passed_over:
                raise HostError("bytes of a file that was not announced")
            if self._file is not None:
                self._file.write(body)
                self._bytes += len(body)
            return
        self._try("", self._complete)
        self._passed_over = False
        for item in header["part"]:
            # A name that this machine cannot have must not keep the others away.
            self._passed_over = not self._try(item["path"], partial(self._announce, item))

    def _try(self, path: str, work: Callable[[], None]) -> bool:
        """Whether it was done; otherwise what is said of it is noted. Raises OSError when the disk is full."""
        try:
            work()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._skipped.append(f"{path or self._named}: {error.strerror} on this machine")
            self._give_up()
            return False
        return True

    def _announce(self, item: Mapping[str, Any]) -> None:
        path = self._inside(item["path"])
        if item["kind"] == "dir":
            path.mkdir(parents=True, exist_ok=True)
            if item.get("target"):
                self._skipped.append(f"{item['path']}/: {item['target']}")
        elif item["kind"] == "link":
            self._links.append((path, item["target"]))
        elif item["kind"] == "file":
            path.parent.mkdir(parents=True, exist_ok=True)
            self._named, self._target = item["path"], path
            # Short whatever the name is, and no name that a script gives to a file of its own.
            part = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]
            self._part = path.with_name(f".{part}.aml-part")
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
        self._part = None
        self._files += 1

    def finish(self) -> Fetched:
        """Everything arrived: make the links last, so that no file is written through one."""
        self._try("", self._complete)
        base = os.path.normpath(self._dest)
        for path, target in self._links:
            meant = os.path.normpath(path.parent / target)
            if target.startswith("/") or not (meant == base or meant.startswith(base + os.sep)):
                self._skipped.append(f"{path.relative_to(self._dest)}: a link out of the outputs, to {target}")
                continue
            self._try(str(path.relative_to(self._dest)), partial(_link, path, target))
        return Fetched(self._files, self._bytes, tuple(self._skipped))

    def close(self) -> None:
        """Give up: what is not whole goes, and what a thread still brings is dropped."""
        with self._lock:
            self._closed = True
            self._give_up()

    def _give_up(self) -> None:
        """The file at work is not to be had."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._part is not None:
            with contextlib.suppress(OSError):
                self._part.unlink()
            self._part = None


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
