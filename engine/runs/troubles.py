"""What this machine itself refuses, so that runs wait: a full disk above all. Told to every face, since the store,
which is how they learn of everything else, may be what cannot be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import is_full

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = "this machine's disk is full: logs and history cannot be written. Runs go on and are caught up with; make room."


class Troubles:
    """By the run that met one. `changed` is called when `text` differs."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._met: dict[str, str] = {}
        self._changed = changed

    @property
    def text(self) -> str:
        """The one met first, in words; "" when there is none."""
        return next(iter(self._met.values()), "")

    def meet(self, run_id: str, error: Exception) -> None:
        full = isinstance(error, OSError) and is_full(error)
        self._set({**self._met, run_id: FULL if full or "disk is full" in str(error) else str(error)})

    def over(self, run_id: str) -> None:
        if run_id in self._met:
            self._set({key: text for key, text in self._met.items() if key != run_id})

    def _set(self, met: dict[str, str]) -> None:
        before = self.text
        self._met = met
        if self.text != before:
            self._changed()
