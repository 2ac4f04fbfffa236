"""A sweep: train with a learning rate that is halved each time, one run after the other, or all in the queue at once.

Called by hand in this folder, not submitted: python run.py
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description="Train with one learning rate after the other.")
    parser.add_argument("--configuration", default="local", help="run configuration (local)")
    parser.add_argument("--highest", type=float, default=0.32, help="first learning rate (0.32)")
    parser.add_argument("--lowest", type=float, default=0.005, help="stop below this one (0.005)")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each run takes (4)")
    parser.add_argument("--at-once", action="store_true", help="submit all and return")
    given = parser.parse_args()
    aml = shutil.which("aml")
    if aml is None:
        print("`aml` is not on PATH: install aml-tui, or activate the environment it is in.", file=sys.stderr)
        return 2
    rate = given.highest
    while rate >= given.lowest > 0:
        command = [aml, "experiment", "submit", "-c", given.configuration, *(["--async"] if given.at_once else [])]
        script = ["train.py", "--learning-rate", f"{rate:g}", "--seconds", f"{given.seconds:g}"]
        code = subprocess.run(command + script, cwd=PROJECT, check=False).returncode
        if code:
            return code
        rate /= 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
