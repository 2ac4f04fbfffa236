"""Whatever ends the console, the terminal is as it was: the real program on a terminal of its own."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine.paths import Paths


def read_until(end: int, wanted: bytes | None) -> bytes:
    """What the program writes until it has written `wanted`, or with None until it closes the terminal."""
    seen = b""
    while wanted is None or wanted not in seen:
        try:
            piece = os.read(end, 65536)
        except OSError:
            # Linux tells a closed other side of a terminal as an error.
            break
        if not piece:
            break
        seen += piece
    return seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_left_clean(home: Paths, project: Path, number: signal.Signals) -> None:
    end, theirs = pty.openpty()
    command = [str(Path(sys.executable).parent / "aml-tui"), str(project)]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm-256color"}
    )
    os.close(theirs)
    try:
        seen = read_until(end, b"no runs yet")
        assert b"\x1b[?1049h" in seen
        process.send_signal(number)
        rest = read_until(end, None)
        assert process.wait(20) == 0, rest.decode("utf-8", "replace")[-3000:]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(end)
    for left in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l"):
        assert left in rest
