"""`|` gives the terminal to a pager and takes it back: the real programs on a terminal."""

from __future__ import annotations

import os
import pty
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.test_leaving import read_until
from tests.tui.test_log_pane import running, write
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.paths import Paths
    from tests.tui.history import History

LINE = b"the only line"
TAKEN, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"


@contextmanager
def console(project: Path, pager: str, *options: str) -> Iterator[int]:
    """The terminal of a console that has this pager, with the log to be seen."""
    child, end = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", PAGER=pager, LESS="-r")
        command = str(Path(sys.executable).parent / "aml-tui")
        os.execv(command, [command, *options, str(project)])
    try:
        read_until(end, b"iris-007")
        os.write(end, b"4")
        read_until(end, LINE)
        # Once more, now that the log is there for sure to have the keys.
        os.write(end, b"4")
        yield end
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(end)


@pytest.mark.parametrize("options", [(), ("--readonly",)], ids=["", "readonly"])
def test_less_has_the_terminal_and_gives_it_back(
    home: Paths, history: History, project: Path, options: tuple[str, ...]
) -> None:
    history.put(running())
    write(home, b"\x1b]52;c;aGVsbG8=\x07" + LINE + b" of the log\n")
    with console(project, "less", *options) as end:
        os.write(end, b"|")
        # What the console wrote before it left is not the pager's.
        seen = read_until(end, LEFT).rpartition(LEFT)[2]
        if LINE not in seen:
            seen += read_until(end, LINE)
        assert LINE in seen
        assert b"\x1b]52" not in seen
        assert len(list(home.cache.glob("pager-*"))) == 1
        os.write(end, b"q")
        assert TAKEN in read_until(end, TAKEN)
        assert LINE in read_until(end, LINE)
        until(lambda: not list(home.cache.glob("pager-*")), what="the copy to be removed")
        os.write(end, b"?")
        assert b"Keys" in read_until(end, b"Keys")


@pytest.mark.parametrize("name", ["there-is-no-such-pager", "'not closed"])
def test_a_pager_that_cannot_be_started_is_told(home: Paths, history: History, project: Path, name: str) -> None:
    history.put(running())
    write(home, LINE + b"\n")
    with console(project, name) as end:
        os.write(end, b"|")
        said = b"PAGER" if " " not in name else b"cannot be given"
        assert said in read_until(end, said)
        os.write(end, b"?")
        assert b"Keys" in read_until(end, b"Keys")
