"""Python's tracebacks in a log that other programs write to as well, Spark's above all."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = "Traceback (most recent call last):"
_CHAINED = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
# A line of log4j, in Spark's layout or one of the others in use: it may come between any two lines of Python's.
LOGGED = re.compile(
    r"\[?\d{2,4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d\S* (?:\[[^\]]*\] )?(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b"
)
_FRAME = re.compile(r'  File "([^"\n]*)", line (\d+)')
_ERROR = re.compile(r"([A-Za-z_][\w.<>]*)(?::\s?(.*))?$")
# Modules that come with Spark, Python or a package: where an error surfaces, not where it was made.
_OTHERS = re.compile(r"/(?:pyspark|py4j)(?:[-.][^/]*)?/|\.zip/|/(?:site|dist)-packages/|/lib/python\d|^<")
_WORKER = re.compile(r"pyspark/worker\.py$")


@dataclass(frozen=True)
class Traceback:
    """One traceback. `begin`, `end`: its first line and the one after its error's first.

    `error`, `message`: "pkg.mod.BadRow" and what it says, in one line. `place`: file and line of the innermost frame
    that is the person's, "job.py:4", or "". `caused`: it was raised from, or while handling, the one before.
    `nested`: it stands in the message of another error. `callback`: there it is of the driver itself, called by Java.
    """

    begin: int
    end: int
    error: str
    message: str
    place: str
    caused: bool
    nested: bool
    callback: bool

    @property
    def name(self) -> str:
        return self.error.rpartition(".")[2]

    @property
    def words(self) -> str:
        """As Python prints it, without the modules of Spark's exceptions."""
        error = self.name if self.error.startswith(("pyspark.", "py4j.")) else self.error
        return f"{error}: {self.message}" if self.message else error


@dataclass
class _Block:
    begin: int
    end: int
    head: str
    frames: list[tuple[str, str]]
    error: str
    message: str
    after: str
    caused: bool = False
    nested: bool = False


def tracebacks(lines: list[str]) -> list[Traceback]:
    """All of them, in order; one without an error at its end is left out."""
    blocks = [
        block for number, line in enumerate(lines) if _HEADER in line and (block := _block(lines, number)) is not None
    ]
    _nest(blocks)
    return [
        Traceback(
            one.begin,
            one.end,
            one.error,
            one.message,
            _place(one.frames),
            one.caused,
            one.nested,
            "Python Proxy" in one.head,
        )
        for one in blocks
    ]


def _block(lines: list[str], begin: int) -> _Block | None:
    frames: list[tuple[str, str]] = []
    number = begin + 1
    while number < len(lines) and (lines[number].startswith("  ") or LOGGED.match(lines[number])):
        if _HEADER in lines[number]:
            return None
        if frame := _FRAME.match(lines[number]):
            frames.append((frame[1], frame[2]))
        number += 1
    error = _ERROR.match(lines[number]) if number < len(lines) else None
    if error is None:
        return None
    message = (error[2] or "").strip().rstrip(";")
    after, rest = _rest(lines, number + 1)
    if rest and (not message or message.endswith(":")):
        message = f"{message} {rest}".strip()
    caused = any(lines[before] in _CHAINED for before in range(max(0, begin - 2), begin))
    return _Block(begin, number + 1, lines[begin], frames, error[1], message, after, caused)


def _rest(lines: list[str], begin: int) -> tuple[str, str]:
    """What ends a message that may have more lines ("java", "chain", "header" or ""), and the first of these lines."""
    first = ""
    for line in lines[begin:]:
        if line.startswith(("\tat ", "\t...", "Driver stacktrace:", ") [duplicate")):
            return "java", first
        if line in _CHAINED:
            return "chain", first
        if _HEADER in line:
            return "header", first
        if LOGGED.match(line):
            break
        first = first or line.strip()
    return "", first


def _nest(blocks: list[_Block]) -> None:
    """Which of them stand in the message of another. Backwards: a chain is where its last one is."""
    for number in range(len(blocks) - 1, -1, -1):
        block = blocks[number]
        before = blocks[number - 1] if number else None
        if not block.head.startswith(_HEADER) or any(_WORKER.search(file) for file, _ in block.frames):
            block.nested = True
        elif block.after == "chain" and number + 1 < len(blocks) and blocks[number + 1].caused:
            block.nested = blocks[number + 1].nested
        elif block.after == "java":
            block.nested = not any("py4j" in file or "pyspark" in file for file, _ in block.frames)
        else:
            block.nested = before is not None and before.after == "header" and before.error.endswith("PythonException")


def _place(frames: list[tuple[str, str]]) -> str:
    for file, line in reversed(frames):
        if not _OTHERS.search(file):
            return f"{file.rpartition('/')[2]}:{line}"
    return ""
