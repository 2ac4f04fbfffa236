"""The runner as the first program of a container: starts the script, waits for it, writes down how it ended.

The container's life is the run's: when this ends, whatever the script left behind ends with it. A signal sent to the
container (`docker stop`, a cancel) reaches every process of the run, not only the script.
"""

import os
import signal
import sys

from . import runner, status

MYPY = False
if MYPY:
    from typing import Any

# Of the container's variables, those that are for this program and not for the script.
OWN = ("AML_CONTAINED_", "AML_TUI_ROLE")
FOLDER = "AML_CONTAINED_FOLDER"
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class ContainedRunner(runner.Runner):
    """A runner that passes signals on."""

    def wait(self, seconds: float) -> None:
        caught = signal.sigtimedwait((signal.SIGCHLD,) + PASSED_ON, max(seconds, 0.0))
        if caught is not None and caught.si_signo != signal.SIGCHLD:
            self.signal(caught.si_signo)

    def begin(self, log: int) -> "Any":
        record = runner.Runner.begin(self, log)
        if record is None and not status.read(self.status, "process.json"):
            sys.stderr.write("the run directory cannot be written\n")
        return record


def order_of(folder: str) -> "dict[str, Any]":
    """What to run: spec.json beside the run's other status files; the variables are the container's own."""
    spec = status.read(os.path.join(status.encode(folder), b"status"), "spec.json")
    if spec is None:
        sys.stderr.write("%s: there is no run directory here\n" % folder)
        sys.exit(125)
    env = dict((status.decode(name), status.decode(value)) for name, value in os.environb.items())
    spec["env"] = dict((name, value) for name, value in env.items() if not name.startswith(OWN))
    spec["folder"] = folder
    spec["cwd"] = os.path.join(folder, spec["cwd"])
    return spec


def main() -> None:
    """See the run of this container through; exit as its script did."""
    folder = os.environ[FOLDER]
    order = order_of(folder)
    # What comes before the first wait stays pending until then.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,) + PASSED_ON)
    runner.adopt_orphans()
    contained = ContainedRunner(order, -1)
    contained.run()
    ended = status.read(contained.status, "exit.json") or {}
    if ended.get("start_error"):
        sys.exit(126)
    number = ended.get("signal")
    sys.exit(128 + number if number else ended.get("code") or 0)
