"""Files that are whole or not there: by temporary file, fsync, rename (or link), fsync of the folder.

Imports next to nothing: in a container the script waits for it.
"""

import os

# Enough for a record of the end with some tens of processes left behind (bytes).
RESERVED = 8192


def encode(text: str) -> bytes:
    """A name from the wire as this host's bytes."""
    return text.encode("utf-8", "surrogateescape")


def decode(name: bytes) -> str:
    """A name of this host for the wire."""
    return name.decode("utf-8", "surrogateescape")


def sync_folder(folder: bytes) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reserve(folder: bytes, name: str, sync: bool = True) -> None:
    """Take the disk space for a file that must be written even when the disk is full.

    Without `sync` that takes no time, and holds unless the host itself dies.
    """
    handle = os.open(os.path.join(folder, (name + ".reserved").encode()), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, b" " * RESERVED, 0)
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)


def put(folder: bytes, name: str, data: bytes, part: str, exclusive: bool = False) -> bool:
    """Make one file. `part` names its temporary file, which nobody else may use.

    With `exclusive`, False when it is there already, and then it stays as it is.
    """
    target = os.path.join(folder, name.encode())
    temporary = os.path.join(folder, part.encode())
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            rest = data
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        if exclusive:
            # link() refuses an existing name in one step, and the name never shows half of the content.
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
        else:
            os.rename(temporary, target)
    finally:
        try:
            os.unlink(temporary)
        except FileNotFoundError:
            pass
    sync_folder(folder)
    return True
