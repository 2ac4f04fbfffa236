"""A command at a terminal of its own, with somebody who reads and types."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST = 30.0


class Talk:
    """The terminal of a command at work."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master
        self._shown = b""
        self._seen = 0

    @property
    def text(self) -> str:
        """Everything that was on the terminal so far, line ends as programs write them."""
        return self._shown.decode(errors="replace").replace("\r\n", "\n")

    def until(self, text: str) -> None:
        """Read on until this comes."""
        end = time.monotonic() + LONGEST
        while text.encode() not in self._shown[self._seen :]:
            if not self._read(end):
                raise AssertionError(f"{text!r} did not come:\n{self.text}")
        self._seen = self._shown.index(text.encode(), self._seen) + len(text.encode())

    def type(self, text: str, end: str = "\n") -> None:
        os.write(self._master, f"{text}{end}".encode())

    def resize(self, rows: int, columns: int) -> None:
        """The terminal has another size, which its programs are told."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def end(self) -> int:
        """Read until the command ends; its exit code."""
        while self._read(time.monotonic() + LONGEST):
            pass
        return self.process.wait(LONGEST)

    def _read(self, end: float) -> bool:
        """Whether there was more; not when the other side is closed. Fails when nothing comes until `end`."""
        if not select.select([self._master], [], [], max(0.0, end - time.monotonic()))[0]:
            raise AssertionError(f"nothing more came:\n{self.text}")
        try:
            piece = os.read(self._master, 65536)
        except OSError:
            return False
        self._shown += piece
        return bool(piece)


@contextlib.contextmanager
def talking(folder: Path, *arguments: str, stdin: str | None = None, columns: int = 100) -> Iterator[Talk]:
    """`aml` at a terminal which is its own; with `stdin` that comes through a pipe instead."""
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=folder,
            stdin=slave if stdin is None else subprocess.PIPE,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "COLUMNS": str(columns), "LINES": "24"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0),
        )
    finally:
        os.close(slave)
    try:
        if stdin is not None:
            assert process.stdin is not None
            process.stdin.write(stdin.encode())
            process.stdin.close()
        yield Talk(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)
