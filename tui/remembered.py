"""What the console remembers from one start to the next: columns, order, open tabs. One file for all projects.

`console.json` in the state folder: {project folder, or "" for what holds everywhere: {name: value}}. It is no place
for settings, which are a person's own file; losing it loses only a layout.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

from engine.private_files import replace_private

if TYPE_CHECKING:
    from pathlib import Path

EVERYWHERE = ""


class Remembered:
    """`get` and `put` touch memory; `load` and `save` touch the disk and belong into a thread.

    What other consoles put meanwhile stays: a save writes only the names that were put here.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[str, dict[str, Any]] = {}
        self._put: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, where: str, name: str, kind: type) -> Any:
        """What was put under this name, or None when there is nothing of this kind (a list, dict, str, bool...).

        `where`: a project folder, or EVERYWHERE.
        """
        value = self._known.get(where, {}).get(name)
        return value if isinstance(value, kind) else None

    def put(self, where: str, name: str, value: Any) -> None:
        """Remember this (anything JSON has); None forgets it."""
        self._known.setdefault(where, {})[name] = value
        self._put[where, name] = value

    def load(self) -> None:
        """Read the file; one that is not there or not readable is an empty one."""
        self._known = self._read()

    def save(self) -> None:
        """Write what was put. A disk that refuses is no trouble for anybody: the layout is forgotten."""
        with self._lock:
            put, self._put = self._put, {}
            if not put:
                return
            known = self._read()
            for (where, name), value in put.items():
                known.setdefault(where, {})[name] = value
            kept = {where: {n: v for n, v in names.items() if v is not None} for where, names in known.items()}
            said = json.dumps({where: names for where, names in kept.items() if names}, indent=1, sort_keys=True)
            with contextlib.suppress(OSError):
                replace_private(self.file, said.encode())

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            data = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {k: v for k, v in data.items() if isinstance(v, dict)} if isinstance(data, dict) else {}
