"""A program in a pseudo terminal: what it writes, when, and what a person would see of it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from typing import TYPE_CHECKING

from bench.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

# A console that was asked to leave does so within this, seconds.
LEAVE_WITHIN = 10.0


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Unanswered(Exception):
    """What was waited for did not come onto the screen; the message holds the screen."""


class Terminal:
    """Starts `argv` on a terminal of its own. Times are those of `time.monotonic`, seconds."""

    def __init__(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        *,
        cwd: Path | None = None,
        columns: int = 120,
        lines: int = 40,
    ) -> None:
        self.screen = Screen(columns, lines)
        self.bytes = 0
        self.last_write = 0.0
        self._changed = threading.Condition()
        self._awaited: Callable[[Screen], bool] | None = None
        self._seen_at: float | None = None
        self._closed = False
        self._held: list[tuple[float, bytes]] | None = None
        self._end, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.started = time.monotonic()
        # The size of the terminal that this was started from is not that of this one.
        passed = {name: value for name, value in environ.items() if name not in ("COLUMNS", "LINES")}
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                env={**passed, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
                cwd=cwd,
                start_new_session=True,
                # A terminal of its own, as a shell gives: when we die, the program is told to hang up.
                preexec_fn=_take_terminal,
            )
        finally:
            os.close(theirs)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        while not self._closed:
            if not select.select([self._end], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self._end, 1 << 16)
            except OSError:
                data = b""
            now = time.monotonic()
            with self._changed:
                if not data:
                    self._closed = True
                elif self._held is not None:
                    self.bytes += len(data)
                    self.last_write = now
                    self._held.append((now, data))
                else:
                    self.bytes += len(data)
                    self.last_write = now
                    self.screen.feed(data)
                    if self._awaited is not None and self._awaited(self.screen):
                        self._seen_at, self._awaited = now, None
                self._changed.notify_all()

    def send(self, keys: str, expect: Callable[[Screen], bool], within: float = 30.0) -> float:
        """Press keys and wait until the screen is as expected. Seconds from the keys to the bytes that made it so."""
        with self._changed:
            self._expect(expect)
            pressed = time.monotonic()
            os.write(self._end, keys.encode())
            return self._until_seen(within) - pressed

    def press(self, keys: str) -> float:
        """Press keys and wait for nothing; when that was."""
        pressed = time.monotonic()
        os.write(self._end, keys.encode())
        return pressed

    def until(self, expect: Callable[[Screen], bool], within: float = 60.0) -> float:
        """When the screen became as expected; now, when it is already."""
        with self._changed:
            if expect(self.screen):
                return time.monotonic()
            self._expect(expect)
            return self._until_seen(within)

    def until_quiet(self, quiet: float, within: float = 30.0) -> float:
        """When the last bytes came before `quiet` seconds without any."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            with self._changed:
                gap = time.monotonic() - self.last_write
                if self.last_write and gap >= quiet:
                    return self.last_write
                self._changed.wait(max(0.01, quiet - gap))
        raise Unanswered(f"never quiet for {quiet} s within {within} s")

    def hold(self) -> None:
        """From now on only keep what comes, with its time: drawing it here takes the cores from what is measured."""
        with self._changed:
            self._held = []

    def replay(self) -> Iterator[float]:
        """Draw what was held, as it came; yields when each piece came, the screen being as it was then."""
        with self._changed:
            held, self._held = self._held or [], None
            for at, data in held:
                self.screen.feed(data)
                yield at

    def _expect(self, expect: Callable[[Screen], bool]) -> None:
        self._seen_at, self._awaited = None, expect

    def _until_seen(self, within: float) -> float:
        end = time.monotonic() + within
        while self._seen_at is None:
            left = end - time.monotonic()
            if left <= 0 or self._closed:
                self._awaited = None
                why = "the program ended" if self._closed else f"not within {within} s"
                raise Unanswered(why + ":\n" + "\n".join(self.screen.text()))
            self._changed.wait(min(left, 0.5))
        return self._seen_at

    def shown(self) -> list[str]:
        with self._changed:
            return self.screen.text()

    def close(self, keys: str = "") -> int:
        """Ask the program to leave by `keys`, or by SIGTERM; its exit code."""
        if keys and self._process.poll() is None and not self._closed:
            self.press(keys)
        elif self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(LEAVE_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if not self._reader.ident or self._reader.is_alive():
            self._closed = True
            self._reader.join()
        if self._end >= 0:
            os.close(self._end)
            self._end = -1
        return code
