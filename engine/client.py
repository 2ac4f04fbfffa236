"""How a face reaches the engine. This module is the blocking side, for the command line: standard library, few imports.

The console's `Client` lives in `engine.async_client` and is found here by its name, so that whoever does not need it
does not pay for asyncio.
"""

from __future__ import annotations

import os
import select
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.errors import AmlError, EngineUnavailable
from engine.lock import holder, is_held
from engine.starting import start_engine
from engine.wire import MAX_LINE, check_folder, decode, encode, peer

if TYPE_CHECKING:
    from engine.async_client import Client
    from engine.paths import Paths

__all__ = ["Client", "Connection", "ContactLost", "call", "open_connection"]

# An engine answers `hello` at once; one that does not within this time hangs or is stopped (s).
HELLO_WITHIN = 10.0
# A leaving engine lets go of its hosts and the store within this time (s).
LEAVE_WITHIN = 30.0
# Engines may come and go while we ask: give up after as many.
ATTEMPTS = 8

# Asked twice, these change nothing more than asked once (`submit` by its token).
REPEATABLE = frozenset(
    {"submit", "cancel", "update", "watch", "subscribe", "sample", "outputs", "connect", "status"}
    | {"plan", "prepare", "environments"}
)


def __getattr__(name: str) -> Any:
    if name == "Client":
        from engine.async_client import Client

        return Client
    raise AttributeError(name)


class ContactLost(EngineUnavailable):
    """The engine went away while it was asked. Whether it did what was asked is not known."""

    code = "contact-lost"


class Connection:
    """One line to a running engine, already greeted when `open_connection` returns it. Not for several threads."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._buffer = bytearray()
        self._next = 0
        self._events: list[dict[str, Any]] = []
        self.version = ""
        self.pid = peer(line)[0]

    def fileno(self) -> int:
        return self._line.fileno()

    def detach(self) -> socket.socket:
        """The bare socket, for another way of reading it. Only right after `open_connection`."""
        assert not self._buffer
        return self._line

    def close(self) -> None:
        self._line.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, verb: str, args: dict[str, Any] | None = None, within: float | None = None) -> dict[str, Any]:
        """The answer to one request. Raises the engine's AmlError, ContactLost, TimeoutError after `within` seconds."""
        self._next += 1
        number = self._next
        message = encode({"id": number, "verb": verb, "args": args or {}})
        if len(message) > MAX_LINE:
            raise AmlError(
                f"the request is too large ({len(message) >> 20} MiB; at most {MAX_LINE >> 20}).",
                remedy="Pass long lists to the script in a file.",
            )
        end = None if within is None else time.monotonic() + within
        try:
            self._line.settimeout(within)
            self._line.sendall(message)
        except TimeoutError:
            raise
        except OSError as error:
            raise _lost() from error
        while True:
            answer = self._message(end)
            if answer is None:
                raise TimeoutError
            if "event" in answer:
                self._events.append(answer)
            elif answer.get("id") == number or answer.get("id") is None:
                if "error" in answer:
                    raise AmlError.from_json(answer["error"])
                return dict(answer.get("ok") or {})

    def events(self, seconds: float) -> list[dict[str, Any]]:
        """Events that came; waits at most `seconds` for the first. Raises ContactLost."""
        end = time.monotonic() + seconds
        while not self._events:
            message = self._message(end)
            if message is None:
                break
            if "event" in message:
                self._events.append(message)
        found, self._events = self._events, []
        return found

    def until_closed(self, seconds: float) -> bool:
        """Whether the engine closed its end within this time, which it does as the last thing of all."""
        end = time.monotonic() + seconds
        try:
            while self._message(end) is not None:
                pass
        except ContactLost:
            return True
        return False

    def _message(self, end: float | None) -> dict[str, Any] | None:
        """The next message; None when `end` (monotonic) has passed. Raises ContactLost."""
        while True:
            cut = self._buffer.find(b"\n")
            if cut >= 0:
                line = bytes(self._buffer[:cut])
                del self._buffer[: cut + 1]
                try:
                    return decode(line)
                except ValueError as error:
                    raise _lost() from error
            if end is not None:
                left = max(0.0, end - time.monotonic())
                if not select.select([self._line], [], [], left)[0]:
                    return None
            try:
                self._line.settimeout(None)
                data = self._line.recv(1 << 16)
            except OSError as error:
                raise _lost() from error
            if not data:
                raise _lost()
            self._buffer += data


def _lost() -> ContactLost:
    return ContactLost("contact with the engine was lost.", remedy="Ask again; runs go on without it.")


def open_connection(
    paths: Paths, *, start: bool = True, any_version: bool = False, patience: float | None = None
) -> Connection:
    """A greeted connection to an engine of our own version; starts one when there is none. Blocking.

    An older engine is asked to hand over and replaced (`start`); a newer one is left alone. `patience` is what
    its first answer may take, seconds. Raises EngineUnavailable.
    """
    for _ in range(ATTEMPTS):
        connection = _dial(paths)
        if connection is None:
            if not start:
                raise EngineUnavailable(
                    "no engine is running.",
                    remedy="`aml engine start` starts it, and so does any command that needs it.",
                )
            start_engine(paths)
            continue
        try:
            within = HELLO_WITHIN if patience is None else patience
            hello = connection.ask("hello", {"version": __version__, "pid": os.getpid()}, within)
            connection.version = str(hello.get("version", ""))
            if connection.version == __version__ or any_version:
                return connection
            if not start or _newer(connection.version):
                raise _other_version(connection.version)
            connection.ask("stop", {"handover": True}, HELLO_WITHIN)
            connection.until_closed(LEAVE_WITHIN)
        except ContactLost:
            # It was leaving as we came.
            time.sleep(0.05)
        except TimeoutError:
            connection.close()
            raise EngineUnavailable(
                f"the engine (process {connection.pid}) does not answer.",
                where=str(paths.socket),
                remedy="`aml engine restart --force` replaces it; runs go on.",
            ) from None
        except BaseException:
            connection.close()
            raise
        connection.close()
    raise EngineUnavailable(
        "the engine starts and leaves again.", where=str(paths.engine_log), remedy="The log says why."
    )


def call(
    verb: str, args: dict[str, Any] | None = None, *, paths: Paths | None = None, start: bool = True
) -> dict[str, Any]:
    """Ask the engine one thing. Blocking. Raises AmlError as the engine told it, EngineUnavailable, ContactLost.

    A request that can be repeated without harm is repeated when the engine goes away in the middle of it.
    """
    if paths is None:
        from engine.paths import current

        paths = current()
    for attempt in range(3):
        with open_connection(paths, start=start) as connection:
            try:
                return connection.ask(verb, args)
            except ContactLost:
                if verb not in REPEATABLE or attempt == 2:
                    raise
    raise _lost()


def _dial(paths: Paths) -> Connection | None:
    """A connection to whoever listens; None when nobody does. Raises EngineUnavailable."""
    places = [str(paths.socket)]
    told = holder(paths.engine_lock)
    if told.get("socket") and told["socket"] not in places:
        places.append(str(told["socket"]))
    for place in places:
        check_folder(Path(place).parent)
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(HELLO_WITHIN)
            line.connect(place)
            if peer(line)[1] != os.getuid():
                raise EngineUnavailable("the engine's socket is served by another user; it is not used.", where=place)
            return Connection(line)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            line.close()
        except TimeoutError:
            line.close()
            raise EngineUnavailable(
                "the engine does not answer.", where=place, remedy="`aml engine restart --force` replaces it."
            ) from None
        except OSError as error:
            line.close()
            raise EngineUnavailable(f"the engine cannot be reached: {error.strerror or error}.", where=place) from error
        except BaseException:
            line.close()
            raise
    if told.get("host") not in (None, socket.gethostname()) and is_held(paths.engine_lock):
        raise EngineUnavailable(
            f"the engine of this history runs on another machine, {told['host']}.",
            where=str(paths.engine_lock),
            remedy="Work there, or set AML_TUI_HOME to a folder of this machine.",
        )
    return None


def _newer(version: str) -> bool:
    return _parts(version) > _parts(__version__)


def _parts(version: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in version.split("+")[0].split(".")]


def _other_version(version: str) -> EngineUnavailable:
    if _newer(version):
        return EngineUnavailable(
            f"the engine that runs is of aml-tui {version}, this is {__version__}.",
            remedy="Update this one (an open console: leave and start it again), or go back with `aml engine restart`.",
        )
    return EngineUnavailable(
        f"the engine that runs is of aml-tui {version}, this is {__version__}.",
        remedy="`aml engine restart` replaces it; runs go on.",
    )
