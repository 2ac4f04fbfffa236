"""The log of one build: a file of its own, written behind the loop, with no password in it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from engine.masking import CREDENTIALS
from engine.plain import plain

if TYPE_CHECKING:
    from pathlib import Path

# The longest text without a line break that is held back for one, characters.
LONGEST = 1 << 16


def masked(text: str) -> str:
    """The same without the names and passwords in its addresses."""
    return CREDENTIALS.sub(r"\1***@", text)


def has_password(text: str) -> bool:
    """Whether an address in it has a name or password before its host."""
    return CREDENTIALS.search(text) is not None


class BuildLog:
    """`say` never waits. What the disk does not take is lost, and the build goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1
        # An address may come in two pieces: it is written when its line is whole.
        self._rest = ""
        self._pending: list[str] = []
        self._writing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the file, which only its owner may read. Raises OSError."""
        self._file = await asyncio.to_thread(self._made)

    def _made(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(self, text: str) -> list[str]:
        """Enter what was said. Returns the lines that are whole now, drawable, without empty ones."""
        whole, end, rest = (self._rest + text).rpartition("\n")
        if len(rest) > LONGEST:
            whole, end, rest = whole + end + rest, "", ""
        self._rest = rest
        return self._enter(whole + end)

    def note(self, text: str) -> None:
        """Enter a line of ours."""
        self._rest, rest = "", self._rest
        self._enter(f"{rest}\n{text}\n" if rest else f"{text}\n")

    def _enter(self, text: str) -> list[str]:
        if not text:
            return []
        text = masked(text)
        self._pending.append(text)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="build log")
        return [line for line in map(plain, text.splitlines()) if line.strip()]

    async def _write(self) -> None:
        while self._pending:
            data = "".join(self._pending).encode("utf-8", "backslashreplace")
            self._pending.clear()
            await asyncio.to_thread(_write_all, self._file, data)

    async def close(self) -> None:
        """Write what is left."""
        if self._rest:
            self.note("")
        if self._writing is not None:
            await self._writing
        file, self._file = self._file, -1
        if file >= 0:
            await asyncio.to_thread(os.close, file)


def _write_all(file: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(file, data) :]
    except OSError:
        # A full disk: the build itself says so, if it needs that disk too.
        return
