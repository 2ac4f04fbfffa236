"""Files of this machine on their way to a host: read behind the loop."""

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
    return [(sha, path, path.stat().st_size) for sha, path in files]


def read_all(paths: Sequence[Path]) -> bytes:
    return b"".join(path.read_bytes() for path in paths)


def open_sized(path: Path) -> tuple[BinaryIO, int]:
    file = path.open("rb")
    return file, os.fstat(file.fileno()).st_size


async def pieces(file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    left = size
    while left:
        piece = await asyncio.to_thread(file.read, min(PIECE, left))
        if not piece:
            raise HostError(f"{file.name} became shorter while it was sent", remedy="Submit the run again.")
        left -= len(piece)
        yield piece
