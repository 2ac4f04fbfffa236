"""A script that writes to both of its streams, and what of its log is known to be which, here and on its host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.runs.apart import Apart

if TYPE_CHECKING:
    from pathlib import Path

    from engine.paths import Paths
    from engine.runs.model import Run

SCRIPT = """
    import subprocess, sys, time
    time.sleep(0.3)
    for number in range(8):
        print("out", number, flush=True)
        time.sleep(0.05)
        print("err", number, file=sys.stderr, flush=True)
        time.sleep(0.05)
    subprocess.run("echo out of a child", shell=True)
    sys.exit("err at the end")
    """


def told(log: Path) -> list[tuple[str, str]]:
    """The lines of a log, each after the stream it is known to be of."""
    found = Apart(log)
    found.read_all()
    lines, at = [], 0
    for line in log.read_bytes().splitlines(keepends=True):
        lines.append((found.stream(at), line.decode(errors="replace").strip()))
        at += len(line)
    return lines


def check(paths: Paths, run: Run) -> None:
    """Nothing is taken for what it is not, and half of `SCRIPT` is known: a machine under load may be late."""
    lines = [(stream, text) for stream, text in told(paths.driver_log(run.id)) if text.startswith(("out", "err"))]
    assert len(lines) == 18, lines
    assert [one for one in lines if one[0] and one[0] != {"o": "stdout", "e": "stderr"}[one[1][0]]] == []
    assert sum(bool(stream) for stream, _ in lines) >= 9, lines
    assert lines[-1] == ("stderr", "err at the end")
