"""kill -9 of the engine, again and again at random moments, while runs are submitted, print, end and are canceled.

`python -m bench.killing --times 100`. Afterwards no run may be lost, doubled or wrongly ended, and every mirror must be
the host's file. The seed is printed: the same moments can be asked for again. `--in docker` does it to runs in
containers, `--in copied` to those that share no folder with their host; then the Docker Engine is killed as often.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from bench import machine
from bench.installation import Installation, same_bytes
from bench.report import median, progress, seconds, show, verdict
from engine.client import call
from engine.errors import AmlError

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from engine.runs.model import Run
    from tests.services.docker import DockerEngine

SCRIPT = """\
import os, sys, time
from pathlib import Path
name, lines, code, marks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
with open(marks / name, "a") as file:
    file.write(f"{os.getpid()}\\n")
from azureml.core import Run
run = Run.get_context()
for number in range(lines):
    print(f"run {name} line {number:06d}")
    if number % 20 == 0:
        run.log("number", number)
    time.sleep(0.02)
sys.exit(code)
"""


class Expected:
    """One run as it was meant: its script's exit code, its lines, whether it is canceled halfway."""

    def __init__(self, number: int, dice: random.Random, longest: int) -> None:
        self.name = f"{number:02d}"
        self.canceled = number % 10 == 9
        # One that is canceled must not end by itself before.
        self.lines = longest * 10 if self.canceled else dice.randint(longest // 8, longest)
        self.code = 0 if number % 3 else number % 7 + 1
        self.run_id = ""
        self._submission: subprocess.Popen[str] | None = None

    def submit(self, place: Installation, marks: Path) -> None:
        """Begin to submit; engines are killed meanwhile."""
        self._submission = place.begin_submit(*self.arguments(marks))

    def submitted(self, wait: bool = False) -> bool:
        """Whether the command is through; then the run id is known."""
        if self._submission is None or (not wait and self._submission.poll() is None):
            return False
        if not self.run_id:
            self.run_id = self._submission.communicate()[0].strip()
        return bool(self.run_id)

    def arguments(self, marks: Path) -> list[str]:
        return ["counter.py", self.name, str(self.lines), str(self.code), str(marks)]

    def faults(self, run: Run | None, marks: Path, log: bytes) -> list[str]:
        """What is not as it must be, in words."""
        if run is None:
            return ["lost: it is not in the history"]
        found = []
        started = (marks / self.name).read_text().count("\n") if (marks / self.name).exists() else 0
        if started != 1 and not (self.canceled and started == 0):
            found.append(f"its script was started {started} times")
        state = "Canceled" if self.canceled else "Failed" if self.code else "Completed"
        if str(run.state) != state:
            found.append(f"{run.state} ({run.reason}) instead of {state}")
        if not self.canceled:
            if run.exit_code != self.code:
                found.append(f"exit code {run.exit_code} instead of {self.code}")
            lines = b"".join(b"run %s line %06d\n" % (self.name.encode(), n) for n in range(self.lines))
            if log != lines:
                found.append(f"its log has {len(log)} bytes instead of {len(lines)}, or others")
        return found


def insist(verb: str, arguments: dict[str, Any], place: Installation) -> dict[str, Any]:
    """Ask until the engine answers: it is being killed all the time."""
    end = time.monotonic() + 60
    while True:
        try:
            return call(verb, arguments, paths=place.paths)
        except AmlError:
            if time.monotonic() > end:
                raise


def kill(place: Installation) -> tuple[int, float]:
    """Kill the engine that runs now and start another; its pid, and the seconds until the new one answered."""
    pid = int(insist("hello", {}, place)["pid"])
    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    insist("hello", {}, place)
    return pid, time.monotonic() - begun


class Daemon:
    """The Docker Engine that the runs' containers are on, if they are in containers."""

    def __init__(self, where: str) -> None:
        self.engine: DockerEngine | None = None
        self.shared = where == "docker"
        if where != "local":
            from tests.services import docker

            self.engine = docker.DockerEngine()
            self.engine.start()
            self.image = docker.python_image(self.engine)

    def serve(self, place: Installation, slots: int, marks: Path) -> None:
        if self.engine is not None:
            place.use_docker(self.engine.url, self.image, shared=self.shared, slots=slots, volume=str(marks))

    def kill(self) -> None:
        """Kill it and start it again."""
        if self.engine is not None:
            self.engine.kill()
            self.engine.start()

    def left(self) -> list[str]:
        """Containers that are still there, in words."""
        return [f"container {name} is left behind" for name in self.engine.containers()] if self.engine else []

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=100, help="the engine is killed")
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--longest", type=int, default=4000, help="lines of the longest script, 50 a second")
    options.add_argument("--pause", type=float, default=0.8, help="the longest life of an engine, seconds")
    options.add_argument("--in", dest="where", choices=("local", "docker", "copied"), default="local")
    options.add_argument("--seed", type=int, default=int(time.time()))
    chosen = options.parse_args()
    dice = random.Random(chosen.seed)
    progress(f"seed {chosen.seed}")
    slots = max(4, chosen.runs * 3 // 4)
    daemon = Daemon(chosen.where)
    with contextlib.closing(daemon), Installation(slots=slots) as place:
        place.script("counter.py", SCRIPT)
        marks = place.folder / "marks"
        marks.mkdir()
        daemon.serve(place, slots, marks)
        expected = [Expected(number, dice, chosen.longest) for number in range(chosen.runs)]
        place.run("engine", "start")
        waiting = list(expected)
        to_cancel = [one for one in expected if one.canceled]
        back: list[float] = []
        victims: list[int] = []
        for number in range(chosen.times):
            if waiting and number >= (chosen.runs - len(waiting)) * chosen.times // (2 * chosen.runs):
                waiting.pop(0).submit(place, marks)
            elif to_cancel and to_cancel[0].submitted() and number > chosen.times * 2 // 3:
                insist("cancel", {"ids": [to_cancel.pop(0).run_id]}, place)
            time.sleep(dice.uniform(0, chosen.pause))
            if daemon.engine is not None and dice.random() < 0.5:
                daemon.kill()
            pid, took = kill(place)
            victims.append(pid)
            back.append(took)
            if number % 10 == 9:
                progress(f"killed {number + 1} times")
        for one in waiting:
            one.submit(place, marks)
        refused = [one.name for one in expected if not one.submitted(wait=True)]
        for one in to_cancel:
            insist("cancel", {"ids": [one.run_id]}, place)
        progress("waiting for the end of every run")
        place.until_ended([one.run_id for one in expected], chosen.longest / 50 * 2 + 120)
        runs = {run.id: run for run in place.runs()}
        faults = [f"run {name} was refused at submission" for name in refused]
        equal = 0
        for one in expected:
            mirror = place.paths.driver_log(one.run_id)
            host = place.paths.host_run(one.run_id) / "logs" / "driver.log"
            log = mirror.read_bytes() if mirror.exists() else b""
            faults += [f"{one.run_id}: {fault}" for fault in one.faults(runs.get(one.run_id), marks, log)]
            # Canceled before it began: there is nothing on either side.
            same = same_bytes(mirror, host) or (one.canceled and not log and not host.exists())
            equal += same
            if not same:
                faults.append(f"{one.run_id}: its mirror is not its host's file")
        extra = len(runs) - chosen.runs
        faults += daemon.left()
    show(
        f"The engine killed {chosen.times} times over {chosen.runs} runs ({chosen.where})",
        ["", "measured", "allowed", "within"],
        [
            ["engines killed", str(len(victims)), "", ""],
            ["runs in the history", f"{len(runs)} of {chosen.runs}", "all, once", verdict(extra == 0)],
            ["mirrors byte-equal", f"{equal} of {chosen.runs}", "all", verdict(equal == chosen.runs)],
            ["lost, doubled or wrongly ended", str(len(faults)), "0", verdict(not faults)],
            ["killed to the next engine's answer, median", seconds(median(back)), "", ""],
            ["killed to the next engine's answer, worst", seconds(max(back)), "", ""],
        ],
        [f"Seed {chosen.seed}; load {machine.load():.1f}.", *faults],
    )
    sys.exit(1 if faults or extra else 0)


if __name__ == "__main__":
    main()
