"""How a command fails: one clear block on stderr, and an exit code that scripts can rely on."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from engine.errors import AmlError, UsageError
from engine.plain import plain_lines

if TYPE_CHECKING:
    from collections.abc import Callable

# As a shell tells of a program that a signal ended.
INTERRUPTED, BROKEN_PIPE = 130, 141

# Set by the option of every command; before it is parsed, errors are the command line's own.
debug = False


def guarded(work: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run `work`; whatever it raises becomes a message and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that is not UTF-8 gets \\u2026 where it has no sign.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = work(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        drop_output()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return INTERRUPTED
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        if not isinstance(error, (AmlError, OSError)):
            error = AmlError(
                f"this should not have happened: {type(error).__name__}: {error}",
                remedy="The same command with --debug shows where; please report it.",
            )
        elif isinstance(error, OSError):
            drop_output()
            error = AmlError(f"{error.strerror or error}.", where=str(error.filename or ""))
        show(error)
        return error.exit_code
    return code


def drop_output() -> None:
    """What stdout does not take is given up: nothing is left to fail at the interpreter's end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def show(error: AmlError) -> None:
    """What, where, what to do: each on its line."""
    lines = [f"error: {error.message}"]
    if error.where:
        lines.append(f"  where: {error.where}")
    if error.remedy:
        lines.append(f"  do: {error.remedy}")
    sys.stderr.write(plain_lines("\n".join(lines)) + "\n")


def usage_error(message: str, program: str) -> UsageError:
    message = message[:1].lower() + message[1:]
    return UsageError(f"{message}." if message[-1:] not in ".?!" else message, remedy=f"`{program} -h` explains it.")
