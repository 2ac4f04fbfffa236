"""Writing a person's settings: only the characters of what changes, so that comments and order stay. Blocking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_settings(folder: Path, changes: Mapping[str, Any]) -> None:
    """Set these in `config.yaml`, a nested one as "keys.submit"; None takes one out.

    The file is made when there is none; one that is a link is written where it points. Raises ProjectError when it
    cannot be read, is not YAML or cannot be written; it is then as it was.
    """
    from engine.errors import ProjectError
    from engine.project.edit import set_keys

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / "config.yaml").resolve()
        file.touch()
    except OSError as error:
        raise ProjectError(f"the settings cannot be written: {error.strerror}.", where=str(folder)) from error
    set_keys(file, {name: list(one) if isinstance(one, tuple) else one for name, one in changes.items()})
