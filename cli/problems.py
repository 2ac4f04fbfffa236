"""Files of a project that cannot be used: told on stderr, so that they are not merely missing from a list."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from engine.plain import plain

if TYPE_CHECKING:
    from engine.project.folder import Project


def warn(project: Project, suffix: str) -> None:
    for file, problem in project.broken.items():
        if file.endswith(suffix):
            sys.stderr.write(plain(f"left out: {problem}") + "\n")
