"""What the first program of a container does once its script has begun, or could not."""

import os
import signal
import sys

from . import runner, status
from .contained import SIGNALS
from .whole import encode, reserve

MYPY = False
if MYPY:
    from typing import Any

    from .held import DriverLog


class ContainedRunner(runner.Runner):
    """A runner that passes signals on."""

    def wait(self, seconds: float) -> None:
        caught = signal.sigtimedwait(SIGNALS, max(seconds, 0.0))
        if caught is not None and caught.si_signo != signal.SIGCHLD:
            self.signal(caught.si_signo)


def see_through(folder: str, me: "dict[str, Any]", script: "dict[str, Any]", said: bytes, log: "DriverLog") -> int:
    """Wait for the script and write down how it ended; the exit code of the container.

    `me`, `script`: identities; `said`: what `HeldScript.let_go` returned; `log`: its open driver log.
    """
    runner.adopt_orphans()
    order = status.read(os.path.join(encode(folder), b"status"), "spec.json")
    contained = ContainedRunner(dict(order or {}, folder=folder), -1)
    contained.me, contained.script = me, script
    try:
        status.write(contained.status, "runner.json", me)
        reserve(contained.status, "exit.json")
    except OSError as error:
        # The script has begun; a disk that is full now may have room at its end.
        sys.stderr.write("%s\n" % error)
    contained.see_through(runner.trouble_of(said), log)
    ended = status.read(contained.status, "exit.json") or {}
    if ended.get("start_error"):
        return 126
    number = ended.get("signal")
    return 128 + number if number else ended.get("code") or 0
