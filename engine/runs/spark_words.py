"""What a PySpark script died of, found in the end of its driver's log.

There the words of several programs stand one after the other: Spark's own log, Python's traceback of the driver, in
its message Java's stack, and in that the traceback of an executor's Python. Which of them is the reason depends on
what stands in what. All of it is text of others: it is read, and nothing else.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.runs.tracebacks import LOGGED, tracebacks

if TYPE_CHECKING:
    from pathlib import Path

    from engine.runs.tracebacks import Traceback

# Read from the end of a log (bytes): Java tells an executor's error four or five times, 20 kB each with its stacks.
TAIL = 1 << 18

# So much of it is told, and so much of a line is looked at (characters).
WIDTH, _LINE = 200, 4096

_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SPARK = re.compile(r"\bpy4j\b|\borg\.apache\.(?:spark|hadoop)\b|\bpyspark\b")
# How Java's errors reach Python, and executors' errors Java.
_WRAPPERS = ("Py4JJavaError", "Py4JError", "PythonException", "StreamingQueryException")
_MAIN = 'Exception in thread "main" '
_CAUSE = "Caused by: "
# spark-submit tells in this way that a driver ended badly; why, the driver tells.
_RETOLD = re.compile(r"SparkUserAppException|finished with failed status")
_MASTER = re.compile(r"ERROR \S*ApplicationMaster: (?:Uncaught exception|User class threw exception): ?$")
_UNREAD = re.compile(r"(?:SyntaxError|IndentationError|TabError): ")
_NO_CONTEXT = "User did not initialize spark context"
_TASK = re.compile(r"(?:most recent failure: )?Lost task \S+ in stage \S+ \(TID \d+\) ?\([^\n]{1,300}?\): ")
_PACKAGES = re.compile(r"(?:[a-z_]\w*\.)+(?=[A-Z])")

_COORDINATE = re.compile(r"unresolved dependency: ([^\s,\];#]+)#([^\s,\];]+);([^\s,\]:]+): ([^,\]\n]+)")
# Ivy's words for a repository that it did not get to.
_REPOSITORY = re.compile(
    r"\bHost ([^\s/]{1,253}) not found\. url=|\bServer access error at url \w+://([^\s/]{1,253})/", re.I
)
_QUEUE = re.compile(r"submitted by user \S+ to unknown queue: ?(\S+)")
_UNREACHED = re.compile(r"Call From \S+ to (\S+) failed on connection exception")
_LIMIT = re.compile(r"[Cc]ontainer killed by YARN for exceeding (?:\w+ )?memory limits\.\s*(?:([^\n]*?) used)?")
_HEAP = re.compile(r"\bjava\.lang\.OutOfMemoryError(?:: ([^\n]*))?")
_STATUS = re.compile(r"(?:Exit status: |[Ee]xit code(?: is)? |exited with code )(\d{1,3})\b")
# Java's memory at its end has YARN's executors end themselves by SIGTERM; a machine's or a container's, by SIGKILL.
_SIGNALS = {
    "137": "SIGKILL, as happens when its machine runs out of memory",
    "143": "SIGTERM, as happens when its Java runs out of memory (spark.executor.memory)",
}
_WORKER = re.compile(r"Python worker (?:exited unexpectedly|failed to connect back)[^\n]*")
_PROGRAM = re.compile(r'Cannot run program "([^"\n]+)"(?: \(in directory "[^"\n]*"\))?: (?:error=\d+, )?([^\n]+)')
_NO_FILE = re.compile(r"(?:File|Input path) does not exist: \S+")


@dataclass(frozen=True)
class _Java:
    """What Java tells of one error: the causes, each with all its lines, outermost first."""

    causes: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.causes)


def why(path: Path) -> str:
    """The root of a failure, of the end of a driver's log: one line of at most WIDTH characters without controls.

    "" when the log is none of Spark's, or tells none. Blocking.
    """
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return root(_CONTROLS.sub("", text))[:WIDTH] if _SPARK.search(text) else ""


def root(text: str) -> str:
    """The root of a failure, of the end of a driver's log as text; "" when there is none."""
    lines = [line[:_LINE] for line in text.split("\n")]
    found = tracebacks(lines)
    at = next((number for number in range(len(found) - 1, -1, -1) if not found[number].nested), -1)
    after = found[at].end if at >= 0 else 0
    main = _last_main(lines, after)
    # In cluster mode the driver's Java is the application's master.
    java = _java(lines, main, len(lines)) if main >= 0 else _of_master(lines, after)
    if java.causes and not _RETOLD.search(java.text):
        return _told_by_java(java, text)
    if at >= 0:
        return _told_by_python(lines, found, at)
    # A script that cannot be read is told without a traceback.
    unread = next((line for line in reversed(lines) if _UNREAD.match(line)), "")
    return unread or _told_by_java(java, text)


def _told_by_python(lines: list[str], found: list[Traceback], at: int) -> str:
    """By the driver's last traceback, or what Spark gave as its cause."""
    last = found[at]
    wrapper = last
    number = at
    while wrapper.name not in _WRAPPERS:
        # `raise ... from ...` keeps the cause directly before.
        number = next((n for n in range(number - 1, -1, -1) if not found[n].nested), -1) if wrapper.caused else -1
        if number < 0:
            return last.words
        wrapper = found[number]
    inner = _in_it(lines, found, number)
    end = next((one.begin for one in found[number + 1 :] if not one.nested), len(lines))
    cause = _of_python(inner) if inner else _told_by_java(_java(lines, wrapper.end - 1, end))
    if wrapper is last:
        return cause or last.words
    return f"{last.words} ({cause})" if cause else last.words


def _in_it(lines: list[str], found: list[Traceback], number: int) -> Traceback | None:
    """The first traceback inside this one's message: of a chain its last, which is what was raised in the end."""
    inner = None
    for one in found[number + 1 :]:
        if not one.nested or LOGGED.match(lines[one.begin]) or (inner is not None and not one.caused):
            break
        inner = one
    return inner


def _of_python(error: Traceback) -> str:
    told = f"{error.words} ({error.place})" if error.place else error.words
    return told if error.callback else f"in an executor: {told}"


def _last_main(lines: list[str], begin: int) -> int:
    """The line where the last error of spark-submit itself begins, or -1."""
    return next((at for at in range(len(lines) - 1, begin - 1, -1) if lines[at].startswith(_MAIN)), -1)


def _of_master(lines: list[str], begin: int) -> _Java:
    """What the application's master told last of the driver's end."""
    at = next((at for at in range(len(lines) - 1, begin - 1, -1) if _MASTER.search(lines[at])), -1)
    if at < 0 or at + 1 >= len(lines):
        return _Java(())
    return _java([f": {lines[at + 1]}", *lines[at + 2 :]], 0, len(lines) - at - 1)


def _java(lines: list[str], begin: int, end: int) -> _Java:
    """What is told from the line `begin` on: an error, its stack, its causes. Stack frames are left out."""
    causes: list[list[str]] = []
    taking = True
    for line in lines[begin:end]:
        if line.startswith((": ", _CAUSE, _MAIN)):
            causes.append([line.removeprefix(_MAIN).removeprefix(_CAUSE).removeprefix(": ")])
            taking = True
        elif LOGGED.match(line):
            # What is logged after it, at the driver's end, may have causes of its own.
            if causes:
                break
        elif line.startswith(("\tat ", "\t...", "Driver stacktrace:")) or not causes:
            taking = False
        elif taking:
            causes[-1].append(line)
    return _Java(tuple("\n".join(cause).strip() for cause in causes))


def _told_by_java(java: _Java, log: str = "") -> str:
    """`log`: all that there is, where Java's error tells less than what was said before it."""
    if not java.causes:
        return ""
    text = java.text
    in_task = _TASK.search(text) is not None
    told = _refused(text, log) or (_lost(text) if in_task else "") or _memory(text, in_task)
    return told or ("in an executor: " if in_task else "") + (_known(text) or _last_cause(java))


def _refused(text: str, log: str) -> str:
    """What there was no application for."""
    if _NO_CONTEXT in text:
        return "the script made no SparkContext, which a driver on the cluster has to (deploy mode client needs none)"
    if packages := _COORDINATE.findall(text):
        told = ", ".join(f"{group}:{name}:{version} {what}" for group, name, version, what in packages)
        hosts = dict.fromkeys(name or other for name, other in _REPOSITORY.findall(log))
        if hosts:
            return f"package {told}: {', '.join(hosts)} cannot be reached (more `repositories`: spark_dependencies.yml)"
        return f"package {told} (spark_dependencies.yml names the packages)"
    if queue := _QUEUE.search(text):
        return f"YARN has no queue {queue[1]} (spark.yarn.queue)"
    if address := _UNREACHED.search(text):
        return f"nothing answers at {address[1]}"
    return ""


def _lost(text: str) -> str:
    """What ended a whole executor."""
    if limit := _LIMIT.search(text):
        used = f": {limit[1]}" if limit[1] else ""
        return f"an executor was killed by YARN for exceeding its memory{used} (spark.executor.memoryOverhead)"
    if "ExecutorLostFailure" not in text:
        return ""
    code = _STATUS.search(text)
    if code is None:
        return "an executor was lost"
    if code[1] in _SIGNALS:
        return f"an executor was killed by {_SIGNALS[code[1]]}"
    return f"an executor ended with exit code {code[1]}"


def _memory(text: str, in_task: bool) -> str:
    heap = _HEAP.search(text)
    if heap is None:
        return ""
    of, setting = ("an executor", "spark.executor.memory") if in_task else ("the driver", "spark.driver.memory")
    return f"in {of}: OutOfMemoryError{f': {heap[1]}' if heap[1] else ''} ({setting})"


def _known(text: str) -> str:
    """What says more than the cause behind it."""
    if program := _PROGRAM.search(text):
        return f"cannot run {program[1]}: {program[2]}"
    found = _WORKER.search(text) or _NO_FILE.search(text)
    return found[0] if found else ""


def _last_cause(java: _Java) -> str:
    """The innermost cause that says something, its exception without its package."""
    for cause in reversed(java.causes):
        told = _TASK.split(cause)[-1].strip().split("\n")[0]
        if told:
            package = _PACKAGES.match(told)
            return told[package.end() :] if package else told
    return ""
