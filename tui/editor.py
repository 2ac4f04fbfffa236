"""The person's own editor, in front of the console: on a file, or on a copy of what is not saved yet."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tui.front import run_in_front

if TYPE_CHECKING:
    from tui.app import ConsoleApp

# How an editor is told a line, by its name. One that is not known here is told none: it would take `+3` for a file.
_PLUS = frozenset(
    {"vi", "vim", "nvim", "view", "ex", "nano", "rnano", "pico", "emacs", "emacsclient", "micro", "joe", "jmacs"}
    | {"jstar", "jed", "mg", "ne", "kak", "zile"}
)
_COLON = frozenset({"hx", "helix", "subl", "zed", "lapce", "pulsar"})
_GOTO = frozenset({"code", "codium", "code-insiders", "cursor"})


def command_for(editor: str, file: str, line: int = 0) -> list[str]:
    """The command that opens a file at a line (from 1; 0: wherever). Raises ValueError for an open quote."""
    words = shlex.split(editor)
    if not words:
        raise ValueError("it is empty")
    name = os.path.basename(words[0])  # noqa: PTH119 - a word of a command, no path of ours
    if line > 0 and name in _PLUS:
        return [*words, f"+{line}", file]
    if line > 0 and name in _COLON:
        return [*words, f"{file}:{line}"]
    if line > 0 and name in _GOTO:
        return [*words, "--goto", f"{file}:{line}"]
    return [*words, file]


async def edit_in_front(app: ConsoleApp, file: Path, line: int = 0) -> bool:
    """Let a person edit a file until the editor has ended; whether it could be started, which is told otherwise."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        command = command_for(editor, str(file), line)
        with app.suspend():
            trouble, _ = await run_in_front(command)
    except ValueError as error:
        trouble = f"{editor} is no command: {error}"
    if trouble:
        app.tell(f"{trouble}. Set EDITOR to an editor of yours.", "error")
    app.refresh(repaint=True, layout=True)
    return not trouble


async def edit_copy(app: ConsoleApp, name: str, data: bytes, line: int = 0) -> bytes | None:
    """What a person made of these bytes in a file of this name, which is theirs alone; None when nothing came of it."""
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="aml-tui-")
    file = Path(folder) / name
    try:
        await asyncio.to_thread(_write, file, data)
        if not await edit_in_front(app, file, line):
            return None
        return await asyncio.to_thread(_read, file)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)


def _write(file: Path, data: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)


def _read(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None
