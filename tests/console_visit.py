"""`python -m tests.console_visit [arguments of aml-tui]`: the real console on a terminal, looked at and left by `q`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.terminal import Terminal


def main() -> int:
    command = [str(Path(sys.executable).parent / "aml-tui"), *sys.argv[1:]]
    with Terminal(command, os.environ, cwd=Path.cwd()) as terminal:
        terminal.until(lambda screen: screen.shows("Run configurations") and screen.shows("? help"))
        code = terminal.close("q")
        sys.stdout.write("\n".join(line.rstrip() for line in terminal.shown()) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
