"""How long builds of environments took on a host, for an estimate of the next."""

from __future__ import annotations

import contextlib
import hashlib
import json
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Earlier builds that an estimate is made of.
EARLIER = 5


class Times:
    """Kept in a file of the host's own in `folder`. Blocking."""

    def __init__(self, folder: Path, host: str) -> None:
        # A host's name may hold what a file's name may not.
        self._file = folder / f"times-{hashlib.sha256(host.encode()).hexdigest()[:12]}.json"

    def estimate(self) -> float | None:
        """Seconds that a build takes, None when there was none yet."""
        times = self._read()
        return statistics.median(times) if times else None

    def remember(self, seconds: float) -> None:
        """A build that was made, from the base image to the last step. What cannot be written is forgotten."""
        part = self._file.with_suffix(".part")
        with contextlib.suppress(OSError):
            part.write_text(json.dumps([*self._read(), round(seconds, 1)][-EARLIER:]))
            part.replace(self._file)

    def _read(self) -> list[float]:
        try:
            return [float(one) for one in json.loads(self._file.read_bytes())]
        except (OSError, ValueError, TypeError):
            return []
