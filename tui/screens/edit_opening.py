"""Opening a file of the project in the editor of the console."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.errors import AmlError, ProjectError

if TYPE_CHECKING:
    from pathlib import Path

    from tui.app import ConsoleApp

# What is edited on the screen, bytes: a form is made anew at each change. $EDITOR takes any.
LARGEST = 64 << 10


async def open_editor(app: ConsoleApp, named: str, *, kind: str = "", line: int = 0) -> None:
    """Edit a file that is named relative to the project, or to its configuration folder. `line`: where to begin.

    One that is not there begins empty, and is made by the first save.
    """
    folder = app.model.folder
    if folder is None:
        return
    try:
        path, data = await asyncio.to_thread(_read, folder, named)
    except AmlError as error:
        app.tell(f"{error} E opens it in $EDITOR.", "error")
        return
    from engine.project.check_text import kind_of_file
    from tui.screens.edit import EditScreen

    file = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
    app.push_screen(EditScreen(path, file, data, kind=kind or kind_of_file(file), line=line))


def _read(folder: Path, named: str) -> tuple[Path, bytes | None]:
    from engine.project.finding import CONFIG_FOLDERS
    from engine.project.saving import bytes_there
    from tui.editing.document import Original
    from tui.screens import edit  # noqa: F401 - its modules take a tenth of a second the first time: not on the loop

    path = folder / named
    if not path.exists():
        inside = [folder / one / named for one in CONFIG_FOLDERS]
        path = next((one for one in inside if one.is_file()), path)
    data = bytes_there(path)
    if data is not None and len(data) > LARGEST:
        raise ProjectError("the file is too large for this editor.", where=named)
    if data is not None and Original(data).foreign:
        raise ProjectError("the file has characters that this editor has other uses for.", where=named)
    return path, data
