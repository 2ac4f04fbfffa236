"""The terminal: never waited for, watched over, and left as it was."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

from tui.guard import LEAVING, Guard
from tui.outlet import Outlet

if TYPE_CHECKING:
    from tui.terminal_app import TerminalApp

# Standard error is what Textual draws on.
TERMINAL = 2
# Asked to end from outside: leave as a person would.
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
# Those that ctrl+c and ctrl+\ send to whatever has the terminal while the console does not.
TYPED = (signal.SIGINT, signal.SIGQUIT)
# For what is still to be said to the engine and written down then (s).
LEAVE_WITHIN = 8.0


class TerminalDriver(LinuxDriver):
    """Textual's, but what it writes goes through an `Outlet`, and a `Guard` stands by."""

    _app: TerminalApp

    def __init__(self, app: TerminalApp, **options: Any) -> None:
        super().__init__(app, **options)
        self._outlet: Outlet | None = None
        self._guard: Guard | None = None
        # Whether the terminal took nothing any more when it was left: who writes to it then waits for ever.
        self.stuck = False

    @property
    def behind(self) -> bool:
        """Whether the terminal has not taken yet what was written: to draw more would only make it later."""
        return self._outlet is not None and self._outlet.behind

    @property
    def hung_up(self) -> bool:
        """Whether there is no terminal any more."""
        if self._outlet is not None and self._outlet.gone:
            return True
        poll = select.poll()
        poll.register(self.fileno, 0)
        return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))

    def write(self, data: str) -> None:
        if self._outlet is not None:
            self._outlet.write(data)

    def start_application_mode(self) -> None:
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self._asked_to_end, loop, number)

        def emptied() -> None:
            try:
                loop.call_soon_threadsafe(self._app.repaint)
            except RuntimeError:
                # The loop has ended: there is nothing to paint any more.
                return

        self._outlet = Outlet(TERMINAL, emptied)
        self._outlet.start()
        self._app.painter.forget()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self.attrs_before is not None:
            self._guard = Guard(self.attrs_before)

    def _asked_to_end(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        self._app.leave()
        loop.call_later(LEAVE_WITHIN, self._end, number)

    def _end(self, number: int) -> None:
        """Leaving hangs, for a reason that nobody foresaw."""
        self.stop_application_mode()
        os._exit(128 + number)

    def suspend_application_mode(self) -> None:
        loop = asyncio.get_running_loop()
        for number in TYPED:
            loop.remove_signal_handler(number)
        super().suspend_application_mode()

    def stop_application_mode(self) -> None:
        # The one mode that Textual leaves on.
        self.write("\x1b[?1016l")
        super().stop_application_mode()
        # Textual does not wait for what it wrote. Whoever has the terminal next must find it in order.
        if self._outlet is not None:
            self.stuck = not self._outlet.close(LEAVING)
            self._outlet = None
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None
