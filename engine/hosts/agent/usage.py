"""What a run's processes use: processor, memory, disk and GPUs, as records beside its metrics.

The runner looks at its own descendants, which are the run's (it is their subreaper), so that it is the same on a host
and in a container. A look costs some reads of /proc a process; a run that stays as it is writes next to nothing.
"""

import json
import os
import signal
import sys
import time

from . import identities

MYPY = False
if MYPY:
    import subprocess
    from typing import Optional

# Between two looks (s): at first, and later this part of the time that the run has gone on.
PAUSE, PART = 10.0, 200.0
# After a look it waits at least so many times as long as that took.
COST = 1000.0
# What is as before, within these, is written this seldom (s): a quiet run is to be quiet on the wire.
SELDOM = 900.0
SAME = {"cpu": (0.05, 0.05), "memory": (1 << 20, 0.05), "read": (1e5, 0.2), "write": (1e5, 0.2)}
SAME_GPU = {"gpu": (0.1, 0.0), "gpu memory": (64 << 20, 0.05)}
# nvidia-smi costs up to a second of processor time: it is asked at most this often (s), and given up after so long.
GPU_PAUSE, GPU_TIMEOUT = 30.0, 20.0
# With less room on the disk than this nothing is written: a part of a record would spoil the script's next one (bytes).
ROOM = 1 << 20
TICKS = float(os.sysconf("SC_CLK_TCK"))
PAGE = os.sysconf("SC_PAGE_SIZE")
# Who holds how much of which GPU, and how busy each is.
HOLDERS, BUSY = "--query-compute-apps=gpu_uuid,pid,used_memory", "--query-gpu=uuid,utilization.gpu"


def children_of(pid: int) -> "list[int]":
    """The living children of a process and of its threads."""
    found = []  # type: list[int]
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, thread), "rb") as file:
                found += map(int, file.read().split())
    except OSError:
        # It has ended meanwhile.
        pass
    return found


def descendants_of(pid: int) -> "list[int]":
    """Every living process below this one."""
    if not os.path.exists("/proc/self/task/%d/children" % os.getpid()):
        return _by_parents(pid)
    found = []  # type: list[int]
    new = [pid]
    while new:
        below = children_of(new.pop())
        found += below
        new += below
    return found


def _by_parents(pid: int) -> "list[int]":
    """The same on a kernel that does not tell children: from every process's parent."""
    parents = {}  # type: dict[int, int]
    for name in os.listdir("/proc"):
        process = identities.look(int(name)) if name.isdigit() else None
        if process is not None:
            parents[process.pid] = process.parent
    found = set([pid])
    grown = True
    while grown:
        more = [one for one, parent in parents.items() if parent in found and one not in found]
        found.update(more)
        grown = bool(more)
    return sorted(found - set([pid]))


def used_by(pids: "list[int]") -> "dict[str, float]":
    """Seconds of processor time, bytes of memory, bytes read from and written to disks, so far and in all.

    Time and bytes are with those of children that were waited for. Of another user's processes the disk is not told.
    """
    total = {"cpu": 0.0, "memory": 0.0, "read": 0.0, "write": 0.0}
    for pid in pids:
        try:
            data = identities.read("/proc/%d/stat" % pid)
            fields = data[data.rindex(b")") + 2 :].split()
            total["cpu"] += sum(map(int, fields[11:15])) / TICKS
            total["memory"] += int(fields[21]) * PAGE
            for line in identities.read("/proc/%d/io" % pid).splitlines():
                name, _, value = line.partition(b": ")
                if name in (b"read_bytes", b"write_bytes"):
                    total[name[:-6].decode()] += int(value)
        except (OSError, ValueError, IndexError):
            continue
    return total


def close_to(one: "dict[str, float]", other: "dict[str, float]") -> bool:
    """Whether two records say the same, as far as anybody would see in a chart."""
    if set(one) != set(other):
        return False
    for names in (SAME, SAME_GPU):
        for name, (least, part) in names.items():
            before, after = one.get(name, 0.0), other.get(name, 0.0)
            if abs(after - before) > max(least, part * max(before, after)):
                return False
    return True


class Usage(object):
    """Looks now and then, and appends what is new to the run's metrics: {"t", "k": "resource", "n": "", "v"}.

    `v` has "cpu" (1.0 is a whole core), "memory" (bytes, resident, summed), "read" and "write" (bytes a second), and
    where a process of the run is on a GPU "gpu memory" (bytes) and "gpu" (1.0 is a whole one): how busy the GPUs are
    that it holds, whoever else is on them.
    """

    def __init__(self, path: bytes, program: "Optional[str]" = None) -> None:
        """`path`: of the metrics. `program`: nvidia-smi, "" where there is none; None: as the path has it."""
        self.path = path
        self.began = time.monotonic()
        self.due = self.began
        self.before = None  # type: Optional[tuple[float, dict[str, float]]]
        self.written = {}  # type: dict[str, float]
        self.written_at = 0.0
        self.held = None  # type: Optional[tuple[float, dict[str, float]]]
        self.program = program
        self.asking = None  # type: Optional[subprocess.Popen[bytes]]
        self.asked = -GPU_PAUSE
        self.gpu = {}  # type: dict[str, float]
        # The GPUs that it holds, while it is asked how busy these are.
        self.holds = set()  # type: set[str]
        self.pids = []  # type: list[int]

    def look(self) -> None:
        """Take a sample if it is time for one. Whatever goes wrong with it, the run goes on."""
        now = time.monotonic()
        if now < self.due:
            return
        self.due = now + max(PAUSE, (now - self.began) / PART)
        try:
            self.sample(now)
        except Exception:
            self.give_up()
        # Of a run with thousands of processes a look takes its time: it is never more than a part of it.
        self.due = max(self.due, now + COST * (time.monotonic() - now))

    def give_up(self) -> None:
        """Say what went wrong in runner.log, if that takes it, and look no more."""
        import traceback

        self.due = float("inf")
        try:
            traceback.print_exc()
            sys.stderr.flush()
        except Exception:
            # The disk may be full; the watch over the script goes on.
            pass

    def sample(self, now: float) -> None:
        self.pids = descendants_of(os.getpid())
        total = used_by(self.pids)
        waited = os.times()
        total["cpu"] += waited[2] + waited[3]
        before, self.before = self.before, (now, total)
        if before is None:
            # Rates need two looks.
            self.due = now + PAUSE / 2
            return
        self.ask_gpus(now)
        span = max(now - before[0], 0.001)
        sample = dict((name, max(0.0, total[name] - before[1][name]) / span) for name in ("cpu", "read", "write"))
        sample["memory"] = total["memory"]
        sample.update(self.gpu)
        self.tell(time.time(), now, sample)

    def tell(self, at: float, now: float, sample: "dict[str, float]") -> None:
        """Write it if it differs from what was written, and before it how it was until now."""
        if self.written and now - self.written_at < SELDOM and close_to(self.written, sample):
            self.held = (at, sample)
            return
        if self.held is not None and not close_to(self.written, sample):
            self.write(*self.held)
        self.held = None
        self.written, self.written_at = sample, now
        self.write(at, sample)

    def write(self, at: float, sample: "dict[str, float]") -> None:
        told = dict((name, round(value, 3) if name in ("cpu", "gpu") else int(value)) for name, value in sample.items())
        line = json.dumps({"t": round(at, 2), "k": "resource", "n": "", "v": told}, sort_keys=True) + "\n"
        try:
            # A script may have made a pipe of it: nobody waits for its reader.
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
            try:
                info = os.fstatvfs(handle)
                if info.f_bavail * info.f_frsize > ROOM:
                    os.write(handle, line.encode("ascii"))
            finally:
                os.close(handle)
        except OSError:
            # What a run uses is nothing to end it for.
            pass

    def close(self) -> None:
        """The run has ended: how it was until then."""
        try:
            if self.held is not None:
                self.write(*self.held)
        except Exception:
            self.give_up()
        self.end_asking()

    # GPUs: a child that is not waited for, since nvidia-smi may hang with its driver.

    def ask_gpus(self, now: float) -> None:
        if self.program is None:
            import shutil

            self.program = shutil.which("nvidia-smi") or ""
        if not self.program:
            return
        if self.asking is not None:
            if now - self.asked > GPU_TIMEOUT:
                self.end_asking()
            return
        if now - self.asked < GPU_PAUSE or not any(map(on_gpu, self.pids)):
            return
        self.asked = now
        self.holds = set()
        self.ask(HOLDERS)

    def ask(self, query: str) -> None:
        self.asking = asked_of(self.program or "", query)
        if self.asking is None:
            self.program = ""

    def reaped(self, pid: int) -> None:
        """A child of the runner has ended and was waited for."""
        asking = self.asking
        if asking is None or asking.pid != pid:
            return
        self.asking = None
        asking.returncode = 0
        try:
            if asking.stdout is not None:
                with asking.stdout:
                    # What it began may go on and have the other end open: only what is there is read.
                    os.set_blocking(asking.stdout.fileno(), False)
                    said = asking.stdout.read() or b""
                self.take(said.decode("utf-8", "replace"))
        except Exception:
            self.give_up()

    def take(self, said: str) -> None:
        """What nvidia-smi has answered."""
        if self.holds:
            self.gpu = dict(self.gpu, **busy_of(said, self.holds))
            return
        self.gpu, self.holds = held_by(said, self.pids)
        if self.holds:
            self.ask(BUSY)

    def end_asking(self) -> None:
        """Not by its `kill`, which may wait for it: then nobody would be told that it ended."""
        if self.asking is not None:
            try:
                os.kill(self.asking.pid, signal.SIGKILL)
            except OSError:
                pass


def asked_of(program: str, query: str) -> "Optional[subprocess.Popen[bytes]]":
    """nvidia-smi, begun; None when it cannot be."""
    # Loaded where it is needed: a script waits until its runner is.
    import subprocess

    try:
        return subprocess.Popen(
            [program, query, "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None


def on_gpu(pid: int) -> bool:
    """Whether a process has a GPU open."""
    try:
        folder = "/proc/%d/fd" % pid
        return any(os.readlink("%s/%s" % (folder, name)).startswith("/dev/nvidia") for name in os.listdir(folder))
    except OSError:
        return False


def held_by(said: str, pids: "list[int]") -> "tuple[dict[str, float], set[str]]":
    """The memory on GPUs that these processes hold, and which GPUs these are."""
    total = 0.0
    held = set()
    for uuid, pid, memory in rows(said, 3):
        try:
            if int(pid) in pids:
                held.add(uuid)
                total += int(memory) * 1024 * 1024
        except ValueError:
            # "[N/A]", or words about the driver.
            continue
    return ({"gpu memory": total} if total else {}), held


def busy_of(said: str, held: "set[str]") -> "dict[str, float]":
    """How busy these GPUs are, summed, where the driver can tell."""
    busy = [int(percent) / 100.0 for uuid, percent in rows(said, 2) if uuid in held and percent.isdecimal()]
    return {"gpu": sum(busy)} if busy else {}


def rows(said: str, columns: int) -> "list[list[str]]":
    """The lines of an answer that have so many values."""
    found = [[word.strip() for word in line.split(",")] for line in said.splitlines()]
    return [words for words in found if len(words) == columns]
