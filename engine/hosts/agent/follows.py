"""Followed files and watched runs: one thread looks at all of them, and pushes what is new.

A follow sends bytes only while it has credit, which the other side gives back as it consumes; a follow without credit
costs nothing here. Looking is a stat; a file is opened only when it has grown.
"""

import os
import stat
import sys
import threading
import time

from . import channel, starting

MYPY = False
if MYPY:
    from typing import Optional

    from .rundir import Root

# Sent at once, where the other side lets it be so far ahead (bytes); it does where that is soon through.
PIECE = 1024 * 1024
# A run that starts or ends is told within about this time (s).
STATUS_TICK = 0.05
# A change of a folder may fall into the same tick of the file system's clock as the look before it (s).
CLOCK_GRAIN = 0.02
# A file that has nothing yet is looked at so often (s) for so long (s): the first line of a run is waited for.
EAGER, EAGER_FOR = 0.01, 10.0
# How often the processes behind a watched run are looked at themselves (s): a killed runner writes no file.
LIFE_TICK = 2.0


class Follow(object):
    """One followed file. Times are of the monotonic clock."""

    def __init__(self, path: bytes, offset: int, credit: int, interval: float) -> None:
        self.path = path
        self.offset = offset
        self.credit = credit
        self.interval = interval
        self.due = 0.0
        self.eager_until = 0.0 if path.endswith(b".streams") else time.monotonic() + EAGER_FOR
        self.told = -1
        self.cut = False
        # The number of a look that somebody waits for, until it is known that there is nothing to be seen.
        self.look = 0


class Watch(object):
    """One watched run: when its status folder changed last, and what was told last."""

    def __init__(self) -> None:
        self.changed = -1
        self.again = 0.0
        self.last = None  # type: Optional[tuple[str, bool]]


class Poller(object):
    """The thread that looks, and what other threads tell it: add, drop, grant, pace, seek; watch, unwatch."""

    def __init__(self, root: "Root", sender: "channel.Sender") -> None:
        self.root = root
        self.sender = sender
        self.follows = {}  # type: dict[int, Follow]
        self.watches = {}  # type: dict[str, Watch]
        self.status_due = 0.0
        self.change = threading.Condition()
        thread = threading.Thread(target=self.work)
        thread.daemon = True
        thread.start()

    def add(self, key: int, follow: Follow) -> None:
        with self.change:
            self.follows[key] = follow
            self.change.notify()

    def drop(self, key: int) -> None:
        with self.change:
            self.follows.pop(key, None)

    def grant(self, key: int, credit: int) -> None:
        with self.change:
            follow = self.follows.get(key)
            if follow:
                if follow.credit <= 0 and follow.told > follow.offset:
                    follow.due = 0.0
                    self.change.notify()
                follow.credit += credit

    def pace(self, key: int, interval: "Optional[float]", look: int = 0) -> None:
        """Another interval; with None a look now, which is answered by its number when the file is not there."""
        with self.change:
            follow = self.follows.get(key)
            if follow:
                if interval is not None:
                    follow.interval = interval
                follow.look = look or follow.look
                follow.due = 0.0
                follow.told = -1
                self.change.notify()

    def seek(self, key: int, offset: int) -> None:
        with self.change:
            follow = self.follows.get(key)
            if follow:
                follow.offset = offset
                follow.cut = False
                follow.due = 0.0
                self.change.notify()

    def watch(self, run_ids: "list[str]") -> None:
        with self.change:
            for run_id in run_ids:
                self.root.run(run_id)
                self.watches[run_id] = Watch()
            self.status_due = 0.0
            self.change.notify()

    def unwatch(self, run_ids: "list[str]") -> None:
        with self.change:
            for run_id in run_ids:
                self.watches.pop(run_id, None)

    def work(self) -> None:
        while True:
            try:
                self.look()
            except Exception as error:
                # The thread must not end, nor fill the engine's log in a loop.
                complain("poller", error)
                time.sleep(1.0)

    def look(self) -> None:
        with self.change:
            now = time.monotonic()
            status_due = self.status_due if self.watches else now + 3600.0
            due = min([status_due] + [follow.due for follow in self.follows.values() if ready(follow)])
            if due > now:
                self.change.wait(due - now)
            now = time.monotonic()
            follows = [item for item in self.follows.items() if item[1].due <= now and ready(item[1])]
            watches = []  # type: list[tuple[str, Watch]]
            if self.status_due <= now:
                watches = list(self.watches.items())
                self.status_due = now + STATUS_TICK
        self.sender.hold(True)
        try:
            for key, follow in follows:
                try:
                    self.push(key, follow)
                except OSError as error:
                    # It has its next turn after its interval.
                    complain("follow", error)
        finally:
            self.sender.hold(False)
        for run_id, watch in watches:
            try:
                self.check(run_id, watch)
            except OSError as error:
                watch.again = time.time() + LIFE_TICK
                complain("watch " + run_id, error)

    def push(self, key: int, follow: Follow) -> None:
        """Send what is new of one file, as far as credit and room go."""
        now = time.monotonic()
        follow.due = turn(now, min(follow.interval, EAGER) if now < follow.eager_until else follow.interval)
        try:
            found = os.lstat(follow.path)
        except OSError:
            # Not there yet, or not any more.
            if follow.look:
                self.sender.send({"follow": key, "absent": follow.look}, bulk=True, wait=False)
                follow.look = 0
            return
        if not stat.S_ISREG(found.st_mode):
            # A script put something else in its place; a link must not lead to files that are none of the run's.
            return
        size = found.st_size
        if size:
            follow.eager_until = 0.0
            follow.due = turn(now, follow.interval)
        with self.change:
            if self.follows.get(key) is not follow:
                return
            offset = follow.offset
            if size < offset:
                follow.cut = True
                self.sender.send({"follow": key, "cut": size})
                return
            told, follow.told = follow.told, size
            if size == offset or follow.credit <= 0:
                if size != told:
                    self.sender.send({"follow": key, "size": size}, bulk=True, wait=False)
                return
        with os.fdopen(os.open(follow.path, os.O_RDONLY | os.O_NOFOLLOW), "rb", 0) as file:
            while offset < size:
                if not self.sender.room():
                    # The channel is slow: look again when some of it may have gone.
                    follow.due = now + 0.01
                    return
                data = os.pread(file.fileno(), min(PIECE, size - offset, follow.credit), offset)
                if not data:
                    return
                with self.change:
                    if self.follows.get(key) is not follow or follow.offset != offset:
                        return
                    self.sender.send({"follow": key, "at": offset, "size": size}, data, bulk=True, wait=False)
                    offset += len(data)
                    follow.offset = offset
                    follow.credit -= len(data)
                    if follow.credit <= 0:
                        return

    def check(self, run_id: str, watch: Watch) -> None:
        """Tell a watched run's status when it has changed."""
        now = time.time()
        try:
            changed = os.stat(self.root.status(run_id)).st_mtime_ns
        except OSError:
            changed = 0
        if changed == watch.changed and now < watch.again:
            return
        recent = abs(now - changed / 1e9) < CLOCK_GRAIN + STATUS_TICK
        watch.changed = -1 if recent else changed
        watch.again = now + LIFE_TICK
        told = starting.inspect(self.root, run_id)
        brief = (told["phase"], told["supervised"])
        if brief != watch.last:
            watch.last = brief
            self.sender.send({"status": run_id, "is": told})
        if told["phase"] in ("exited", "vanished"):
            with self.change:
                if self.watches.get(run_id) is watch:
                    del self.watches[run_id]


def turn(now: float, interval: float) -> float:
    """When a file is looked at next. All that are looked at so often have their turn together, and share packets."""
    return (now // interval + 1) * interval if interval > 0 else now


def complain(what: str, error: Exception) -> None:
    sys.stderr.write("%s: %s: %s\n" % (what, type(error).__name__, error))
    sys.stderr.flush()


def ready(follow: Follow) -> bool:
    """Whether a look could lead to anything."""
    return not follow.cut and (follow.credit > 0 or follow.told < 0)
