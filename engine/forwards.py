"""Ports of runs, brought to this machine: a listener on loopback for each, that reaches where the run is.

Each connection is made anew over whatever connection to the host there is: a forward outlives consoles and a lost
network, and ends with its run. Nothing but this machine can connect to it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import AmlError, NotFound, UsageError
from engine.plain import plain
from engine.timeouts import timeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.drivers import Place
    from engine.runs.model import Run

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
PIECE = 1 << 16
# What listens there answers at once, or not at all (s).
DIAL_WITHIN = 20.0


class Reader(Protocol):
    """One end of a connection, as asyncio and asyncssh have it."""

    async def read(self, n: int = ..., /) -> bytes: ...


class Writer(Protocol):
    """The other."""

    def write(self, data: bytes, /) -> Any: ...
    async def drain(self) -> None: ...
    def write_eof(self) -> None: ...
    def close(self) -> None: ...


if TYPE_CHECKING:
    Dial = Callable[[], Awaitable[tuple[Reader, Writer]]]


@dataclass
class Forward:
    """`address` is what a browser is given, `port` is the run's. `open` connections now, `served` so far.

    `trouble`: why the last connection did not come about; "" when it did. `since`: epoch seconds.
    """

    id: str
    run_id: str
    run: str
    target: str
    port: int
    address: str
    since: float = field(default_factory=time.time)
    open: int = 0
    served: int = 0
    trouble: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Listening:
    """A forward with its end here, and the way to its other one, which who asks for it again may know better."""

    forward: Forward
    server: asyncio.Server
    dial: Dial


class Forwards:
    """Those that there are, by their addresses here."""

    def __init__(self) -> None:
        self._known: dict[str, _Listening] = {}
        # Two who ask for the same at once get one.
        self._beginning = asyncio.Lock()
        # Connections that are served, each with the address that it came to.
        self._serving: dict[asyncio.Task[None], str] = {}

    def listed(self) -> list[Forward]:
        return [one.forward for one in self._known.values()]

    async def begin(self, run: Run, port: int, local: int | None, dial: Dial, place: Place) -> Forward:
        """Forward a port, or give the forward that there is. `local`: the port here; None: the same, or a free one.

        `place`: what it leads to, of which a browser here wants the scheme and the path.

        Raises UsageError when the port that was asked for is taken.
        """
        async with self._beginning:
            for known in self._known.values():
                one = known.forward
                if (one.run_id, one.port) == (run.id, port) and local in (None, int(one.id)):
                    # It may lead to another application of the run by now, or another way.
                    known.dial = dial
                    one.address = _address(int(one.id), place)
                    return one
            return await self._begin(run, port, local, dial, place)

    async def _begin(self, run: Run, port: int, local: int | None, dial: Dial, place: Place) -> Forward:
        held: list[_Listening] = []

        async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            this = held[0]
            self._serving[task] = this.forward.id
            try:
                await _serve(this.forward, reader, writer, this.dial)
            except asyncio.CancelledError:
                # The forward has ended, and its connections with it.
                log.debug("a connection to %s was ended", this.forward.address)
            finally:
                del self._serving[task]

        server = await _listen(come, port, local)
        here = int(server.sockets[0].getsockname()[1])
        forward = Forward(str(here), run.id, run.name, run.target, port, _address(here, place))
        self._known[forward.id] = _Listening(forward, server, dial)
        held.append(self._known[forward.id])
        log.info("port %d of %s is at %s", port, run.name, forward.address)
        return forward

    def end(self, forward_id: str) -> None:
        """Raises NotFound."""
        known = self._known.pop(forward_id, None)
        if known is None:
            raise NotFound(f"nothing is forwarded to port {forward_id}.", where=LOOPBACK)
        known.server.close()
        for task, address in self._serving.items():
            if address == forward_id:
                task.cancel()

    def over(self, run_id: str) -> None:
        """A run has ended, and its ports with it."""
        for one in self.listed():
            if one.run_id == run_id:
                self.end(one.id)

    async def close(self) -> None:
        for one in self.listed():
            self.end(one.id)
        await asyncio.gather(*self._serving, return_exceptions=True)


def _address(here: int, place: Place) -> str:
    return f"{place.scheme}://{LOOPBACK}:{here}{place.path}"


async def _listen(come: Any, port: int, local: int | None) -> asyncio.Server:
    try:
        return await asyncio.start_server(come, LOOPBACK, port if local is None else local)
    except OSError as error:
        if local is not None:
            raise UsageError(
                f"port {local} cannot be used here: {error.strerror}.", remedy="Name another, or none for a free one."
            ) from error
        return await asyncio.start_server(come, LOOPBACK, 0)


async def _serve(forward: Forward, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dial: Dial) -> None:
    """One connection, both ways until both are at their end."""
    forward.open += 1
    try:
        async with timeout(DIAL_WITHIN):
            there, to = await dial()
    except asyncio.TimeoutError:
        forward.trouble = f"no answer within {DIAL_WITHIN:.0f} s"
    except (AmlError, OSError) as error:
        forward.trouble = plain(error.message if isinstance(error, AmlError) else error)
    else:
        forward.trouble = ""
        forward.served += 1
        ways = [asyncio.create_task(_pump(reader, to)), asyncio.create_task(_pump(there, writer))]
        try:
            # One that breaks ends the other, whose end would not come any more.
            await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to.close()
    finally:
        forward.open -= 1
        writer.close()


async def _pump(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
