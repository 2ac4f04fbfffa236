"""A cluster's primary storage (HDFS, wasb, abfs), by Hadoop's own commands: archives of this person are kept there."""

import getpass
import os
import subprocess

from . import clusters

MYPY = False
if MYPY:
    from typing import Optional

# Below the person's own folder.
FOLDER = ".aml-tui/environments"
COMMANDS = (("hadoop", "fs"), ("hdfs", "dfs"))
# A Java that begins, and a storage that answers (s).
PATIENCE = 120.0
ABSENT = "No such file or directory"
MOST_SAID = 500


class Trouble(Exception):
    """The storage did not do it, in words."""


def address(name: str) -> str:
    """Where an archive of this name is kept. Raises Trouble when the cluster names no storage that its nodes share."""
    settings = clusters.settings("core-site.xml") or {}
    root = settings.get("fs.defaultFS") or settings.get("fs.default.name") or ""
    if not root or root.startswith("file:"):
        raise Trouble("core-site.xml names no storage of the cluster in fs.defaultFS")
    return "%s/user/%s/%s/%s" % (root.rstrip("/"), user(), FOLDER, name)


def user() -> str:
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()


def command() -> "list[str]":
    """What lists, reads and writes files there, as words of a command line; empty when there is nothing."""
    for program, word in COMMANDS:
        path = clusters.program(program)
        if path:
            return [path, word]
    return []


def size(where: str) -> "Optional[int]":
    """Bytes of what is at this address; None when nothing is there. Raises Trouble."""
    code, said = ask("-stat", "%b", where)
    if code:
        if ABSENT in said:
            return None
        raise Trouble(said)
    # Java and the storage's driver may have something to say too.
    return next(int(line) for line in said.splitlines() if line.isdigit())


def put(path: str, where: str) -> None:
    """Copy a file there, whole or not at all; what is there already stays. Raises Trouble."""
    part = "%s.%d.part" % (where, os.getpid())
    do("-mkdir", "-p", where.rpartition("/")[0])
    try:
        do("-put", "-f", path, part)
        do("-mv", part, where)
    except Trouble:
        ask("-rm", "-f", "-skipTrash", part)
        if size(where) is None:
            raise


def remove(where: str) -> None:
    """Raises Trouble; what is not there is no trouble."""
    do("-rm", "-f", "-skipTrash", where)


def forget(*arguments: str) -> None:
    """Remove something that is not needed any more: it may fail."""
    try:
        ask("-rm", "-r", "-f", "-skipTrash", *arguments)
    except (Trouble, OSError):
        pass


def do(*arguments: str) -> None:
    code, said = ask(*arguments)
    if code:
        raise Trouble(said)


def ask(*arguments: str) -> "tuple[int, str]":
    """Exit code of the file system's command and what it says."""
    words = command()
    if not words:
        raise Trouble("there is no `hadoop` and no `hdfs` here")
    process = subprocess.Popen(
        words + list(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=clusters.unblock,
    )
    try:
        # A big archive takes its time: only questions have a limit.
        said = process.communicate(timeout=None if arguments[0] == "-put" else PATIENCE)[0]
    except subprocess.TimeoutExpired:
        raise Trouble("the cluster's storage did not answer within %.0f s" % PATIENCE) from None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    text = said.decode("utf-8", "replace").strip()
    return process.returncode, text if process.returncode == 0 else text[-MOST_SAID:]
