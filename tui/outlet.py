"""What is written to the terminal, by a thread of its own: a terminal that stops reading stops that thread only."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Written at once. A terminal's buffer that was just emptied has room for more than this (it holds four times as much).
PIECE = 1024
# A terminal that takes something at least this often is slow; one that does not has stopped reading (s).
PATIENCE = 1.0
# How long the last bytes are waited for in all, when one leaves a terminal that is slow (s).
AT_MOST = 5.0
# Ends a control sequence or string that was begun and not finished, and a frame that is held back until it is whole.
BREAK_OFF = b"\x18\x1b\\\x1b[?2026l"


class Outlet(threading.Thread):
    """`write` never waits. `emptied` is called by the thread whenever all is in the terminal's hands.

    What is written and not taken yet is kept, so whoever draws must look at `behind` first.
    """

    def __init__(self, descriptor: int, emptied: Callable[[], None]) -> None:
        super().__init__(name="terminal-output", daemon=True)
        self._descriptor = descriptor
        self._emptied = emptied
        self._changed = threading.Condition()
        self._waiting = bytearray()
        self._writing = False
        self._closing = False
        self._taken = time.monotonic()
        self.gone = False

    @property
    def behind(self) -> bool:
        """Whether the terminal has not taken everything yet."""
        return self._writing or bool(self._waiting)

    def write(self, text: str) -> None:
        """Have this written, after what is waiting."""
        with self._changed:
            if not self.gone:
                self._waiting += text.encode("utf-8", "replace")
                self._changed.notify_all()

    def run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._closing:
                        return
                    self._changed.wait()
                piece = bytes(self._waiting[:PIECE])
                del self._waiting[:PIECE]
                self._writing = True
            written = self._put(piece)
            with self._changed:
                self._writing = False
                self._taken = time.monotonic()
                if not written:
                    self.gone = True
                    self._waiting.clear()
                last = not self._waiting
                self._changed.notify_all()
            if last:
                self._emptied()

    def _put(self, piece: bytes) -> bool:
        while piece:
            try:
                piece = piece[os.write(self._descriptor, piece) :]
            except OSError:
                return False
        return True

    def close(self, leaving: str) -> bool:
        """Write what is waiting, and end; whether that was possible. `leaving` puts the terminal in order.

        One that reads slowly is waited for. Of one that has stopped reading, everything that it has not read is
        dropped, here and in its own buffer, so that `leaving` is the next that it reads.
        """
        until = time.monotonic() + AT_MOST
        with self._changed:
            self._closing = True
            self._taken = time.monotonic()
            self._changed.notify_all()
            while self.behind and time.monotonic() < min(until, self._taken + PATIENCE):
                self._changed.wait(0.05)
            stuck = self.behind
            if stuck:
                self._waiting[:] = BREAK_OFF + leaving.encode()
        if stuck:
            with contextlib.suppress(termios.error):
                termios.tcflush(self._descriptor, termios.TCOFLUSH)
            # Nobody tells the write that waits in the system of the room there is now; a signal has it look again.
            signal.signal(signal.SIGURG, lambda *_: None)
            if self.ident is not None and self.is_alive():
                signal.pthread_kill(self.ident, signal.SIGURG)
        self.join(PATIENCE)
        return not self.is_alive()
