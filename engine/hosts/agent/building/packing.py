"""An environment as an archive that works wherever it is unpacked.

conda's Python and a virtual environment's find what is beside them from where they are; so only the first lines of
programs need a change, and links that are absolute. conda-pack and venv-pack do this too: they need a newer Python than
head nodes have, and conda-pack refuses environments in which pip replaced something of conda's.
"""

import io
import os
import re
import tarfile
import time

MYPY = False
if MYPY:
    from typing import Callable, Optional

# Programs with a first line are short; what is longer is none.
LONGEST = 1 << 20
LEVEL = 4
TELL = 3.0
# The first line of a script, or the two of one whose interpreter has too long a path for one (pip and conda write it).
FIRST = re.compile(
    rb"#!/bin/sh\n'''exec' \"?(?P<long>[^\"\s]+)\"?[^\n]*\n' '''\n|#![ \t]*(?P<short>\S+)(?P<options>[^\n]*)\n"
)
# Read by the shell, it starts the Python beside the script; read by Python, it is a text.
MOVABLE = b'#!/bin/sh\n\'\'\'exec\' "$(dirname "$(readlink -f "$0")")/%s"%s "$0" "$@"\n\' \'\'\'\n'


def pack(prefix: str, archive: str, say: "Callable[[str], None]") -> int:
    """Write `archive` (tar.gz) of what is in `prefix`; returns the bytes that it unpacks to. Whole or not there."""
    part = archive + ".part"
    total = 0
    told = time.monotonic()
    try:
        with tarfile.open(part, "w:gz", format=tarfile.GNU_FORMAT, compresslevel=LEVEL) as tar:
            for base, folders, files in os.walk(prefix):
                folders.sort()
                for name in sorted(folders + files):
                    total += add(tar, prefix, os.path.join(base, name))
                    if time.monotonic() - told > TELL:
                        told = time.monotonic()
                        say("%d MB" % (total >> 20))
        os.rename(part, archive)
    finally:
        if os.path.exists(part):
            os.unlink(part)
    return total


def add(tar: tarfile.TarFile, prefix: str, path: str) -> int:
    name = os.path.relpath(path, prefix)
    info = tar.gettarinfo(path, name)
    if not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
        return 0
    # Who unpacks it is somebody else, and reads it as others do.
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode |= 0o555 if info.isdir() or info.mode & 0o100 else 0o444
    if info.issym():
        info.linkname = inside(prefix, path, info.linkname)
        tar.addfile(info)
        return 0
    if not info.isreg():
        tar.addfile(info)
        return 0
    size = info.size
    script = movable(prefix, path, size) if name.startswith("bin/") else None
    if script is not None:
        info.size = len(script)
        tar.addfile(info, io.BytesIO(script))
    else:
        with open(path, "rb") as file:
            tar.addfile(info, file)
    return size


def inside(prefix: str, path: str, target: str) -> str:
    """Where a link leads in the archive: what is absolute and leads into the prefix is told from where the link is."""
    if not target.startswith(prefix + "/"):
        return target
    return os.path.relpath(target, os.path.dirname(path))


def movable(prefix: str, path: str, size: int) -> "Optional[bytes]":
    """The script with a first line that finds its interpreter beside itself; None where nothing needs a change."""
    if size > LONGEST:
        return None
    with open(path, "rb") as file:
        data = file.read()
    match = FIRST.match(data)
    if match is None:
        return None
    interpreter = match.group("long") or match.group("short")
    if os.path.dirname(interpreter) != os.fsencode(prefix) + b"/bin":
        return None
    options = (match.group("options") or b"").rstrip()
    return MOVABLE % (os.path.basename(interpreter), options) + data[match.end() :]
