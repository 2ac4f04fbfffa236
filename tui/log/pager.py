"""A log for a person's pager. What a script printed must not steer the terminal: colours stay, nothing else does.

A log that is not large is written anew, cleaned, and the copy is paged. Of a larger one no copy is made: `less` reads
the log itself with every control shown as text, any other pager is given the cleaned lines as it asks for them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tui.log.text import coloured_line, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tui.log.file import LogFile

# A larger log is not copied (bytes).
COPIED = 16 << 20
# Written to a pager at once (bytes).
_POUR = 1 << 16


@dataclass(frozen=True)
class Plan:
    """`copy` is to be removed afterwards; `pour` writes what is read to a descriptor, until nobody reads."""

    command: list[str]
    env: dict[str, str]
    copy: Path | None = None
    pour: Callable[[int], None] | None = None


def plan(file: LogFile, top: int | None, environ: Mapping[str, str], cache: Path, *, secure: bool) -> Plan:
    """How to show a log from the row at `top` on (None: its end). `secure`: without `less`'s ways to other programs.

    Blocking. Raises OSError where no copy can be written, ValueError where $PAGER is no command.
    """
    words, env = pager(environ, secure=secure)
    less = words[0].rpartition("/")[2] == "less"
    if file.size() <= COPIED:
        copy = cleaned_copy(file, cache)
        place = ["-+r", "-R", "+G" if top is None else f"+{file.count_rows(0, top) + 1}g"] if less else []
        return Plan([*words, *place, str(copy)], env, copy=copy)
    if less:
        # -f: as text, whatever is in it. -n: without counting the lines above. P: to the line with this byte.
        place = ["-+r", "-+R", "-f", "-n", "+G" if top is None else f"+{top}P"]
        return Plan([*words, *place, str(file.path)], env)
    return Plan(words, env, pour=partial(pour, file, file.size()))


def pager(environ: Mapping[str, str], *, secure: bool) -> tuple[list[str], dict[str, str]]:
    """$PAGER or what is there, and the environment for it. Raises ValueError where $PAGER is no command."""
    chosen = environ.get("PAGER", "").strip() or ("less" if shutil.which("less") else "more")
    env = dict(environ)
    # What a person has less do with other files must not bring back the controls, nor read this one through a filter.
    for name in ("LESS", "LESSOPEN", "LESSCLOSE"):
        env.pop(name, None)
    if secure:
        env["LESSSECURE"] = "1"
    return shlex.split(chosen), env


def cleaned_copy(file: LogFile, folder: Path) -> Path:
    """The whole log as it is now, cleaned, in a file of its own that nobody else can read."""
    from pathlib import Path

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(".log", "pager-", folder)
    with os.fdopen(number, "wb") as out:
        for line in lines(file, 0, file.size()):
            out.write(coloured_line(line) + b"\n")
    return Path(name)


def pour(file: LogFile, end: int, descriptor: int) -> None:
    """Write the cleaned lines to a descriptor and close it; until the end, or nobody reads any more."""
    try:
        with os.fdopen(descriptor, "wb", buffering=_POUR) as out:
            for line in lines(file, 0, end):
                out.write(coloured_line(line) + b"\n")
    except BrokenPipeError:
        return
