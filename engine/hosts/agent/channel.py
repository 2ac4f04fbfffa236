"""The agent's end of the channel: frames of a JSON header and bytes.

A frame is two big-endian 32-bit lengths, the header in JSON (ASCII, lone surrogates escaped), the payload.
Answers go before bulk, so that a large transfer delays nobody; a frame holds at most `PIECE` payload bytes of bulk.
"""

import collections
import json
import os
import struct
import threading

MYPY = False
if MYPY:
    from typing import Any, BinaryIO, Optional

VERSION = 1
# Written first, so that the other side can skip what a login shell prints.
MARK = b"\naml-agent-%d\n" % VERSION
PIECE = 256 * 1024
BACKLOG = 8 * 1024 * 1024
LENGTHS = struct.Struct(">II")


def read_exactly(file: "BinaryIO", size: int) -> "Optional[bytes]":
    """`size` bytes, or None at the end of the channel."""
    parts = []  # type: list[bytes]
    while size:
        part = file.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_frame(file: "BinaryIO") -> "Optional[tuple[dict[str, Any], bytes]]":
    """The next header and payload, or None at the end of the channel."""
    lengths = read_exactly(file, LENGTHS.size)
    if lengths is None:
        return None
    head_size, body_size = LENGTHS.unpack(lengths)
    head = read_exactly(file, head_size)
    body = read_exactly(file, body_size)
    if head is None or body is None:
        return None
    return json.loads(head.decode("ascii")), body


# Small frames go together, up to so many bytes: each alone would have a packet around it of its own size.
JOINED = 16 << 10


class Sender(object):
    """Writes frames from many threads, in a thread of its own. Answers never wait; bulk waits for room."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.answers = collections.deque()  # type: collections.deque[bytes]
        self.bulk = collections.deque()  # type: collections.deque[bytes]
        self.waiting = 0
        self.held = False
        self.idle = False
        self.change = threading.Condition()
        thread = threading.Thread(target=self.work)
        thread.daemon = True
        thread.start()

    def room(self) -> bool:
        """Whether bulk would be taken without waiting."""
        return self.waiting < BACKLOG

    def send(self, header: "dict[str, Any]", body: bytes = b"", bulk: bool = False, wait: bool = True) -> None:
        """Hand over one frame; bulk frames keep their order among themselves. `wait`: for room, with bulk."""
        head = json.dumps(header).encode("ascii")
        frame = LENGTHS.pack(len(head), len(body)) + head + body
        with self.change:
            if bulk:
                while wait and not self.room():
                    self.change.wait()
                self.bulk.append(frame)
                self.waiting += len(frame)
            else:
                self.answers.append(frame)
            self.change.notify_all()

    def hold(self, held: bool) -> None:
        """More bulk comes at once: so long as little is waiting it is kept, to go in one packet with that."""
        with self.change:
            self.held = held
            self.change.notify_all()

    def ready(self) -> bool:
        return bool(self.answers or (self.bulk and (not self.held or self.waiting >= JOINED)))

    def next(self) -> bytes:
        """An answer, or as many bulk frames as are small together."""
        if self.answers:
            return self.answers.popleft()
        frames = [self.bulk.popleft()]
        size = len(frames[0])
        while self.bulk and size + len(self.bulk[0]) <= JOINED:
            frames.append(self.bulk.popleft())
            size += len(frames[-1])
        self.waiting -= size
        self.change.notify_all()
        return b"".join(frames)

    def work(self) -> None:
        try:
            self.write(MARK)
            while True:
                with self.change:
                    self.idle = True
                    while not self.ready():
                        self.change.wait()
                    self.idle = False
                    data = self.next()
                self.write(data)
        except OSError:
            # The channel is gone, and with it the reason to be here. Runs have their runners.
            os._exit(0)

    def flush(self) -> None:
        """Wait, for a second at most, until everything is written."""
        with self.change:
            for _ in range(10):
                if self.idle and not self.answers and not self.bulk:
                    return
                self.change.wait(0.1)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.handle, view) :]
