"""What a person has answered and a host has refused, for as long as the engine lives."""

from __future__ import annotations

import hashlib
import os
import threading


class Answers:
    """By `Question.about`: the answers that were right, and which ones were refused. Never on a disk.

    May be used from any thread.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._refused: dict[str, set[bytes]] = {}
        self._blocked: set[str] = set()
        # What was refused is only ever compared, so no more than this is kept of it.
        self._salt = os.urandom(16)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Answers: {len(self._texts)}>"

    def get(self, about: str) -> str | None:
        with self._lock:
            return self._texts.get(about)

    def put(self, about: str, text: str) -> None:
        """It was right."""
        with self._lock:
            self._texts[about] = text
            self._refused.pop(about, None)
            self._blocked.discard(about)

    def refuse(self, about: str, text: str) -> None:
        """It was wrong, or is no longer right: never to be tried again unless a person types it again."""
        with self._lock:
            if self._texts.get(about) == text:
                del self._texts[about]
            self._refused.setdefault(about, set()).add(self._mark(text))
            self._blocked.add(about)

    def was_refused(self, about: str, text: str) -> bool:
        with self._lock:
            return self._mark(text) in self._refused.get(about, ())

    def unblock(self, about: str) -> None:
        """It was not needed after all. What was refused stays refused."""
        with self._lock:
            self._blocked.discard(about)

    def blocked(self, about: str) -> bool:
        """Whether something was refused, and nothing has let in since."""
        with self._lock:
            return about in self._blocked

    def _mark(self, text: str) -> bytes:
        return hashlib.sha256(self._salt + text.encode("utf-8", "surrogatepass")).digest()
