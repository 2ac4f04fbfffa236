"""Following a run: its driver log to stdout byte for byte, what happens to it to stderr, until it ends.

The bytes come from the mirror file by offset. The engine's events say when to look, a short poll makes up for those
that got lost; when the engine goes away, it is started again, and the run goes on meanwhile.
"""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TYPE_CHECKING

from cli.artifacts import write_all
from engine.client import ContactLost, open_connection
from engine.errors import AmlError
from engine.plain import plain
from engine.runs.model import State

if TYPE_CHECKING:
    from pathlib import Path

    from engine.client import Connection
    from engine.paths import Paths
    from engine.runs.model import Run
    from engine.runs.store import StoreReader

# The log is looked at this often when no event came (s), the store at least this often.
POLL, STORE_POLL = 0.05, 0.5
# While nothing of it has come it is looked at this often (s), for so long (s): the first line is waited for.
EAGER, EAGER_FOR = 0.005, 10.0
PIECE = 1 << 20
# Waits between attempts to get an engine back, seconds.
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0

CANCELED = 130


class Follower:
    """One run. `quiet` says nothing of its states, `log` False shows states only, `tail` shows the log its own way."""

    def __init__(
        self,
        paths: Paths,
        store: StoreReader,
        run: Run,
        *,
        quiet: bool = False,
        log: bool = True,
        tail: Tail | None = None,
        line: Connection | None,
    ) -> None:
        self._paths = paths
        self._store = store
        self._run = run
        self._quiet = quiet
        self._tail = tail or (Tail(paths.driver_log(run.id)) if log else None)
        self._line = line
        self._said = ""
        self._trouble = ""
        self._retry_at = 0.0
        self._eager_until = 0.0
        self._wait = FIRST_WAIT

    def follow(self) -> Run:
        """Until the run has ended and everything of its log is written; the run as it ended.

        Raises KeyboardInterrupt and BrokenPipeError as they come; neither touches the run.
        """
        mirror = self._tail
        try:
            try:
                self._watch()
            except ContactLost:
                self._lose()
            version, looked = -1, 0.0
            self._eager_until = time.monotonic() + EAGER_FOR if mirror else 0.0
            while True:
                moved = mirror.pass_on() if mirror else False
                now = time.monotonic()
                if moved:
                    self._eager_until = 0.0
                if now - looked >= STORE_POLL or self._store.data_version() != version:
                    # Noted before reading: a write between the two is seen the next time.
                    version, looked = self._store.data_version(), now
                    self._run = self._store.run(self._run.id)
                    self._tell_state()
                    if self._run.state.ended:
                        # A run ends once its log is here as a whole.
                        if mirror:
                            mirror.end()
                        while mirror and mirror.pass_on():
                            pass
                        return self._run
                if not moved:
                    self._pause()
        finally:
            if mirror:
                mirror.close()
            if self._line is not None:
                self._line.close()

    def _watch(self) -> None:
        if self._line is None and not self._run.state.ended:
            self._line = open_connection(self._paths)
        if self._line is not None:
            self._line.ask("subscribe")
            self._line.ask("watch", {"ids": [self._run.id]})

    def _pause(self) -> None:
        if self._line is None:
            time.sleep(POLL)
            self._return()
            return
        try:
            for event in self._line.events(EAGER if time.monotonic() < self._eager_until else POLL):
                self._tell_trouble(str(event.get("trouble", "")))
        except ContactLost:
            self._lose()

    def _lose(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None
        self._retry_at = time.monotonic() + FIRST_WAIT

    def _return(self) -> None:
        """An engine was stopped or died: the run needs one to be written down."""
        if time.monotonic() < self._retry_at:
            return
        try:
            self._watch()
            self._wait = FIRST_WAIT
        except AmlError as error:
            say(f"the engine is away ({plain(error.message)}); the run goes on")
            self._lose()
            self._retry_at = time.monotonic() + self._wait
            self._wait = min(self._wait * 2, LONGEST_WAIT)

    def _tell_trouble(self, trouble: str) -> None:
        """What keeps the engine from writing, which cannot be read from the store: once, and when it is over."""
        if trouble != self._trouble:
            self._trouble = trouble
            say(trouble or "it can be written again.")

    def _tell_state(self) -> None:
        run = self._run
        if self._quiet or run.state.ended:
            return
        detail = run.reason or run.progress
        if run.unreachable_since is not None:
            since = time.strftime("%H:%M:%S", time.localtime(run.unreachable_since))
            detail = f"{run.target} cannot be reached since {since}"
        said = f"{run.state}: {detail}" if detail else str(run.state)
        # How many tasks are done changes all the time: beside a log, a line for each would be noise.
        meant = re.sub(r"\d+", "", said) if run.state is State.RUNNING else said
        if meant != self._said:
            self._said = meant
            say(said)


class Tail:
    """A growing file, written to stdout as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._offset = 0

    def pass_on(self) -> bool:
        """Write what has come, at most `PIECE` at a time so that states are told in between; whether there was any."""
        if self._file < 0:
            try:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        data = os.pread(self._file, self.room(), self._offset)
        if not data:
            # A script that cut its own log: what comes next is at the new end.
            self._offset = min(self._offset, os.fstat(self._file).st_size)
            return False
        self.write(data)
        self._offset += len(data)
        return True

    def room(self) -> int:
        """How much may be passed on."""
        return PIECE

    def write(self, data: bytes) -> None:
        write_all(data)

    def end(self) -> None:
        """The log is here as a whole."""

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)


def say(text: str) -> None:
    """A line about the run, beside its output."""
    sys.stderr.write(f"{plain(text)}\n")
    sys.stderr.flush()


def outcome(run: Run) -> str:
    """How it ended, in one line."""
    took = ""
    if run.started is not None and run.ended is not None:
        took = f" after {run.ended - run.started:.1f} s"
    reason = f": {run.reason}" if run.reason else ""
    code = f", exit code {run.exit_code}" if run.exit_code and "exit code" not in run.reason else ""
    return f"{run.name} {run.state}{took}{code}{reason}"


def exit_code(run: Run) -> int:
    """The script's own exit code, 128 and the signal that ended it, 130 for a canceled run; 1 if it never began."""
    if run.state is State.COMPLETED:
        return 0
    if run.state is State.CANCELED:
        return CANCELED
    if run.exit_signal:
        return 128 + run.exit_signal
    return run.exit_code or 1
