"""Which bytes of a driver log came over stdout and which over stderr, as far as that is known; written down beside it.

The script has the one log open twice, under two names (see held.py), and after each write the kernel leaves the
position of the one it was made through at that write's end. A watch on the folder tells the names written to, in their
order. Where both were written to since the last look, what was first is known only if each had one turn.

`logs/driver.streams` has lines "o 0 120" and "e 120 300": stream, from, to. What no line names may be of either. A
line that begins before the end of an earlier one takes back what that one says from there on: "c 0 0", the log was cut.
Nothing here holds up the script or its end: who cannot look or write leaves the index as it is.
"""

import errno
import os
import select
import struct
import sys
import threading
import time

from .held import SECOND

MYPY = False
if MYPY:
    from typing import Any, Optional, Tuple

    from .held import DriverLog

    # Where what was seen ends, and the positions of stdout and stderr (bytes).
    State = Tuple[int, int, int]

OUT, ERR, CUT = "o", "e", "c"
# So many looks at once, then one each so often (s): fifty runs that print all the time must leave the cores to scripts.
BURST, PAUSE = 50, 0.05
# Telling of each write costs a script that writes more than this (bytes/s) more than a look now and then (s) does.
FAST, FAST_PAUSE = 2 << 20, 0.01
# All that can be waiting to be told takes so many reads at most.
READS = 16
# Without a watch the log is looked at so often (s).
SELDOM = 0.25
# A range that goes on is written down so often (s).
EVERY = 0.2
# The end of a run waits no longer for the last look (s).
PATIENCE = 1.0
# A user has 128 watches on most machines: so many runs at once take one, and the other programs find the rest.
MOST, PLACE = 32, "\0aml-tui-watch-%d-%d"
# Of inotify.h and fcntl.h.
IN_MODIFY, IN_Q_OVERFLOW, IN_FLAGS = 0x2, 0x4000, os.O_CLOEXEC | os.O_NONBLOCK
EVENT = struct.Struct("iIII")


def attribute(before: "State", now: "State", order: "Optional[str]") -> "tuple[int, list[tuple[str, int, int]]]":
    """How far it is seen now, and what is known of what came since: stream, from, to; or where the log was cut.

    `order`: the turns the two streams took since then, as "oe"; None: not known.
    """
    end = before[0]
    if now[0] < end:
        # To what length is not known: it may have grown again.
        return now[0], [(CUT, 0, 0)]
    moved = sorted((now[i], kind) for i, kind in ((1, OUT), (2, ERR)) if now[i] != before[i])
    seen = max([now[0]] + [at for at, _ in moved])
    if not moved or moved[0][0] <= end or (len(moved) == 2 and moved[0][0] == moved[1][0]):
        # No write, or a position that no write has left.
        return seen, []
    high, last = moved[-1]
    if order is not None and (set(order) != set(kind for _, kind in moved) or order[-1] != last):
        # Somebody has opened the log once more.
        return seen, []
    if len(moved) == 1:
        return seen, [(last, end, high)]
    low, first = moved[0]
    known = [(last, low, high)]
    if order == first + last:
        known.insert(0, (first, end, low))
    return seen, known


class Watch(object):
    """Tells of writes to the log, by its names."""

    def __init__(self, folder: bytes) -> None:
        """Raises OSError or AttributeError where this machine has none to give."""
        import ctypes

        self.place = place_of_watch()
        libc = ctypes.CDLL(None, use_errno=True)
        self.libc = libc
        self.folder = folder
        self.watched = -1
        self.file = libc.inotify_init1(IN_FLAGS)
        if self.file < 0 or not self.begin():
            number = ctypes.get_errno()
            self.place.close()
            if self.file >= 0:
                os.close(self.file)
            raise OSError(number, "no watch on the log")

    def begin(self) -> bool:
        self.watched = self.libc.inotify_add_watch(self.file, self.folder, IN_MODIFY)
        return self.watched >= 0

    def end(self) -> None:
        """Until `begin` nothing is told."""
        self.libc.inotify_rm_watch(self.file, self.watched)
        self.watched = -1

    def turns(self) -> "Optional[str]":
        """The streams written to since the last call, "" for none; None: some were lost, or there are more and more."""
        found = ""
        lost = False
        for _ in range(READS):
            try:
                data = os.read(self.file, 65536)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                return None if lost else found
            at = 0
            while at < len(data):
                _, mask, _, length = EVENT.unpack_from(data, at)
                at += EVENT.size + length
                name = data[at - length : at].rstrip(b"\0")
                lost = lost or bool(mask & IN_Q_OVERFLOW)
                if name in (b"driver.log", SECOND):
                    found = joined(found, ERR if name == SECOND else OUT)
        return None


def place_of_watch() -> "Any":
    """One of the places of this user's runs that have a watch, given back when it is closed or this process is gone.

    It is a name of a socket, so nothing of it is left anywhere. Raises OSError when all are taken.
    """
    # Without the module `socket`, which takes longer to load.
    from _socket import AF_UNIX, SOCK_DGRAM, socket

    place = socket(AF_UNIX, SOCK_DGRAM)
    for number in range(MOST):
        try:
            place.bind(PLACE % (os.getuid(), number))
            return place
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                break
    place.close()
    raise OSError(errno.EMFILE, "no watch on the log")


def joined(turns: str, more: str) -> str:
    """Turns one after another; more than three are no more telling than three."""
    for one in more:
        if not turns.endswith(one):
            turns += one
    return turns[-3:]


class Index(object):
    """The file. What cannot be written is left out."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.file = -1
        self.torn = True
        self.range = None  # type: Optional[tuple[str, int, int]]
        self.since = 0.0

    def add(self, kind: str, start: int, end: int) -> None:
        if self.range is not None and self.range[0] == kind and self.range[2] == start:
            self.range = (kind, self.range[1], end)
            return
        self.flush()
        self.range, self.since = (kind, start, end), time.monotonic()

    def wait(self) -> "Optional[float]":
        """How long until what is held is to be written, in seconds; None: nothing is held."""
        return None if self.range is None else max(0.0, self.since + EVERY - time.monotonic())

    def flush(self) -> None:
        held, self.range = self.range, None
        if held is None:
            return
        # What a full disk, or a death, left of a line before must not become one with this.
        line = ("\n%s %d %d\n" if self.torn else "%s %d %d\n") % held
        self.torn = True
        try:
            if self.file < 0:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
                self.file = os.open(self.path, flags, 0o600)
            self.torn = os.write(self.file, line.encode("ascii")) < len(line)
        except OSError:
            pass


class Streams(object):
    """Looks at the log of a script that has begun, in a thread of its own, until `close`."""

    def __init__(self, folder: bytes, log: "DriverLog", watch: "Optional[Watch]") -> None:
        """`watch`: one that was there before the script began."""
        self.log = log
        self.state = (log.size, 0, 0)  # type: State
        self.watch = watch or watch_of(folder, log)
        # Of what was written before the watch the order is not known.
        self.order = "" if watch else None  # type: Optional[str]
        self.index = Index(os.path.join(folder, b"logs", b"driver.streams"))
        self.stopping, self.stop = os.pipe()
        self.thread = threading.Thread(target=self.run)
        self.thread.daemon = True
        self.thread.start()

    def close(self) -> None:
        """A last look, unless this machine takes too long for it."""
        os.close(self.stop)
        self.thread.join(PATIENCE)

    def run(self) -> None:
        try:
            self.follow()
        except Exception as error:
            complain(error)
        # The watch stays until this process ends: the kernel takes its time to close one.
        for file in (self.stopping, self.index.file):
            if file >= 0:
                os.close(file)

    def follow(self) -> None:
        looks = float(BURST)
        looked = time.monotonic()
        stopped = False
        # What was written before the watch was.
        self.look()
        while not stopped:
            wait = self.index.wait()
            if self.watch is None:
                wait = SELDOM if wait is None else min(wait, SELDOM)
            stopped = self.pause(wait, self.watch)
            now = time.monotonic()
            looks = min(float(BURST), looks + (now - looked) / PAUSE)
            if looks < 1.0 and not stopped:
                stopped = self.pause(PAUSE, None)
                now = time.monotonic()
                looks += (now - looked) / PAUSE
            looks -= 1.0
            before = self.state[0]
            self.look()
            fast = looks < 1.0 and self.state[0] - before > FAST * (now - looked)
            looked = now
            if fast and not stopped and self.watch is not None:
                stopped = self.run_along(self.watch)
                looked = time.monotonic()
            if self.index.wait() == 0.0:
                self.index.flush()
        self.index.flush()

    def run_along(self, watch: Watch) -> bool:
        """Look at a log that is written fast, without being told of each write; whether this is to end."""
        watch.end()
        while True:
            self.order = None
            before = self.state[0]
            stopped = self.pause(FAST_PAUSE, None)
            self.look()
            if self.index.wait() == 0.0:
                self.index.flush()
            if stopped:
                return True
            if self.state[0] - before < FAST * FAST_PAUSE:
                if not watch.begin():
                    # From now on it is looked at now and then.
                    self.watch = None
                self.order = None
                return False

    def pause(self, seconds: "Optional[float]", watch: "Optional[Watch]") -> bool:
        """So long, or until something is written; whether this is to end."""
        poll = select.poll()
        poll.register(self.stopping, select.POLLIN)
        if watch is not None:
            poll.register(watch.file, select.POLLIN)
        ready = poll.poll(None if seconds is None else int(seconds * 1000) + 1)
        return any(number == self.stopping for number, _ in ready)

    def look(self) -> None:
        """See what has come, and take down what is known of it."""
        order = None  # type: Optional[str]
        for _ in range(3):
            self.hear()
            size = os.fstat(self.log.out).st_size
            at = self.positions()
            # A write is told of before its position moves: when nothing more is told, what was is what they show.
            if self.watch is None or (at is not None and not self.hear()):
                order = self.order
                self.order = None if self.watch is None else ""
                break
        out, err = at or self.state[1:]
        if (size, out, err) == self.state:
            return
        seen, known = attribute(self.state, (size, out, err), order)
        if known and known[-1][2] > os.fstat(self.log.out).st_size:
            # The script has moved a position itself.
            seen, known = max(size, self.state[0]), []
        self.state = (seen, out, err)
        for kind, start, end in known:
            self.index.add(kind, start, end)

    def hear(self) -> bool:
        """Add to the turns the streams took; whether there were more."""
        turns = self.watch.turns() if self.watch is not None else ""
        if turns is None or self.order is None:
            self.order = None
        else:
            self.order = joined(self.order, turns)
        return turns != ""

    def positions(self) -> "Optional[tuple[int, int]]":
        """Where stdout and stderr stood at one moment; None when there was none that could be caught."""
        out, err = os.lseek(self.log.out, 0, os.SEEK_CUR), os.lseek(self.log.err, 0, os.SEEK_CUR)
        for _ in range(4):
            again = os.lseek(self.log.out, 0, os.SEEK_CUR)
            if again == out:
                return out, err
            out = again
            again = os.lseek(self.log.err, 0, os.SEEK_CUR)
            if again == err:
                return out, err
            err = again
        return None


def watch_of(folder: bytes, log: "DriverLog") -> "Optional[Watch]":
    """None where this machine has none to give."""
    try:
        return Watch(os.path.join(folder, b"logs")) if log.named else None
    except (ImportError, OSError, AttributeError):
        return None


def complain(error: Exception) -> None:
    try:
        sys.stderr.write("driver.streams: %s: %s\n" % (type(error).__name__, error))
        sys.stderr.flush()
    except OSError:
        pass
