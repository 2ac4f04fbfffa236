"""`aml experiment shell`: a shell where a run is. What is typed goes there, what comes is shown.

The engine has the connection, so nothing is asked again; see `engine.terminals` for what goes over its socket.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from cli.places import Place, one_run
from engine.client import open_connection
from engine.errors import AmlError, HostLost
from engine.plain import plain
from engine.project.shell import surrounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.command import Parser

HEAD = struct.Struct(">cI")
PIECE = 1 << 16
# The end of what is typed, to a shell that reads a terminal.
END = b"\x04"


def options(parser: Parser) -> None:
    one_run(parser)
    # A terminal that was asked for already: by the console, which hands over its own.
    parser.add_argument("--socket", default="", help=argparse.SUPPRESS)


def shell(options: argparse.Namespace) -> int:
    """The shell's own exit status."""
    if options.socket:
        return relay(options.socket)
    place = Place(options)
    with place.store:
        run = place.run(options.run)
    rows, columns = _size()
    # The engine stays as long as somebody is on the line.
    with open_connection(place.paths) as line:
        window = {"term": os.environ.get("TERM") or "dumb", "rows": rows, "columns": columns}
        answer = line.ask("connect", {"op": "shell", "id": run.id, **window})
        if sys.stderr.isatty():
            sys.stderr.write(f"{plain(answer['where'])}; exit comes back\n")
        sys.stderr.flush()
        if "here" not in answer:
            return relay(str(answer["socket"]))
    return _begin_here(answer["here"])


def _begin_here(found: dict[str, Any]) -> int:
    try:
        os.chdir(found["cwd"])
        command = os.environ.get("SHELL") or "/bin/sh"
        os.execvpe(command, [command], surrounded(os.environ, found))  # noqa: S606 - an argv, no shell
    except OSError as error:
        raise AmlError(
            f"the shell cannot be started: {error.strerror}.",
            where=str(error.filename or found["cwd"]),
            remedy="Set SHELL to a shell of yours.",
        ) from error


def relay(path: str) -> int:
    """This terminal on that socket until the shell ends; its status. Raises HostLost when contact is lost."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, _woken() as wake, _raw():
        line.connect(path)
        line.setblocking(False)
        ended, going, typing = _Shown(), bytearray(_resized()), True
        while ended.status is None:
            # What is shown must go on while much that was pasted waits to be taken.
            reading: list[Any] = [line, wake, *([0] if typing and len(going) < PIECE else [])]
            ready, room, _ = select.select(reading, [line] if going else [], [])
            if wake in ready:
                wake.recv(PIECE)
                going += _resized()
            if 0 in ready:
                typed = os.read(0, PIECE)
                typing = bool(typed)
                going += _frame(b"d", typed or END)
            if room:
                # Of one that has ended, the end is still to be read.
                with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                    del going[: line.send(going)]
            if line in ready:
                with contextlib.suppress(BlockingIOError):
                    ended.take(line.recv(PIECE))
        return ended.status


class _Shown:
    """What came over the socket: shown as it is, until it says how the shell ended."""

    def __init__(self) -> None:
        self.status: int | None = None
        self._rest = b""

    def take(self, data: bytes) -> None:
        if not data:
            raise HostLost("contact with the engine was lost, and with it the shell.")
        self._rest += data
        while len(self._rest) >= HEAD.size:
            kind, length = HEAD.unpack_from(self._rest)
            if len(self._rest) < HEAD.size + length:
                return
            body, self._rest = self._rest[HEAD.size : HEAD.size + length], self._rest[HEAD.size + length :]
            if kind == b"d":
                _write(body)
            elif kind == b"x":
                self.status = int(body)
            elif kind == b"e":
                raise HostLost(body.decode("utf-8", "replace"))


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _frame(kind: bytes, data: bytes) -> bytes:
    return HEAD.pack(kind, len(data)) + data


def _size() -> tuple[int, int]:
    try:
        size = os.get_terminal_size(0)
    except OSError:
        return 24, 80
    return size.lines or 24, size.columns or 80


def _resized() -> bytes:
    rows, columns = _size()
    return _frame(b"r", b"%d %d" % (rows, columns))


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """What is typed goes on as it is: ctrl-c is for the shell over there. The terminal is as it was afterwards."""
    if not os.isatty(0):
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _woken() -> Iterator[socket.socket]:
    """A socket that has something to read when the terminal got another size, or this is asked to end."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    before = {signal.SIGWINCH: signal.signal(signal.SIGWINCH, lambda *_: None)}
    for number in (signal.SIGHUP, signal.SIGTERM):
        before[number] = signal.signal(number, _leave)
    wake = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(wake)
        for number, handler in before.items():
            signal.signal(number, handler)
        ours.close()
        theirs.close()


def _leave(number: int, _: object) -> None:
    # By this way the terminal is put right.
    sys.exit(128 + number)
