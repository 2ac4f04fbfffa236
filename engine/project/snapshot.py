"""The snapshot: which files a run takes along, by content. Taken at submission, so the project may change at once.

Contents go into the content store (`blobs/<2 hex>/<62 hex>`, named by SHA-256), where a second snapshot finds them.
Files that look unchanged (size, times, inode) are not read again, by the rule of git's index: a file whose time is
not clearly older than the look at it is read again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import stat
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import ProjectError
from engine.private_files import replace_private
from engine.project import gitstate
from engine.project.gitstate import GitState
from engine.project.ignore import IgnoreRules, is_ours
from engine.project.secret_files import HEAD, SECRET_FOLDERS, is_secret, secret_in

# The original's limits; passing them is said, not refused. Bytes, and number of files.
SIZE_NOTE, SIZE_WARNING, COUNT_WARNING = 25 << 20, 300 << 20, 2000
# What is read to weigh a snapshot: somebody only thinks of it. Bytes.
MOST_WEIGHED = 1 << 30
_PIECE = 1 << 20
_RACY = 2_000_000_000
_CONFIG_FOLDERS = ("aml_config", ".azureml")


@dataclass(frozen=True)
class Entry:
    """One path of a snapshot. `path` and `link` are file names as Python has them (surrogate escapes for odd bytes)."""

    path: str
    kind: str
    mode: int = 0o644
    size: int = 0
    sha256: str | None = None
    link: str | None = None

    def to_json(self) -> dict[str, Any]:
        # Not `asdict`, which copies deeply: ten times as long, and there may be thousands of them.
        told: dict[str, Any] = {"path": self.path, "kind": self.kind, "mode": self.mode, "size": self.size}
        if self.sha256 is not None:
            told["sha256"] = self.sha256
        if self.link is not None:
            told["link"] = self.link
        return told


@dataclass(frozen=True)
class Snapshot:
    """The entries in order of path, and what is worth knowing of them. `id` is the SHA-256 of what is in it."""

    id: str
    entries: tuple[Entry, ...]
    files: int
    bytes: int
    git: GitState | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "entries": [entry.to_json() for entry in self.entries],
            "files": self.files,
            "bytes": self.bytes,
            "git": dataclasses.asdict(self.git) if self.git else None,
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Snapshot:
        return cls(
            data["id"],
            tuple(Entry(**entry) for entry in data["entries"]),
            data["files"],
            data["bytes"],
            GitState.from_json(data["git"]) if data["git"] else None,
            tuple(data["warnings"]),
        )


@dataclass(frozen=True)
class Weighed:
    """What a snapshot would be now, with nothing kept of it.

    Paths that stay behind: `ignored` by the rules of ignore files (a folder counts once), `secret` by what they hold.
    `whole` is False when too much would have to be read for it: then there are no hashes, and no id.
    """

    snapshot: Snapshot
    ignored: tuple[str, ...]
    secret: tuple[str, ...]
    whole: bool = True


@dataclass
class _Found:
    entries: list[Entry] = field(default_factory=list)
    stats: dict[str, os.stat_result] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    # Paths of files that showed a secret when they were read.
    secret: list[str] = field(default_factory=list)
    # Paths that ignore files leave out, and those whose names tell that they hold secrets.
    ignored: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


def take_snapshot(project: Path, blobs: Path, cache: Path) -> Snapshot:
    """Put what a run takes along into `blobs` and name it. Blocking; doing it again costs a walk.

    Raises ProjectError for a file that cannot be read or keeps changing, OSError when the store is not writable.
    """
    return _taken(project, _walk(project), blobs, cache)


def weigh_snapshot(project: Path, cache: Path, most: int = MOST_WEIGHED) -> Weighed:
    """What `take_snapshot` would give now, its id as well, with nothing kept. Blocking; raises as that does.

    Nothing is read where that would be more than `most` bytes.
    """
    found = _walk(project)
    known = _StatCache(cache, project)
    if sum(info.st_size for path, info in found.stats.items() if known.get(path, info) is None) > most:
        taken = dataclasses.replace(_snapshot(tuple(found.entries), None, found.warnings), id="")
        return Weighed(taken, tuple(found.ignored), tuple(found.named), whole=False)
    taken = _taken(project, found, None, cache)
    return Weighed(taken, tuple(found.ignored), (*found.named, *found.secret))


def _taken(project: Path, found: _Found, blobs: Path | None, cache: Path) -> Snapshot:
    """Contents are kept in `blobs`; None: they are only looked at."""
    known = _StatCache(cache, project)
    entries = tuple(
        _captured(project, entry, found, blobs, known) if entry.kind == "file" else entry for entry in found.entries
    )
    entries = tuple(entry for entry in entries if entry.sha256 or entry.kind != "file")
    known.save(entry.path for entry in entries)
    state: GitState | None = None
    git = gitstate.read(project, found.secret)
    if git is not None:
        state, diff = git
        if diff:
            state = dataclasses.replace(state, diff_sha256=_store_bytes(blobs, diff))
    return _snapshot(entries, state, found.warnings)


def plan_snapshot(project: Path) -> Snapshot:
    """What a snapshot would take, without reading contents or writing anything; its id and hashes are empty."""
    found = _walk(project)
    taken = _snapshot(tuple(found.entries), None, found.warnings)
    return dataclasses.replace(taken, id="")


def blob_path(blobs: Path, sha256: str) -> Path:
    return blobs / sha256[:2] / sha256[2:]


def save(snapshot: Snapshot, folder: Path) -> Path:
    """Keep the manifest as `<folder>/<id>.json`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{snapshot.id}.json"
    if not path.exists():
        replace_private(path, json.dumps(snapshot.to_json()).encode("ascii"))
    return path


def load(folder: Path, snapshot_id: str) -> Snapshot:
    """The manifest kept under this id. Raises ProjectError when it is gone."""
    path = folder / f"{snapshot_id}.json"
    try:
        return Snapshot.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"the snapshot {snapshot_id[:12]} cannot be read: {error}.", where=str(path), remedy="Submit again."
        ) from error


def _snapshot(entries: tuple[Entry, ...], git: GitState | None, warnings: list[str]) -> Snapshot:
    entries = tuple(sorted(entries, key=lambda entry: os.fsencode(entry.path)))
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(json.dumps(entry.to_json(), sort_keys=True).encode("ascii") + b"\n")
    if git is not None:
        digest.update(json.dumps(dataclasses.asdict(git), sort_keys=True).encode("ascii"))
    files = [entry for entry in entries if entry.kind == "file"]
    size = sum(entry.size for entry in files)
    return Snapshot(digest.hexdigest(), entries, len(files), size, git, tuple(_limits(files, size) + warnings))


def _limits(files: list[Entry], size: int) -> list[str]:
    found: list[str] = []
    if size > SIZE_NOTE:
        largest = sorted(files, key=lambda entry: -entry.size)[:5]
        names = ", ".join(f"{_shown(entry.path)} ({_megabytes(entry.size)})" for entry in largest)
        limit = SIZE_WARNING if size > SIZE_WARNING else SIZE_NOTE
        found.append(
            f"the snapshot has {_megabytes(size)} (more than {_megabytes(limit)}); the largest: {names}."
            " Leave data out with .amlignore."
        )
    if len(files) > COUNT_WARNING:
        folders: dict[str, int] = {}
        for entry in files:
            top = entry.path.partition("/")[0] if "/" in entry.path else "."
            folders[top] = folders.get(top, 0) + 1
        most = sorted(folders.items(), key=lambda item: -item[1])[:5]
        names = ", ".join(f"{_shown(name)} ({count})" for name, count in most)
        found.append(f"the snapshot has {len(files)} files (more than {COUNT_WARNING}); most are in: {names}.")
    return found


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.0f} MB"


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode() if path.isprintable() else ascii(path)


def _walk(project: Path) -> _Found:
    found = _Found()
    rules = IgnoreRules(project)

    def folder(relative: str) -> None:
        depth = rules.enter(relative)
        try:
            with os.scandir(project / relative if relative else project) as listing:
                items = sorted(listing, key=lambda item: os.fsencode(item.name))
        except OSError as error:
            raise ProjectError(
                f"the folder cannot be read: {error.strerror}.",
                where=relative or str(project),
                remedy="Make it readable, or leave it out with .amlignore.",
            ) from error
        for item in items:
            path = f"{relative}/{item.name}" if relative else item.name
            _take(found, rules, item, path, folder)
        rules.leave(depth)

    folder("")
    return found


def _take(found: _Found, rules: IgnoreRules, item: os.DirEntry[str], path: str, descend: Any) -> None:
    is_dir = item.is_dir(follow_symlinks=False)
    if is_ours(path, is_dir=is_dir):
        return
    if rules.excludes(path, is_dir=is_dir):
        found.ignored.append(path)
        return
    if item.name in SECRET_FOLDERS if is_dir else is_secret(path):
        found.named.append(path)
        found.warnings.append(f"{_shown(path)} was left out: files of this name hold secrets.")
        return
    if item.is_symlink():
        found.entries.append(Entry(path, "link", 0o777, 0, None, os.readlink(item.path)))
    elif is_dir:
        found.entries.append(Entry(path, "dir", 0o755))
        descend(path)
    elif item.is_file(follow_symlinks=False):
        info = item.stat(follow_symlinks=False)
        found.stats[path] = info
        found.entries.append(Entry(path, "file", 0o755 if info.st_mode & stat.S_IXUSR else 0o644, info.st_size))
    else:
        found.warnings.append(f"{_shown(path)} was left out: it is neither a file, a folder nor a link.")


def _captured(project: Path, entry: Entry, found: _Found, blobs: Path | None, known: _StatCache) -> Entry:
    """The entry with its content in the store; without a hash when the file holds a secret or has just gone."""
    info = found.stats[entry.path]
    sha = known.get(entry.path, info)
    if sha is not None and (blobs is None or blob_path(blobs, sha).exists()):
        return dataclasses.replace(entry, sha256=sha)
    for _ in range(3):
        looked = time.time_ns()
        try:
            with open(project / entry.path, "rb") as file:
                secret = secret_in(os.path.basename(entry.path), file.read(HEAD))
                if secret:
                    found.warnings.append(f"{_shown(entry.path)} was left out: it holds {secret}.")
                    found.secret.append(entry.path)
                    return entry
                file.seek(0)
                before = os.fstat(file.fileno())
                sha, size = _hashed(file) if blobs is None else _store_file(blobs, file)
                after = os.fstat(file.fileno())
        except FileNotFoundError:
            return entry
        except PermissionError as error:
            raise ProjectError(
                "the file cannot be read.",
                where=_shown(entry.path),
                remedy="Make it readable, or leave it out with .amlignore.",
            ) from error
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size) and size == after.st_size:
            known.put(entry.path, after, sha, looked)
            return dataclasses.replace(entry, sha256=sha, size=size)
    raise ProjectError(
        "the file keeps changing while it is read.",
        where=_shown(entry.path),
        remedy="Leave it out with .amlignore, or submit when it is still.",
    )


def _hashed(file: Any) -> tuple[str, int]:
    """Hash and size of an open file."""
    digest = hashlib.sha256()
    size = 0
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _store_file(blobs: Path, file: Any) -> tuple[str, int]:
    """Copy an open file into the store. Returns its hash and size."""
    digest = hashlib.sha256()
    size = 0
    first = file.read(_PIECE)
    if len(first) < _PIECE:
        return _store_bytes(blobs, first), len(first)
    blobs.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=blobs, prefix=".new-")
    try:
        with open(handle, "wb") as copy:
            piece = first
            while piece:
                digest.update(piece)
                size += len(piece)
                copy.write(piece)
                piece = file.read(_PIECE)
        sha = digest.hexdigest()
        target = blob_path(blobs, sha)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    return sha, size


def _store_bytes(blobs: Path | None, data: bytes) -> str:
    """Its hash; without a store, only that."""
    sha = hashlib.sha256(data).hexdigest()
    if blobs is None:
        return sha
    target = blob_path(blobs, sha)
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_private(target, data)
    return sha


class _StatCache:
    """What the files of one project hashed to, by how they looked. Losing it costs reading them again."""

    def __init__(self, cache: Path, project: Path) -> None:
        name = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:24]
        self._path = cache / "snapshots" / f"{name}.json"
        self._changed = False
        self._known: dict[str, list[Any]] = {}
        with contextlib.suppress(OSError, ValueError):
            self._known = json.loads(self._path.read_bytes())

    def get(self, path: str, info: os.stat_result) -> str | None:
        known = self._known.get(path)
        if known and known[:4] == [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino]:
            return str(known[4])
        return None

    def put(self, path: str, info: os.stat_result, sha: str, looked: int) -> None:
        if info.st_mtime_ns > looked - _RACY:
            # Written so recently that a later change could leave the same time: not remembered.
            self._known.pop(path, None)
        else:
            self._known[path] = [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, sha]
        self._changed = True

    def save(self, paths: Any) -> None:
        if not self._changed:
            return
        kept = {path: self._known[path] for path in paths if path in self._known}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_private(self._path, json.dumps(kept).encode("ascii"))
