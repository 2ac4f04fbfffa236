"""A run as it was meant, whatever was killed meanwhile: what is not as it must be, in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from engine.client import call
from engine.errors import AmlError

if TYPE_CHECKING:
    import random
    import subprocess
    from pathlib import Path

    from bench.installation import Installation
    from engine.runs.model import Run

NAME = "counter.py"
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
        self.number = number
        self.name = f"{number:02d}"
        self.canceled = number % 10 == 9
        # One that is canceled must not end by itself before.
        self.lines = longest * 10 if self.canceled else dice.randint(longest // 8, longest)
        self.code = 0 if number % 3 else number % 7 + 1
        self.run_id = ""
        self._submission: subprocess.Popen[str] | None = None

    def submit(self, place: Installation, config: str, marks: Path) -> None:
        """Begin to submit; engines are killed meanwhile."""
        arguments = [NAME, self.name, str(self.lines), str(self.code), str(marks)]
        self._submission = place.begin_submit(*arguments, config=config)

    def submitted(self, wait: bool = False) -> bool:
        """Whether the command is through; then the run id is known."""
        if self._submission is None or (not wait and self._submission.poll() is None):
            return False
        if not self.run_id:
            self.run_id = self._submission.communicate()[0].strip()
        return bool(self.run_id)

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
