"""A program of the host, run to its end while somebody waits for what it says."""

import os
import signal
import subprocess
import time

from . import starting, whole

MYPY = False
if MYPY:
    from typing import Any

# What a program says is kept up to this, the end of it (bytes).
MOST = 64 << 10


def run(argv: "list[str]", text: str, seconds: float) -> "dict[str, Any]":
    """Run it in the home folder with `text` on its standard input: {"status", "out", "err", "seconds"}.

    `status`: its exit code, minus the signal that ended it, or None when it took longer than `seconds` and was killed
    with all that it had started. Raises OSError when it cannot be started.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        [whole.encode(word) for word in argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=os.path.expanduser("~"),
        env=starting.clean_environment(),
        start_new_session=True,
    )
    try:
        out, err = process.communicate(text.encode("utf-8"), timeout=seconds)
        status = process.returncode  # type: Any
    except subprocess.TimeoutExpired:
        # Its group is there as long as nobody has waited for its leader.
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        status = None
    return {
        "status": status,
        "out": out[-MOST:].decode("utf-8", "replace"),
        "err": err[-MOST:].decode("utf-8", "replace"),
        "seconds": time.monotonic() - begun,
    }
