"""Whatever ends the console, the terminal is as it was: the real program on a terminal of its own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.real_terminal import CONSOLE, RealTerminal

if TYPE_CHECKING:
    from engine.paths import Paths

READY = "no runs yet"


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


# The console with a fault in it: `!` meets it, or the start.
FAULTY = """\
import sys
from tui.main import main
secret = "hunter2"
def fail(*_):
    password = "hunter2"
    raise ValueError("name \\x1b[?1049h\\x1b]0;title\\x07[bold]x")
if sys.argv[2] == "key":
    from tui.screens.acting import Acting
    Acting.messages = fail
else:
    from tui.app import ConsoleApp
    ConsoleApp._begin = fail
raise SystemExit(main([sys.argv[1]]))
"""


@pytest.mark.parametrize("keys", ["q", "\x11"])
def test_a_key(home: Paths, project: Path, keys: str) -> None:
    with RealTerminal(CONSOLE, str(project)) as terminal:
        terminal.until_shown(READY)
        terminal.press(keys)
        assert terminal.until_ended() == 0
        terminal.assert_clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_asked_to_end(home: Paths, project: Path, number: signal.Signals) -> None:
    with RealTerminal(CONSOLE, str(project)) as terminal:
        terminal.until_shown(READY)
        assert b"\x1b[?1049h" in terminal.seen
        terminal.process.send_signal(number)
        assert terminal.until_ended() == 0
        terminal.assert_clean()


def test_asked_to_end_before_it_has_begun(home: Paths, project: Path) -> None:
    with RealTerminal(CONSOLE, str(project)) as terminal:
        terminal.until(lambda: b"\x1b[?1049h" in terminal.seen)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.until_ended() == 0
        terminal.assert_clean()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_killed(home: Paths, project: Path, number: signal.Signals) -> None:
    with RealTerminal(CONSOLE, str(project)) as terminal:
        terminal.until_shown(READY)
        terminal.process.send_signal(number)
        assert terminal.until_ended() == -number
        terminal.until(lambda: b"was killed" in terminal.seen)
        terminal.assert_clean()


@pytest.mark.parametrize("when", ["key", "start"])
def test_an_error_of_its_own(home: Paths, project: Path, when: str) -> None:
    with RealTerminal(sys.executable, "-c", FAULTY, str(project), when) as terminal:
        if when == "key":
            terminal.until_shown(READY)
            terminal.press("!")
        assert terminal.until_ended() == 1
        terminal.assert_clean()
        said = bytes(terminal.seen).rpartition(b"\x1b[?1049l")[2]
        assert b"ValueError: name [bold]x" in said
        assert b"Runs go on" in said
        assert b"hunter2" not in said.replace(b'password = "hunter2"', b"")
        assert b"title" not in said


@pytest.mark.parametrize("controlling", [True, False], ids=["told by a signal", "told by nobody"])
def test_the_terminal_goes_away(home: Paths, project: Path, controlling: bool) -> None:
    with RealTerminal(CONSOLE, str(project), controlling=controlling) as terminal:
        terminal.until_shown(READY)
        terminal.hang_up()
        terminal.process.wait(20)


def state(pid: int) -> str:
    """R, S, T..., as `ps` has it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_stopped_and_continued(home: Paths, project: Path) -> None:
    """As by `kill -TSTP`: the terminal is the shell's meanwhile, and whole afterwards."""
    with RealTerminal(CONSOLE, str(project)) as terminal:
        terminal.until_shown(READY)
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.until(lambda: state(terminal.process.pid) == "T")
        while terminal.read(0.0):
            continue
        terminal.assert_clean()
        terminal.seen.clear()
        terminal.screen = type(terminal.screen)(120, 40)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until_shown(READY)
        terminal.until_shown("? help")
        terminal.press("q")
        assert terminal.until_ended() == 0
        terminal.assert_clean()
