"""Run directories and the content store of a host: blobs in, run directories laid out, outputs listed and read."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import threading
import time

from . import identities, status
from .whole import decode, encode

MYPY = False
if MYPY:
    from typing import Any, BinaryIO, Callable, Iterable, Iterator, Optional

FICLONE = 0x40049409
SHA = re.compile(r"[0-9a-f]{64}\Z")
# Between two looks for blobs that nobody uses (s).
DAY = 86400.0
FOLLOWED = {
    "driver.log": b"logs/driver.log",
    "driver.streams": b"logs/driver.streams",
    "metrics.jsonl": b"metrics.jsonl",
}


class Refused(Exception):
    """Cannot be done, with words for a person and what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        Exception.__init__(self, message)
        self.message = message
        self.remedy = remedy


class Root(object):
    """The folder of aml-tui on this host: `runs/`, `blobs/`, `agent/`."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.clones = set()  # type: set[int]
        for name in (b"runs", b"blobs", b"agent"):
            os.makedirs(os.path.join(path, name), mode=0o700, exist_ok=True)

    def run(self, run_id: str) -> bytes:
        name = encode(run_id)
        if not name or b"/" in name or b"\0" in name or name.startswith(b".") or len(name) > 200:
            raise Refused("not a run id: %r" % run_id)
        return os.path.join(self.path, b"runs", name)

    def status(self, run_id: str) -> bytes:
        return os.path.join(self.run(run_id), b"status")

    def followed(self, run_id: str, name: str) -> bytes:
        if name not in FOLLOWED:
            raise Refused("not a file to follow: %r" % name)
        return os.path.join(self.run(run_id), FOLLOWED[name])

    def blob(self, sha: str) -> bytes:
        if not SHA.match(sha):
            raise Refused("not a content hash: %r" % sha)
        return os.path.join(self.path, b"blobs", sha[:2].encode(), sha[2:].encode())

    def missing(self, shas: "Iterable[str]") -> "list[str]":
        """Those of these blobs that are not here. The others count as used from now on."""
        absent = []
        for sha in shas:
            try:
                os.utime(self.blob(sha))
            except OSError:
                absent.append(sha)
        return absent

    def tidy(self, seconds: float) -> None:
        """Remove blobs that nobody has used for so long; at most once a day, since it looks at every one.

        Run directories have copies or links of their own.
        """
        store = os.path.join(self.path, b"blobs")
        stamp = os.path.join(self.path, b"tidied")
        try:
            if time.time() - os.stat(stamp).st_mtime < DAY:
                return
        except OSError:
            pass
        try:
            os.close(os.open(stamp, os.O_WRONLY | os.O_CREAT, 0o600))
            os.utime(stamp)
        except OSError:
            return
        limit = time.time() - seconds
        for base, _, names in os.walk(store):
            for name in names:
                path = os.path.join(base, name)
                try:
                    if os.lstat(path).st_mtime < limit:
                        os.unlink(path)
                except OSError:
                    pass

    def lay(self, run_id: str, entries: "list[dict[str, Any]]") -> None:
        """Make the run directory, with `project/` as the entries say. Whole or not at all; a second time does nothing.

        An entry: path, kind ("file", "dir", "link"), mode, size, sha256, link (where a link leads).
        """
        folder = self.run(run_id)
        state = os.path.join(folder, b"status")
        for name in (b"", b"outputs", b"logs", b"status"):
            os.makedirs(os.path.join(folder, name), mode=0o700, exist_ok=True)
        lock = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                # Some network file systems have no locks; one engine a user makes two layers unlikely there.
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                    raise
            done = status.read(state, "laid.json")
            begun = os.path.exists(os.path.join(state, b"process.json"))
            # Contents are not synced one by one: after a crash of the host a waiting run is laid out again.
            if begun or (done and done.get("boot_id") == identities.boot_id()):
                return
            part = os.path.join(folder, b".project")
            remove_tree(part)
            os.mkdir(part, 0o700)
            self.fill(part, entries)
            project = os.path.join(folder, b"project")
            remove_tree(project)
            os.rename(part, project)
            status.write(state, "laid.json", {"boot_id": identities.boot_id(), "entries": len(entries)})
        finally:
            os.close(lock)

    def fill(self, folder: bytes, entries: "list[dict[str, Any]]") -> None:
        made = {folder}
        kinds = ("dir", "file", "link")
        for entry in sorted(entries, key=lambda entry: (kinds.index(entry["kind"]), entry["path"])):
            name = encode(entry["path"])
            parts = name.split(b"/")
            if any(part in (b"", b".", b"..") for part in parts) or b"\0" in name:
                raise Refused("a snapshot cannot hold the path %r" % entry["path"])
            if parts[0] == b"outputs":
                continue
            path = os.path.join(folder, name)
            parent = path if entry["kind"] == "dir" else os.path.dirname(path)
            if parent not in made:
                os.makedirs(parent, mode=0o755, exist_ok=True)
                made.add(parent)
            if entry["kind"] == "file":
                self.place(entry, path)
            elif entry["kind"] == "link":
                os.symlink(encode(entry["link"]), path)
        os.symlink(b"../outputs", os.path.join(folder, b"outputs"))

    def place(self, entry: "dict[str, Any]", path: bytes) -> None:
        """One file from its blob: a clone where the file system can, else a copy; never a link to the blob itself."""
        blob = self.blob(entry["sha256"])
        if not os.path.exists(blob):
            raise Refused("the content of %s is not on this host" % entry["path"], "Submit the run again.")
        with open(blob, "rb") as source:
            size = os.fstat(source.fileno()).st_size
            if size != entry["size"]:
                os.rename(blob, blob + b".bad")
                raise Refused(
                    "the stored content of %s is damaged: %d bytes, not %d" % (entry["path"], size, entry["size"]),
                    "It was put aside. Submit the run again.",
                )
            mode = 0o755 if entry.get("mode", 0) & 0o111 else 0o644
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as target:
                os.fchmod(target.fileno(), mode)
                self.copy(source, target, size)

    def copy(self, source: "BinaryIO", target: "BinaryIO", size: int) -> None:
        device = os.fstat(source.fileno()).st_dev
        if device not in self.clones and size:
            try:
                fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
                return
            except OSError:
                # This file system, or this pair of them, cannot: do not ask it for each file.
                self.clones.add(device)
        offset = 0
        while offset < size:
            offset_before = offset
            try:
                offset += os.sendfile(target.fileno(), source.fileno(), offset, size - offset)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOSYS):
                    raise
            if offset == offset_before:
                source.seek(offset)
                target.seek(offset)
                shutil.copyfileobj(source, target, 1 << 20)
                return

    def runtime(self, name: str, files: "dict[str, str]") -> str:
        """Place the run-side package once per version; returns its folder. `files`: relative path to source text."""
        folder = os.path.join(self.path, b"agent", encode(name))
        if not os.path.isdir(folder):
            part = folder + b".%d.%d" % (os.getpid(), threading.get_ident())
            remove_tree(part)
            os.makedirs(part, mode=0o700)
            for path, text in files.items():
                target = os.path.join(part, encode(path))
                os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
                with open(target, "wb") as file:
                    file.write(text.encode("utf-8"))
                    file.flush()
                    os.fsync(file.fileno())
            try:
                os.rename(part, folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                remove_tree(part)
        return decode(folder)

    def remove(self, run_id: str) -> None:
        """Delete a run directory; gone already is fine."""
        folder = self.run(run_id)
        away = os.path.join(self.path, b"runs", b".removed-%d-%d-" % (os.getpid(), threading.get_ident())) + encode(
            run_id
        )
        try:
            os.rename(folder, away)
        except FileNotFoundError:
            return
        remove_tree(away)

    def inside(self, run_id: str, path: str) -> bytes:
        """The real path of something in a run's outputs; what leads out of them is refused."""
        base = os.path.realpath(os.path.join(self.run(run_id), b"outputs"))
        real = os.path.realpath(os.path.join(base, encode(path)))
        if real != base and not real.startswith(base + b"/"):
            raise Refused("%s leads out of the run's outputs" % path)
        return real

    def outputs(self, run_id: str, path: str = "") -> "Iterator[dict[str, Any]]":
        """Everything in the outputs folder, or below `path` in it: path, kind, size, mtime, mode, a link's target."""
        base = os.path.join(self.run(run_id), b"outputs")
        todo = [encode(path).strip(b"/")] if path else [b""]
        if path:
            self.inside(run_id, path)
        while todo:
            name = todo.pop()
            full = os.path.join(base, name) if name else base
            try:
                info = os.lstat(full)
            except FileNotFoundError:
                if name == encode(path).strip(b"/") and name:
                    raise
                continue
            item = {"path": decode(name), "size": info.st_size, "mtime": info.st_mtime, "mode": info.st_mode & 0o777}
            if stat.S_ISDIR(info.st_mode):
                item.update(kind="dir", size=0)
                try:
                    names = sorted(os.listdir(full), reverse=True)
                except (FileNotFoundError, NotADirectoryError):
                    # A script at work has taken it away meanwhile.
                    continue
                except OSError as error:
                    names = []
                    item["target"] = os.strerror(error.errno or 0)
                todo.extend(os.path.join(name, child) if name else child for child in names)
            elif stat.S_ISLNK(info.st_mode):
                try:
                    item.update(kind="link", target=decode(os.readlink(full)))
                except OSError:
                    continue
            elif stat.S_ISREG(info.st_mode):
                item["kind"] = "file"
            else:
                item["kind"] = "other"
            if name:
                yield item

    def read(self, run_id: str, path: str, offset: int, length: int) -> bytes:
        # Not to wait for whoever writes to a pipe.
        handle = os.open(self.inside(run_id, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Refused("%s is not a file" % path)
        with os.fdopen(handle, "rb") as file:
            file.seek(offset)
            return file.read(length)


class Incoming(object):
    """A file on its way in: pieces from the channel, written by a thread of its own, then given its name.

    With `sha`, a blob: checked, and synced. Without, a file of an ended run.
    """

    def __init__(self, path: bytes, sha: "Optional[str]", size: int, consumed: "Callable[[int], None]") -> None:
        self.path = path
        self.sha = sha
        self.size = size
        self.consumed = consumed
        self.pieces = []  # type: list[bytes]
        self.stopped = False
        self.change = threading.Condition()

    def add(self, piece: bytes) -> None:
        with self.change:
            self.pieces.append(piece)
            self.change.notify()

    def stop(self) -> None:
        with self.change:
            self.stopped = True
            self.change.notify()

    def receive(self) -> None:
        """Write the pieces until the size is reached; raises Refused when they do not make the hash."""
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        # Short: the file's own name may be as long as names can be.
        part = os.path.join(os.path.dirname(self.path), b".aml-%d-%d" % (os.getpid(), threading.get_ident()))
        digest = hashlib.sha256()
        left = self.size
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                while left > 0:
                    with self.change:
                        while not self.pieces and not self.stopped:
                            self.change.wait()
                        if self.stopped:
                            raise Refused("nobody sends %s any more" % decode(os.path.basename(self.path)))
                        pieces, self.pieces = self.pieces, []
                    data = b"".join(pieces)
                    file.write(data)
                    digest.update(data)
                    left -= len(data)
                    self.consumed(len(data))
                file.flush()
                if self.sha:
                    os.fsync(file.fileno())
            if left or (self.sha and digest.hexdigest() != self.sha):
                raise Refused(
                    "%s arrived damaged" % decode(os.path.basename(self.path)),
                    "The file changed while it was sent. Try again.",
                )
            os.rename(part, self.path)
        finally:
            try:
                os.unlink(part)
            except FileNotFoundError:
                pass


def unpack(root: "Root", blobs: "list[tuple[str, int]]", body: bytes) -> None:
    """Many small contents that came in one piece: each checked, all on the disk before any has its name."""
    parts = []  # type: list[tuple[bytes, bytes]]
    start = 0
    try:
        for sha, size in blobs:
            path = root.blob(sha)
            data = body[start : start + size]
            start += size
            if len(data) != size or hashlib.sha256(data).hexdigest() != sha:
                raise Refused("%s arrived damaged" % sha, "The file changed while it was sent. Try again.")
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            part = os.path.join(
                os.path.dirname(path), b".aml-%d-%d-%d" % (os.getpid(), threading.get_ident(), len(parts))
            )
            parts.append((part, path))
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
        for part, _ in parts:
            handle = os.open(part, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        for part, path in parts:
            os.rename(part, path)
    finally:
        for part, _ in parts:
            try:
                os.unlink(part)
            except FileNotFoundError:
                pass


def remove_tree(path: bytes) -> None:
    """Delete a folder whatever its permissions; nothing there is fine."""
    if os.path.islink(path):
        os.unlink(path)
        return
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        pass
    except PermissionError:
        # A script may take the write bit off folders it makes.
        os.chmod(path, 0o700)
        for base, folders, _ in os.walk(path):
            for name in folders:
                inner = os.path.join(base, name)
                if not os.path.islink(inner):
                    os.chmod(inner, 0o700)
        shutil.rmtree(path)
