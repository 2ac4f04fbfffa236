"""The person's own command for each run that ends.

The console runs it, not the engine: the settings are a person's, and what the command needs (a desktop's bus, an SSH
agent) is in the session that the console was started from, which an engine of days ago has not. So it runs while a
console is open. What is told about the run goes by environment variables and is never read by a shell.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from typing import TYPE_CHECKING

from engine.errors import AmlError
from engine.timeouts import timeout
from tui.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from engine.runs.model import Run

# Then it is ended (s).
TIME_LIMIT = 30.0
# Of what it wrote on standard error, this much of its end is looked at: bytes.
LOOKED_AT = 4096


class HookError(AmlError):
    """The command could not be started, took too long, or said that it failed."""

    code = "hook"


def told(run: Run) -> dict[str, str]:
    """What the command learns about a run, by environment variable."""
    return {
        "AML_RUN": plain(run.name),
        "AML_RUN_ID": plain(run.id),
        "AML_STATE": str(run.state.value),
        "AML_REASON": plain(run.reason or ""),
        "AML_EXIT_CODE": "" if run.exit_code is None else str(run.exit_code),
        "AML_TARGET": plain(run.target),
        "AML_CONFIG": plain(run.config),
        "AML_SCRIPT": plain(run.script),
        "AML_PROJECT": plain(run.project),
    }


async def call(command: Sequence[str], variables: Mapping[str, str], limit: float = TIME_LIMIT) -> None:
    """Run the command to its end. Raises HookError.

    It has no terminal and no input, and a session of its own: leaving the console does not end it.
    """
    complaints = await asyncio.to_thread(tempfile.TemporaryFile)
    try:
        await _run(command, variables, limit, complaints)
    finally:
        await asyncio.to_thread(complaints.close)


async def _run(command: Sequence[str], variables: Mapping[str, str], limit: float, complaints: IO[bytes]) -> None:
    where = f"hook {command[0]}"
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=complaints,
            env={**os.environ, **variables},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise HookError(f"it cannot be started: {why}.", where=where, remedy="Change it in the settings.") from error
    try:
        async with timeout(limit):
            status = await process.wait()
    except asyncio.TimeoutError as error:
        _end(process.pid)
        await process.wait()
        raise HookError(f"it took longer than {limit:.0f} s and was ended.", where=where) from error
    if status:
        said = await asyncio.to_thread(_last_line, complaints)
        raise HookError(f"it ended with {status}" + (f": {said}" if said else "."), where=where)


def _end(pid: int) -> None:
    """All that it started in its session."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _last_line(complaints: IO[bytes]) -> str:
    size = complaints.seek(0, os.SEEK_END)
    complaints.seek(max(0, size - LOOKED_AT))
    lines = complaints.read().decode("utf-8", "replace").splitlines()
    return plain(next((line.strip() for line in reversed(lines) if line.strip()), ""))
