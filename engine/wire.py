"""What faces and engine say to each other over the socket, and who may say it.

One JSON object a line, ASCII (names that are not UTF-8 travel as escaped lone surrogates).
A face asks `{"id": n, "verb": ..., "args": {...}}` and gets `{"id": n, "ok": {...}}` or `{"id": n, "error": {...}}`
(`AmlError.to_json`). A face that subscribed gets, between answers, `{"event": "changed", "runs": [ids],
"targets": bool, "more": bool}`: a hint to read the store again, coalesced and droppable; `more` says that other runs
than those named changed too. The first request on a connection is `hello`.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
from typing import TYPE_CHECKING, Any

from engine.errors import EngineUnavailable

if TYPE_CHECKING:
    from pathlib import Path

# The longest request or answer, bytes. A request carries arguments and an environment, an answer a list of outputs.
MAX_LINE = 8 << 20

VERBS = (
    "hello",
    "plan",
    "submit",
    "cancel",
    "delete",
    "update",
    "watch",
    "subscribe",
    "outputs",
    "fetch",
    "prepare",
    "environments",
    "connect",
    "sample",
    "status",
    "stop",
)


def encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message on a line. Raises ValueError when it is not one JSON object."""
    try:
        message = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    return message


def peer(connection: socket.socket) -> tuple[int, int]:
    """pid and user id of the process at the other end, as the kernel knows them."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def check_folder(folder: Path) -> None:
    """Refuse a runtime folder in which somebody else could put or replace the socket. Raises EngineUnavailable.

    A folder that does not exist is fine here.
    """
    try:
        found = folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise EngineUnavailable(
            f"the folder of the engine's socket cannot be looked at: {error.strerror}.", where=str(folder)
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        problem = "is not a folder"
    elif found.st_uid != os.getuid():
        problem = f"belongs to another user (id {found.st_uid})"
    elif found.st_mode & 0o022:
        problem = f"can be written to by others (mode {stat.S_IMODE(found.st_mode):04o})"
    else:
        return
    raise EngineUnavailable(
        f"the folder of the engine's socket {problem}; it is not used.",
        where=str(folder),
        remedy="Remove it, make it yours with mode 0700, or set XDG_RUNTIME_DIR to a folder of your own.",
    )
