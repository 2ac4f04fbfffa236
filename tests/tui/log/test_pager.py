"""A log in a person's pager: nothing but colours reaches the terminal, whatever the pager and its settings."""

from __future__ import annotations

import os
import pty
import re
import sys
from typing import TYPE_CHECKING

import pytest

from tui.front import run_in_front
from tui.log import pager
from tui.log.file import LogFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = (
    b"\x1b]52;c;aGVsbG8=\x07one\n\x1b[31mred\x1b[0m \x1b[2J\x1b[?1049hcleared\n10%\r50%\r100%\nlast \x9b5n\x1b[>4;2m"
)
CLEAN = b"one\n\x1b[31mred\x1b[0m cleared\x1b[0m\n100%\nlast \xef\xbf\xbd5n[>4;2m\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    file = LogFile(tmp_path / "driver.log")
    file.path.write_bytes(HOSTILE)
    yield file
    file.close()


def on_a_terminal(plan: pager.Plan) -> bytes:
    """What the pager writes to a terminal before it is told to leave."""
    child, end = pty.fork()
    if child == 0:
        os.execvpe(plan.command[0], plan.command, plan.env | {"TERM": "xterm"})
    seen = b""
    try:
        while b"last" not in seen:
            seen += os.read(end, 65536)
        os.write(end, b"q")
        while data := os.read(end, 65536):
            seen += data
    except OSError:
        # It has gone, and its terminal with it.
        pass
    finally:
        os.close(end)
        os.waitpid(child, 0)
    return seen


def test_a_copy_has_its_colours_and_nothing_else(log: LogFile, tmp_path: Path) -> None:
    made = pager.plan(log, None, {"PAGER": "less -S", "LESS": "-r"}, tmp_path / "cache", secure=True)
    assert made.copy is not None
    assert made.copy.read_bytes() == CLEAN
    assert made.copy.stat().st_mode & 0o077 == 0
    assert made.command == ["less", "-S", "-+r", "-R", "+G", str(made.copy)]
    assert (made.env.get("LESS"), made.env["LESSSECURE"]) == (None, "1")
    assert pager.plan(log, HOSTILE.index(b"10%"), {"PAGER": "less"}, tmp_path, secure=False).command[-2] == "+3g"
    assert pager.plan(log, 0, {"PAGER": "most"}, tmp_path, secure=False).command[0] == "most"


@pytest.mark.parametrize("copied", [1 << 20, 0], ids=["copied", "large"])
@pytest.mark.parametrize("settings", ["", "-r", "-R --use-color"])
def test_less_on_a_terminal(
    log: LogFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: int, settings: str
) -> None:
    monkeypatch.setattr(pager, "COPIED", copied)
    environ = {**os.environ, "PAGER": f"less {settings}", "LESS": "-r"}
    made = pager.plan(log, None, environ, tmp_path / "cache", secure=False)
    assert (made.copy is not None) == bool(copied)
    seen = on_a_terminal(made)
    assert b"cleared" in seen
    assert b"\x1b]52" not in seen
    # The pager clears the screen for itself, but not in the middle of a line.
    line = next(part for part in re.split(rb"[\r\n]", seen) if b"cleared" in part and b"red" in part)
    assert b"\x1b[2J" not in line
    assert b"\x1b[>4" not in seen


async def test_another_pager_is_given_the_lines_of_a_large_log(
    log: LogFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pager, "COPIED", 0)
    out = tmp_path / "out"
    script = tmp_path / "pager"
    script.write_text(f"#!{sys.executable}\nimport sys\nopen({str(out)!r}, 'wb').write(sys.stdin.buffer.read())\n")
    script.chmod(0o755)
    made = pager.plan(log, 0, {"PAGER": str(script)}, tmp_path, secure=False)
    assert await run_in_front(made.command, env=made.env, pour=made.pour) == ("", 0)
    assert out.read_bytes() == CLEAN
    gone = pager.plan(log, 0, {"PAGER": str(tmp_path / "none")}, tmp_path, secure=False)
    assert (await run_in_front(gone.command, env=gone.env, pour=gone.pour))[0].endswith("No such file or directory")


async def test_a_pager_that_is_left_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pager, "COPIED", 0)
    file = LogFile(tmp_path / "driver.log")
    file.path.write_bytes(b"0123456789\n" * 500_000)
    made = pager.plan(file, 0, {"PAGER": "true"}, tmp_path, secure=False)
    assert await run_in_front(made.command, env=made.env, pour=made.pour) == ("", 0)
    file.close()


def test_a_pager_that_is_no_command(log: LogFile, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="quotation"):
        pager.plan(log, 0, {"PAGER": "'not closed"}, tmp_path, secure=False)
