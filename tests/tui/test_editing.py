"""An editor gets the terminal and gives it back, whatever becomes of it: the real program on a terminal."""

from __future__ import annotations

import os
import pty
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.test_leaving import read_until
from tui.editor import command_for

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


@pytest.fixture
def changing_editor(tmp_path: Path) -> str:
    """One that says what it was given and with which mode, and adds a line to it."""
    file = tmp_path / "vim"
    file.write_text(
        "#!/bin/sh\nfor file; do :; done\n"
        'echo "GIVEN $1 $(stat -c %a "$file") $(stat -c %a "$(dirname "$file")")"\nread line\n'
        'echo "TrackedRun: false" >> "$file"\n'
    )
    file.chmod(0o755)
    return str(file)


def test_a_copy_of_what_is_not_saved_goes_to_the_editor_and_comes_back(
    home: Paths, project: Path, changing_editor: str
) -> None:
    file = project / "aml_config" / "local.runconfig"
    before = file.read_bytes()
    with console(project, changing_editor) as end:
        press(end, b"2")
        read_until(end, LISTED)
        press(end, b"e")
        read_until(end, b"MaxRunDurationSeconds")
        press(end, b"\x14")
        read_until(end, b"$file")
        press(end, b"# typed\r\x0f")
        # The line of the cursor, and a file and folder that are the person's alone.
        assert b"GIVEN +2 600 700" in read_until(end, b"GIVEN +2 600 700")
        press(end, b"\r")
        read_until(end, b"TrackedRun")
        assert file.read_bytes() == before
        press(end, b"\x13")
        read_until(end, b"+ # typed")
        press(end, b"y")
        read_until(end, b"is saved")
    assert file.read_bytes() == b"# typed\n" + before + b"TrackedRun: false\n"


@pytest.mark.parametrize(
    ("editor", "wanted"),
    [
        ("vim -u NONE", ["vim", "-u", "NONE", "+3", "a b"]),
        ("/usr/bin/nano", ["/usr/bin/nano", "+3", "a b"]),
        ("hx", ["hx", "a b:3"]),
        ("code --wait", ["code", "--wait", "--goto", "a b:3"]),
        ("my-editor", ["my-editor", "a b"]),
    ],
)
def test_the_line_is_told_as_the_editor_takes_it(editor: str, wanted: list[str]) -> None:
    assert command_for(editor, "a b", 3) == wanted
    assert command_for(editor, "a b")[-1] == "a b"


def test_problems_open_in_the_editor_at_their_line(home: Paths, project: Path, changing_editor: str) -> None:
    file = project / "aml_config" / "local.runconfig"
    file.write_text(file.read_text().replace("local", "gone"))
    with console(project, changing_editor) as end:
        press(end, b"2")
        read_until(end, b"gone")
        press(end, b"P")
        read_until(end, b"What is wrong")
        press(end, b"E")
        assert b"GIVEN +3 644" in read_until(end, b"GIVEN +3 644")
        press(end, b"\r")
        read_until(end, TAKEN)


def test_arguments_of_a_submission_are_edited_a_line_each(engine_home: Paths, project: Path, tmp_path: Path) -> None:
    editor = tmp_path / "nano"
    editor.write_text('#!/bin/sh\ncat "$1"\nread line\nprintf "%s\\n" --rate "\'a b\'" >> "$1"\n')
    editor.chmod(0o755)
    with console(project, str(editor)) as end:
        press(end, b"2")
        read_until(end, LISTED)
        press(end, b"s")
        read_until(end, b"Submit a run")
        press(end, b"\x0f")
        read_until(end, b"An argument a line")
        press(end, b"\r")
        assert b"--rate 'a b'" in read_until(end, b"--rate 'a b'")
