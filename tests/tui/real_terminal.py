"""The real console on a terminal of its own, which reads only when the test says so."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

CONSOLE = str(Path(sys.executable).parent / "aml-tui")
# Switched on in a terminal that nobody uses: the cursor is shown and long lines are wrapped.
USUAL = {25, 7}
# Of the terminal that the tests are run from.
NOT_PASSED = {"SSH_CONNECTION", "SSH_TTY", "COLUMNS", "LINES"}


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class RealTerminal:
    """`argv` on a terminal. `controlling` False: it is not told when the terminal hangs up."""

    def __init__(self, *argv: str, size: tuple[int, int] = (120, 40), controlling: bool = True, **environ: str) -> None:
        self.screen = Screen(*size)
        self.seen = bytearray()
        self.end, self.theirs = pty.openpty()
        self.before = termios.tcgetattr(self.theirs)
        self.resize(*size, tell=False)
        passed = {name: value for name, value in os.environ.items() if name not in NOT_PASSED}
        self.process = subprocess.Popen(
            argv or (CONSOLE,),
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env={**passed, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environ},
            start_new_session=True,
            preexec_fn=_take_terminal if controlling else None,
        )

    def __enter__(self) -> RealTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        for descriptor in (self.theirs, self.end):
            if descriptor >= 0:
                os.close(descriptor)
        self.theirs = self.end = -1

    def resize(self, columns: int, lines: int, *, tell: bool = True) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            self.screen = Screen(columns, lines)
            os.kill(self.process.pid, signal.SIGWINCH)

    def press(self, keys: str) -> None:
        os.write(self.end, keys.encode())

    def read(self, within: float, most: int = 65536) -> bytes:
        """What is there to read, waiting at most this long for it."""
        if not select.select([self.end], [], [], within)[0]:
            return b""
        data = os.read(self.end, most)
        self.seen += data
        self.screen.feed(data)
        return data

    def until(self, wanted: Callable[[], object], within: float = 20.0, what: str = "") -> None:
        """Read until this holds."""
        end = time.monotonic() + within
        while not wanted():
            assert time.monotonic() < end, f"not within {within} s: {what}\n" + "\n".join(self.screen.text())
            self.read(0.05)

    def until_shown(self, text: str, within: float = 20.0) -> None:
        self.until(lambda: self.screen.shows(text), within, f"{text!r} on the screen")

    def until_ended(self, within: float = 20.0) -> int:
        """Its exit code; everything that it wrote was read then."""
        self.until(lambda: self.process.poll() is not None, within, "its end")
        while self.read(0.0):
            continue
        return int(self.process.returncode)

    def assert_clean(self) -> None:
        """The terminal is as it was before the console came."""
        assert modes(bytes(self.seen)) == USUAL
        # The keyboard protocol is a stack: what lies below is the shell's.
        assert self.seen.count(b"\x1b[<u") == len(re.findall(rb"\x1b\[>\d+u", self.seen))
        settings: list[Any] = termios.tcgetattr(self.theirs)
        assert settings == self.before


def modes(data: bytes) -> set[int]:
    """The private modes that are on in the end; -1: the keyboard protocol."""
    on = set(USUAL)
    for number, way, pushed in re.findall(rb"\x1b\[(?:\?(\d+)([hl])|([<>])\d*u)", data):
        mode = int(number) if number else -1
        (on.add if way == b"h" or pushed == b">" else on.discard)(mode)
    return on


def resident(pid: int) -> int:
    """Memory of a process, bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
