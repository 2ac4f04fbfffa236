"""A blocking call that our code makes on an event loop fails the test.

blockbuster wraps what blocks (files, SQLite, sleeps, sockets, locks). Which calls count is decided here: those made by
a coroutine or callback of the product. A test that looks into a file itself, or calls a blocking function of the
product on purpose, is on its own.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from blockbuster import BlockBuster

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
OURS = tuple(f"{ROOT / name}/" for name in ("engine", "tui", "cli"))
TESTS = f"{ROOT / 'tests'}/"
ON_A_LOOP = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

# (file, functions): may block, and why.
EXCEPTIONS: dict[str, set[str]] = {
    # Text for the terminal goes through a thread of Textual's; the queue to it is bounded on purpose.
    "textual/drivers/_writer_thread.py": {"write"},
    # A line of the engine's own log file: short, and wanted on the disk when the process is killed.
    "logging/__init__.py": {"handle"},
    # A screen's style sheet, read by Textual when the screen is first made.
    "textual/_path.py": {"_make_path_object_relative"},
    "textual/css/stylesheet.py": {"read", "read_all"},
    # A module imported at its first use.
    "<frozen importlib._bootstrap>": {"_find_and_load"},
}


class Watch:
    """blockbuster over the whole session; `paused` while a test that says so runs."""

    def __init__(self) -> None:
        self.paused = False
        self._blockbuster = BlockBuster()
        for function in self._blockbuster.functions.values():
            function.can_block_predicate = self._either(function.can_block_predicate)
            for file, names in EXCEPTIONS.items():
                function.can_block_in(file, names)

    def start(self) -> None:
        self._blockbuster.activate()

    def stop(self) -> None:
        self._blockbuster.deactivate()

    def _either(self, harmless: Callable[..., bool]) -> Callable[..., bool]:
        def may_block(*args: object, **kwargs: object) -> bool:
            return self.paused or not _is_ours() or harmless(*args, **kwargs)

        return may_block


def _is_ours() -> bool:
    """Whether the call came from the product's side of the loop.

    From the call outwards: the first coroutine decides, or, for a plain callback, everything up to the loop. A frame of
    the tests before any of these means that the test called on purpose.
    """
    frame = sys._getframe(2)
    ours = coroutine = False
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(TESTS):
            return ours and coroutine
        ours = ours or file.startswith(OURS)
        coroutine = coroutine or bool(frame.f_code.co_flags & ON_A_LOOP)
        if ours and coroutine:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return ours
