"""The engine as a process of its own: `python -m engine.service [--foreground]`.

Started by the first face that needs it. The process that was called waits until the engine answers, tells so in one
line of JSON on stdout ({"ok": {...}} or {"error": {...}}), and leaves; the engine goes on in a session of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import logging
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from engine import __version__, paths
from engine.errors import AmlError, EngineUnavailable
from engine.faces import Faces
from engine.lock import EngineLock, holder
from engine.service_log import open_log, to_log
from engine.timeouts import timeout
from engine.verbs import Verbs
from engine.wire import MAX_LINE, check_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine.paths import Paths
    from engine.verbs import Core

log = logging.getLogger("engine.service")

# Without faces and unfinished runs the engine leaves after this time (s).
IDLE_EXIT = 600.0
# How often the engine looks whether it is idle, and whether its socket is still there (s).
LOOK_EVERY = 2.0
# A predecessor that is leaving has this long to let go of the lock (s).
LOCK_WITHIN = 40.0
# What the engine gives itself to leave in order (s): requests that change something, then hosts and store.
SETTLE_WITHIN, STOP_WITHIN = 5.0, 20.0


class AnotherEngine(Exception):
    """An engine of this user runs already and answers."""


class Service:
    """One engine behind one socket. `ready` is called when faces can connect."""

    def __init__(self, where: Paths, make: Callable[[Paths], Core], idle_exit: float) -> None:
        self._paths = where
        self._make = make
        self._idle_exit = idle_exit
        self._leave = asyncio.Event()
        self._why = ""
        self._server: asyncio.Server | None = None
        self._inode = 0

    def leave(self, why: str) -> None:
        self._why = self._why or why
        self._leave.set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until asked to leave or idle. Raises AmlError when it cannot begin, AnotherEngine when not needed."""
        lock = EngineLock(self._paths.engine_lock)
        try:
            await asyncio.to_thread(self._take, lock)
            core = self._make(self._paths)
            verbs = Verbs(core, self._paths, self.leave)
            self._faces = Faces(verbs)
            core.on_change = self._faces.changed
            await core.start()
            try:
                await self._listen()
                lock.tell(socket=str(self._paths.socket), version=__version__)
                log.info("engine %s ready, process %d, %d unfinished runs", __version__, os.getpid(), core.unfinished())
                ready()
                await self._until_done(core)
            finally:
                await self._close(core)
        finally:
            lock.release()

    def _take(self, lock: EngineLock) -> None:
        """Wait until the lock is ours. Blocking."""
        end = time.monotonic() + LOCK_WITHIN
        while True:
            try:
                taken = lock.take()
            except OSError as error:
                raise EngineUnavailable(
                    f"the engine's lock cannot be made: {error.strerror}.",
                    where=str(lock.path),
                    remedy="Check the folder's permissions and the disk's free space.",
                ) from error
            if taken:
                return
            if self._leave.is_set() or _somebody_answers(self._paths):
                raise AnotherEngine
            if time.monotonic() > end:
                told = holder(lock.path)
                raise EngineUnavailable(
                    f"another engine (process {told.get('pid', '?')} on {told.get('host', '?')}) holds the history"
                    " and does not answer.",
                    where=str(lock.path),
                    remedy="`aml engine stop --force` ends it; runs go on.",
                )
            time.sleep(0.02)

    async def _listen(self) -> None:
        """Put the socket in its place: complete, private and answered from the first moment it is seen there."""
        fresh = self._paths.runtime / ".engine"
        try:
            listener = await asyncio.to_thread(_bind, fresh)
            try:
                server = await asyncio.start_unix_server(
                    self._faces.welcome, sock=listener, limit=MAX_LINE, backlog=128
                )
            except BaseException:
                listener.close()
                raise
            if self._server is not None:
                self._server.close()
            self._server = server
            self._inode = await asyncio.to_thread(_put, fresh, self._paths.socket)
        except OSError as error:
            raise EngineUnavailable(
                f"the engine's socket cannot be made: {error.strerror}.",
                where=str(self._paths.socket),
                remedy="Check the folder's permissions and the disk's free space.",
            ) from error

    async def _until_done(self, core: Core) -> None:
        last_busy = time.monotonic()
        look = min(LOOK_EVERY, self._idle_exit / 4)
        while not self._leave.is_set():
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                async with timeout(look):
                    await self._leave.wait()
            now = time.monotonic()
            if self._faces.busy or core.unfinished() or core.building():
                last_busy = now
            elif now - last_busy >= self._idle_exit:
                self.leave(f"idle for {self._idle_exit:.0f} s")
            await self._keep_socket()

    async def _keep_socket(self) -> None:
        """A cleaner of temporary files, or the last logout, may have removed the socket: put it there again."""
        if self._leave.is_set() or self._inode == await asyncio.to_thread(_inode, self._paths.socket):
            return
        try:
            await self._listen()
            log.warning("the socket was gone; made again at %s", self._paths.socket)
        except AmlError as error:
            # The folder comes back with the next login.
            log.debug("no socket: %s", error)

    async def _close(self, core: Core) -> None:
        log.info("leaving: %s", self._why or "could not begin")
        if self._server is not None:
            self._server.close()
        if self._inode:
            await asyncio.to_thread(_remove, self._paths.socket, self._inode)
        await self._faces.settle(SETTLE_WITHIN)
        try:
            async with timeout(STOP_WITHIN):
                await core.stop()
        except (asyncio.TimeoutError, TimeoutError):
            log.error("the engine did not stop in order within %.0f s", STOP_WITHIN)
        await self._faces.dismiss()
        log.info("left")


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1


def _bind(path: Path) -> socket.socket:
    """A socket of our own, opened to nobody else, at a path nobody looks at."""
    check_folder(path.parent)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
    except BaseException:
        listener.close()
        raise
    return listener


def _put(fresh: Path, place: Path) -> int:
    fresh.rename(place)
    return place.stat().st_ino


def _remove(place: Path, inode: int) -> None:
    if _inode(place) == inode:
        with contextlib.suppress(OSError):
            place.unlink()


def _somebody_answers(where: Paths) -> bool:
    for place in {str(where.socket), str(holder(where.engine_lock).get("socket", ""))} - {""}:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, contextlib.suppress(OSError):
            line.settimeout(1.0)
            line.connect(place)
            return True
    return False


def _signals(service: Service) -> None:
    """Leave in order on SIGTERM and SIGINT. What a starter ignored (nohup, a job in the background) must not be ignored
    by runs: a handler here is the default in every program started from here."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, service.leave, f"signal {name.name}")
    loop.add_signal_handler(signal.SIGHUP, log.info, "SIGHUP: nothing to do")
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _engine(where: Paths) -> Core:
    from engine.engine import Engine

    return Engine(where)


def serve(where: Paths, tell: Callable[[dict[str, Any]], None], make: Callable[[Paths], Core] = _engine) -> int:
    """Run the engine in this process until it leaves; `tell` hears once how the beginning went. The exit code."""

    async def go() -> None:
        service = Service(where, make, float(os.environ.get("AML_TUI_IDLE_EXIT", IDLE_EXIT)))
        _signals(service)
        await service.run(lambda: tell({"ok": {"pid": os.getpid(), "socket": str(where.socket)}}))

    try:
        asyncio.run(go())
    except AnotherEngine:
        tell({"ok": {"pid": holder(where.engine_lock).get("pid"), "already": True}})
    except AmlError as error:
        log.error("%s", error)
        tell({"error": error.to_json()})
        return error.exit_code
    except Exception as error:
        log.exception("the engine failed")
        tell({"error": AmlError(f"{type(error).__name__}: {error}", where=str(where.engine_log)).to_json()})
        return 1
    return 0


def prepare(where: Paths) -> None:
    """Make the folders and look at who could get at the socket. Raises EngineUnavailable."""
    check_folder(where.runtime)
    try:
        where.make()
    except OSError as error:
        raise EngineUnavailable(
            f"a folder cannot be made: {error.strerror}.",
            where=str(error.filename),
            remedy="Check its permissions and the disk, or set AML_TUI_HOME to a folder of your own.",
        ) from error


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _wait_for(child: int, pipe: int) -> int:
    """The calling process: pass on what the engine tells of its beginning."""
    with os.fdopen(pipe, "rb") as file:
        told = file.readline()
    if not told:
        _, status = os.waitpid(child, 0)
        sys.stderr.write(f"the engine ended at its start, status {os.waitstatus_to_exitcode(status)}\n")
        return 1
    sys.stdout.write(told.decode())
    sys.stdout.flush()
    return 0 if b'"ok"' in told else 1


def _detached(where: Paths) -> int:
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return _wait_for(child, read)
    os.close(read)
    os.setsid()
    os.chdir("/")

    told = False

    def tell(answer: dict[str, Any]) -> None:
        """Once: the number of the closed pipe may soon be that of another file."""
        nonlocal told
        if not told:
            told = True
            with contextlib.suppress(BrokenPipeError):
                os.write(write, json.dumps(answer).encode() + b"\n")
            os.close(write)

    code = 1
    try:
        to_log(open_log(where.engine_log))
        faulthandler.enable()
        code = serve(where, tell)
    except AmlError as error:
        tell({"error": error.to_json()})
    finally:
        logging.shutdown()
        # Not through the interpreter's end: this is a fork, and its parent has the same exit handlers.
        os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Start the engine, detached unless `--foreground`. The exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments not in ([], ["--foreground"]):
        sys.stderr.write("usage: python -m engine.service [--foreground]\n")
        return 2
    where = paths.current()
    try:
        prepare(where)
        if arguments:
            open_log(where.engine_log)
            logging.getLogger().addHandler(logging.StreamHandler())
            return serve(where, _say)
        return _detached(where)
    except AmlError as error:
        _say({"error": error.to_json()})
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
