"""A cluster's primary storage (HDFS, wasb, abfs), by Hadoop's own commands: archives of this person are kept there."""

import getpass
import os
import shutil
import subprocess

from . import clusters

MYPY = False
if MYPY:
    from typing import Optional

# Below the person's own folder.
FOLDER = ".aml-tui/environments"
COMMANDS = (["hadoop", "fs"], ["hdfs", "dfs"])
FOLDERS = ("/usr/hdp/current/hadoop-client/bin", "/opt/hadoop/bin")
# A Java that begins, and a storage that answers (s).
PATIENCE = 120.0
ABSENT = "No such file or directory"
MOST_SAID = 500


class Trouble(Exception):
    """The storage did not do it, in words."""


def address(name: str) -> str:
    """Where an archive of this name is kept. Raises Trouble when the cluster names no storage that its nodes share."""
    settings = clusters.site("core-site.xml") or {}
    root = settings.get("fs.defaultFS") or settings.get("fs.default.name") or ""
    if not root or root.startswith("file:"):
        raise Trouble("core-site.xml names no storage of the cluster in fs.defaultFS")
    return "%s/user/%s/%s/%s" % (root.rstrip("/"), user(), FOLDER, name)


def user() -> str:
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()


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


def do(*arguments: str) -> None:
    code, said = ask(*arguments)
    if code:
        raise Trouble(said)


def ask(*arguments: str) -> "tuple[int, str]":
    """Exit code of the file system's command and what it says."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath),) + FOLDERS)
    for words in COMMANDS:
        program = shutil.which(words[0], path=path)
        if program:
            break
    else:
        raise Trouble("there is no `hadoop` and no `hdfs` here")
    process = subprocess.Popen(
        [program] + words[1:] + list(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
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
