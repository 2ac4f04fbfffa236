"""Letting another program have the terminal: an editor, a shell on a host."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


async def run_in_front(
    command: list[str],
    cwd: Path | None = None,
    *,
    env: Mapping[str, str] | None = None,
    pour: Callable[[int], None] | None = None,
) -> tuple[str, int]:
    """Run a program until it ends, inside `App.suspend`: why it could not be started, or "", and its exit status.

    `pour` writes what the program reads to a descriptor, in a thread, and closes it; without it that is the terminal.
    An error must not leave `App.suspend`, which comes back from nothing but a regular end. Ctrl-C and Ctrl-\\ are the
    program's: they reach every process of the terminal, and would end the console under it.
    """
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        # Awaited, so that reading and listening go on meanwhile.
        if pour is None:
            process = await asyncio.create_subprocess_exec(*command, cwd=cwd, env=env)
            return "", await process.wait()
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(*command, cwd=cwd, env=env, stdin=reading)
        except OSError:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        poured = asyncio.create_task(asyncio.to_thread(pour, writing))
        status = await process.wait()
        await poured
        return "", status
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror or error}", 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
