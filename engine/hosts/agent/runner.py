"""The runner: starts one script, waits for it, writes down how it ended. It shares no fate with agent, engine or login.

The order of things is what makes a second start impossible: the script's process is forked and held before exec; then
`process.json` is made, which fails if it exists; only who made it lets its script go. Whoever dies before that leaves a
run that can be started again, since a held process leaves without exec when its runner is gone.
"""

import json
import os
import signal
import sys
import time

from . import identities, processes, status, usage
from .held import DriverLog, HeldScript
from .whole import encode, reserve

MYPY = False
if MYPY:
    from typing import Any, BinaryIO, Optional

HEARTBEAT = 5.0
# Processes left behind that are named in the record; all are found again when they are signalled.
MOST_TOLD = 100
PR_SET_CHILD_SUBREAPER = 36


def main(channel: "BinaryIO", bundle: "dict[str, Any]") -> None:
    """Leave the agent's process tree and see one run through. `bundle["order"]` says which."""
    if os.fork():
        os._exit(0)
    os.setsid()
    report = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    adopt_orphans()
    runner = Runner(bundle["order"], report)
    try:
        runner.run()
    except Exception as error:
        # A held script leaves with this process; the agent tells the reason. The traceback goes to runner.log.
        runner.tell(str(error).encode("utf-8", "replace"))
        raise


def adopt_orphans() -> None:
    """Orphaned descendants become this process's children, so they can be found. Best effort: Linux with ctypes."""
    try:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def tell_apart(folder: bytes, log: DriverLog, watch: "Any") -> "Any":
    """Begin to note what is stdout and what stderr; None where that cannot be, and the run does without.

    In a container it is loaded only here: what must be on the disk before the script can fill it comes first.
    """
    try:
        from . import streams

        return streams.Streams(folder, log, watch)
    except Exception as error:
        sys.stderr.write("driver.streams: %s\n" % error)
        return None


def trouble_of(said: bytes) -> "dict[str, Any]":
    """What kept a script from beginning, as it was told by `HeldScript.let_go`."""
    return dict(json.loads(said.decode())) if said else {}


class Runner(object):
    """One run. `order`: folder, run_id, argv, cwd, env (all of it), umask, max_duration (s or None), grace ([s, s]),
    measure (whether what it uses is written beside its metrics)."""

    def __init__(self, order: "dict[str, Any]", report: int) -> None:
        self.order = order
        self.report = report
        self.folder = encode(order["folder"])
        self.status = os.path.join(self.folder, b"status")
        self.me = identities.identity(os.getpid())
        self.script = {}  # type: dict[str, Any]
        self.timed_out = False
        self.beaten = 0.0
        # The watch on the log, where there was one before the script began.
        self.seen = None  # type: Any
        self.usage = usage.Usage(os.path.join(self.folder, b"metrics.jsonl")) if order.get("measure") else None

    def run(self) -> None:
        """Start the script and see it through."""
        status.write(self.status, "runner.json", self.me)
        reserve(self.status, "exit.json")
        log = DriverLog(self.folder)
        from .streams import watch_of

        self.seen = watch_of(self.folder, log)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        trouble = self.begin(log)
        if trouble is None:
            self.tell(b"another runner has this run")
            return
        self.see_through(trouble, log)

    def see_through(self, trouble: "dict[str, Any]", log: DriverLog) -> None:
        """Wait until the script has ended and write down how. `trouble`: what kept it from beginning, or empty."""
        self.beat()
        if trouble:
            _, code, usage = os.wait4(self.script["pid"], 0)
            self.finish(code, usage, [], trouble)
            self.tell(b"")
            log.end()
            return
        self.tell(b"")
        told_apart = tell_apart(self.folder, log, self.seen)
        left = self.watch()
        if self.usage is not None:
            self.usage.close()
        _, code, usage = os.wait4(self.script["pid"], 0)
        left = self.clear(left)
        if told_apart is not None:
            told_apart.close()
        self.finish(code, usage, left, {})
        log.end()
        os.fsync(log.out)

    def tell(self, text: bytes) -> None:
        """Let the agent that waits for the start go on; it may be gone."""
        if self.report < 0:
            return
        try:
            os.write(self.report, text)
        except OSError:
            pass
        os.close(self.report)
        self.report = -1

    def begin(self, log: DriverLog) -> "Optional[dict[str, Any]]":
        """Start the script. None: somebody else did; otherwise what went wrong, empty when nothing did."""
        order = self.order
        argv = [encode(item) for item in order["argv"]]
        env = dict((encode(name), encode(value)) for name, value in order["env"].items())
        held = HeldScript(argv, order["cwd"], order["umask"], env, log)
        self.script = dict(held.process, started=time.time())
        if not status.write(self.status, "process.json", dict(self.script, runner=self.me), exclusive=True):
            held.drop()
            return None
        return trouble_of(held.let_go())

    def beat(self) -> None:
        """The heartbeat is the file's modification time: no write, no fsync."""
        self.beaten = time.monotonic()
        path = os.path.join(self.status, b"heartbeat")
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            os.utime(path)
        except OSError:
            # A full or read-only disk must not end the watch over the script.
            pass

    def watch(self) -> "list[identities.Process]":
        """Wait until the script has ended, the run's limit of time enforced; returns the processes it leaves behind.

        The script is still a zombie then, so its session can be told from another's.
        """
        limit = self.order.get("max_duration")
        deadline = time.monotonic() + limit if limit else None
        steps = self.ladder()
        if self.usage is not None:
            self.usage.look()
        while not self.ended():
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                self.timed_out = True
                step, grace = next(steps)
                self.signal(step)
                deadline = now + grace
            if now - self.beaten >= HEARTBEAT:
                self.beat()
                if self.usage is not None:
                    self.usage.look()
            wait = self.beaten + HEARTBEAT - now
            if deadline is not None:
                wait = min(wait, deadline - now)
            self.wait(wait)
        return self.others()

    def wait(self, seconds: float) -> None:
        """Until a child has changed, or this long."""
        signal.sigtimedwait([signal.SIGCHLD], max(seconds, 0.0))

    def ladder(self) -> "Any":
        """Interrupt, terminate, then kill, each with the time it gets."""
        grace = self.order.get("grace") or [10.0, 5.0]
        yield signal.SIGINT, grace[0]
        yield signal.SIGTERM, grace[1]
        while True:
            yield signal.SIGKILL, 1.0

    def ended(self) -> bool:
        """Whether the script is dead. Reaps adopted orphans on the way, never the script itself."""
        while True:
            state = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is None:
                return False
            if state.si_pid == self.script["pid"]:
                return True
            os.waitpid(state.si_pid, 0)
            if self.usage is not None:
                self.usage.reaped(state.si_pid)

    def clear(self, left: "list[identities.Process]") -> "list[identities.Process]":
        """After a timeout, what the script left behind goes the same ladder; otherwise it is only reported."""
        if not self.timed_out or not left:
            return left
        for number, grace in self.ladder():
            self.signal(number)
            deadline = time.monotonic() + grace
            while time.monotonic() < deadline:
                self.reap()
                left = self.others()
                if not left:
                    return left
                self.wait(0.1)
            if number == signal.SIGKILL:
                break
        return left

    def reap(self) -> None:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass

    def others(self) -> "list[identities.Process]":
        run_id = encode(self.order["run_id"])
        return [p for p in processes.of_run(run_id, self.folder, self.script, self.me) if p.pid != self.script["pid"]]

    def signal(self, number: int) -> None:
        processes.signal_run(encode(self.order["run_id"]), self.folder, number, self.script, self.me)

    def finish(self, code: int, usage: "Any", left: "list[identities.Process]", trouble: "dict[str, Any]") -> None:
        """Write exit.json, into space taken at the start; if even that fails, go on trying as long as it takes."""
        record = {
            "code": os.WEXITSTATUS(code) if os.WIFEXITED(code) and not trouble else None,
            "signal": os.WTERMSIG(code) if os.WIFSIGNALED(code) and not trouble else None,
            "started": self.script["started"],
            "ended": time.time(),
            "timed_out": self.timed_out,
            "cpu_user": usage.ru_utime,
            "cpu_system": usage.ru_stime,
            "max_rss": usage.ru_maxrss * 1024,
            "leftover": [dict(processes.describe(process), boot_id=self.me["boot_id"]) for process in left[:MOST_TOLD]],
            "start_error": trouble or None,
        }
        while True:
            try:
                status.write_reserved(self.status, "exit.json", record)
                return
            except OSError as error:
                if not os.path.isdir(self.status):
                    return
                sys.stderr.write("exit.json: %s\n" % error)
                sys.stderr.flush()
                time.sleep(1.0)
