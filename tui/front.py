"""Letting another program have the terminal: an editor, a shell on a host."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


async def run_in_front(
    command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None
) -> tuple[str, int]:
    """Run a program until it ends, inside `App.suspend`: why it could not be started, or "", and its exit status.

    An error must not leave `App.suspend`, which comes back from nothing but a regular end. Ctrl-C and Ctrl-\\ are the
    program's: they reach every process of the terminal, and would end the console under it.
    """
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        # Awaited, so that reading and listening go on meanwhile.
        process = await asyncio.create_subprocess_exec(*command, cwd=cwd, env=env)
        return "", await process.wait()
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror or error}", 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
