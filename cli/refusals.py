"""The answer to a request about several runs, of which some may have been refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from engine.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.runs.model import Run


def tell(runs: Sequence[Run], refused: Mapping[str, str], done: str) -> int:
    """Say on stderr what was done and what was not; the exit code."""
    for run in runs:
        if run.id in refused:
            sys.stderr.write(f"{run.name}: {plain(refused[run.id])}\n")
        else:
            sys.stderr.write(f"{run.name} {done}\n")
    return 1 if refused else 0
