"""Records of a run, one JSON object a line, appended to the file that AML_METRICS_FILE names.

One record is one write(2) with O_APPEND, so threads, forks and whole process trees can log to the same run. Nothing
that goes wrong here reaches the script: it is said once on standard error.
"""

import json
import os
import sys
import time

from azureml import _aml_tui_values as values

MYPY = False
if MYPY:
    from typing import Any, Optional

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)

# Characters of a name and of a description that are kept.
LONGEST_NAME = 2000

_warned = set()  # type: set[str]


def warn(topic: str, message: str) -> None:
    """Say it on standard error, once for each topic."""
    if topic in _warned:
        return
    _warned.add(topic)
    try:
        sys.stderr.write("azureml: " + message + "\n")
        sys.stderr.flush()
    except Exception:  # a script without standard error still runs
        pass


class Wire:
    """The way from this process to the run's record."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._fd = -1
        self._identity = None  # type: Optional[tuple[int, int]]
        # A line that could be written only in part: the next one starts on a line of its own.
        self._torn = False

    def send(self, kind: str, name: "Any", value: "Any", description: "Any" = "", step: "Any" = None) -> None:
        """Append one record. `kind` "any" takes the kind from the value."""
        try:
            found, text, notice = values.encode(kind, value)
            name = values.text_of(name)[:LONGEST_NAME]
            if notice:
                warn("cut " + name, "%r: %s" % (name, notice))
                description = "%s (%s)" % (description, notice) if description else notice
            line = '{"t":%.6f,"k":"%s","n":%s,"v":%s' % (time.time(), found, json.dumps(name), text)
            if description:
                line += ',"d":' + json.dumps(values.text_of(description)[:LONGEST_NAME])
            if step is not None:
                line += _step(step)
            self._write((line + "}\n").encode("ascii"))
        except Exception as error:  # a metric never ends a training
            warn("write", "cannot record a metric: %s: %s" % (type(error).__name__, error))

    def _write(self, line: bytes) -> None:
        fd = self._open()
        if self._torn:
            line = b"\n" + line
        written = os.write(fd, line)
        self._torn = written < len(line)
        while self._torn:
            # Full disks and file size limits cut a write short; the rest then either fails or goes through.
            written += os.write(fd, line[written:])
            self._torn = written < len(line)

    def _open(self) -> int:
        """The open file. To a process that closed all its files, to be a daemon, the number may mean another one."""
        if self._fd >= 0:
            try:
                found = os.fstat(self._fd)
                if (found.st_dev, found.st_ino) == self._identity:
                    return self._fd
            except OSError:
                pass
        self._fd = os.open(self.path, FLAGS, 0o600)
        opened = os.fstat(self._fd)
        self._identity = (opened.st_dev, opened.st_ino)
        return self._fd


def _step(step: "Any") -> str:
    """The key of a step; none for what is no whole number of 64 bits."""
    try:
        number = int(step)
    except (ValueError, TypeError, OverflowError):
        return ""
    return ',"s":%d' % number if -(1 << 63) <= number < 1 << 63 else ""


_wires = {}  # type: dict[str, Wire]


def current() -> "Optional[Wire]":
    """This run's wire; None outside a run."""
    path = os.environ.get("AML_METRICS_FILE")
    if not path:
        return None
    if path not in _wires:
        _wires[path] = Wire(path)
    return _wires[path]
