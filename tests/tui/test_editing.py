"""`e` gives the terminal to an editor and takes it back, whatever becomes of it: the real program on a terminal."""

from __future__ import annotations

import os
import pty
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.test_leaving import read_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.paths import Paths

SHOWN = b"no runs yet"
LISTED = b"Python"
TAKEN = b"\x1b[?1049h"


@contextmanager
def console(project: Path, editor: str) -> Iterator[int]:
    """The terminal of a console that has this editor, as the process group in its foreground."""
    child, end = pty.fork()
    if child == 0:
        os.environ.pop("VISUAL", None)
        os.environ.update(TERM="xterm-256color", EDITOR=editor)
        command = str(Path(sys.executable).parent / "aml-tui")
        os.execv(command, [command, str(project)])
    try:
        read_until(end, SHOWN)
        yield end
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(end)


def press(end: int, keys: bytes) -> None:
    os.write(end, keys)


@pytest.fixture
def editor(tmp_path: Path) -> str:
    """One that says when it is there, and waits."""
    file = tmp_path / "editor"
    file.write_text("#!/bin/sh\necho EDITING $1\nread line\n")
    file.chmod(0o755)
    return str(file)


def edit(end: int, wanted: bytes) -> None:
    press(end, b"2")
    read_until(end, LISTED)
    press(end, b"E")
    assert wanted in read_until(end, wanted)


@pytest.mark.parametrize("name", ["there-is-no-such-editor", "'not closed"])
def test_an_editor_that_cannot_be_started_is_told(home: Paths, project: Path, name: str) -> None:
    with console(project, name) as end:
        edit(end, b"EDITOR")
        press(end, b"?")
        assert b"Keys" in read_until(end, b"Keys")


@pytest.mark.parametrize("key", [b"\r", b"\x03", b"\x1c"], ids=["enter", "ctrl-c", "ctrl-backslash"])
def test_the_console_is_back_when_the_editor_has_ended(home: Paths, project: Path, editor: str, key: bytes) -> None:
    with console(project, editor) as end:
        edit(end, b"EDITING")
        press(end, key)
        assert TAKEN in read_until(end, TAKEN)
        assert LISTED in read_until(end, LISTED)
        press(end, b"?")
        assert b"Keys" in read_until(end, b"Keys")
