"""What of a person's settings the main screen goes by."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.screens.main import MainScreen
    from tui.settings import Settings

# Ages move this often: a row is some 400 bytes, which over SSH adds up (s).
TICK, REMOTE_TICK = 1.0, 5.0


def tick_of(settings: Settings | None) -> float:
    """How often what only grows older is drawn anew (s)."""
    if settings is not None and settings.tick:
        return float(settings.tick)
    return REMOTE_TICK if os.environ.get("SSH_CONNECTION") else TICK


class Preferred:
    """Takes over what differs from before; what was chosen on the screen meanwhile stays."""

    def __init__(self, screen: MainScreen) -> None:
        self.screen = screen
        self.tick = 0.0
        self._ticking: Timer | None = None
        self._metrics: tuple[str, ...] | None = None

    def use(self, settings: Settings | None) -> None:
        """None: they are not read yet."""
        metrics = settings.metrics if settings is not None else None
        if metrics != self._metrics:
            self._metrics = metrics
            self.screen.listing.choose(metrics)
        if settings is not None:
            self.screen.targets.limits = {"memory": settings.memory_above, "disk": settings.disk_above}
        self._every(tick_of(settings))

    def _every(self, seconds: float) -> None:
        if seconds != self.tick:
            if self._ticking is not None:
                self._ticking.stop()
            self.tick = seconds
            self._ticking = self.screen.set_interval(seconds, self.screen.tick)
