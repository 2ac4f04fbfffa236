"""A terminal that stops reading, or reads slowly, holds up nobody: neither the console nor what goes on beside it."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from bench.screen import Screen
from engine.runs.model import State
from tests.tui.history import NOW, make_run
from tests.tui.real_terminal import CONSOLE, RealTerminal, resident

if TYPE_CHECKING:
    from engine.paths import Paths
    from tests.tui.history import History

MEGABYTE = 1 << 20


class Printing:
    """A run that goes on, and its log."""

    def __init__(self, home: Paths, history: History) -> None:
        self.run = make_run(1, State.RUNNING, started=NOW)
        self.file = home.driver_log(self.run.id)
        self.file.parent.mkdir(parents=True)
        self.lines = 0
        self.print(10)
        history.put(self.run)

    def print(self, lines: int) -> str:
        """Print so many; the last of them."""
        with self.file.open("a") as out:
            for number in range(self.lines + 1, self.lines + lines + 1):
                out.write(f"line {number:06d} " + "x" * 90 + "\n")
        self.lines += lines
        return f"line {self.lines:06d}"


@pytest.fixture
def printing(home: Paths, history: History) -> Printing:
    return Printing(home, history)


def busy(terminal: RealTerminal, printing: Printing, seconds: float) -> str:
    """The run prints; the terminal reads nothing meanwhile."""
    until = time.monotonic() + seconds
    last = ""
    while time.monotonic() < until:
        last = printing.print(20)
        # How long a terminal reads nothing is what is tested.
        time.sleep(0.05)
    return last


def test_it_goes_on_where_it_is_when_the_terminal_reads_again(home: Paths, project: object, printing: Printing) -> None:
    with RealTerminal(CONSOLE, "--readonly", str(project)) as terminal:
        terminal.until_shown(printing.print(1))
        before = resident(terminal.process.pid)
        last = busy(terminal, printing, 2)
        terminal.press("?")
        assert resident(terminal.process.pid) - before < 16 * MEGABYTE
        begun = len(terminal.seen)
        terminal.until_shown("Mark or unmark the run")
        # What was in the terminal's own buffer, a frame that was on its way, and the one that is right.
        assert len(terminal.seen) - begun < 64 * 1024
        terminal.press("\x1b")
        # An escape with a key right behind it is another key.
        terminal.until(lambda: not terminal.screen.shows("Mark or unmark the run"), what="the help to close")
        terminal.until_shown(last)
        terminal.press("q")
        assert terminal.until_ended() == 0
        terminal.assert_clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_ends_while_the_terminal_reads_nothing(
    home: Paths, project: object, printing: Printing, number: signal.Signals
) -> None:
    with RealTerminal(CONSOLE, "--readonly", str(project)) as terminal:
        terminal.until_shown(printing.print(1))
        busy(terminal, printing, 1)
        terminal.process.send_signal(number)
        assert terminal.process.wait(10) == 0
        while terminal.read(0.0):
            continue
        terminal.assert_clean()


def test_keys_are_answered_on_a_slow_line(home: Paths, project: object, printing: Printing) -> None:
    """2 kB a second: what is shown is late by what one frame takes, never by all those that were left out."""
    with RealTerminal(CONSOLE, "--readonly", str(project), SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22") as terminal:
        terminal.until_shown(printing.print(1))
        terminal.press("2")
        terminal.until_shown("enter open")

        def slowly() -> None:
            printing.print(5)
            terminal.read(0.1, 200)
            # The line's speed is what is tested.
            time.sleep(0.1)

        until = time.monotonic() + 3
        while time.monotonic() < until:
            slowly()
        pressed = time.monotonic()
        terminal.press("3")
        places = terminal.screen

        def answered() -> bool:
            slowly()
            return places.shows("space mark")

        terminal.until(answered, 30)
        assert time.monotonic() - pressed < 15
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.until_ended() == 0
        terminal.assert_clean()


def test_the_whole_screen_is_drawn_again(home: Paths, project: object, printing: Printing) -> None:
    with RealTerminal(CONSOLE, "--readonly", str(project)) as terminal:
        terminal.until_shown(printing.print(1))
        for key, text in (("", "Run configurations"), ("?", "Mark or unmark the run")):
            terminal.press(key)
            terminal.until_shown(text)
            terminal.screen = Screen(120, 40)
            terminal.press("\x0c")
            terminal.until_shown(text)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.until_ended() == 0
