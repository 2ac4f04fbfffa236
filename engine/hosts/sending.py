"""Contents of files here on their way to a host. What reads the disk is called in a thread."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from engine.errors import HostError
from engine.hosts.agent_client import PIECE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path
    from typing import BinaryIO


def sized(files: Sequence[tuple[str, Path]]) -> list[tuple[str, Path, int]]:
    """The same with the size of each, in bytes."""
    return [(sha, path, path.stat().st_size) for sha, path in files]


def read_all(paths: Sequence[Path]) -> bytes:
    """Small files, one after the other."""
    return b"".join(path.read_bytes() for path in paths)


def open_sized(path: Path) -> tuple[BinaryIO, int]:
    """A file and how large it is; who asks closes it."""
    file = path.open("rb")
    return file, os.fstat(file.fileno()).st_size


async def pieces(file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    """So many bytes of it. Raises HostError when there are fewer."""
    left = size
    while left:
        piece = await asyncio.to_thread(file.read, min(PIECE, left))
        if not piece:
            raise HostError(f"{file.name} became shorter while it was sent", remedy="Submit the run again.")
        left -= len(piece)
        yield piece
