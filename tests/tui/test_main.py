"""The entry: options, what Textual reads, what is imported before the first frame, and a real terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tui import main
from tui.main import find_project, prepare_environment, read_options

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths


def test_environment_is_set_before_textual_is_imported() -> None:
    plain: dict[str, str] = {}
    prepare_environment(plain)
    assert plain == {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
    remote = {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
    prepare_environment(remote)
    assert remote["TEXTUAL_FPS"] == "10"
    set_by_hand = {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
    prepare_environment(set_by_hand, 25)
    assert set_by_hand["TEXTUAL_FPS"] == "25"
    chosen = {"SSH_TTY": "/dev/pts/1", "TEXTUAL_FPS": "30"}
    prepare_environment(chosen)
    assert chosen["TEXTUAL_FPS"] == "30"


def test_options() -> None:
    given = read_options(["--readonly", "--ascii", "--no-mouse", "-p", "x"])
    assert (given.readonly, given.ascii, given.no_mouse, given.project) == (True, True, True, "x")
    assert read_options([]).folder is None


def test_find_project(project: Path, tmp_path: Path) -> None:
    (project / "src" / "deep").mkdir(parents=True)
    assert find_project(project / "src" / "deep") == project
    assert find_project(tmp_path) is None


def test_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["/nowhere/at/all"]) == 2
    assert "there is no such folder" in capsys.readouterr().err


def test_without_a_terminal_it_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from tui.main import main; raise SystemExit(main([]))"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "not a terminal" in done.stderr


def test_little_is_imported_before_the_first_frame() -> None:
    watched = ("engine", "tui", "yaml", "sqlite3", "plotext", "ruamel")
    code = f"import tui.app, sys; print(*sorted(m for m in sys.modules if m.split('.')[0] in {watched}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needed = (
        "app",
        "first_frame",
        "guard",
        "outlet",
        "painting",
        "saying",
        "terminal",
        "terminal_app",
        "themes",
        "turns",
    )
    assert done.stdout.split() == ["engine", "engine.timeouts", "tui", *(f"tui.{name}" for name in needed)]


def test_settings_before_the_first_frame_need_no_textual(home: Paths) -> None:
    home.config.mkdir(parents=True)
    (home.config / "config.yaml").write_text("frames: 20\nkeys: {cancel: /}\n")
    code = "from tui.main import read_early; import sys; print(read_early().frames, 'textual' in sys.modules)"
    environ = {**os.environ, "AML_TUI_HOME": str(home.state.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.split() == ["20", "False"]


def _on_a_terminal(argv: list[str], environ: dict[str, str], keys: bytes, marker: bytes) -> tuple[bytes, int]:
    """Run in a pseudo terminal, press keys when the marker is shown; what was written, and the exit code."""
    import fcntl
    import struct
    import termios

    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, *argv], environ)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    written, pressed, end = b"", False, time.monotonic() + 30
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    break
                if not data:
                    break
                written += data
            if not pressed and marker in written:
                os.write(terminal, keys)
                pressed = True
        else:
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(terminal)
    return written, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# Bold, dim, italic, underlined, reversed, and the terminal's own colours (39, 49).
COLOURLESS = {b"", b"0", b"1", b"2", b"3", b"4", b"7", b"39", b"49"}


def _attributes(written: bytes) -> set[bytes]:
    """Every number in the sequences for colours and attributes."""
    return {code for found in re.findall(rb"\x1b\[([\d;]*)m", written) for code in found.split(b";")}


CODE = "import sys; from tui.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize("options", [[], ["--ascii", "--no-mouse", "--readonly"]])
def test_on_a_real_terminal(home: Paths, project: Path, options: list[str]) -> None:
    environ = {**os.environ, "TERM": "xterm-256color", "AML_TUI_HOME": str(home.state.parent)}
    written, left = _on_a_terminal(["-c", CODE, *options, str(project)], environ, b"q", b"no runs yet")
    assert left == 0
    assert b"Traceback" not in written
    if options:
        assert b"?1003h" not in written


@pytest.mark.parametrize(
    ("settings", "term", "plain"),
    [
        ("mouse: false\nascii: true\nframes: 20\n", "xterm-256color", True),
        ("frames: 0\nmouse: true\nascii: false\n", "dumb", False),
        ("", "dumb", True),
        ("", "linux", False),
        ("", "screen", False),
    ],
)
def test_settings_that_count_from_the_start(home: Paths, project: Path, settings: str, term: str, plain: bool) -> None:
    home.config.mkdir(parents=True, exist_ok=True)
    (home.config / "config.yaml").write_text(settings)
    environ = {**os.environ, "TERM": term, "AML_TUI_HOME": str(home.state.parent)}
    written, left = _on_a_terminal(["-c", CODE, str(project)], environ, b"q", b"no runs yet")
    assert left == 0
    assert b"Traceback" not in written
    assert (b"?1003h" in written) == ("mouse: true" in settings or term == "screen")
    assert ("\u2500".encode() not in written) == plain
    if term == "dumb":
        assert _attributes(written) <= COLOURLESS


def test_no_color_on_a_real_terminal(home: Paths, project: Path) -> None:
    environ = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1", "AML_TUI_HOME": str(home.state.parent)}
    written, left = _on_a_terminal(["-c", CODE, str(project)], environ, b"q", b"no runs yet")
    assert left == 0
    assert _attributes(written) <= COLOURLESS
