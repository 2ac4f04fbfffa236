"""What a host is busy with: processor, memory, disk and GPUs, from /proc, the control group, statvfs and nvidia-smi."""

import os
import pwd
import shutil
import subprocess
import threading
import time

MYPY = False
if MYPY:
    from typing import Any, Callable, Optional

GPU_QUERY = "index,uuid,name,utilization.gpu,memory.used,memory.total"
GPU_TIMEOUT = 15.0
# Asking the driver costs up to a second of processor time on machines with many GPUs.
GPU_PAUSE = 2.0
# The first sample needs two looks at the processor counters (s).
FIRST_SPAN = 0.2
MIB = 1024 * 1024


def text_of(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def disk(path: bytes) -> "dict[str, int]":
    """Bytes free for this user, and in all, on the file system of a folder."""
    info = os.statvfs(path)
    return {"disk_free": info.f_bavail * info.f_frsize, "disk_total": info.f_blocks * info.f_frsize}


def group_folders() -> "list[str]":
    """The folders of this process's control group (version 2), from its own up to the root."""
    for line in text_of("/proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            parts = [part for part in line[3:].split("/") if part]
            return ["/".join(["/sys/fs/cgroup"] + parts[:count]) for count in range(len(parts), -1, -1)]
    return []


class Processor(object):
    """Busy share and number of processors this process may use."""

    def __init__(self) -> None:
        self.quota = None  # type: Optional[float]
        self.folder = ""
        for folder in group_folders():
            words = text_of(folder + "/cpu.max").split()
            if len(words) == 2 and words[0] != "max":
                share = float(words[0]) / float(words[1])
                if self.quota is None or share < self.quota:
                    self.quota = share
                    self.folder = folder
        self.cores = float(len(os.sched_getaffinity(0)))
        if self.quota is not None and self.quota < self.cores:
            self.cores = self.quota
        else:
            self.quota = None
        self.last = self.count()

    def count(self) -> "tuple[float, float]":
        """Busy and total so far, in any unit that is the same for both."""
        if self.quota is not None:
            for line in text_of(self.folder + "/cpu.stat").splitlines():
                if line.startswith("usage_usec "):
                    return float(line.split()[1]), time.monotonic() * 1e6 * self.quota
        words = [float(word) for word in text_of("/proc/stat").split("\n", 1)[0].split()[1:9]]
        idle = sum(words[3:5])
        return sum(words) - idle, sum(words)

    def busy(self) -> float:
        """The busy share, 0 to 1, since the last call."""
        before, self.last = self.last, self.count()
        total = self.last[1] - before[1]
        return min(1.0, max(0.0, (self.last[0] - before[0]) / total)) if total > 0 else 0.0


def memory() -> "dict[str, int]":
    """Bytes used and in all, within the tightest limit on this process."""
    values = {}
    for line in text_of("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words:
            values[name] = int(words[0]) * 1024
    total = values.get("MemTotal", 0)
    used = total - values.get("MemAvailable", values.get("MemFree", 0))
    for folder in group_folders():
        limit = text_of(folder + "/memory.max").strip()
        if limit.isdigit() and int(limit) < total:
            total = int(limit)
            cache = 0
            for line in text_of(folder + "/memory.stat").splitlines():
                if line.startswith("inactive_file "):
                    cache = int(line.split()[1])
            used = max(0, int(text_of(folder + "/memory.current").strip() or 0) - cache)
    return {"mem_used": used, "mem_total": total}


def number(word: str) -> "Optional[float]":
    try:
        return float(word)
    except ValueError:
        # A driver that cannot tell says "[N/A]" or "[Not Supported]".
        return None


def parse_gpus(gpus: str, apps: str) -> "list[dict[str, Any]]":
    """The two CSV answers of nvidia-smi (noheader, nounits) as a list of GPUs with the pids that hold each."""
    holders = {}  # type: dict[str, list[int]]
    for line in apps.splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) >= 2 and words[1].isdigit():
            holders.setdefault(words[0], []).append(int(words[1]))
    found = []
    for line in gpus.splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) < 6 or not words[0].isdigit():
            continue
        busy, used, total = number(words[-3]), number(words[-2]), number(words[-1])
        found.append(
            {
                "index": int(words[0]),
                "name": ", ".join(words[2:-3]),
                "util": None if busy is None else busy / 100.0,
                "mem_used": None if used is None else int(used * MIB),
                "mem_total": None if total is None else int(total * MIB),
                "holders": sorted(set(holders.get(words[1], []))),
            }
        )
    return found


def ask_gpus(program: str) -> "list[dict[str, Any]]":
    """What nvidia-smi says; raises OSError, subprocess.SubprocessError."""
    tail = ["--format=csv,noheader,nounits"]
    answers = []
    for query in ("--query-gpu=" + GPU_QUERY, "--query-compute-apps=gpu_uuid,pid"):
        out = subprocess.check_output(
            [program, query] + tail, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=GPU_TIMEOUT
        )
        answers.append(out.decode("utf-8", "replace"))
    gpus = parse_gpus(answers[0], answers[1])
    for gpu in gpus:
        gpu["held_by"] = [holder(pid) for pid in gpu["holders"]]
    return gpus


def holder(pid: int) -> str:
    """Whose process this is and what it runs, as far as one may know."""
    try:
        uid = os.stat("/proc/%d" % pid).st_uid
        command = text_of("/proc/%d/comm" % pid).strip()
    except OSError:
        return "process %d" % pid
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = "user %d" % uid
    return "%s, %s (%d)" % (user, command, pid)


class Sampler(object):
    """Takes a sample each interval, while one is wanted, and hands it over. GPUs are asked in a thread of their own."""

    def __init__(self, folder: bytes, hand: "Callable[[dict[str, Any]], None]") -> None:
        self.folder = folder
        self.hand = hand
        self.interval = 0.0
        self.gpus = []  # type: list[dict[str, Any]]
        self.gpu_error = ""
        self.asked = False
        self.change = threading.Condition()
        self.running = False

    def pace(self, interval: float) -> None:
        """Sample every so many seconds; 0 ends it."""
        with self.change:
            self.interval = interval
            if interval > 0 and not self.running:
                self.running = True
                for work in (self.work, self.work_gpus):
                    thread = threading.Thread(target=work)
                    thread.daemon = True
                    thread.start()
            self.change.notify_all()

    def wanted(self, seconds: float) -> bool:
        """Wait so long, and then until samples are wanted; False if they were not for a while."""
        with self.change:
            self.change.wait(seconds)
            without_pause = self.interval > 0
            while self.interval <= 0:
                self.change.wait()
        return without_pause

    def work(self) -> None:
        processor = Processor()
        self.wanted(FIRST_SPAN)
        while True:
            sample = {"at": time.time(), "cpu": processor.busy(), "cores": processor.cores}  # type: dict[str, Any]
            sample["load1"] = os.getloadavg()[0]
            sample.update(memory())
            try:
                sample.update(disk(self.folder))
            except OSError:
                # A network file system that is away for the moment.
                pass
            sample["gpus"] = self.gpus
            sample["gpus_asked"] = self.asked
            if self.gpu_error:
                sample["gpu_error"] = self.gpu_error
            self.hand(sample)
            if not self.wanted(self.interval):
                processor.busy()
                self.wanted(FIRST_SPAN)

    def work_gpus(self) -> None:
        program = shutil.which("nvidia-smi")
        self.asked = not program
        while program:
            try:
                self.gpus = ask_gpus(program)
                self.gpu_error = ""
            except (OSError, subprocess.SubprocessError) as error:
                self.gpus = []
                self.gpu_error = "nvidia-smi: %s" % error
            self.asked = True
            self.wanted(max(self.interval, GPU_PAUSE))
